"""The embedded CIS: account × outage with a version range (DECISIONS 35).

The record of an account at a version is the join of the two tables: an update to an outage of
200,000 accounts writes one row.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table

from outage.columns import Instant, Key
from outage.tables.base import metadata

cis_versions = Table(
    "cis_versions",
    metadata,
    Column("outage_key", Key, ForeignKey("outages.key"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False, comment="journal entry"),
    Column("at", Instant, nullable=False),
    Column("kind", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("status", String, nullable=False),
    Column("crew_status", String),
    Column("crew_reason", String),
    Column("etr_version", Integer),
    Column("etr_latest", Instant),
    Column("note_key", Key),
    Column("public_message_key", Key),
)

cis_accounts = Table(
    "cis_accounts",
    metadata,
    Column("key", Key, primary_key=True),
    Column("account_key", Key, ForeignKey("accounts.key"), nullable=False),
    Column("outage_key", Key, ForeignKey("outages.key"), nullable=False),
    Column("from_number", BigInteger, nullable=False),
    Column("until_number", BigInteger, comment="NULL while the account is concerned"),
    Column("outcome", String, comment="restored, voided, cancelled, inferred, moved"),
    Column("premises", Integer, nullable=False, comment="premises of the account in the outage"),
    Index("uq_cis_accounts_from", "outage_key", "account_key", "from_number", unique=True),
    Index("ix_cis_accounts_account_key", "account_key"),
)
