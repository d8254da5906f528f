"""The fenced lease that lets one publisher work at a time."""

import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.database import Database, wall_now
from status_page.errors import NewerPublication

log = logging.getLogger(__name__)

NAME = "publisher"
LENGTH = timedelta(seconds=5)
"""Short: a publisher that was killed holds up the page no longer than this."""

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _clock_s() -> float:
    """Seconds of a clock that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(_CLOCK)


class Lease:
    """One holder's claim. Every taking raises the fence, so a late holder can be told apart."""

    def __init__(self) -> None:
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.fence: int | None = None
        """Of the lease it holds; another number after a break: somebody else may have held it."""
        self._until_s = 0.0
        """By `_clock_s`: up to then nobody else can have taken it. Commits alone count."""

    def take(self, db: Database) -> bool:
        """Take or keep the lease; False while somebody else holds it."""
        asked_s = _clock_s()
        with db.write() as conn:
            if self.fence is not None and self.keep(conn):
                fence: int | None = self.fence
            else:
                fence = self._take(conn)
        if fence is None:
            return False
        self.fence, self._until_s = fence, asked_s + LENGTH.total_seconds()
        return True

    def _take(self, conn: Connection) -> int | None:
        """Take what nobody holds; return the fence."""
        now = wall_now(conn)
        row = conn.execute(
            sa.select(t.leases).where(t.leases.c.name == NAME).with_for_update()
        ).first()
        if row is None:
            conn.execute(
                t.leases.insert().values(
                    name=NAME, holder=self._holder, fence=1, until=now + LENGTH
                )
            )
            return 1
        if row.until > now:
            return None
        fence = int(row.fence) + 1
        conn.execute(
            t.leases.update()
            .where(t.leases.c.name == NAME)
            .values(holder=self._holder, fence=fence, until=now + LENGTH)
        )
        return fence

    def keep(self, conn: Connection) -> bool:
        """Prolong the lease if it is still ours, even when it has run out unnoticed."""
        fence = self.fence
        done = conn.execute(
            t.leases.update()
            .where(
                t.leases.c.name == NAME,
                t.leases.c.holder == self._holder,
                t.leases.c.fence == fence,
            )
            .values(until=wall_now(conn) + LENGTH)
        )
        if done.rowcount != 1 and self.fence == fence:
            self.fence = None
        return done.rowcount == 1

    def _prolong(self, db: Database) -> bool:
        asked_s = _clock_s()
        with db.write() as conn:
            held = self.keep(conn)
        if held:
            self._until_s = asked_s + LENGTH.total_seconds()
        return held

    def check(self, db: Database) -> Callable[[], None]:
        """Return what raises `NewerPublication` once the lease that is held now is lost.

        It costs next to nothing as long as nobody else can have taken it. Where that may be, after
        a pause of the whole process above all, the record is asked.
        """
        fence = self.fence

        def still_held() -> None:
            if fence is None or self.fence != fence:
                raise NewerPublication
            if _clock_s() < self._until_s:
                return
            if not self._prolong(db) or self.fence != fence:
                raise NewerPublication

        return still_held

    @contextmanager
    def renewed(self, db: Database) -> Iterator[Callable[[], None]]:
        """Prolong the lease again and again while the body works, however long that takes.

        Yields what `check` returns.
        """
        done, fence = Event(), self.fence

        def prolong() -> None:
            while self.fence == fence and not done.wait(LENGTH.total_seconds() / 3):
                try:
                    self._prolong(db)
                except sa.exc.SQLAlchemyError as error:
                    # Whether it is held yet is asked again before anything is written.
                    log.warning("The lease could not be renewed: %s.", type(error).__name__)

        thread = Thread(target=prolong, name="lease", daemon=True)
        thread.start()
        try:
            yield self.check(db)
        finally:
            done.set()
            thread.join()

    def give_back(self, conn: Connection) -> None:
        """Let the next one begin at once."""
        conn.execute(
            t.leases.update()
            .where(
                t.leases.c.name == NAME,
                t.leases.c.holder == self._holder,
                t.leases.c.fence == self.fence,
            )
            .values(until=wall_now(conn))
        )
        self.fence = None
