"""Times as people give them: `2h`, `22:30`, `2026-11-22 22:30`, or RFC 3339."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from outage.columns import EARLIEST, LATEST
from workers.errors import NotATime

_SPAN = re.compile(r"\+?(?:(\d{1,3})d)?(?:(\d{1,3})h)?(?:(\d{1,4})m(?:in)?)?", re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_DAY = timedelta(days=1)


def read(given: str, *, now: datetime, zone: ZoneInfo, past: bool = False) -> datetime:
    """Return the instant that ``given`` means.

    A span counts from now (backwards when ``past``); a time of day is the next one in ``zone``
    (the last one when ``past``); a date and time without an offset are in ``zone``.

    Raises:
        NotATime: it is none of these.
    """
    text = given.strip()
    if text.lower() == "now":
        return now
    span = _SPAN.fullmatch(text)
    if span and any(span.groups()):
        days, hours, minutes = (int(part or 0) for part in span.groups())
        length = timedelta(days=days, hours=hours, minutes=minutes)
        return now - length if past else now + length
    clock = _CLOCK.fullmatch(text)
    try:
        if clock:
            return _nearest(int(clock[1]), int(clock[2]), now, zone, past=past)
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise NotATime(given) from error
    at = at if at.tzinfo is not None else at.replace(tzinfo=zone)
    if len(text) <= len("2026-11-22") or not EARLIEST <= at <= LATEST:
        raise NotATime(given)
    return at


def _nearest(hour: int, minute: int, now: datetime, zone: ZoneInfo, *, past: bool) -> datetime:
    at = now.astimezone(zone).replace(hour=hour, minute=minute, second=0, microsecond=0)
    if past:
        return at if at <= now else at - _DAY
    return at if at > now else at + _DAY
