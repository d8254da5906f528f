"""Business time and wall time (DECISIONS 7).

Business time is what outages, holds, ETRs and expiry live by. Normally it is the wall clock; in
a replay or a drill it stands still in the database and moves by barriers.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.database import APPENDED, wall_now


def business_now(conn: Connection, *, wall: datetime | None = None) -> datetime:
    """Return the business time that every process reads.

    Who has just asked for the ``wall`` time hands it over, and the database is not asked again.
    """
    row = conn.execute(_NOW).first()
    if row is not None and row.held and row.at is not None:
        at: datetime = row.at
        return at
    return wall or wall_now(conn)


_NOW = sa.select(t.clock.c.held, t.clock.c.at)
"""Built once: everybody asks for it again and again."""


def is_held(conn: Connection) -> bool:
    """Whether business time is moved by barriers instead of by the wall clock."""
    return bool(conn.execute(sa.select(t.clock.c.held)).scalar())


def hold(conn: Connection, at: datetime) -> None:
    """Let business time stand at ``at``; it never goes back while held."""
    conn.execute(t.clock.delete())
    conn.execute(t.clock.insert().values(id=1, held=True, at=at))


def move_to(conn: Connection, at: datetime) -> None:
    """Put up a barrier: business time becomes ``at``, and the log maps it to wall time."""
    now = business_now(conn)
    if at < now:
        message = f"business time cannot go back from {now.isoformat()} to {at.isoformat()}"
        raise ValueError(message)
    conn.execute(t.clock.update().values(held=True, at=at))
    conn.info[APPENDED] = True  # what has become due is looked for at once
    last = conn.execute(
        sa.select(t.counters.c.value).where(t.counters.c.name == "journal")
    ).scalar()
    conn.execute(
        t.barriers.insert().values(business_at=at, wall_at=wall_now(conn), journal_number=last or 0)
    )


def release(conn: Connection) -> None:
    """Let business time be the wall clock again."""
    conn.execute(t.clock.delete())
