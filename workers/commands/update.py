"""`outage update`: what is new about an outage."""

from __future__ import annotations

from collections.abc import Mapping

import click
from sqlalchemy.engine import Connection

from outage import commands as c
from outage import desk, register
from outage.clock import business_now
from outage.model import OPEN, Cause, CrewStatus, MatchedShape, Outage
from outage.summary import Facts
from workers.commands import options, whereabouts
from workers.commands.whereabouts import Given
from workers.session import ACTOR, Session, in_words, say, say_json, session


@click.command()
@click.argument("outage_id", metavar="ID")
@click.option("--crew-status", type=options.words(CrewStatus), help="Where the crew is.")
@options.etr
@options.etr_reason
@click.option("--withdraw-etr", is_flag=True, help="Take the published time back.")
@click.option("--next-update", help="When there will be more to say; customers are told.")
@click.option("--planned-start", help="When planned work will begin instead.")
@click.option("--planned-end", help="When planned work should end instead.")
@click.option("--note", help="Internal note: onto every affected account, never public.")
@click.option("--public-message", help="Words for the page and the public; shown at once.")
@click.option("--approve", type=int, metavar="KEY", help="Publish a message that a crew proposed.")
@options.place
@options.cause
@whereabouts.where()
@options.allow_empty
@options.as_json
def update(
    *,
    outage_id: str,
    crew_status: str | None,
    etr: str | None,
    etr_reason: str | None,
    withdraw_etr: bool,
    next_update: str | None,
    planned_start: str | None,
    planned_end: str | None,
    note: str | None,
    public_message: str | None,
    approve: int | None,
    place: str | None,
    cause: str | None,
    where: Given,
    allow_empty: bool,
    as_json: bool,
) -> None:
    """Say what is new about outage ID: crew, ETR, note, public message, place, cause, where."""
    if etr_reason and not etr:
        raise click.UsageError("--etr-reason says why a time is what it is; give --etr too.")
    reported = bool(crew_status or etr or withdraw_etr or next_update or note or public_message)
    revised = bool(place is not None or cause or planned_start or planned_end or where.way)
    if not (reported or revised or approve is not None):
        raise click.UsageError("Say what is new; `outage update --help` lists what can be said.")
    if etr and withdraw_etr:
        raise click.UsageError("Give an ETR or withdraw it, not both.")
    with session() as desk_:
        given = desk_.etr(etr, etr_reason)
        update_by = desk_.time(next_update)
        starts, ends = desk_.time(planned_start), desk_.time(planned_end)
        with desk_.db.read() as conn:
            service = register.load(conn, outage_id).service
        matched = desk_.matched(where, service)
        with desk_.write(outage_id) as conn:
            before = register.load(conn, outage_id, lock=True)
            if revised:
                _revise(
                    conn,
                    before,
                    c.Revise(
                        cause=Cause(cause) if cause else None,
                        place=place,
                        planned_start=starts,
                        planned_end=ends,
                    ),
                    matched,
                    allow_empty=allow_empty,
                    limit=desk_.settings.max_recipients,
                )
            late: Mapping[str, str | None] = {}
            if reported:
                late = desk.report_progress(
                    conn,
                    outage_id,
                    c.Report(
                        observed_at=business_now(conn),
                        crew_status=CrewStatus(crew_status) if crew_status else None,
                        etr=given,
                        withdraw_etr=withdraw_etr,
                        next_update_by=update_by,
                    ),
                    actor=ACTOR,
                    note=note,
                    public_message=public_message,
                    approve_message=True,
                ).late
            if approve is not None:
                desk.approve(conn, outage_id, approve, actor=ACTOR)
            after = register.load(conn, outage_id)
        facts = desk_.facts(outage_id)
        if as_json:
            say_json(facts | {"recorded": dict(late)})
        else:
            _tell(desk_, facts, changed=after.version != before.version, late=late)


def _revise(
    conn: Connection,
    outage: Outage,
    command: c.Revise,
    shape: MatchedShape | None,
    *,
    allow_empty: bool,
    limit: int,
) -> None:
    desk.revise(
        conn,
        outage.id,
        command,
        actor=ACTOR,
        shape=shape,
        allow_empty=allow_empty,
        max_premises=limit,
    )


def _tell(desk_: Session, facts: Facts, *, changed: bool, late: Mapping[str, str | None]) -> None:
    if late:
        why = "something newer is known" if facts["status"] in OPEN else "the outage is over"
        say(f"{facts['id']} is {facts['status']} (version {facts['version']}).")
        say(f"Recorded, not applied, since {why}: {in_words(desk_, late)}.")
        return
    if not changed:
        say(f"{facts['id']} was like that already; nothing has changed.")
        return
    say(f"{facts['id']} is updated (version {facts['version']}).")
    if facts["crew_status"]:
        say(f"Crew: {facts['crew_status']}.")
    if facts["etr"]:
        say(f"Service should be back by {desk_.when(facts['etr']['latest'])}.")
