"""`outage declare`: put a new outage on record."""

from __future__ import annotations

import click

from outage import commands as c
from outage.model import Cause, Kind, OutageId, OutageKey, Service
from outage.summary import Facts
from workers.commands import options, whereabouts
from workers.commands.whereabouts import WAYS, Given
from workers.session import Session, say, say_json, session


@click.command()
@whereabouts.where()
@click.option(
    "--kind",
    type=options.words(Kind),
    default=str(Kind.UNPLANNED),
    show_default=True,
    help="What sort of event it is.",
)
@options.service
@options.cause
@options.place
@options.etr
@options.etr_reason
@click.option("--started", help="When service went off; now if not given.")
@click.option("--planned-start", help="When planned work will begin.")
@click.option("--planned-end", help="When planned work should end.")
@click.option("--predicted", is_flag=True, help="Not confirmed yet: nobody is interrupted.")
@options.allow_empty
@options.as_json
def declare(
    *,
    where: Given,
    kind: str,
    service: str,
    cause: str | None,
    place: str | None,
    etr: str | None,
    etr_reason: str | None,
    started: str | None,
    planned_start: str | None,
    planned_end: str | None,
    predicted: bool,
    allow_empty: bool,
    as_json: bool,
) -> None:
    """Declare an outage: who is inside is found, told and shown within seconds."""
    if where.way is None:
        raise click.UsageError(f"Say where it is: {WAYS}.")
    if etr_reason and not etr:
        raise click.UsageError("--etr-reason says why a time is what it is; give --etr too.")
    with session() as desk_:
        command = c.Declare(
            key=OutageKey(0),
            id=OutageId(""),
            service=Service(service),
            kind=Kind(kind),
            cause=Cause(cause) if cause else Cause.UNKNOWN,
            place=place or "",
            started_at=desk_.time(started, past=True),
            planned_start=desk_.time(planned_start),
            planned_end=desk_.time(planned_end),
            predicted=predicted,
            etr=desk_.etr(etr, etr_reason),
        )
        facts = desk_.declare(command, desk_.matched(where, service), allow_empty=allow_empty)
        if as_json:
            say_json(facts)
        else:
            _tell(desk_, facts)


def _tell(desk_: Session, facts: Facts) -> None:
    inside = facts["premise_count"]
    say(f"{facts['id']}: {facts['kind']} {facts['service']} outage is {facts['status']}.")
    say(f"{inside:,} premises with {facts['service']} are inside.")
    if facts["etr"]:
        say(f"Service should be back by {desk_.when(facts['etr']['latest'])}.")
    say(f"Messages: {desk_.settings.send}. Follow it with: outage show {facts['id']}")
