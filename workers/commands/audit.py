"""`outage audit`: who did what, and whether anybody has been at the list of it."""

from __future__ import annotations

import json
import re
from typing import Any

import click

from outage import audit as log
from outage.audit import Entry
from workers.commands import options
from workers.errors import ChainBroken
from workers.session import say, say_json, say_table, session


@click.group()
def audit() -> None:
    """Show the audit log, newest first; verify its chain."""


@audit.command(name="list")
@click.option("--before", type=click.IntRange(2), help="Only entries before this number.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@options.as_json
def list_(*, before: int | None, limit: int, as_json: bool) -> None:
    """List what staff and tokens did, newest first."""
    with session() as desk_:
        with desk_.db.read() as conn:
            found = log.newest(conn, before=before, limit=limit)
        if as_json:
            say_json([_facts(each) for each in found])
        elif found:
            say_table(
                ("ENTRY", "WHEN", "WHO", "DID", "ABOUT", "MORE"),
                [_row(each, desk_.when(each.at)) for each in found],
            )
        else:
            say("Nothing is on the audit log yet.")


@audit.command()
@click.option(
    "--expect",
    metavar="NUMBER:HASH",
    callback=lambda _context, _parameter, value: _noted(value),
    help="An entry as it was noted elsewhere; a hash may be given by its beginning.",
)
@options.as_json
def verify(*, expect: tuple[int, str] | None, as_json: bool) -> None:
    """Check every entry, and say the last one's hash, to be noted outside of this machine."""
    with session() as desk_, desk_.db.read() as conn:
        found = log.verify(conn, expect=expect)
    if found.broken is not None:
        raise ChainBroken(found.broken, found.why)
    if as_json:
        say_json({"entries": found.entries, "hash": found.head})
    else:
        say(f"{found.entries:,} entries, unbroken. Note this elsewhere:")
        say(f"{found.entries}:{found.head}")


def _noted(value: str | None) -> tuple[int, str] | None:
    if value is None:
        return None
    found = re.fullmatch(r"([1-9]\d{0,17}):([0-9a-f]{16,64})", value)
    if found is None:
        raise click.BadParameter("write it as NUMBER:HASH, with 16 or more digits of the hash")
    return int(found[1]), found[2]


def _facts(each: Entry) -> dict[str, Any]:
    return {
        "number": each.number,
        "at": each.at.isoformat(),
        "actor": each.actor,
        "action": each.action,
        "about": each.about,
        "detail": dict(each.detail),
    }


def _row(each: Entry, when: str) -> tuple[str, ...]:
    more = json.dumps(dict(each.detail)) if each.detail else ""
    return str(each.number), when, each.actor, each.action, each.about, more
