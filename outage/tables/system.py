"""What keeps the processes in step: counters, clock, leases, tokens, generations, heartbeats."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from outage.columns import Instant, Key
from outage.tables.base import metadata

counters = Table(
    "counters",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

facts = Table(
    "facts",
    metadata,
    Column("name", String, primary_key=True, comment="epoch, schema, …"),
    Column("value", Text, nullable=False),
)

clock = Table(
    "clock",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="always 1"),
    Column("held", Boolean, nullable=False, comment="business time stands at `at`"),
    Column("at", Instant),
)

barriers = Table(
    "barriers",
    metadata,
    Column("number", Key, primary_key=True),
    Column("business_at", Instant, nullable=False),
    Column("wall_at", Instant, nullable=False),
    Column("journal_number", BigInteger, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("until", Instant, nullable=False, comment="wall time"),
)

generations = Table(
    "generations",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("epoch", String, nullable=False),
    Column("journal_number", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("wall_at", Instant, nullable=False),
    Column("published_at", Instant, comment="wall time; NULL until the pointer named it"),
    Column("manifest", String),
)

tokens = Table(
    "tokens",
    metadata,
    Column("key", Key, primary_key=True),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("hash", String, nullable=False, unique=True, comment="SHA-256 of the token"),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("actor", String, primary_key=True),
    Column("route", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("body_hash", String, nullable=False),
    Column("status", Integer),
    Column("answer", Text),
    Column("created_at", Instant, nullable=False, comment="wall time"),
    Index("ix_idempotency_created_at", "created_at"),
)

processes = Table(
    "processes",
    metadata,
    Column("name", String, primary_key=True),
    Column("host", String, primary_key=True),
    Column("pid", Integer, primary_key=True, autoincrement=False),
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False, comment="wall time"),
    Column("detail", Text, nullable=False, server_default="{}", comment="JSON"),
)
