"""The journal, the readers' cursors, and their work items."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, text

from outage.columns import Instant, Key
from outage.tables.base import metadata

journal = Table(
    "journal",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("outage_key", Key),
    Column("outage_version", Integer),
    Column("actor", String, nullable=False),
    Column("at", Instant, nullable=False, comment="business time"),
    Column("wall_at", Instant, nullable=False),
    Column("data", Text, nullable=False, comment="JSON: ids and codes only"),
    Column(
        "state",
        Text,
        nullable=False,
        server_default="{}",
        comment="JSON: codes of the outage right after the entry",
    ),
    Index("ix_journal_outage_key", "outage_key"),
)

cursors = Table(
    "cursors",
    metadata,
    Column("reader", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

work_items = Table(
    "work_items",
    metadata,
    Column("key", Key, primary_key=True),
    Column("reader", String, nullable=False),
    Column("number", BigInteger, nullable=False, comment="journal entry"),
    Column("outage_key", Key, nullable=False, comment="0: no outage"),
    Column("priority", Integer, nullable=False, comment="smaller first"),
    Column("step", Text, nullable=False, server_default="{}", comment="JSON: progress"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("lease_until", Instant, comment="wall time"),
    Column("retry_at", Instant, comment="wall time"),
    Column("parked_at", Instant),
    Column("error", Text),
    Column("led_by", Key, comment="outage whose item of the same entry does this one's work"),
    Index("ix_work_items_line", "reader", "priority", "number"),
    Index("uq_work_items_entry", "reader", "outage_key", "number", unique=True),
    Index(
        "ix_work_items_led_by",
        "led_by",
        "number",
        sqlite_where=text("led_by IS NOT NULL"),
        postgresql_where=text("led_by IS NOT NULL"),
    ),
)
