"""The gis reader: any change of who is out → memberships, interruptions, `matched`.

The only reader that acts on shapes (DECISIONS 1). It reads the outage as it is now, not as the
entry left it, and recomputes what is left to do at every start: killed anywhere, it goes on and
comes to the same rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gis import interruptions, members
from gis.index import PremiseIndex
from gis.interruptions import End
from gis.matching import Matcher
from gis.public import Outlines
from gis.scratch import fill
from gis.selection import Keys, difference
from gis.where import on_record, select
from outage import desk, journal, register
from outage import tables as t
from outage.database import Database
from outage.journal import JournalEntry, WorkItem
from outage.model import GIS_ACTS_ON, OPEN, JournalKind, Outage, OutageKey

STEP_S = 0.030
"""What the work of a step is meant to take, so that with its commit hardly one takes the 50 ms
that it may at most."""
_FIRST, _LEAST, _MOST = 1_000, 1_000, 20_000
"""Premises of a step. Fewer than the least would make no step shorter: what a transaction costs
by itself is then most of it."""
_URGENT, _USUAL, _LATER = 10, 20, 50

Moved = Sequence[tuple[Keys, str]]
"""Sorted premise keys, and why they come or go."""
Do = Callable[[Connection, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One work item and the outage as it is when the work begins.

    Attributes:
        number: the membership number that the work writes and makes current at its end.
        index: the premises that the whole work is matched against.
        matched_digest, matched_version: shape and premises version of the last match.
    """

    item: WorkItem
    outage: Outage
    number: int
    index: PremiseIndex
    matched_digest: str | None
    matched_version: int | None

    @property
    def at(self) -> datetime:
        """Business time of the entry."""
        return self.item.entry.at

    def progress(self, settled: int = 0) -> dict[str, int]:
        """What a step commits with its work: up to which premise members were settled again."""
        done = max(settled, int(self.item.step.get("settled", 0)))
        return {"number": self.number, "settled": done}

    @property
    def fell_out(self) -> End:
        """The end of an interruption that the outage never was."""
        return End(at=self.at, outcome="voided", voided=self.outage.key)


class GisReader:
    """Follows the journal and keeps members and interruptions in step with it."""

    name = "gis"
    wants = frozenset(str(kind) for kind in GIS_ACTS_ON)

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self._outlines = Outlines()
        self._size = _FIRST

    def priority(self, entry: JournalEntry) -> int:
        """New outages and ends before nightly re-matching."""
        if entry.kind == JournalKind.PREMISES_CHANGED:
            return _LATER
        return _USUAL if entry.kind == JournalKind.REVISED else _URGENT

    def outages(self, conn: Connection, entry: JournalEntry) -> list[OutageKey]:
        """The entry's own outage; all open ones when premises have changed."""
        if entry.kind != JournalKind.PREMISES_CHANGED:
            return [] if entry.outage_key is None else [entry.outage_key]
        still_open = t.outages.c.status.in_([status.value for status in OPEN])
        keys = conn.execute(
            sa.select(t.outages.c.key).where(still_open).order_by(t.outages.c.key)
        ).scalars()
        return [OutageKey(key) for key in keys]

    def work(self, db: Database, item: WorkItem) -> None:
        """Do one entry's work for one outage, in steps."""
        task = _task(db, item, self._matcher.index())
        kind = item.entry.kind
        if kind == JournalKind.RESTORING:
            self._restore(db, task)
        elif kind in {JournalKind.CANCELLED, JournalKind.REJECTED}:
            self._cancel(db, task)
        elif kind == JournalKind.CLOSED:
            self._close(db, task)
        else:
            if kind == JournalKind.REOPENED:
                self._reopen(db, task)
            self._sync(db, task)
            self._settle_again(db, task)
        _conclude(db, task, self._outlines)

    def _sync(self, db: Database, task: Task) -> None:
        """Let the premises inside the shape be the members; who is restored stays so."""
        outage, index = task.outage, task.index
        if not outage.is_open or outage.shape_digest is None:
            return
        moved = task.matched_digest is not None and task.matched_version != index.version
        with db.read() as conn:
            target = _inside(conn, task, outage.shape_digest)
            # Differences are taken within one premises version: what only the base data moved
            # is told apart from what the shape moved.
            before = _inside(conn, task, task.matched_digest) if moved else None
            live = members.current(conn, outage.key, live=True)
            known = members.current(conn, outage.key, live=False)
        came = _because(difference(known, target)[0], before, "shape", "premises", inside=True)
        went = _because(difference(live, target)[1], before, "voided", "moved", inside=False)

        def go(conn: Connection, outcome: str) -> None:
            members.go(conn, outage.key, task.number, task.at, outcome)

        def come(conn: Connection, why: str) -> None:
            members.come(conn, outage.key, task.number, task.at, why)

        self._steps(db, task, went, go, task.fell_out)
        self._steps(db, task, came, come, task.fell_out, came=outage.key)

    def _settle_again(self, db: Database, task: Task) -> None:
        """Look at every live member again when the outage's own claim may have changed."""
        fields = set(task.item.entry.data.get("fields", ()))
        began = "started_at" in fields
        confirmed = task.item.entry.kind in {JournalKind.CONFIRMED, JournalKind.STARTED}
        if not (confirmed or began or "kind" in fields):
            return

        def move(conn: Connection, _why: str) -> None:
            if began:
                interruptions.move_start(conn, task.outage.key, task.outage.service)

        # What it began may go on under another where it is restored itself.
        keys = _current(db, task, live=not began)
        left = keys[keys > int(task.item.step.get("settled", 0))]
        self._steps(db, task, [(left, "")], move, task.fell_out, settling=True)

    def _restore(self, db: Database, task: Task) -> None:
        key = int(task.item.entry.data["restoration"])
        with db.read() as conn:
            step = conn.execute(t.restorations.select().where(t.restorations.c.key == key)).one()
            part = None if step.shape_digest is None else _inside(conn, task, step.shape_digest)
        keys = _current(db, task, live=True)
        if part is not None:
            keys = difference(keys, part)[2]
        end = End(
            at=step.at, outcome="inferred" if step.inferred else "restored", restoration_key=key
        )
        self._steps(db, task, [(keys, "")], _ender(task, end), end)

    def _close(self, db: Database, task: Task) -> None:
        """End, as inferred, what is still open under an outage that is put away."""
        at = task.outage.unlisted_since or task.outage.closed_at or task.at
        end = End(at=at, outcome="inferred")
        keys = _current(db, task, live=True)
        self._steps(db, task, [(keys, "")], _ender(task, end), end)

    def _reopen(self, db: Database, task: Task) -> None:
        key = task.item.entry.data.get("restoration")
        outage = task.outage
        with db.read() as conn:
            keys = members.ended_by(conn, outage.key, key)

        def take_back(conn: Connection, _why: str) -> None:
            members.take_back(conn, outage.key, key)
            interruptions.take_up(conn, outage.key, key, outage.service)

        self._steps(db, task, [(keys, "")], take_back, task.fell_out)

    def _cancel(self, db: Database, task: Task) -> None:
        def cancel(conn: Connection, outcome: str) -> None:
            interruptions.void(conn, task.outage.key, task.outage.service)
            members.go(conn, task.outage.key, task.number, task.at, outcome)

        keys = _current(db, task, live=False)
        self._steps(db, task, [(keys, "cancelled")], cancel, task.fell_out)

    def _steps(
        self,
        db: Database,
        task: Task,
        moved: Moved,
        do: Do,
        end: End,
        *,
        came: OutageKey | None = None,
        settling: bool = False,
    ) -> None:
        """Change some premises at a time and settle them, each step in one transaction.

        What has been changed is seen in the rows; what was only settled again (``settling``) is
        not, so how far that has come is part of the progress.
        """
        for chunk, why in self._chunks(moved):
            # Keys of the index and of members: every one of them is a premise on record.
            with db.bulk(checked=False) as conn:
                began = time.monotonic()
                fill(conn, chunk)
                do(conn, why)
                interruptions.settle(conn, task.outage.service, end, came)
                done = int(chunk[-1]) if settling else 0
                journal.advance(conn, task.item, task.progress(done))
                took_s = time.monotonic() - began
            self._pace(len(chunk), took_s)

    def _chunks(self, moved: Moved) -> Iterator[tuple[Keys, str]]:
        for keys, why in moved:
            at = 0
            while at < len(keys):
                size = self._size
                yield keys[at : at + size], why
                at += size

    def _pace(self, done: int, took_s: float) -> None:
        fits = int(done * STEP_S / max(took_s, 0.001))
        self._size = max(_LEAST, min(_MOST, 2 * self._size, fits))


def _task(db: Database, item: WorkItem, index: PremiseIndex) -> Task:
    with db.read() as conn:
        outage = register.load_key(conn, item.outage_key)
        row = conn.execute(
            sa.select(
                t.outages.c.membership,
                t.outages.c.matched_shape_digest,
                t.outages.c.matched_premises_version,
            ).where(t.outages.c.key == item.outage_key)
        ).one()
    return Task(
        item=item,
        outage=outage,
        number=int(item.step.get("number") or row.membership + 1),
        index=index,
        matched_digest=row.matched_shape_digest,
        matched_version=row.matched_premises_version,
    )


def _inside(conn: Connection, task: Task, digest: str | None) -> Keys:
    if digest is None:
        return np.empty(0, np.int64)
    return select(conn, on_record(conn, digest), task.index, task.outage.service).keys()


def _current(db: Database, task: Task, *, live: bool) -> Keys:
    with db.read() as conn:
        return members.current(conn, task.outage.key, live=live)


def _because(keys: Keys, before: Keys | None, shape: str, data: str, *, inside: bool) -> Moved:
    """Say of the keys whether the shape or the base data moved them.

    ``before`` is who the old shape holds in today's premises version: who comes in and is in
    there (``inside``), or falls out and is not, was moved by the data.
    """
    if before is None:
        return [(keys, shape)]
    by_data = np.isin(keys, before) == inside
    return [(keys[~by_data], shape), (keys[by_data], data)]


def _ender(task: Task, end: End) -> Do:
    def do(conn: Connection, _why: str) -> None:
        members.end(conn, task.outage.key, end.at, end.outcome, end.restoration_key)

    return do


def _conclude(db: Database, task: Task, outlines: Outlines) -> None:
    """Make the number current, store the counts, and say so: one transaction."""
    key, entry = task.outage.key, task.item.entry
    with db.read() as conn:
        found = members.count(conn, key, task.number)
        restoration = entry.data.get("restoration") if entry.kind == JournalKind.RESTORING else None
        ended = members.ended_by(conn, key, restoration) if restoration is not None else ()
    drawn = outlines.draw(db, task.outage, task.index, found.live)
    # A short command of its own and no bulk step: what readers act on is on the disk.
    with db.write() as conn:
        outage = register.load_key(conn, key, lock=True)
        if restoration is not None:
            outage = desk.conclude(conn, restoration, out=found.live, premises=len(ended))
        out = found.live if outage.interrupts else 0
        values: dict[str, Any] = {
            "membership": task.number,
            "members": found.members,
            "premises_out": out,
            "accounts_out": found.accounts if out else 0,
            "premises_restored": found.restored,
            **drawn,
        }
        if task.outage.is_open and entry.kind != JournalKind.RESTORING:
            values |= {
                "matched_shape_digest": task.outage.shape_digest,
                "matched_premises_version": task.index.version,
            }
        news = entry.kind != JournalKind.PREMISES_CHANGED or _differs(conn, key, values, found)
        if not news:
            del values["membership"]
        conn.execute(t.outages.update().where(t.outages.c.key == key).values(**values))
        journal.finish(conn, task.item)
        if not news:
            return
        number = journal.append(
            conn,
            kind=JournalKind.MATCHED,
            actor="gis",
            outage_key=key,
            outage_version=outage.version,
            data={
                "of": entry.number,
                "kind": entry.kind,
                "membership": task.number,
                "premises_version": task.index.version,
                "restoration": restoration,
                "added": found.added,
                "removed": found.removed,
                "told_added": found.told_added,
                "told_removed": found.told_removed,
            },
        )
        conn.execute(t.outages.update().where(t.outages.c.key == key).values(matched_number=number))


def _differs(
    conn: Connection, key: OutageKey, values: Mapping[str, Any], found: members.Counts
) -> bool:
    """Whether a load of base data changed anything of an outage that is shown or on record.

    A nightly load looks at every open outage; a `matched` for each that stays as it is would
    give every reader work and every account a record of nothing.
    """
    row = conn.execute(t.outages.select().where(t.outages.c.key == key)).mappings().one()
    kept = {"membership", "matched_premises_version"}
    return (
        row["matched_number"] is None
        or found.added + found.removed > 0
        or any(row[name] != value for name, value in values.items() if name not in kept)
    )
