"""How a given ETR becomes a version: pure. Standard library only."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from outage import commands as c
from outage.errors import InvalidCommandError
from outage.model import Etr, Outage


def first(command: c.Declare, started_at: datetime, now: datetime) -> Etr | None:
    """Return the version that a declaration begins with, if it gives a time."""
    if command.etr is None:
        return None
    return _checked(command.etr, 1, started_at, now, lenient=command.lenient)


def following(outage: Outage, given: c.GivenEtr, observed_at: datetime, *, lenient: bool) -> Etr:
    """Return the version that ``given`` makes: the one there is when it says nothing new."""
    last = outage.etr
    etr = _checked(
        given,
        outage.etr_count + 1,
        outage.started_at,
        observed_at,
        lenient=lenient,
    )
    if last is not None and replace(etr, version=last.version) == last:
        return last
    return etr


def _checked(
    given: c.GivenEtr, version: int, started_at: datetime, seen_at: datetime, *, lenient: bool
) -> Etr:
    if given.earliest is not None and given.earliest > given.latest:
        raise InvalidCommandError(field="etr", problem="its earliest time is after its latest")
    if not lenient and given.latest <= max(started_at, seen_at):
        raise InvalidCommandError(field="etr", problem="lies in the past")
    return Etr(
        version=version,
        latest=_whole_ms(given.latest),
        earliest=None if given.earliest is None else _whole_ms(given.earliest),
        confidence=given.confidence,
        source=given.source,
        reason=given.reason,
        published=given.published,
    )


def _whole_ms(at: datetime) -> datetime:
    # What the record keeps: the same value given again must not look like a new one.
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
