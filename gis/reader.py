"""The gis reader: any change of who is out → memberships, interruptions, `matched`.

The only reader that acts on shapes (DECISIONS 1). It reads the outage as it is now, not as the
entry left it, and recomputes what is left to do at every start: killed anywhere, it goes on and
comes to the same rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
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

STEP_S = 0.020
"""What a step is meant to take, so that hardly one takes the 50 ms it may at most."""
_FIRST, _LEAST, _MOST = 500, 50, 20_000
_URGENT, _USUAL, _LATER = 10, 20, 50

Row = tuple[int, str]


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

        def go(conn: Connection) -> None:
            members.go(conn, outage.key, task.number, task.at)

        def come(conn: Connection) -> None:
            members.come(conn, outage.key, task.number, task.at)

        self._steps(db, task, went, go, task.fell_out)
        self._steps(db, task, came, come, task.fell_out)

    def _settle_again(self, db: Database, task: Task) -> None:
        """Look at every live member again when the outage's own claim may have changed."""
        fields = set(task.item.entry.data.get("fields", ()))
        began = "started_at" in fields
        confirmed = task.item.entry.kind in {JournalKind.CONFIRMED, JournalKind.STARTED}
        if not (confirmed or began or "kind" in fields):
            return

        def move(conn: Connection) -> None:
            if began:
                interruptions.move_start(conn, task.outage.key, task.outage.service)

        # What it began may go on under another where it is restored itself.
        keys = _current(db, task, live=not began)
        rows = _rows(keys[keys > int(task.item.step.get("settled", 0))], "")
        self._steps(db, task, rows, move, task.fell_out, settling=True)

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
        self._steps(db, task, _rows(keys, ""), _ender(task, end), end)

    def _close(self, db: Database, task: Task) -> None:
        """End, as inferred, what is still open under an outage that is put away."""
        at = task.outage.unlisted_since or task.outage.closed_at or task.at
        end = End(at=at, outcome="inferred")
        rows = _rows(_current(db, task, live=True), "")
        self._steps(db, task, rows, _ender(task, end), end)

    def _reopen(self, db: Database, task: Task) -> None:
        key = task.item.entry.data.get("restoration")
        outage = task.outage
        with db.read() as conn:
            keys = members.ended_by(conn, outage.key, key)

        def take_back(conn: Connection) -> None:
            members.take_back(conn, outage.key, key)
            interruptions.take_up(conn, outage.key, key, outage.service)

        self._steps(db, task, _rows(keys, ""), take_back, task.fell_out)

    def _cancel(self, db: Database, task: Task) -> None:
        def cancel(conn: Connection) -> None:
            interruptions.void(conn, task.outage.key, task.outage.service)
            members.go(conn, task.outage.key, task.number, task.at)

        rows = _rows(_current(db, task, live=False), "cancelled")
        self._steps(db, task, rows, cancel, task.fell_out)

    def _steps(
        self,
        db: Database,
        task: Task,
        rows: list[Row],
        do: Callable[[Connection], None],
        end: End,
        *,
        settling: bool = False,
    ) -> None:
        """Change some premises at a time and settle them, each step in one transaction.

        What has been changed is seen in the rows; what was only settled again (``settling``) is
        not, so how far that has come is part of the progress.
        """
        for chunk in self._chunks(rows):
            with db.bulk() as conn:
                began = time.monotonic()
                fill(conn, chunk)
                do(conn)
                interruptions.settle(conn, task.outage.service, end)
                journal.advance(conn, task.item, task.progress(chunk[-1][0] if settling else 0))
            self._pace(len(chunk), time.monotonic() - began)

    def _chunks(self, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
        at = 0
        while at < len(rows):
            size = self._size
            yield rows[at : at + size]
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


def _rows(keys: Keys, why: str) -> list[Row]:
    return [(key, why) for key in keys.tolist()]


def _because(keys: Keys, before: Keys | None, shape: str, data: str, *, inside: bool) -> list[Row]:
    """Say of each key whether the shape or the base data moved it.

    ``before`` is who the old shape holds in today's premises version: who comes in and is in
    there (``inside``), or falls out and is not, was moved by the data.
    """
    if before is None:
        return _rows(keys, shape)
    by_data = np.isin(keys, before) == inside
    return list(zip(keys.tolist(), np.where(by_data, data, shape).tolist(), strict=True))


def _ender(task: Task, end: End) -> Callable[[Connection], None]:
    def do(conn: Connection) -> None:
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
    with db.bulk() as conn:
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
        conn.execute(t.outages.update().where(t.outages.c.key == key).values(**values))
        journal.finish(conn, task.item)
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
