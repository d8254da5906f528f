"""A process's sign of life, in the database, for those that listen on no port."""

import json
import os
import socket
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from outage import tables as t
from outage.database import Database, wall_now
from workers.loops import Loop

EVERY_S = 5.0
GONE_AFTER = timedelta(seconds=60)
"""A process of this name and host that was silent for so long has ended."""


class Heartbeat:
    """Keeps the row of this process in `processes` fresh."""

    def __init__(
        self, db: Database, name: str, detail: Callable[[], Mapping[str, object]] = dict
    ) -> None:
        self._db = db
        self._me = {"name": name, "host": socket.gethostname(), "pid": os.getpid()}
        self._detail = detail
        self._started: datetime | None = None

    def beat(self) -> bool:
        """Say that this process lives, and forget those before it that do not."""
        p = t.processes.c
        with self._db.write() as conn:
            now = wall_now(conn)
            self._started = self._started or now
            same = (p.name == self._me["name"], p.host == self._me["host"])
            conn.execute(
                t.processes.delete().where(
                    *same, (p.seen_at < now - GONE_AFTER) | (p.pid == self._me["pid"])
                )
            )
            conn.execute(
                t.processes.insert().values(
                    **self._me,
                    started_at=self._started,
                    seen_at=now,
                    detail=json.dumps(dict(self._detail())),
                )
            )
        return False

    def loop(self) -> Loop:
        """The loop that beats."""
        return Loop(name="heartbeat", turn=self.beat, every_s=EVERY_S, woken=False)
