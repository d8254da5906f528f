"""Crews' links to one outage each, the browsers they were opened in, and what crews propose."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from outage.columns import Instant, Key
from outage.tables.base import metadata

crew_links = Table(
    "crew_links",
    metadata,
    Column("key", Key, primary_key=True),
    Column("hash", String, nullable=False, comment="SHA-256 of the link's token"),
    Column("outage_key", Key, ForeignKey("outages.key"), nullable=False),
    Column("label", String, nullable=False, comment="whose, like truck-7; no personal name"),
    Column("made_at", Instant, nullable=False, comment="wall time, as all but proposals"),
    Column("until", Instant, nullable=False),
    Column("opened_at", Instant, comment="first"),
    Column("revoked_at", Instant),
    Index("uq_crew_links_hash", "hash", unique=True),
    Index("ix_crew_links_outage_key", "outage_key"),
)

crew_sessions = Table(
    "crew_sessions",
    metadata,
    Column("key", Key, primary_key=True),
    Column("hash", String, nullable=False, comment="SHA-256 of the cookie"),
    Column("link_key", Key, ForeignKey("crew_links.key"), nullable=False),
    Column("made_at", Instant, nullable=False),
    Index("uq_crew_sessions_hash", "hash", unique=True),
    Index("ix_crew_sessions_link_key", "link_key"),
)

crew_proposals = Table(
    "crew_proposals",
    metadata,
    Column("key", Key, primary_key=True),
    Column("link_key", Key, ForeignKey("crew_links.key"), nullable=False),
    Column("outage_key", Key, ForeignKey("outages.key"), nullable=False),
    Column("kind", String, nullable=False, comment="restored, etr"),
    Column("said", Text, nullable=False, comment="JSON: what the desk is given if it agrees"),
    Column("why", String, nullable=False, comment="it waits: large, changed"),
    Column("premises", Integer, nullable=False, comment="without service that it concerns"),
    Column("observed_at", Instant, nullable=False, comment="business time"),
    Column("at", Instant, nullable=False, comment="business time"),
    Column("agreed", Boolean, comment="NULL: it waits"),
    Column("decided_at", Instant, comment="business time"),
    Column("decided_by", String),
    Index("ix_crew_proposals_outage_key", "outage_key"),
    Index("ix_crew_proposals_link_key", "link_key"),
)
