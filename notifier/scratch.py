"""Temporary tables, for one transaction: who is looked at, how they stand, what was decided."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateTable

from notifier.kinds import Hold
from notifier.policy import Decision, unpack
from notifier.situation import CHANNELS
from outage.columns import to_ms

_metadata = MetaData()


def _table(name: str, *columns: "Column[int] | Column[str]") -> Table:
    return Table(
        name, _metadata, *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DELETE ROWS"
    )


targets = _table(
    "notify_targets",
    Column("outage_key", BigInteger, nullable=False),
    Column("endpoint_key", BigInteger, nullable=False),
)
standing = _table(
    "notify_standing",
    Column("outage_key", BigInteger, nullable=False),
    Column("endpoint_key", BigInteger, nullable=False),
    Column("account_key", BigInteger, comment="NULL: who watches an area"),
    Column("channel", String, nullable=False),
    Column("first_premise", BigInteger, nullable=False),
    Column("packed", BigInteger, nullable=False),
    Column("pending_key", BigInteger),
    Column("pending_kind", String),
    Column("pending_variant", String),
    Column("pending_send_after", BigInteger),
)
newcomers = _table(
    "notify_newcomers",
    Column("endpoint_key", BigInteger, nullable=False),
    Column("account_key", BigInteger, nullable=False),
    Column("packed", BigInteger, comment="NULL: no newcomer, but to be looked at in full"),
)
verdicts = _table(
    "notify_verdicts",
    Column("outage_key", BigInteger, nullable=False),
    Column("packed", BigInteger, nullable=False),
    Column("kind", String),
    Column("variant", String, nullable=False),
    Column("decision", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("hold_ms", BigInteger, nullable=False),
    Column("inherits", Integer, nullable=False, comment="the send time of what it supersedes"),
    Column("after_ms", BigInteger, comment="not to be sent before"),
    Column("expires_ms", BigInteger),
)


_FORGET = verdicts.delete()


def prepare(conn: Connection) -> None:
    """Have all of them, empty. What is in them lives as long as the transaction."""
    for statement in _prepared(conn.dialect):
        conn.exec_driver_sql(statement)


@cache
def _prepared(dialect: sa.Dialect) -> list[str]:
    """Written once: that takes SQLAlchemy longer than the database takes to carry it out."""
    return [
        str(statement.compile(dialect=dialect))
        for table in (targets, standing, newcomers, verdicts)
        for statement in (CreateTable(table, if_not_exists=True), table.delete())
    ]


def settle(conn: Connection, table: Table) -> None:
    """Tell PostgreSQL how much a temporary table holds, or it plans for a thousand rows."""
    if conn.dialect.name == "postgresql":
        conn.execute(sa.text(f"ANALYZE {table.name}"))


def record(conn: Connection, decisions: Mapping[tuple[int, int], Decision]) -> None:
    """Write down what was decided, by (outage, packed situation), in place of what was before."""
    conn.execute(_FORGET)
    rows = [_row(*where, decision) for where, decision in decisions.items()]
    if rows:
        conn.execute(verdicts.insert(), rows)


def named(decision: Decision) -> str:
    """A decision as it is counted: the kind of what is told, or why nothing is."""
    return decision.kind.public_name if decision.kind else decision.reason.value


def _row(outage_key: int, packed: int, decision: Decision) -> dict[str, object]:
    kind, after, situation = decision.kind, decision.after, unpack(packed)
    expires = kind.expires_after if kind else None
    return {
        "outage_key": outage_key,
        "packed": packed,
        "kind": kind.public_name if kind else None,
        "variant": kind.variant if kind else "",
        "decision": named(decision),
        "channel": CHANNELS[situation.channel],
        "priority": (kind.urgency if kind else 0) * 2 + 1 - situation.medical,
        "hold_ms": decision.hold // timedelta(milliseconds=1),
        # That service stays is not shown by how long something else has waited.
        "inherits": int(after is None and (kind is None or kind.rule.hold is not Hold.RESTORED)),
        "after_ms": None if after is None else to_ms(after),
        "expires_ms": None if expires is None else int(expires.total_seconds() * 1000),
    }
