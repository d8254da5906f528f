"""Messages, the batches they are sent in, their texts, receipts, and the reasons for none."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from outage.columns import Instant, Key
from outage.tables.base import metadata

messages = Table(
    "messages",
    metadata,
    Column("key", Key, primary_key=True),
    Column("number", BigInteger, nullable=False, comment="journal entry it came of"),
    Column("outage_key", Key, nullable=False),
    Column("endpoint_key", Key, nullable=False),
    Column("account_key", Key, comment="NULL: to who watches an area"),
    Column("channel", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("variant", String, nullable=False, server_default=""),
    Column("state", String, nullable=False),
    Column("reason", String, comment="why it ended so"),
    Column("priority", Integer, nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("send_after", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("batch_key", Key),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("lease_until", Instant, comment="wall time"),
    Column("sends", Integer, nullable=False, server_default="0", comment="times it was claimed"),
    Column("claimed_at", Instant),
    Column("accepted_at", Instant),
    Column("ended_at", Instant),
    Column("provider", String),
    Column("provider_id", String),
    Column("provider_code", String),
    # Frozen at claim (DECISIONS 21):
    Column("told_state", String, comment="out, back, unaffected, cancelled"),
    Column("told_etr_version", Integer),
    Column("text_key", Key),
    Column("segments", Integer),
    Column("told_time", Instant, comment="ETR, next update or planned start that it states"),
    Column("told_update", Boolean, comment="told_time is when there will be more"),
    Column("told_end", Instant, comment="end of planned work that it states"),
    Column("told_crew", Boolean, comment="known: a crew is on site"),
    Column("told_places", Integer, comment="places that it said are out"),
    # Of an attempt that nobody knows the end of, in wall time:
    Column("tried_at", Instant, comment="the last attempt began"),
    Column("unknown_since", Instant, comment="since when nobody knows whether it was taken"),
    Column("ask_after", Instant, comment="its provider is asked then; NULL: it has been"),
    Column("asked", Integer, nullable=False, server_default="0", comment="times without answer"),
    Column("instead_of", Key, comment="message that could not be delivered, whose place it takes"),
    Column("followed", String, comment="what was done when it could not be delivered"),
    Index(
        "ix_messages_unfollowed",
        "key",
        sqlite_where=text("state IN ('failed', 'undelivered') AND followed IS NULL"),
        postgresql_where=text("state IN ('failed', 'undelivered') AND followed IS NULL"),
    ),
    Column(
        "put_off", Integer, nullable=False, server_default="0", comment="times, by its provider"
    ),
    # PostgreSQL locks, and so writes, each row that is referred to: twice the work of all else that
    # a planner does. So it is SQLite's alone, whose planner is not checked; who deletes endpoints
    # (`workers.retention`) asks these tables, on both, which of them messages still name.
    *(
        ForeignKeyConstraint([column], [f"{table}.key"]).ddl_if(dialect="sqlite")
        for column, table in (
            ("outage_key", "outages"),
            ("endpoint_key", "endpoints"),
            ("account_key", "accounts"),
            ("text_key", "texts"),
        )
    ),
    # A planner pays for every index that a pending message is in: these three, and the one of
    # what is due.
    Index("uq_messages_endpoint_entry", "endpoint_key", "number", "channel", unique=True),
    Index(
        "uq_messages_pending",
        "outage_key",
        "endpoint_key",
        unique=True,
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index("ix_messages_outage_endpoint", "outage_key", "endpoint_key"),
    Index(
        "ix_messages_claimed",
        "lease_until",
        sqlite_where=text("state = 'claimed'"),
        postgresql_where=text("state = 'claimed'"),
    ),
    Index(
        "ix_messages_accepted_at",
        "accepted_at",
        sqlite_where=text("accepted_at IS NOT NULL"),
        postgresql_where=text("accepted_at IS NOT NULL"),
    ),
    Index(
        "ix_messages_batch_key",
        "batch_key",
        sqlite_where=text("batch_key IS NOT NULL"),
        postgresql_where=text("batch_key IS NOT NULL"),
    ),
    Index(
        "ix_messages_due",
        "channel",
        "priority",
        "send_after",
        sqlite_where=text("state = 'pending' AND batch_key IS NULL"),
        postgresql_where=text("state = 'pending' AND batch_key IS NULL"),
    ),
    Index(
        "ix_messages_provider_id",
        "provider_id",
        sqlite_where=text("provider_id IS NOT NULL"),
        postgresql_where=text("provider_id IS NOT NULL"),
    ),
    Index(
        "ix_messages_unknown",
        "ask_after",
        sqlite_where=text("state = 'unknown'"),
        postgresql_where=text("state = 'unknown'"),
    ),
)

batches = Table(
    "batches",
    metadata,
    Column("key", Key, primary_key=True),
    Column("lane", String, nullable=False, comment="queue: channel and urgency"),
    Column("state", String, nullable=False, comment="open, claimed, done"),
    Column("created_at", Instant, nullable=False, comment="wall time"),
    Column("enqueued_at", Instant, comment="wall time"),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("lease_until", Instant),
    Index("ix_batches_state", "state"),
)

texts = Table(
    "texts",
    metadata,
    Column("key", Key, primary_key=True),
    Column("digest", String, nullable=False, unique=True),
    Column("channel", String, nullable=False),
    Column("language", String, nullable=False),
    Column("template", String, nullable=False, comment="name and version"),
    Column("subject", Text, nullable=False, server_default=""),
    Column("body", Text, nullable=False),
    Column("html", Text, nullable=False, server_default=""),
)

receipts = Table(
    "receipts",
    metadata,
    Column("key", Key, primary_key=True),
    Column("message_key", Key, ForeignKey("messages.key"), nullable=False),
    Column("event", String, nullable=False),
    Column("at", Instant, nullable=False, comment="as the provider says"),
    Column("code", String, nullable=False, server_default=""),
    Column("received_at", Instant, nullable=False),
    Index("uq_receipts_event", "message_key", "event", "at", "code", unique=True),
)

decisions = Table(
    "decisions",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("outage_key", Key, primary_key=True),
    Column("decision", String, primary_key=True, comment="a kind, or a reason for none"),
    Column("count", Integer, nullable=False),
    Index("ix_decisions_decision_outage", "decision", "outage_key"),
)
