"""Accounts, who held which premise when, and how they are reached.

Phones and e-mail addresses stand in ``endpoints`` only (DECISIONS 34).
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

from outage.columns import Instant, Key, Ordered
from outage.tables.base import metadata

accounts = Table(
    "accounts",
    metadata,
    Column("key", Key, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("name", String, nullable=False, server_default=""),
    Column("medical", Boolean, nullable=False, server_default=text("false")),
    Column("outage_alerts", Boolean, nullable=False, server_default=text("true")),
    Column("alerts_source", String, nullable=False, server_default="cis", comment="cis or person"),
    Column("closed_at", Instant),
    Column("critical", Boolean, nullable=False, server_default=text("false")),
)

account_words = Table(
    "account_words",
    metadata,
    # What staff find an account by: the words of its name as `outage.names` writes them. Kept by
    # every writer of a name, in the transaction that writes it.
    Column("word", Ordered, primary_key=True),
    Column("account_key", Key, ForeignKey("accounts.key"), primary_key=True, autoincrement=False),
    Index("ix_account_words_account_key", "account_key", "word"),
)

account_notes = Table(
    "account_notes",
    metadata,
    # What staff write down of an account; nothing is sent about it, and it is in no other place.
    Column("key", Key, primary_key=True),
    Column("account_key", Key, ForeignKey("accounts.key"), nullable=False),
    Column("once", String, nullable=False, comment="the form's own word: sent again, it is one"),
    Column("at", Instant, nullable=False, comment="business time"),
    Column("actor", String, nullable=False),
    Column("text", Text, nullable=False),
    Index("uq_account_notes_once", "account_key", "once", unique=True),
    Index("ix_account_notes_at", "at"),
)

occupancies = Table(
    "occupancies",
    metadata,
    Column("key", Key, primary_key=True),
    Column("account_key", Key, ForeignKey("accounts.key"), nullable=False),
    Column("premise_key", Key, ForeignKey("premises.key"), nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
    # With what its readers ask for, so that the planner finds places in an index alone.
    Index("ix_occupancies_account_key_open", "account_key", "until", "premise_key"),
    Index("ix_occupancies_premise_key", "premise_key"),
    Index(
        "uq_occupancies_open",
        "premise_key",
        "account_key",
        unique=True,
        sqlite_where=text("until IS NULL"),
        postgresql_where=text("until IS NULL"),
    ),
)

endpoints = Table(
    "endpoints",
    metadata,
    Column("key", Key, primary_key=True),
    Column("kind", String, nullable=False, comment="phone or email"),
    Column("address", String, nullable=False, comment="E.164, or normalised e-mail"),
    Column("language", String, nullable=False, server_default="en"),
    Column("opted_out_at", Instant),
    Column("opt_out_source", String),
    Column("invalid_at", Instant),
    Column("invalid_code", String),
    Index("uq_endpoints_kind_address", "kind", "address", unique=True),
    Index(
        "ix_endpoints_opted_out_at",
        "opted_out_at",
        sqlite_where=text("opted_out_at IS NOT NULL"),
        postgresql_where=text("opted_out_at IS NOT NULL"),
    ),
    Index(
        "ix_endpoints_invalid_at",
        "invalid_at",
        sqlite_where=text("invalid_at IS NOT NULL"),
        postgresql_where=text("invalid_at IS NOT NULL"),
    ),
)

contacts = Table(
    "contacts",
    metadata,
    Column("key", Key, primary_key=True),
    Column("account_key", Key, ForeignKey("accounts.key"), nullable=False),
    Column("endpoint_key", Key, ForeignKey("endpoints.key"), nullable=False),
    Column("channel", String, nullable=False, comment="sms or email"),
    Column("topics", Integer, nullable=False, server_default="1", comment="bits: outages 1"),
    Column("quiet_from", Integer, comment="minutes after local midnight"),
    Column("quiet_until", Integer),
    Column("consent_source", String, nullable=False, server_default="import"),
    Column("consent_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("chosen_at", Instant, comment="the person set topics and quiet hours; no import does"),
    Column("ended_by", String, comment="wrong_person or person: no import begins it again"),
    Index("ix_contacts_endpoint_key", "endpoint_key"),
    Index("ix_contacts_account_key", "account_key"),
    Index(
        "ix_contacts_ended_by",
        "ended_by",
        sqlite_where=text("ended_by IS NOT NULL"),
        postgresql_where=text("ended_by IS NOT NULL"),
    ),
    Index(
        "uq_contacts_open",
        "account_key",
        "endpoint_key",
        "channel",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)
