"""What has happened to an outage, as the public may know it, from the journal.

The journal holds codes and ids only, and of those no more than what stands here is taken: who did
something, internal notes and what came too late to change anything are not even looked at.
"""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import journal
from outage import tables as t
from outage.journal import JournalEntry
from outage.model import Cause, CrewStatus, JournalKind, Kind, Reason, Status
from status_page.view import PublicOutage, PublicStatus, PublicStep

CHUNK = 500
"""Outages whose entries are read in one statement."""

_PLAIN: Mapping[str, str] = {
    JournalKind.CONFIRMED: "confirmed",
    JournalKind.STARTED: "started",
    JournalKind.REJECTED: "cancelled",
    JournalKind.CANCELLED: "cancelled",
    JournalKind.CLOSED: "closed",
    JournalKind.UNLISTED: "unlisted",
    JournalKind.LISTED: "listed",
    JournalKind.ETR_PASSED: "etr_passed",
}
_BACK: Mapping[str, str] = {Status.RESTORED: "restored", Status.PARTIALLY_RESTORED: "partly"}
_FIELDS = {
    "shape_digest": "area",
    "place": "area",
    "started_at": "start",
    "planned_start": "plan",
    "planned_end": "plan",
}
_TOLD = (
    *_PLAIN,
    JournalKind.DECLARED,
    JournalKind.REVISED,
    JournalKind.PROGRESS,
    JournalKind.REOPENED,
    JournalKind.MERGED,
    JournalKind.SPLIT,
    JournalKind.MATCHED,
)


class Timelines:
    """Knows what has happened to each outage that is shown; reads every entry once."""

    def __init__(self) -> None:
        """Start knowing nothing."""
        self._read_to = 0
        self._keys: dict[str, int] = {}
        self._steps: dict[int, list[PublicStep]] = {}

    def put(
        self,
        conn: Connection,
        status: PublicStatus,
        number: int,
        gone: Collection[str] | None = None,
    ) -> PublicStatus:
        """Return the state with what has happened to each outage.

        Args:
            conn: The snapshot that the state was read in.
            status: All that is public, or every outage that has had an entry since.
            number: The newest entry it rests on.
            gone: Where it is not all: outages that are not shown any more.
        """
        if number < self._read_to:
            # Another record: a copy was put back.
            self._read_to, self._keys, self._steps = 0, {}, {}
        shown = {each.id for each in status.outages}
        known = {id_: key for id_, key in self._keys.items() if id_ in shown}
        new = _keys(conn, shown - known.keys())
        kept = set(known.values())
        steps = {key: list(told) for key, told in self._steps.items() if key in kept}
        # Each has been read up to where the last look ended, or not at all.
        if kept and number > self._read_to:
            since = sa.between(t.journal.c.number, self._read_to + 1, number)
            _add(conn, steps, kept, since)
        keys = sorted(new.values())
        for at in range(0, len(keys), CHUNK):
            some = keys[at : at + CHUNK]
            told = sa.and_(t.journal.c.outage_key.in_(some), t.journal.c.number <= number)
            _add(conn, steps, some, told)
        keys_ = known | new
        if gone is not None:
            # The others have had no entry: what is known of them is all there is.
            rest = {id_: key for id_, key in self._keys.items() if id_ not in gone}
            keys_ = rest | keys_
            left = {self._keys[id_] for id_ in gone if id_ in self._keys}
            steps = {k: told for k, told in self._steps.items() if k not in left} | steps
        self._read_to, self._keys, self._steps = number, keys_, steps
        outages = tuple(self._with_steps(each) for each in status.outages)
        return dataclasses.replace(status, outages=outages)

    def _with_steps(self, outage: PublicOutage) -> PublicOutage:
        steps = self._steps.get(self._keys[outage.id])
        return dataclasses.replace(outage, steps=_said(steps, outage)) if steps else outage


def steps_of(entry: JournalEntry, back: dict[int, datetime]) -> Iterator[PublicStep]:
    """Yield what one entry says to the public.

    Args:
        entry: What happened.
        back: By restoration, when service came back, which may be before anybody said so.
    """
    at, what = _event(entry, back)
    if what:
        yield PublicStep(at=at, what=what)
    fields = set(entry.data.get("fields", ()))
    if "takes_back" in entry.data:
        yield PublicStep(at=entry.at, what="taken_back")
    else:
        whats = {_FIELDS[each]: None for each in sorted(fields & _FIELDS.keys())}
        yield from (PublicStep(at=entry.at, what=each) for each in whats)
        if "etr" in fields and "etr_version" not in entry.data:
            yield PublicStep(at=entry.at, what="etr_withdrawn")
    if "cause" in fields:
        # What it was before, until `_said` knows what it was from then on.
        before = entry.data.get("before", {}).get("cause")
        yield PublicStep(at=entry.at, what="cause", code=before or "")
    if "crew_status" in fields or entry.kind == JournalKind.DECLARED:
        yield from _crew(entry)


def _event(entry: JournalEntry, back: dict[int, datetime]) -> tuple[datetime, str]:
    """Return when something happened to the outage itself, and what; empty for nothing."""
    status, data = entry.state.get("status"), entry.data
    what = _PLAIN.get(entry.kind, "")
    match entry.kind:
        case JournalKind.DECLARED:
            what = "reported" if status == Status.PREDICTED else "known"
        case JournalKind.REOPENED:
            some = data.get("reason") == Reason.STILL_OUT and data.get("premises")
            what = "still_out" if some else "reopened"
        case JournalKind.MERGED:
            what = "merged" if "from" in data else ""
        case JournalKind.SPLIT:
            what = "parted" if "from" in data else "split"
        case JournalKind.MATCHED if data.get("kind") == JournalKind.RESTORING:
            what = _BACK.get(status or "", "")
            return back.get(data.get("restoration") or 0, entry.at), what
    return entry.at, what


def _crew(entry: JournalEntry) -> Iterator[PublicStep]:
    status, reason = entry.state.get("crew_status"), entry.state.get("crew_reason")
    if status in set(CrewStatus):
        known = reason if reason in set(Reason) else ""
        yield PublicStep(at=entry.at, what="crew", code=status, reason=known or "")


def _said(steps: Sequence[PublicStep], outage: PublicOutage) -> tuple[PublicStep, ...]:
    """Name causes by what they became, and events by the kind of the outage."""
    told: list[PublicStep] = []
    cause = str(outage.cause)
    for step in reversed(steps):
        if step.what == "cause":
            told.append(dataclasses.replace(step, code=cause))
            cause = step.code if step.code in set(Cause) else Cause.OTHER
        elif step.what in {"known", "reported"} and outage.kind is not Kind.UNPLANNED:
            told.append(dataclasses.replace(step, what="announced"))
        elif step.what == "closed" and outage.kind is Kind.ADVISORY:
            told.append(dataclasses.replace(step, what="lifted"))
        else:
            told.append(step)
    return tuple(reversed(told))


def _add(
    conn: Connection,
    steps: dict[int, list[PublicStep]],
    wanted: Collection[int],
    which: sa.ColumnElement[bool],
) -> None:
    told = journal.entries_where(conn, which, kinds=[str(kind) for kind in _TOLD])
    entries = [each for each in told if each.outage_key in wanted]
    back = _restored_at(conn, entries)
    for entry in entries:
        steps.setdefault(entry.outage_key or 0, []).extend(steps_of(entry, back))


def _keys(conn: Connection, ids: Iterable[str]) -> dict[str, int]:
    wanted, found = sorted(ids), {}
    o = t.outages.c
    for at in range(0, len(wanted), CHUNK):
        rows = conn.execute(sa.select(o.id, o.key).where(o.id.in_(wanted[at : at + CHUNK])))
        found.update(dict(rows.all()))
    return found


def _restored_at(conn: Connection, entries: Iterable[JournalEntry]) -> dict[int, datetime]:
    keys = sorted({key for each in entries if (key := each.data.get("restoration"))})
    r = t.restorations.c
    found: dict[int, datetime] = {}
    for at in range(0, len(keys), CHUNK):
        rows = conn.execute(sa.select(r.key, r.at).where(r.key.in_(keys[at : at + CHUNK])))
        found.update(dict(rows.all()))
    return found
