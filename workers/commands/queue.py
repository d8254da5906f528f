"""`outage queue`: what waits to be sent, where it is, and how long it will take."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from notifier import queue as waiting
from workers.commands import options
from workers.session import Session, say, say_json, say_table, session


@click.command()
@options.as_json
def queue(*, as_json: bool) -> None:
    """Say what waits to be sent by lane, how fast it goes, and how long it will take."""
    with session() as desk_:
        with desk_.db.read() as conn:
            found = waiting.facts(conn, desk_.settings, desk_.site)
        if as_json:
            say_json(found)
        else:
            _tell(desk_, found)


def _tell(desk_: Session, found: dict[str, Any]) -> None:
    if found["stopped"]:
        say(f"Sending is STOPPED since {desk_.when(found['at'])} by {found['by']}: {found['why']}")
    say_table(
        ("LANE", "DUE", "LATER", "SENDER", "PROVIDER", "SEGMENTS", "DRAINS IN", "OLDEST"),
        [
            (
                lane["lane"],
                f"{lane['due']:,}",
                f"{lane['later']:,}",
                f"{lane['with_sender']:,}",
                f"{lane['with_provider']:,}",
                f"{lane['segments']:,}",
                _time(lane["drains_in_s"]),
                desk_.when(lane["oldest"]) if lane["due"] else "–",
            )
            for lane in found["lanes"]
        ],
    )
    for sender in found["senders"]:
        given = sender["segments_per_s"]
        pace = f"paced to {given:g} segments a second" if given else "not paced"
        say(
            f"{sender['name']}: {pace}, {sender['measured_per_s']:g} a second lately, "
            f"{sender['ahead_s']:g} s of work handed over."
        )
    for one in found["approvals"]:
        until = f"go at {desk_.when(one['goes_at'])}" if one["goes_at"] else "wait for approval"
        say(
            f"Send {one['number']}: {one['messages']:,} messages of {one['outage']}, asked for by "
            f"{one['asked_by']}, {until}."
        )
    money = found["spending"]
    if money:
        cap = f" of {money['cap']:,.2f} ({money['percent']:g} %)" if money["cap"] else ""
        say(f"Texts of {money['month']}: {money['spent']:,.2f}{cap} {money['currency']}.")
    say(f"OUTAGE_SEND is {found['mode']}.")


def _time(seconds: int | None) -> str:
    return "not known" if seconds is None else str(timedelta(seconds=seconds))
