"""What people text us, what we answer, and what they report about their place.

Numbers and words stand here and nowhere else: not in the journal, not in a log (DECISIONS 34).
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

from outage.columns import Instant, Key
from outage.tables.base import metadata

replies = Table(
    "replies",
    metadata,
    Column("key", Key, primary_key=True),
    Column("provider", String, nullable=False),
    Column("provider_id", String, nullable=False, comment="of the message at the provider"),
    Column("address", String, nullable=False, comment="as the provider wrote it"),
    Column("body", Text, nullable=False),
    Column("media", Integer, nullable=False, server_default="0", comment="pictures with it"),
    Column("opt_out_type", String, comment="what the provider itself took it for and answered"),
    Column("received_at", Instant, nullable=False, comment="wall time"),
    Column("urgency", Integer, nullable=False, server_default="1", comment="0: danger, or STOP"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # Written when it is applied, in the transaction that does what it asks for:
    Column("applied_at", Instant, comment="NULL until somebody has understood it"),
    Column("endpoint_key", Key, ForeignKey("endpoints.key")),
    Column("intent", String),
    Column("reason", String, comment="why it was taken for that"),
    Column("language", String, comment="it was written in"),
    Column("outcome", String, comment="what was done about it"),
    Column("for_staff", Boolean, nullable=False, server_default=text("false")),
    Column(
        "guessed",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="holds an account number that proved nothing",
    ),
    Column("handled_at", Instant, comment="a person has looked at it"),
    Column("handled_by", String),
    Index("uq_replies_provider", "provider", "provider_id", unique=True),
    Index("ix_replies_endpoint_key", "endpoint_key"),
    Index("ix_replies_address", "address", "key"),
    Index(
        "ix_replies_waiting",
        "urgency",
        "key",
        sqlite_where=text("applied_at IS NULL"),
        postgresql_where=text("applied_at IS NULL"),
    ),
    Index(
        "ix_replies_guessed",
        "applied_at",
        sqlite_where=text("guessed"),
        postgresql_where=text("guessed"),
    ),
    Index(
        "ix_replies_for_staff",
        "key",
        sqlite_where=text("for_staff AND handled_at IS NULL"),
        postgresql_where=text("for_staff AND handled_at IS NULL"),
    ),
)

answers = Table(
    "answers",
    metadata,
    Column("key", Key, primary_key=True),
    Column("reply_key", Key, ForeignKey("replies.key"), nullable=False),
    Column("role", String, nullable=False, comment="answer, or page: to the on-call contacts"),
    Column("channel", String, nullable=False),
    Column("address", String, nullable=False),
    Column("language", String, nullable=False),
    Column("template", String, nullable=False, comment="name and version"),
    Column("subject", Text, nullable=False, server_default=""),
    Column("body", Text, nullable=False),
    Column("urgency", Integer, nullable=False, comment="0 first"),
    Column("state", String, nullable=False),
    Column("reason", String, comment="why it ended so"),
    Column("created_at", Instant, nullable=False, comment="wall time"),
    Column("send_after", Instant, nullable=False, comment="wall time"),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("lease_until", Instant, comment="wall time"),
    Column("provider_id", String),
    Column("provider_code", String),
    Column("ended_at", Instant, comment="wall time"),
    Column("message_key", Key, ForeignKey("messages.key"), comment="what it tells of an outage"),
    Column("tries", Integer, nullable=False, server_default="0", comment="that a provider was at"),
    Index("uq_answers_reply", "reply_key", "role", "channel", "address", unique=True),
    Index(
        "ix_answers_open",
        "urgency",
        "key",
        sqlite_where=text("state IN ('pending', 'claimed')"),
        postgresql_where=text("state IN ('pending', 'claimed')"),
    ),
)

temporary_links = Table(
    "temporary_links",
    metadata,
    # What the link opens that an answer to an unknown number went out with. All of it is signed.
    Column("answer_key", Key, ForeignKey("answers.key"), primary_key=True, autoincrement=False),
    Column("endpoint_key", Key, ForeignKey("endpoints.key"), nullable=False),
    Column("premises", Text, nullable=False, comment="JSON: keys of the place that was named"),
    Column("occupancies", Text, nullable=False, comment="JSON: keys; []: nothing was proved"),
    Column("outages", Text, nullable=False, comment="JSON: keys of those known there then"),
    Column("made_at", Instant, nullable=False, comment="business time"),
)

conversations = Table(
    "conversations",
    metadata,
    # What an endpoint was asked last, and which place it named; both hold for a while only.
    Column("endpoint_key", Key, ForeignKey("endpoints.key"), primary_key=True, autoincrement=False),
    Column("asked", String, comment="which, who or stop; NULL: nothing"),
    Column("about", String, comment="intent that the answer is for"),
    Column("options", Text, nullable=False, server_default="[]", comment="JSON: premise keys"),
    Column("asked_at", Instant, comment="wall time"),
    Column("premises", Text, nullable=False, server_default="[]", comment="JSON: keys it named"),
    Column("proved", Boolean, nullable=False, server_default=text("false")),
    Column("named_at", Instant, comment="wall time"),
)

reports = Table(
    "reports",
    metadata,
    Column("key", Key, primary_key=True),
    Column("kind", String, nullable=False, comment="out, stillOut or on"),
    Column("source", String, nullable=False, comment="reply:KEY"),
    Column("premise_key", Key, ForeignKey("premises.key"), nullable=False),
    Column("service", String, nullable=False),
    Column("endpoint_key", Key, ForeignKey("endpoints.key")),
    Column("outage_key", Key, ForeignKey("outages.key"), comment="that it was known under"),
    Column("proposal_key", Key, ForeignKey("outages.key"), comment="nested outage it is part of"),
    Column("at", Instant, nullable=False),
    Column("ended_at", Instant, comment="taken back, or back on"),
    Index("uq_reports_source", "source", "premise_key", unique=True),
    Index("ix_reports_premise_key", "premise_key"),
    Index("ix_reports_outage_key", "outage_key"),
)
