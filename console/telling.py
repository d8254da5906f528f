"""The journal of an outage in words: what happened, when, and by whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from console import terms
from outage import journal
from outage import tables as t
from outage.journal import JournalEntry
from outage.model import JournalKind

SHOWN = 200
FIELDS = {
    "shape_digest": "where it is",
    "place": "the place in words",
    "cause": "the cause",
    "kind": "the kind",
    "started_at": "the start",
    "planned_start": "the planned start",
    "planned_end": "the planned end",
    "reported_customers": "the feed's own count",
    "crew_status": "the crew's status",
    "crew_reason": "why the crew waits",
    "crew_eta": "when the crew arrives",
    "etr": "the estimated time",
    "next_update_by": "the next update",
    "public_message_key": "the words for the public",
}
"""What can be changed of an outage, for people."""
_WITH_ETR = frozenset({"etr_count", "etr_withdrawn"})
"""What changes with the estimated time."""
_TOLD = {
    JournalKind.DECLARED: "Declared",
    JournalKind.CONFIRMED: "Confirmed",
    JournalKind.STARTED: "Work has begun",
    JournalKind.UNLISTED: "Its feed no longer lists it",
    JournalKind.LISTED: "Its feed lists it again",
    JournalKind.MERGED: "Merged",
    JournalKind.SPLIT: "Split",
    JournalKind.MATCHED: "Counted who is concerned",
    JournalKind.PREMISES_CHANGED: "The utility's own data have changed; counted anew",
    JournalKind.ETR_PASSED: "The estimated time has passed",
    JournalKind.REPORTED: "A customer has reported",
    JournalKind.UPDATE_PROMPTED: "The promised update falls due soon",
    JournalKind.UPDATE_PASSED: "The time of the promised update has come",
    JournalKind.START_NEAR: "Planned work begins soon",
}
_REASONED = {
    JournalKind.REJECTED: "Rejected",
    JournalKind.CANCELLED: "Cancelled",
    JournalKind.CLOSED: "Closed",
    JournalKind.REOPENED: "Reopened",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One entry: when, by whom, in words; ``note`` and ``message`` are the texts it brought."""

    number: int
    at: datetime
    by: str
    words: str
    note: str = ""
    message: str = ""


def newest(
    conn: Connection, outage_key: int, *, after_version: int | None = None
) -> list[JournalEntry]:
    """The newest entries of an outage, newest first; those behind a version if one is given."""
    e = t.journal.c
    which = e.outage_key == outage_key
    if after_version is not None:
        which = sa.and_(which, e.outage_version > after_version)
    oldest = conn.execute(
        sa.select(e.number).where(which).order_by(e.number.desc()).offset(SHOWN - 1).limit(1)
    ).scalar()
    which = sa.and_(which, e.number >= (oldest or 0))
    found = journal.entries_where(conn, which, kinds=[str(kind) for kind in JournalKind])
    return found[::-1]


def told(
    conn: Connection,
    entries: Sequence[JournalEntry],
    names: Mapping[str, str],
    when: Callable[[datetime | None], str],
) -> list[Told]:
    """Those entries in words, with the texts that they brought."""
    keys = {each.data.get(name) for each in entries for name in ("note", "public_message")}
    n = t.notes.c
    texts: dict[Any, str] = {
        row.key: row.text
        for row in conn.execute(sa.select(n.key, n.text).where(n.key.in_(keys - {None})))
    }
    called = terms.who(names)
    return [
        Told(
            number=each.number,
            at=each.at,
            by=called(each.actor),
            words=_said(each, when),
            note=texts.get(each.data.get("note"), ""),
            message=texts.get(each.data.get("public_message"), ""),
        )
        for each in entries
    ]


def _said(entry: JournalEntry, when: Callable[[datetime | None], str]) -> str:
    kind, data = JournalKind(entry.kind), entry.data
    if kind is JournalKind.RESTORING:
        return "Service is back" if data.get("whole") else "Service is back for a part"
    if kind in {JournalKind.REVISED, JournalKind.PROGRESS}:
        return _changed(data, when, entry.state)
    if kind in _REASONED:
        reason = data.get("reason")
        return f"{_REASONED[kind]}: {terms.words(reason)}" if reason else _REASONED[kind]
    return _TOLD.get(kind, terms.words(str(kind)).capitalize())


def _changed(
    data: Mapping[str, Any], when: Callable[[datetime | None], str], state: Mapping[str, Any]
) -> str:
    fields = [FIELDS.get(name, name) for name in data.get("fields", ()) if name not in _WITH_ETR]
    said = f"Changed {', '.join(fields)}" if fields else "Said something"
    if data.get("takes_back"):
        said = f"Took back a change of {', '.join(fields) or 'nothing'}"
    if "crew_status" in data.get("fields", ()):
        said += f". Crew: {terms.words(state.get('crew_status'))}"
    if data.get("late"):
        late = ", ".join(FIELDS.get(name, name) for name in data["late"])
        said += f". Recorded, not applied: {late}, as of {when(_at(data.get('observed')))}"
    return said


def _at(said: object) -> datetime | None:
    return datetime.fromisoformat(said) if isinstance(said, str) else None
