"""What is kept only for a while (DECISIONS 8)."""

import sqlalchemy as sa

from outage import tables as t
from outage.database import Database, wall_now
from outage.idempotency import KEPT

STEP = 2_000
"""Rows one step removes, so that it stays short."""


def forget_idempotency_keys(db: Database) -> bool:
    """Remove answers to requests that are older than 30 days; True when there may be more."""
    keys = t.idempotency.c
    with db.bulk() as conn:
        old = (
            sa.select(keys.actor, keys.route, keys.key)
            .where(keys.created_at < wall_now(conn) - KEPT)
            .limit(STEP)
        )
        done = conn.execute(
            t.idempotency.delete().where(sa.tuple_(keys.actor, keys.route, keys.key).in_(old))
        )
        return done.rowcount >= STEP
