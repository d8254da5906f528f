"""`outage broadcast`: a word to everybody somewhere, about nothing that is out."""

from __future__ import annotations

import click

from outage import commands as c
from outage.model import STORMS, Cause, Kind, OutageId, OutageKey, Service
from workers.commands import options, whereabouts
from workers.commands.whereabouts import WAYS, Given
from workers.session import say, say_json, session


@click.group()
def broadcast() -> None:
    """Tell everybody somewhere something that is no outage."""


@broadcast.command("storm-watch")
@whereabouts.where()
@options.service
@click.option(
    "--cause",
    type=click.Choice(sorted(map(str, STORMS))),
    default=str(Cause.WEATHER),
    show_default=True,
    help="What may come.",
)
@options.place
@click.option("--begins", help="When the storm may come.")
@click.option("--ends", help="When it should be over.")
@options.as_json
def storm_watch(
    *,
    where: Given,
    service: str,
    cause: str,
    place: str | None,
    begins: str | None,
    ends: str | None,
    as_json: bool,
) -> None:
    """Tell everybody somewhere that a storm may come and how to be ready.

    It is on record as an advisory that is not confirmed; `outage reject` takes it off the page.
    """
    if where.way is None:
        raise click.UsageError(f"Say where it is: {WAYS}.")
    with session() as desk_:
        command = c.Declare(
            key=OutageKey(0),
            id=OutageId(""),
            service=Service(service),
            kind=Kind.ADVISORY,
            cause=Cause(cause),
            place=place or "",
            planned_start=desk_.time(begins),
            planned_end=desk_.time(ends),
            predicted=True,
        )
        facts = desk_.declare(command, desk_.matched(where, service))
        if as_json:
            say_json(facts)
            return
        say(f"{facts['id']}: a storm watch for {facts['premise_count']:,} premises.")
        say(f"Messages: {desk_.settings.send}. Take it back with: outage reject {facts['id']}")
