"""Temporary tables of one transaction: who is looked at, how they stand, what was decided."""

from collections.abc import Mapping
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateTable

from notifier.kinds import Hold
from notifier.policy import Decision
from outage.columns import to_ms

_metadata = MetaData()


def _table(name: str, *columns: "Column[int] | Column[str]") -> Table:
    return Table(name, _metadata, *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


targets = _table(
    "notify_targets",
    Column("outage_key", BigInteger, nullable=False),
    Column("endpoint_key", BigInteger, nullable=False),
)
standing = _table(
    "notify_standing",
    Column("outage_key", BigInteger, nullable=False),
    Column("endpoint_key", BigInteger, nullable=False),
    Column("account_key", BigInteger, nullable=False),
    Column("channel", String, nullable=False),
    Column("medical", Integer, nullable=False),
    Column("first_premise", BigInteger, nullable=False),
    Column("told_key", BigInteger),
    Column("packed", BigInteger, comment="NULL until it is looked at in full"),
    Column("pending_key", BigInteger),
    Column("pending_kind", String),
    Column("pending_variant", String),
    Column("pending_send_after", BigInteger),
)
verdicts = _table(
    "notify_verdicts",
    Column("outage_key", BigInteger, nullable=False),
    Column("packed", BigInteger, nullable=False),
    Column("kind", String),
    Column("variant", String, nullable=False),
    Column("decision", String, nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("hold_ms", BigInteger, nullable=False),
    Column("inherits", Integer, nullable=False, comment="the send time of what it supersedes"),
    Column("after_ms", BigInteger, comment="not to be sent before"),
    Column("expires_ms", BigInteger),
)


def prepare(conn: Connection) -> None:
    """Have all three, empty. They live as long as the transaction."""
    for table in (targets, standing, verdicts):
        conn.execute(CreateTable(table, if_not_exists=True))
        conn.execute(table.delete())


def settle(conn: Connection, table: Table) -> None:
    """Tell PostgreSQL how much a temporary table holds, or it plans for a thousand rows."""
    if conn.dialect.name == "postgresql":
        conn.execute(sa.text(f"ANALYZE {table.name}"))


def record(conn: Connection, decisions: Mapping[tuple[int, int], Decision]) -> None:
    """Write down what was decided, by (outage, packed situation)."""
    rows = [_row(*where, decision) for where, decision in decisions.items()]
    if rows:
        conn.execute(verdicts.insert(), rows)


def named(decision: Decision) -> str:
    """A decision as it is counted: the kind of what is told, or why nothing is."""
    return decision.kind.public_name if decision.kind else decision.reason.value


def _row(outage_key: int, packed: int, decision: Decision) -> dict[str, object]:
    kind, after = decision.kind, decision.after
    expires = kind.expires_after if kind else None
    return {
        "outage_key": outage_key,
        "packed": packed,
        "kind": kind.public_name if kind else None,
        "variant": kind.variant if kind else "",
        "decision": named(decision),
        "urgency": kind.urgency if kind else 0,
        "hold_ms": decision.hold // timedelta(milliseconds=1),
        # That service stays is not shown by how long something else has waited.
        "inherits": int(after is None and (kind is None or kind.rule.hold is not Hold.RESTORED)),
        "after_ms": None if after is None else to_ms(after),
        "expires_ms": None if expires is None else int(expires.total_seconds() * 1000),
    }
