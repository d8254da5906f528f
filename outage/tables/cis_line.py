"""What the utility's own CIS is to be told over HTTP, and how the line to it does."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, text

from outage.columns import Instant, Key
from outage.tables.base import metadata

cis_upserts = Table(
    "cis_upserts",
    metadata,
    # One row for each account and outage: a newer version takes the place of one that waits.
    Column("outage_key", Key, ForeignKey("outages.key"), primary_key=True, autoincrement=False),
    Column("account_key", Key, ForeignKey("accounts.key"), primary_key=True, autoincrement=False),
    Column("wanted", BigInteger, nullable=False, comment="journal entry of the newest version"),
    Column("accepted", BigInteger, comment="newest version that the CIS has taken"),
    Column("settled_at", Instant, comment="wall time; NULL: it waits to be sent"),
    Column("code", String, comment="why the CIS refuses it; NULL: it does not"),
    Column("attempts", Integer, nullable=False, server_default="0", comment="failed in a row"),
    Column("retry_at", Instant, comment="wall time"),
    Column("most", Integer, comment="records in its next call; fewer after one was refused"),
    # In the order in which they go, or each call would sort all of a large outage's.
    Index(
        "ix_cis_upserts_waiting",
        "wanted",
        "outage_key",
        "account_key",
        sqlite_where=text("settled_at IS NULL"),
        postgresql_where=text("settled_at IS NULL"),
    ),
    Index(
        "ix_cis_upserts_refused",
        "settled_at",
        sqlite_where=text("code IS NOT NULL"),
        postgresql_where=text("code IS NOT NULL"),
    ),
    Index("ix_cis_upserts_account_key", "account_key"),
)

cis_line = Table(
    "cis_line",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="always 1"),
    Column("holder", String, comment="who sends"),
    Column("lease_until", Instant, comment="wall time, as all here"),
    Column("failures", Integer, nullable=False, server_default="0", comment="calls in a row"),
    Column("rests_until", Instant),
    Column("code", String, comment="what the last failed call was answered"),
    Column("accepted_at", Instant, comment="when the CIS last took something"),
)
