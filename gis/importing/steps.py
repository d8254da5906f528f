"""Long writing in steps, each as long as it may be (DECISIONS 5)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.engine import Connection

from outage.database import Database
from outage.loading import Progress

FIRST = 500
"""Rows of the first step; the later ones are as many as fit into their time."""
_LEAST, _MOST = 50, 20_000
_STEP_S = 0.025
"""What the statements of a step may take: with its commit it stays below 50 ms on SQLite."""

_Ready = TypeVar("_Ready")


class Steps:
    """Steps over rows, one transaction each.

    Args:
        db: where to write.
        rows: how many rows all runs together go over.
        progress: hears how many of them are done.
    """

    def __init__(self, db: Database, rows: int, progress: Progress | None) -> None:
        self.dialect = db.engine.dialect
        self._db = db
        self._rows = rows
        self._progress = progress
        self._done = 0

    def run(
        self,
        rows: int,
        prepare: Callable[[slice], _Ready],
        write: Callable[[Connection, _Ready], None],
    ) -> None:
        """Write so many rows: ``prepare`` makes some ready outside of any transaction."""
        at, size = 0, FIRST
        while at < rows:
            part = slice(at, min(at + size, rows))
            ready = prepare(part)
            with self._db.bulk() as conn:
                began = time.monotonic()
                write(conn, ready)
                took_s = time.monotonic() - began
            length = part.stop - at
            fits = int(length * _STEP_S / max(took_s, 0.001))
            at, size = part.stop, max(_LEAST, min(_MOST, 2 * size, fits))
            self._done += length
            if self._progress is not None:
                self._progress(self._done, self._rows)
