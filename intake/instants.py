"""Instants as foreign systems write them."""

from __future__ import annotations

from datetime import UTC, datetime

from intake.document import quoted
from intake.errors import Unreadable
from intake.mapping import InstantField
from outage.columns import EARLIEST, LATEST


def instant(value: object, mapped: InstantField) -> datetime:
    """The instant a field's value stands for, in UTC; raises Unreadable."""
    try:
        moment = _moment(value, mapped).astimezone(UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        raise Unreadable(f"{quoted(value)} is not an instant in {mapped.unit}") from None
    if not EARLIEST <= moment <= LATEST:
        raise Unreadable(f"{quoted(value)} in {mapped.unit} is not between 1990 and 2100")
    return moment


def _moment(value: object, mapped: InstantField) -> datetime:
    if mapped.unit in ("epoch_ms", "epoch_s"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(value)
        seconds = value / 1000 if mapped.unit == "epoch_ms" else value
        return datetime.fromtimestamp(seconds, UTC)
    if not isinstance(value, str):
        raise TypeError(value)
    if mapped.unit == "rfc3339":
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError(value)
        return moment
    if mapped.format:
        moment = datetime.strptime(value, mapped.format)  # noqa: DTZ007 - the zone follows
    else:
        moment = datetime.fromisoformat(value)
    return moment.replace(tzinfo=mapped.zone_info)
