"""The premises of one step, as a table of this connection's own that statements join."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage.columns import Key

scratch = sa.Table(
    "gis_scratch",
    sa.MetaData(),
    sa.Column("premise_key", Key, primary_key=True),
    sa.Column("why", sa.String),
    sa.Column("winner", Key),
    prefixes=["TEMPORARY"],
)
_LOCK = 7_305_191
"""Number of the advisory lock by which steps that move interruptions take turns."""


def fill(conn: Connection, rows: Iterable[tuple[int, str]]) -> None:
    """Begin a step: put its premises, each with a word why, into the scratch table.

    On PostgreSQL steps of several relays take turns from here to their commit: two outages over
    the same ground must see each other's members. On SQLite there is one writer anyway.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    conn.execute(sa.schema.CreateTable(scratch, if_not_exists=True))
    conn.execute(scratch.delete())
    values = [{"premise_key": int(key), "why": why} for key, why in rows]
    if values:
        conn.execute(scratch.insert(), values)
