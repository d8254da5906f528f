"""The premises of one step, as tables of this connection's own that statements join."""

from __future__ import annotations

import json
from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection, Dialect

from gis.selection import Keys
from outage.columns import Key

_OWN = sa.MetaData()
scratch = sa.Table(
    "gis_scratch",
    _OWN,
    sa.Column("premise_key", Key, primary_key=True, autoincrement=False),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DELETE ROWS",
)
settled = sa.Table(
    "gis_settled",
    _OWN,
    sa.Column("premise_key", Key, primary_key=True, autoincrement=False),
    sa.Column("interruption_key", Key, comment="the open one, if there is one"),
    sa.Column("holder", Key, comment="outage that holds it"),
    sa.Column("winner", Key, comment="outage that should"),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DELETE ROWS",
)
_LOCK = 7_305_191
"""Number of the advisory lock by which steps that move interruptions take turns."""

_KEYS: sa.BindParameter[object] = sa.bindparam("keys")
# One value instead of a row of parameters for each premise: filling costs next to nothing.
_FILL_SQLITE = scratch.insert().from_select(
    ["premise_key"], sa.select(sa.func.json_each(_KEYS).table_valued("value").c.value)
)
_FILL_POSTGRESQL = scratch.insert().from_select(
    ["premise_key"],
    sa.select(sa.func.unnest(sa.cast(_KEYS, ARRAY(sa.BigInteger))).column_valued("premise_key")),
)


def fill(conn: Connection, keys: Keys) -> None:
    """Begin a step: put its premises into the scratch table.

    On PostgreSQL steps of several relays take turns from here to their commit: two outages over
    the same ground must see each other's members. On SQLite there is one writer anyway.
    """
    for table in (scratch, settled):
        conn.exec_driver_sql(_creation(conn.dialect, table))
        conn.execute(table.delete())
    if conn.dialect.name == "sqlite":
        conn.execute(_FILL_SQLITE, {"keys": json.dumps(keys.tolist())})
    else:
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        conn.execute(_FILL_POSTGRESQL, {"keys": keys.tolist()})


@cache
def _creation(dialect: Dialect, table: sa.Table) -> str:
    return str(sa.schema.CreateTable(table, if_not_exists=True).compile(dialect=dialect))
