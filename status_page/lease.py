"""The fenced lease that lets one publisher work at a time."""

import logging
import os
import secrets
import socket
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

    def take(self, conn: Connection) -> bool:
        """Take or keep the lease; False while somebody else holds it."""
        if self.fence is not None and self.keep(conn):
            return True
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
            self.fence = 1
            return True
        if row.until > now:
            return False
        self.fence = row.fence + 1
        conn.execute(
            t.leases.update()
            .where(t.leases.c.name == NAME)
            .values(holder=self._holder, fence=self.fence, until=now + LENGTH)
        )
        return True

    def keep(self, conn: Connection) -> bool:
        """Prolong the lease if it is still ours, even when it has run out unnoticed."""
        done = conn.execute(
            t.leases.update()
            .where(
                t.leases.c.name == NAME,
                t.leases.c.holder == self._holder,
                t.leases.c.fence == self.fence,
            )
            .values(until=wall_now(conn) + LENGTH)
        )
        if done.rowcount != 1:
            self.fence = None
        return done.rowcount == 1

    @contextmanager
    def renewed(self, db: Database) -> Iterator[Callable[[], None]]:
        """Prolong the lease again and again while the body works, however long that takes.

        Yields a check that raises `NewerPublication` once the lease was found to be lost.
        """
        done, lost = Event(), Event()

        def prolong() -> None:
            while not lost.is_set() and not done.wait(LENGTH.total_seconds() / 3):
                try:
                    with db.write() as conn:
                        held = self.keep(conn)
                except sa.exc.SQLAlchemyError as error:
                    # Whether it is held yet is asked again before the pointer is written.
                    log.warning("The lease could not be renewed: %s.", type(error).__name__)
                    continue
                if not held:
                    lost.set()

        def check() -> None:
            if lost.is_set():
                raise NewerPublication

        thread = Thread(target=prolong, name="lease", daemon=True)
        thread.start()
        try:
            yield check
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
