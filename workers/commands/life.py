"""`outage restore|confirm|reject|start|reopen|cancel|lift|close|take-back`: a way through life."""

from __future__ import annotations

from collections.abc import Callable

import click
from sqlalchemy.engine import Connection

from outage import desk, register, taking_back
from outage.model import Outage, Reason
from workers.commands import options, whereabouts
from workers.commands.whereabouts import Given
from workers.session import ACTOR, Session, say, say_json, session

_id = click.argument("outage_id", metavar="ID")


@click.command()
@_id
@whereabouts.where()
@click.option("--at", help="When service came back; now if not given.")
@options.allow_empty
@options.as_json
def restore(
    *,
    outage_id: str,
    where: Given,
    at: str | None,
    allow_empty: bool,
    as_json: bool,
) -> None:
    """Say that service is back: for the whole outage ID, or for the premises somewhere."""
    with session() as desk_:
        with desk_.db.read() as conn:
            service = register.load(conn, outage_id).service
        matched = desk_.matched(where, service)
        back = desk_.time(at, past=True)
        part = "everybody" if matched is None else "the premises inside"
        _do(
            desk_,
            lambda conn: desk.restore(
                conn, outage_id, actor=ACTOR, shape=matched, at=back, allow_empty=allow_empty
            ),
            f"{{id}}: service is back for {part}; they are told once the count is done.",
            as_json=as_json,
        )


@click.command()
@_id
@click.option("--started", help="When service went off.")
@options.as_json
def confirm(*, outage_id: str, started: str | None, as_json: bool) -> None:
    """Say that the predicted outage ID is real."""
    with session() as desk_:
        at = desk_.time(started, past=True)
        _do(
            desk_,
            lambda conn: desk.confirm(conn, outage_id, actor=ACTOR, started_at=at),
            "{id} is confirmed.",
            as_json=as_json,
        )


@click.command()
@_id
@options.as_json
def reject(*, outage_id: str, as_json: bool) -> None:
    """Say that the predicted outage ID is none."""
    with session() as desk_:
        _do(
            desk_,
            lambda conn: desk.reject(conn, outage_id, actor=ACTOR),
            "{id} is rejected.",
            as_json=as_json,
        )


@click.command()
@_id
@click.option("--at", help="When the work began; now if not given.")
@options.as_json
def start(*, outage_id: str, at: str | None, as_json: bool) -> None:
    """Say that the planned work of outage ID has actually begun."""
    with session() as desk_:
        began = desk_.time(at, past=True)
        _do(
            desk_,
            lambda conn: desk.start(conn, outage_id, actor=ACTOR, at=began),
            "{id} has begun.",
            as_json=as_json,
        )


@click.command()
@_id
@options.as_json
def reopen(*, outage_id: str, as_json: bool) -> None:
    """Take the last restoration of outage ID back: it was not true."""
    with session() as desk_:
        _do(
            desk_,
            lambda conn: desk.reopen(conn, outage_id, actor=ACTOR),
            "{id} is open again; those told otherwise get a correction.",
            as_json=as_json,
        )


@click.command()
@_id
@click.option(
    "--reason",
    type=options.words(Reason),
    default=str(Reason.MISTAKE),
    show_default=True,
    help="Why it is taken back.",
)
@options.as_json
def cancel(*, outage_id: str, reason: str, as_json: bool) -> None:
    """Say that there never was an outage ID, or that its planned work will not take place."""
    with session() as desk_:
        _do(
            desk_,
            lambda conn: desk.cancel(conn, outage_id, actor=ACTOR, reason=Reason(reason)),
            "{id} is cancelled.",
            as_json=as_json,
        )


@click.command()
@_id
@click.option(
    "--reference",
    required=True,
    help="By whose word it is safe again: a laboratory's number, an order.",
)
@options.as_json
def lift(*, outage_id: str, reference: str, as_json: bool) -> None:
    """End advisory ID, as a supervisor: those who were told of it are told that it is over."""
    with session() as desk_:
        _do(
            desk_,
            lambda conn: desk.lift(conn, outage_id, actor=ACTOR, reference=reference),
            "{id} is lifted.",
            as_json=as_json,
        )


@click.command()
@_id
@options.as_json
def close(*, outage_id: str, as_json: bool) -> None:
    """Put outage ID, which is over, away."""
    with session() as desk_:
        _do(
            desk_,
            lambda conn: desk.close(conn, outage_id, actor=ACTOR),
            "{id} is closed.",
            as_json=as_json,
        )


@click.command(name="take-back")
@_id
@options.as_json
def take_back(*, outage_id: str, as_json: bool) -> None:
    """Take the last change of outage ID back: it is again as it was before.

    A declaration is taken back by cancelling, a restoration by reopening. Messages that were not
    sent are withdrawn; who was told is told what holds now.
    """
    with session() as desk_:
        _do(
            desk_,
            lambda conn: taking_back.take_back(conn, outage_id, actor=ACTOR),
            "{id} is again as it was before the last change; those told of it are told.",
            as_json=as_json,
        )


def _do(
    desk_: Session, command: Callable[[Connection], Outage], sentence: str, *, as_json: bool
) -> None:
    with desk_.deed() as deed:
        outage = command(deed.conn)
        deed.about = outage.id
    if not as_json:
        say(sentence.format(id=outage.id))
        return
    say_json(desk_.facts(outage.id))
