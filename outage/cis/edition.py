"""How often it has changed who holds what, and how they are reached: for copies kept elsewhere.

Whoever writes accounts, occupancies, contacts or an endpoint's language says so here in the same
transaction. Opt-outs and addresses found invalid need not: they carry their time, by which a copy
finds those that are newer than itself.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.database import next_value

_NAME = "people"


def changed(conn: Connection) -> None:
    """Say that something has changed; last in a transaction, for it takes a lock until commit."""
    next_value(conn, _NAME)


def number(conn: Connection) -> int:
    """How often it has changed."""
    asked = sa.select(t.counters.c.value).where(t.counters.c.name == _NAME)
    return int(conn.execute(asked).scalar() or 0)
