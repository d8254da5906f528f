"""What a command of the desk works with: settings, site, database, and the words it answers in."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
from sqlalchemy.engine import Connection

from outage import audit, desk
from outage import settings as settings_
from outage.clock import business_now
from outage.commands import Declare, GivenEtr
from outage.database import Database
from outage.model import Actor, MatchedShape, Reason, Service
from outage.settings import Settings
from outage.site import Site, load_site
from outage.summary import Facts, summary
from workers import moments
from workers.commands.whereabouts import Given
from workers.opening import open_record


def acting() -> Actor:
    """Who types: by the user id, since two people may have to agree.

    Names in the environment are what whoever types makes them. ``SUDO_UID`` alone counts, and
    only where `sudo` can have set it; root could be anybody with or without it.
    """
    user, given = os.getuid(), os.environ.get("SUDO_UID", "")
    if user == 0 and given.isascii() and given.isdecimal():
        user = int(given)
    try:
        name = pwd.getpwuid(user).pw_name
    except (KeyError, OverflowError):  # a user id that no list of users has
        name = str(user)
    return Actor(kind="cli", name=name)


def doing() -> str:
    """Which command it is, as the audit log has it: ``sending stop`` of ``outage sending stop``."""
    context = click.get_current_context(silent=True)
    return "" if context is None else context.command_path.partition(" ")[2]


ACTOR = acting()
"""Whoever can open the database on this machine; the desk's own role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One command's work."""

    settings: Settings
    site: Site
    db: Database

    @property
    def zone(self) -> ZoneInfo:
        return self.site.zone

    def time(self, given: str | None, *, past: bool = False) -> datetime | None:
        """Read a time that a person gave. Raises `NotATime`."""
        if given is None:
            return None
        with self.db.read() as conn:
            now = business_now(conn)
        return moments.read(given, now=now, zone=self.zone, past=past)

    def etr(self, given: str | None, reason: str | None) -> GivenEtr | None:
        """Read an ETR that a dispatcher gave. Raises `NotATime`."""
        latest = self.time(given)
        if latest is None:
            return None
        return GivenEtr(latest=latest, reason=Reason(reason) if reason else None)

    def matched(self, where: Given, service: str) -> MatchedShape | None:
        """Find who is where somebody said; None if nobody said where. Raises `GisError`."""
        if where.way is None:
            return None
        from gis.matching import Matcher, limits_of

        limits = limits_of(self.settings)
        asked = where.asked(limits)
        assert asked is not None  # noqa: S101 there is a way
        match = Matcher(self.db, self.settings.indexes).ask(
            asked, Service(service), limits=limits, max_ids=self.settings.list_max_ids
        )
        # Beside the facts, which may be read by a program.
        if match.shape is not None and match.shape.repaired:
            click.echo(f"The shape was repaired: {match.shape.repaired}.", err=True)
        if match.found is not None and len(match.found.cities) > 1:
            click.echo(f"The street is in {', '.join(match.found.cities)}.", err=True)
        return match.for_desk()

    def deed(self) -> AbstractContextManager[audit.Deed]:
        """What the command does: it commits together with its entry on the audit log."""
        return audit.deed(self.db, actor=acting(), action=doing())

    @contextmanager
    def write(self, about: str = "") -> Iterator[Connection]:
        """The same, where it is known beforehand what it is about."""
        with self.deed() as deed:
            deed.about = about
            yield deed.conn

    def facts(self, outage_id: str) -> Facts:
        """Read what is known of an outage now."""
        with self.db.read() as conn:
            return summary(conn, outage_id)

    def declare(
        self, command: Declare, shape: MatchedShape | None, *, allow_empty: bool = False
    ) -> Facts:
        """Put a new outage on record, and say what is on record then."""
        with self.deed() as deed:
            outage = desk.declare(
                deed.conn,
                command,
                actor=ACTOR,
                shape=shape,
                allow_empty=allow_empty,
                max_premises=self.settings.max_recipients,
            )
            deed.about = outage.id
        return self.facts(outage.id)

    def when(self, at: datetime | str | None) -> str:
        """Write an instant in the site's zone, as people read it."""
        if at is None:
            return "–"
        instant = datetime.fromisoformat(at) if isinstance(at, str) else at
        return instant.astimezone(self.zone).strftime("%a %d %b %Y %H:%M %Z")


def in_words(desk: Session, said: Mapping[str, str | None]) -> str:
    """Write what a late report said, times as people read them."""
    times = {"etr", "crew_eta", "next_update_by"}
    return ", ".join(
        f"{name.replace('_', ' ')} {desk.when(value) if name in times else value}"
        for name, value in said.items()
    )


@contextmanager
def session() -> Iterator[Session]:
    """Open what a command needs, and give it back."""
    found = settings_.load()
    site = load_site(found.home)
    db = open_record(found)
    try:
        yield Session(settings=found, site=site, db=db)
    finally:
        db.close()


def say_json(facts: Any) -> None:  # noqa: ANN401 whatever a command found
    """Print facts as one JSON document."""
    click.echo(json.dumps(facts, indent=2, ensure_ascii=False))


def say(line: str = "") -> None:
    """Print one line for people."""
    click.echo(line)


def say_table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print rows under their heads, in columns as wide as they need."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
