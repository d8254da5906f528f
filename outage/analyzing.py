"""What PostgreSQL knows of how its tables are filled, kept up while a storm fills them.

By itself it looks again within a minute or so. The first large outage is planned sooner than
that: by what was known of empty tables, it goes through all of one for each row of another.
"""

import logging

import sqlalchemy as sa

from outage.database import Database

log = logging.getLogger(__name__)

FILLED = ("memberships", "interruptions", "messages")
"""Tables that a storm fills in minutes."""
_GROWN = sa.text(
    "SELECT relname FROM pg_class WHERE oid = ANY(CAST(:tables AS regclass[]))"
    " AND pg_relation_size(oid) / current_setting('block_size')::int > 16 + relpages * 1.2"
)


def keep_up(db: Database) -> list[str]:
    """Let PostgreSQL look at the tables that have grown by a fifth since it last did.

    Returns their names. SQLite needs nothing of the kind: see `outage.in_order`.
    """
    if db.is_sqlite:
        return []
    with db.engine.connect() as raw:
        conn = raw.execution_options(isolation_level="AUTOCOMMIT")
        grown = list(conn.execute(_GROWN, {"tables": list(FILLED)}).scalars())
        for name in grown:
            try:
                # A VACUUM may hold a table for hours; nobody waits for it here.
                conn.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {name}")
            except sa.exc.DBAPIError as error:
                log.warning("%s could not be analyzed: %s", name, type(error.orig).__name__)
    return grown
