"""Outages that become one, and one that becomes two: pure. Standard library only.

What both have in common with `lifecycle`: (outages, command, now) → the outages as they are then,
with the journal entries that say so, or a named refusal.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from outage import commands as c
from outage.errors import InvalidCommandError, NotAllowedNowError
from outage.lifecycle import Change
from outage.model import Entry, JournalKind, Kind, Outage, Reason, Status


def merge(
    outage: Outage, into: Outage, now: datetime, *, shape_digest: str | None
) -> tuple[Change, Change]:
    """Let an outage go on under another one, which keeps its facts.

    ``shape_digest`` is where both are, None if neither is anywhere. The other's entry comes last:
    it is the one that gis acts on.
    """
    _comparable(outage, into)
    if not outage.is_open:
        _refuse("merge", outage, "only one that is still going on can go on under another")
    if not into.is_open:
        _refuse("merge into", into, f"{into.id} is over; reopen it first, or take another one")
    if outage.interrupts and not into.interrupts and into.kind is not Kind.ADVISORY:
        _refuse("merge into", into, f"{into.id} {_not_yet(into)} first")
    if into.interrupts and outage.kind is Kind.PLANNED and not outage.interrupts:
        _refuse("merge", outage, f"it {_not_yet(outage)} or cancel it first")
    gone = replace(
        outage,
        status=Status.CLOSED,
        close_reason=Reason.MERGED,
        closed_at=now,
        updated_at=now,
        version=outage.version + 1,
    )
    grown = replace(into, shape_digest=shape_digest, updated_at=now, version=into.version + 1)
    return (
        _change(gone, JournalKind.MERGED, into=into.key),
        _change(grown, JournalKind.MERGED, **{"from": outage.key}),
    )


def split(outage: Outage, command: c.Split, now: datetime) -> tuple[Change, Change]:
    """Let a part of an outage go on as a new one with the same facts.

    The outage's own entry is the one that gis acts on.
    """
    if not outage.is_open:
        _refuse("split", outage, "only one that is still going on can be split")
    left = replace(outage, shape_digest=command.staying, updated_at=now, version=outage.version + 1)
    part = replace(
        outage,
        key=command.key,
        id=command.id,
        # Who is restored already stays with the outage that restored them.
        status=Status.CONFIRMED if outage.status is not Status.PREDICTED else outage.status,
        shape_digest=command.moving,
        # A source knows one outage, and counts for that one.
        source=None,
        source_id=None,
        reported_customers=None,
        etr=None if outage.etr is None else replace(outage.etr, version=1),
        etr_count=1 if outage.etr else 0,
        declared_at=now,
        updated_at=now,
        version=1,
    )
    return (
        _change(left, JournalKind.SPLIT, into=part.key, place=command.moving),
        _change(part, JournalKind.SPLIT, **{"from": outage.key}),
    )


def _comparable(outage: Outage, into: Outage) -> None:
    if outage.key == into.key:
        raise InvalidCommandError(field="into", problem="is the same outage; name another one")
    for what in ("service", "kind"):
        if getattr(outage, what) != getattr(into, what):
            raise InvalidCommandError(
                field="into",
                problem=f"{into.id} is of another {what}, {getattr(into, what)}; "
                "only outages of the same service and kind become one",
            )


def _not_yet(outage: Outage) -> str:
    if outage.kind is Kind.PLANNED:
        return "has not begun; start it"
    return "is only predicted; confirm it"


def _refuse(command: str, outage: Outage, why: str) -> None:
    raise NotAllowedNowError(command=command, status=outage.status, why=why)


def _change(outage: Outage, kind: JournalKind, **data: object) -> Change:
    return Change(outage=outage, entries=(Entry(kind=kind, data=data),))
