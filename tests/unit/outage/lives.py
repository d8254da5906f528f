"""Outages as they stand at some point of their lives."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from outage import commands as c
from outage.lifecycle import declare
from outage.model import (
    Kind,
    Outage,
    OutageId,
    OutageKey,
    Service,
    Status,
)

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


MINUTE = timedelta(minutes=1)


HOUR = timedelta(hours=1)


def declared(**facts: object) -> Outage:
    told: dict[str, object] = {"service": Service.ELECTRIC, "kind": Kind.UNPLANNED} | facts
    command = c.Declare(key=OutageKey(1), id=OutageId("O-22222"), **told)  # type: ignore[arg-type]  # facts of a test
    return declare(command, NOW).outage


def at_status(status: Status) -> Outage:
    outage = replace(declared(), status=status)
    if status is Status.RESTORED:
        return replace(outage, restored_at=NOW)
    return outage
