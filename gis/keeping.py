"""Keeper: the audience of the current premises at hand, read beside everything else."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

import numpy as np

from gis import audience
from gis.audience import Audience
from gis.matching import Matcher
from outage.cis import edition
from outage.database import Database

log = logging.getLogger(__name__)
EVERY_S = 1.0
"""How often it is looked whether people have changed."""
_STOP_S = 1.0


class Keeper:
    """Keeps an audience for a process that previews; reads another when people have changed."""

    def __init__(self, db: Database, matcher: Matcher) -> None:
        self._db = db
        self._matcher = matcher
        self._seen: int | None = None
        self.current: Audience | None = None
        """The newest one there is; ask it whether it still holds."""

    def look(self) -> bool:
        """Look once; read what has changed, but not in the middle of a load.

        Returns whether an audience was read.
        """
        index = self._matcher.index()
        keys_at = index.locate(np.empty(0, np.int64)).keys_at
        with self._db.read() as conn:
            if self.current is not None and self.current.holds(conn, keys_at):
                return False
            number = edition.number(conn)
            moving = self._seen is not None and number != self._seen
            self._seen = number
            if moving:
                return False
            self.current = audience.read(conn, keys_at)
        return True

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Look again and again, in a thread of its own, while the body runs."""
        stopping = threading.Event()
        thread = threading.Thread(target=self._run, args=(stopping,), name="audience", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join(_STOP_S)

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                self.look()
            except Exception:  # previews ask the tables meanwhile
                log.exception("who is behind premises could not be read; it is tried again")
            stopping.wait(EVERY_S)
