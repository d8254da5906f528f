"""Members changed and settled in steps, each as long as it may be (DECISIONS 5)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from sqlalchemy.engine import Connection

from gis.membership import interruptions
from gis.membership.interruptions import End
from gis.membership.scratch import fill
from gis.membership.task import Task
from gis.selection import Keys
from outage import journal
from outage.database import Database
from outage.model import OutageKey

STEP_S = 0.030
"""What the work of a step is meant to take, so that with its commit hardly one takes the 50 ms
that it may at most."""
_FIRST, _LEAST, _MOST = 1_000, 1_000, 20_000
"""Premises of a step. Fewer than the least would make no step shorter: what a transaction costs
by itself is then most of it."""

Moved = Sequence[tuple[Keys, str]]
"""Sorted premise keys, and why they come or go."""
Do = Callable[[Connection, str], None]


class Strides:
    """Steps over premises, as many in each as the ones before have shown to fit."""

    def __init__(self) -> None:
        self._size = _FIRST

    def run(
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
        not, so how far that has come is part of the progress. ``came`` is as `settle` takes it.
        """
        for chunk, why in self._chunks(moved):
            # Keys of the index and of members: every one of them is a premise on record.
            with db.bulk(checked=False, redone=True) as conn:
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
