"""The gis reader: any change of who is out → memberships, interruptions, `matched`.

The only reader that acts on shapes (DECISIONS 1). It reads the outage as it is now, not as the
entry left it, and recomputes what is left to do at every start: killed anywhere, it goes on and
comes to the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gis.matching import Matcher
from gis.membership import interruptions, members
from gis.membership.concluding import conclude
from gis.membership.interruptions import End
from gis.membership.regrouping import merge, split
from gis.membership.strides import Do, Strides
from gis.membership.syncing import sync
from gis.membership.task import Task, current, inside, load, other, regroups
from gis.public import Outlines
from gis.selection import difference
from outage import tables as t
from outage.areas import Known, Lying
from outage.database import Database
from outage.journal import JournalEntry, WorkItem
from outage.model import GIS_ACTS_ON, OPEN, JournalKind, OutageKey

_URGENT, _USUAL, _LATER = 10, 20, 50


class GisReader:
    """Follows the journal and keeps members and interruptions in step with it."""

    name = "gis"
    wants = frozenset(str(kind) for kind in GIS_ACTS_ON)

    def __init__(
        self, matcher: Matcher, strides: Strides | None = None, areas: Iterable[Known] = ()
    ) -> None:
        """``areas``: those of the site, in which outages lie."""
        self._matcher = matcher
        self._lying = Lying(areas)
        self._outlines = Outlines()
        self._strides = strides or Strides()

    def priority(self, entry: JournalEntry) -> int:
        """New outages and ends before nightly re-matching."""
        if entry.kind == JournalKind.PREMISES_CHANGED:
            return _LATER
        return _USUAL if entry.kind == JournalKind.REVISED else _URGENT

    def outages(self, conn: Connection, entry: JournalEntry) -> list[OutageKey]:
        """The entry's own outage, all it moves members between, or all that are open.

        Of the two entries of a merge or a split, the work is that of the one that stays.
        """
        if regroups(entry):
            own, second = entry.outage_key, other(entry)
            return [] if own is None or second is None else [own, second]
        if entry.kind != JournalKind.PREMISES_CHANGED:
            return [] if entry.outage_key is None else [entry.outage_key]
        still_open = t.outages.c.status.in_([status.value for status in OPEN])
        # What began after the load is matched against it by its own first entry.
        there = sa.exists().where(
            t.journal.c.outage_key == t.outages.c.key, t.journal.c.number < entry.number
        )
        keys = conn.execute(
            sa.select(t.outages.c.key).where(still_open, there).order_by(t.outages.c.key)
        ).scalars()
        return [OutageKey(key) for key in keys]

    def work(self, db: Database, item: WorkItem) -> None:
        """Do one entry's work for one outage, in steps."""
        index = self._matcher.index()
        task, kind = load(db, item, index, item.outage_key), item.entry.kind
        if (key := other(item.entry)) is not None:
            second = load(db, item, index, key)
            if kind == JournalKind.MERGED:
                merge(db, second, task, self._strides)
            else:
                split(db, task, second, self._strides)
            conclude(db, self._outlines, self._lying, task, second)
            return
        if kind == JournalKind.RESTORING:
            self._restore(db, task)
        elif kind in {JournalKind.CANCELLED, JournalKind.REJECTED}:
            self._cancel(db, task)
        elif kind == JournalKind.CLOSED:
            self._close(db, task)
        else:
            if kind == JournalKind.REOPENED:
                self._reopen(db, task)
            sync(db, task, self._strides)
            self._settle_again(db, task)
        conclude(db, self._outlines, self._lying, task)

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
        keys = current(db, task, live=not began)
        left = keys[keys > int(task.item.step.get("settled", 0))]
        self._strides.run(db, task, [(left, "")], move, task.fell_out, settling=True)

    def _restore(self, db: Database, task: Task) -> None:
        key = int(task.item.entry.data["restoration"])
        with db.read() as conn:
            step = conn.execute(t.restorations.select().where(t.restorations.c.key == key)).one()
            part = None if step.shape_digest is None else inside(conn, task, step.shape_digest)
        keys = current(db, task, live=True)
        if part is not None:
            keys = difference(keys, part)[2]
        end = End(
            at=step.at, outcome="inferred" if step.inferred else "restored", restoration_key=key
        )
        self._strides.run(db, task, [(keys, "")], _ender(task, end), end)

    def _close(self, db: Database, task: Task) -> None:
        """End, as inferred, what is still open under an outage that is put away."""
        keys = current(db, task, live=True)
        self._strides.run(db, task, [(keys, "")], _ender(task, task.over), task.over)

    def _reopen(self, db: Database, task: Task) -> None:
        key = task.item.entry.data.get("restoration")
        outage = task.outage
        with db.read() as conn:
            keys = members.ended_by(conn, outage.key, key)
        if (only := task.item.entry.data.get("premises")) is not None:
            # Who says "still out" speaks for nobody else.
            keys = keys[np.isin(keys, np.asarray(only, np.int64))]

        def take_back(conn: Connection, _why: str) -> None:
            members.take_back(conn, outage.key, key)
            interruptions.take_up(conn, outage.key, key, outage.service)

        self._strides.run(db, task, [(keys, "")], take_back, task.fell_out)

    def _cancel(self, db: Database, task: Task) -> None:
        def cancel(conn: Connection, outcome: str) -> None:
            interruptions.void(conn, task.outage.key, task.outage.service)
            members.go(conn, task.outage.key, task.number, task.at, outcome)

        keys = current(db, task, live=False)
        self._strides.run(db, task, [(keys, "cancelled")], cancel, task.fell_out)


def _ender(task: Task, end: End) -> Do:
    def do(conn: Connection, _why: str) -> None:
        members.end(conn, task.outage.key, end.at, end.outcome, end.restoration_key)

    return do
