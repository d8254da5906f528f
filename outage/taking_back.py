"""Taking the last change of an outage back: a new version equal to the one before it.

Never an undo (DECISIONS 22): the change stays on record, whoever was told of it is told what holds
now, and what was not sent yet is withdrawn.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import commands as c
from outage import desk, earlier, journal, register
from outage import tables as t
from outage.clock import business_now
from outage.errors import NothingToTakeBackError
from outage.journal import JournalEntry
from outage.model import Actor, Confidence, Etr, EtrSource, JournalKind, Outage, Reason, Status

_K = JournalKind
_CHANGES = frozenset(
    {
        JournalKind.DECLARED,
        JournalKind.CONFIRMED,
        JournalKind.REJECTED,
        JournalKind.STARTED,
        JournalKind.REVISED,
        JournalKind.PROGRESS,
        JournalKind.RESTORING,
        JournalKind.REOPENED,
        JournalKind.CANCELLED,
        JournalKind.CLOSED,
        JournalKind.MERGED,
        JournalKind.SPLIT,
    }
)
_INSTEAD = {
    JournalKind.CONFIRMED: "a confirmation stands; cancel the outage",
    JournalKind.STARTED: "work that has begun has begun; cancel the outage",
    JournalKind.REOPENED: "it was reopened; restore it again",
    JournalKind.REJECTED: "it was rejected; declare it anew",
    JournalKind.CANCELLED: "it was cancelled; declare it anew",
    JournalKind.CLOSED: "it was closed; declare it anew",
    JournalKind.MERGED: "it was merged; split it again",
    JournalKind.SPLIT: "it was split; merge it again",
}


def take_back(conn: Connection, outage_id: str, *, actor: Actor) -> Outage:
    """Take the last change back. Raises `NothingToTakeBackError`, and what the desk refuses.

    The declaration itself is taken back by cancelling, a restoration by reopening.
    """
    outage = register.load(conn, outage_id, lock=True)
    entry = _last_change(conn, outage)
    kind = None if entry is None else entry.kind
    if entry is None or kind in _INSTEAD:
        why = "nothing has changed" if entry is None else _INSTEAD[JournalKind(entry.kind)]
        raise NothingToTakeBackError(id=outage.id, why=why)
    if kind == JournalKind.DECLARED:
        return desk.cancel(conn, outage.id, actor=actor, reason=Reason.MISTAKE)
    if kind == JournalKind.RESTORING:
        return desk.reopen(conn, outage.id, actor=actor, reason=Reason.MISTAKE)
    if "before" not in entry.data:
        raise NothingToTakeBackError(
            id=outage.id, why="what the change replaced was not kept by an earlier release"
        )
    return _undo(conn, outage, entry, actor)


def offered(conn: Connection, outage: Outage) -> JournalEntry | None:
    """Return the change that `take_back` takes back; None where it is for another command."""
    entry = _last_change(conn, outage)
    if entry is None or entry.kind in _INSTEAD:
        return None
    if not outage.is_open and (entry.kind, outage.status) != (_K.RESTORING, Status.RESTORED):
        return None
    whole = entry.kind in {_K.DECLARED, _K.RESTORING}
    return entry if whole or "before" in entry.data else None


def _last_change(conn: Connection, outage: Outage) -> JournalEntry | None:
    found = journal.entries_of(conn, outage.key, 0, kinds=[str(kind) for kind in _CHANGES])
    # A note alone, or what came too late, has changed nothing.
    changes = [
        entry for entry in found if entry.kind != JournalKind.PROGRESS or entry.data.get("fields")
    ]
    return changes[-1] if changes else None


def _undo(conn: Connection, outage: Outage, entry: JournalEntry, actor: Actor) -> Outage:
    before: dict[str, Any] = dict(entry.data["before"])
    facts = earlier.read(before)
    if "place" in entry.data["fields"]:
        facts["place"] = _place_before(conn, outage)
    if "etr" in before:
        facts["etr"] = _etr(conn, outage, before["etr"])
    command = c.TakeBack(facts=facts, number=entry.number, revision=entry.kind == "revised")
    done = desk.carry_out(conn, outage, command, actor)
    counted = {
        name: before[name] for name in ("premise_count", "premises_version") if name in before
    }
    if counted:
        conn.execute(t.outages.update().where(t.outages.c.key == outage.key).values(**counted))
    return done


def _place_before(conn: Connection, outage: Outage) -> str:
    column = t.outages.c.place_before
    return str(conn.execute(sa.select(column).where(t.outages.c.key == outage.key)).scalar() or "")


def _etr(conn: Connection, outage: Outage, version: int | None) -> Etr | None:
    """An ETR with the facts of an earlier one; its version is for the lifecycle to give."""
    e = t.etrs
    row = conn.execute(
        e.select().where(e.c.outage_key == outage.key, e.c.version == version)
    ).first()
    if version is None or row is None:
        return None
    latest: datetime = row.latest
    if latest <= business_now(conn):
        raise NothingToTakeBackError(
            id=outage.id, why="the time it had before has passed; give a new one"
        )
    return Etr(
        version=version,
        latest=latest,
        earliest=row.earliest,
        confidence=Confidence(row.confidence),
        source=EtrSource(row.source),
        reason=None if row.reason is None else Reason(row.reason),
        published=row.published,
    )
