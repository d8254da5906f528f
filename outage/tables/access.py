"""Who signs in, what they do (the audit log), and what keeps guessers out.

The audit log holds keys and codes only. Names stand in `audit_actors` and `staff`, where they can
be erased and the chain still holds (DECISIONS 34).
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, String, Table, Text

from outage.columns import Instant, Key
from outage.tables.base import metadata

audit_actors = Table(
    "audit_actors",
    metadata,
    Column("key", Key, primary_key=True),
    Column("kind", String, nullable=False, comment="staff, cli, or a token's role"),
    Column("name", String, nullable=False),
    Index("uq_audit_actors_name", "kind", "name", unique=True),
)

audit = Table(
    "audit",
    metadata,
    # Append-only: triggers refuse every change; each hash covers the one before it.
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False, comment="wall time"),
    Column("actor_key", Key, ForeignKey("audit_actors.key"), nullable=False),
    Column("action", String, nullable=False),
    Column("about", String, nullable=False, comment="staff:3, token:7, O-7K3M9, …"),
    Column("detail", Text, nullable=False, comment="JSON: keys, codes, numbers only"),
    Column("hash", String, nullable=False, comment="SHA-256 of this entry and the hash before"),
    Index("ix_audit_actor_key", "actor_key", "number"),
)

staff = Table(
    "staff",
    metadata,
    Column("key", Key, primary_key=True),
    Column("name", String, nullable=False, comment="to sign in with"),
    Column("role", String, nullable=False),
    Column("sealed", Boolean, nullable=False, comment="for when the identity provider is away"),
    Column("password_hash", String, comment="argon2id; NULL until the link was used"),
    Column("subject", String, comment="who they are to the identity provider"),
    Column("totp_secret", String),
    Column("totp_step", BigInteger, comment="the last code's 30 seconds"),
    Column("made_at", Instant, nullable=False, comment="wall time, as all here"),
    Column("disabled_at", Instant),
    Index("uq_staff_name", "name", unique=True),
    Index("uq_staff_subject", "subject", unique=True),
)

staff_links = Table(
    "staff_links",
    metadata,
    # One-time links by which a person sets a password and an authenticator.
    Column("key", Key, primary_key=True),
    Column("hash", String, nullable=False, comment="SHA-256 of the link's token"),
    Column("staff_key", Key, ForeignKey("staff.key"), nullable=False),
    Column("totp_secret", String, nullable=False, comment="what its page offers"),
    Column("made_at", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("used_at", Instant, comment="also of those that a newer one has replaced"),
    Index("uq_staff_links_hash", "hash", unique=True),
    Index("ix_staff_links_staff_key", "staff_key"),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("key", Key, primary_key=True),
    Column("staff_key", Key, ForeignKey("staff.key"), nullable=False),
    Column("hash", String, nullable=False, comment="SHA-256 of 80 random bits"),
    Column("used_at", Instant),
    Index("ix_recovery_codes_staff_key", "staff_key"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("key", Key, primary_key=True),
    Column("hash", String, nullable=False, comment="SHA-256 of the cookie"),
    Column("staff_key", Key, ForeignKey("staff.key"), nullable=False),
    Column("browser", String, nullable=False, comment="what it calls itself"),
    Column("made_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("fresh_at", Instant, nullable=False, comment="password and code last given"),
    Column("until", Instant, nullable=False, comment="at most"),
    Column("ended_at", Instant),
    Index("uq_sessions_hash", "hash", unique=True),
    Index("ix_sessions_staff_key", "staff_key"),
    Index("ix_sessions_until", "until"),
)

known_browsers = Table(
    "known_browsers",
    metadata,
    # Where somebody has signed in before: what strangers try there does not lock them out.
    Column("key", Key, primary_key=True),
    Column("hash", String, nullable=False, comment="SHA-256 of the cookie"),
    Column("staff_key", Key, ForeignKey("staff.key"), nullable=False),
    Column("made_at", Instant, nullable=False),
    Index("uq_known_browsers_hash", "hash", "staff_key", unique=True),
    Index("ix_known_browsers_staff_key", "staff_key"),
)

sign_in_tries = Table(
    "sign_in_tries",
    metadata,
    Column("key", Key, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("name_hash", String, nullable=False),
    Column("address_hash", String, nullable=False),
    Column("known_key", Key, comment="of the known browser"),
    Index("ix_sign_in_tries_at", "at"),
    Index("ix_sign_in_tries_name_hash", "name_hash", "at"),
    Index("ix_sign_in_tries_address_hash", "address_hash", "at"),
)
