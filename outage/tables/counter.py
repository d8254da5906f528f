"""What the public's forms bring in: reports, who asks to be told of what, what they look at.

Places, notes and numbers stand here and nowhere else: not in the journal, not in a log
(DECISIONS 34).
"""

from sqlalchemy import Column, Float, ForeignKey, Index, String, Table, Text, text

from outage.columns import Instant, Key
from outage.tables.base import metadata

public_reports = Table(
    "public_reports",
    metadata,
    Column("key", Key, primary_key=True),
    Column("once", String, nullable=False, comment="the form's own word: sent again, it is one"),
    Column("wrong", String, nullable=False, comment="out, partial, flickering, pressure, hazard"),
    Column("service", String, nullable=False),
    Column("premise_key", Key, ForeignKey("premises.key"), comment="NULL: no place was found"),
    Column("longitude", Float),
    Column("latitude", Float),
    Column("written", Text, nullable=False, server_default="", comment="a place nobody found"),
    Column("note", Text, nullable=False, server_default=""),
    Column("callback", String, comment="E.164"),
    Column("danger", String, comment="gas, wire, fire, medical or emergency"),
    Column("report_key", Key, ForeignKey("reports.key"), comment="the customer's report of it"),
    Column("at", Instant, nullable=False),
    Index("uq_public_reports_once", "once", unique=True),
    Index("ix_public_reports_at", "at"),
    Index("ix_public_reports_report_key", "report_key"),
    Index("ix_public_reports_premise_key", "premise_key"),
)

opt_ins = Table(
    "opt_ins",
    metadata,
    # Who asks to be told of a place. They are nobody's contact until they have said yes.
    Column("key", Key, primary_key=True),
    Column("once", String, nullable=False, comment="the form's own word: sent again, it is one"),
    Column("endpoint_key", Key, ForeignKey("endpoints.key"), nullable=False),
    Column("channel", String, nullable=False, comment="sms or email"),
    Column("account_key", Key, ForeignKey("accounts.key"), nullable=False),
    Column("occupancy_key", Key, ForeignKey("occupancies.key"), nullable=False, comment="proved"),
    Column("language", String, nullable=False),
    Column("source", String, nullable=False, comment="page, or link: which form"),
    Column("asked_at", Instant, nullable=False, comment="wall time"),
    Column("answer_key", Key, ForeignKey("answers.key"), comment="what asks them to confirm"),
    Column("confirmed_at", Instant, comment="wall time; NULL until they have said yes"),
    Index("uq_opt_ins_once", "once", unique=True),
    Index("ix_opt_ins_endpoint_key", "endpoint_key", "asked_at"),
    Index("ix_opt_ins_answer_key", "answer_key"),
    Index("ix_opt_ins_asked_at", "asked_at"),
)

kept_places = Table(
    "kept_places",
    metadata,
    # Addresses that somebody looks at on their personal page; nothing is sent about them.
    Column("key", Key, primary_key=True),
    Column("endpoint_key", Key, ForeignKey("endpoints.key"), nullable=False),
    Column("premise_key", Key, ForeignKey("premises.key"), nullable=False),
    Column("added_at", Instant, nullable=False, comment="business time"),
    Column("removed_at", Instant, comment="business time; may be taken back for a day"),
    Index("uq_kept_places_place", "endpoint_key", "premise_key", unique=True),
    Index("ix_kept_places_premise_key", "premise_key"),
    Index(
        "ix_kept_places_removed_at",
        "removed_at",
        sqlite_where=text("removed_at IS NOT NULL"),
        postgresql_where=text("removed_at IS NOT NULL"),
    ),
)

watches = Table(
    "watches",
    metadata,
    # Who asks to be told of outages in an area; they need not be anybody's contact. A row is a
    # wish until it is confirmed.
    Column("key", Key, primary_key=True),
    Column("once", String, nullable=False, comment="the form's own word: sent again, it is one"),
    Column("endpoint_key", Key, ForeignKey("endpoints.key"), nullable=False),
    Column("kind", String, nullable=False, comment="of outage.where.AreaKind, or all"),
    Column("name", String, nullable=False, comment="as the site has it; empty for all"),
    Column("language", String, nullable=False),
    Column("source", String, nullable=False, comment="page, or link: which form"),
    Column("asked_at", Instant, nullable=False, comment="wall time"),
    Column("answer_key", Key, ForeignKey("answers.key"), comment="what asks them to confirm"),
    Column("confirmed_at", Instant, comment="business time; NULL until they have said yes"),
    Column("ended_at", Instant, comment="business time; NULL while it lasts"),
    Index("uq_watches_once", "once", unique=True),
    Index("ix_watches_endpoint_key", "endpoint_key", "asked_at"),
    Index("ix_watches_answer_key", "answer_key"),
    Index("ix_watches_asked_at", "asked_at"),
    Index(
        "uq_watches_lasting",
        "kind",
        "name",
        "endpoint_key",
        unique=True,
        sqlite_where=text("confirmed_at IS NOT NULL AND ended_at IS NULL"),
        postgresql_where=text("confirmed_at IS NOT NULL AND ended_at IS NULL"),
    ),
    Index(
        "ix_watches_ended_at",
        "ended_at",
        sqlite_where=text("ended_at IS NOT NULL"),
        postgresql_where=text("ended_at IS NOT NULL"),
    ),
)
