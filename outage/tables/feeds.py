"""Outage feeds and what they last said of each outage."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

from outage.columns import Instant, Key
from outage.tables.base import metadata

feeds = Table(
    "feeds",
    metadata,
    Column("source", String, primary_key=True),
    Column("mapping", String, nullable=False),
    Column("snapshots", Integer, nullable=False, server_default="0"),
    Column("good_snapshots", Integer, nullable=False, server_default="0"),
    Column("last_snapshot_at", Instant),
    Column("last_good_at", Instant),
    Column("last_digest", String, comment="of the list last applied: the same again is a repeat"),
    Column("held_since", Instant, comment="mass absence: nothing ends until a person looks"),
    Column("health", Text, nullable=False, server_default="{}", comment="JSON: counters"),
)

feed_outages = Table(
    "feed_outages",
    metadata,
    Column("source", String, ForeignKey("feeds.source"), primary_key=True),
    Column("source_id", String, primary_key=True),
    Column("outage_key", Key, ForeignKey("outages.key"), nullable=False),
    Column("field_hash", String, nullable=False),
    Column("shape_digest", String, comment="of the shape as the feed wrote it"),
    Column("customers", Integer, nullable=False, server_default="0", comment="by its own count"),
    Column("last_seen", Integer, nullable=False, comment="good snapshot that last listed it"),
    Column("missing_since", Instant),
    Column("held", Boolean, nullable=False, server_default=text("false")),
    Column("successor", String, comment="source id that goes on over its ground"),
    Column("ended", Boolean, nullable=False, server_default=text("false")),
    Column("returns", Integer, nullable=False, server_default="0"),
    Index("ix_feed_outages_outage_key", "outage_key"),
)
