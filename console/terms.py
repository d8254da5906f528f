"""Codes, times and actors in the words that staff read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from console.errors import BadForm
from outage.columns import EARLIEST, LATEST

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ACTORS = {"cli": "the command line", "clock": "the clock", "gis": "the count"}
_SAID_OTHERWISE = {
    "partiallyRestored": "partly restored",
    "fieldComplete": "done in the field",
    "enroute": "en route",
}


def words(code: str | None) -> str:
    """A code of the model in words: ``snowIce`` is snow ice."""
    if not code:
        return "–"
    return _SAID_OTHERWISE.get(code) or _HUMP.sub(" ", code).replace("_", " ").lower()


def who(names: Mapping[str, str]) -> Callable[[str | None], str]:
    """How an actor of the journal is called; ``names`` are those of the staff."""

    def called(actor: str | None) -> str:
        if not actor:
            return "–"
        kind, _, name = actor.partition(":")
        return names.get(actor) or " ".join(filter(None, (_ACTORS.get(kind, kind), name)))

    return called


def distance(at: datetime, now: datetime) -> str:
    """How far a time is from now, to the minute: "in 12 min", "2 h 5 min ago"."""
    span = at - now
    minutes = round(abs(span) / timedelta(minutes=1))
    if not minutes:
        return "now" if span >= timedelta(0) else "just now"
    hours, rest = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days} d"] * bool(days) + [f"{hours} h"] * bool(hours)
    if not days and rest:
        parts.append(f"{rest} min")
    said = " ".join(parts)
    return f"in {said}" if span >= timedelta(0) else f"{said} ago"


def moment(given: str, zone: ZoneInfo, name: str) -> datetime | None:
    """Read a time as a browser's field has it, in the utility's zone; None for an empty one.

    Raises `BadForm` for what is none, and for an hour that a change of the clocks leaves out.
    """
    if not given:
        return None
    try:
        at = datetime.fromisoformat(given)
    except ValueError as error:
        raise BadForm(problem=f"{name} is no time; write it like 2026-11-22T22:30") from error
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone)
    if not EARLIEST <= at <= LATEST:
        raise BadForm(problem=f"{name} must lie between {EARLIEST.year} and {LATEST.year}")
    utc = at.astimezone(ZoneInfo("UTC"))
    if utc.astimezone(at.tzinfo).replace(tzinfo=None) != at.replace(tzinfo=None):
        raise BadForm(problem=f"{name}: the clocks skip that hour")
    return utc


def field(at: datetime | None, zone: ZoneInfo) -> str:
    """A time as a browser's field has it."""
    return "" if at is None else at.astimezone(zone).strftime("%Y-%m-%dT%H:%M")
