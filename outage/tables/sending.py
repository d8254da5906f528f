"""Who has stopped sending, who has let it go on, and what waits for a second person."""

from sqlalchemy import BigInteger, Column, Index, String, Table, Text, text

from outage.columns import Instant, Key
from outage.tables.base import metadata

sending_stops = Table(
    "sending_stops",
    metadata,
    Column("key", Key, primary_key=True),
    Column("stopped_at", Instant, nullable=False, comment="wall time"),
    Column("stopped_by", String, nullable=False),
    Column("why", Text, nullable=False),
    Column("resumed_at", Instant, comment="wall time; NULL while nothing is sent"),
    Column("resumed_by", String),
    Index(
        "ix_sending_stops_open",
        "key",
        sqlite_where=text("resumed_at IS NULL"),
        postgresql_where=text("resumed_at IS NULL"),
    ),
)

approvals = Table(
    "approvals",
    metadata,
    Column(
        "number",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="journal entry that the messages came of",
    ),
    Column("outage_key", Key, nullable=False),
    Column("messages", BigInteger, nullable=False, comment="that wait"),
    Column("asked_by", String, nullable=False, comment="whose command it was, or a feed, a timer"),
    Column("asked_at", Instant, nullable=False),
    Column(
        "state",
        String,
        nullable=False,
        comment="waiting, approved, broken_glass, withdrawn, lapsed",
    ),
    Column("goes_at", Instant, comment="by itself, if nobody says otherwise; NULL: not by itself"),
    Column("decided_by", String),
    Column("decided_at", Instant),
    Column("why", Text, comment="of who broke the glass, held or withdrew"),
    Index("ix_approvals_state", "state"),
)
