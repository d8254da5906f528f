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


class Lease:
    """One holder's claim. Every taking raises the fence, so a late holder can be told apart."""

    def __init__(self) -> None:
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.fence: int | None = None
        """Of the lease it holds; another number after a break: somebody else may have held it."""
        self._until_s = 0.0
        """By this process's monotonic clock: up to then nobody else can have taken it."""

    def take(self, conn: Connection) -> bool:
        """Take or keep the lease; False while somebody else holds it."""
        if self.fence is not None and self.keep(conn):
            return True
        asked_s, now = time.monotonic(), wall_now(conn)
        row = conn.execute(
            sa.select(t.leases).where(t.leases.c.name == NAME).with_for_update()
        ).first()
        if row is None:
            conn.execute(
                t.leases.insert().values(
                    name=NAME, holder=self._holder, fence=1, until=now + LENGTH
                )
            )
            self.fence, self._until_s = 1, asked_s + LENGTH.total_seconds()
            return True
        if row.until > now:
            return False
        self.fence, self._until_s = row.fence + 1, asked_s + LENGTH.total_seconds()
        conn.execute(
            t.leases.update()
            .where(t.leases.c.name == NAME)
            .values(holder=self._holder, fence=self.fence, until=now + LENGTH)
        )
        return True

    def keep(self, conn: Connection) -> bool:
        """Prolong the lease if it is still ours, even when it has run out unnoticed."""
        asked_s, fence = time.monotonic(), self.fence
        done = conn.execute(
            t.leases.update()
            .where(
                t.leases.c.name == NAME,
                t.leases.c.holder == self._holder,
                t.leases.c.fence == fence,
            )
            .values(until=wall_now(conn) + LENGTH)
        )
        if done.rowcount == 1:
            self._until_s = asked_s + LENGTH.total_seconds()
        elif self.fence == fence:
            self.fence = None
        return done.rowcount == 1

    def check(self, db: Database) -> Callable[[], None]:
        """Return what raises `NewerPublication` once the lease that is held now is lost.

        It costs next to nothing as long as nobody else can have taken it. Where that may be, after
        a pause of the whole process above all, the record is asked.
        """
        fence = self.fence

        def still_held() -> None:
            if fence is None or self.fence != fence:
                raise NewerPublication
            if time.monotonic() < self._until_s:
                return
            with db.write() as conn:
                held = self.keep(conn)
            if not held or self.fence != fence:
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
                    with db.write() as conn:
                        self.keep(conn)
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
