"""Outages with their shapes, ETRs, notes, members, interruptions and restoration steps."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from outage.columns import Instant, Key
from outage.tables.base import metadata

shapes = Table(
    "shapes",
    metadata,
    Column("digest", String, primary_key=True),
    Column("wkb", LargeBinary, nullable=False, comment="WGS 84, has passed the gate"),
    Column("vertices", Integer, nullable=False),
    Column("spec", Text, comment="JSON of outage.where: a place that is named, not drawn"),
)

outages = Table(
    "outages",
    metadata,
    Column("key", Key, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("service", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("status", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("crew_status", String),
    Column("crew_reason", String),
    Column("crew_eta", Instant),
    Column("source", String),
    Column("source_id", String),
    Column("place", String, nullable=False, server_default="", comment="in words, public"),
    Column("shape_digest", String, ForeignKey("shapes.digest")),
    Column("premises_version", Integer, comment="that the caller matched against"),
    Column("premise_count", Integer, comment="premises inside, as the caller matched"),
    Column("started_at", Instant, nullable=False, comment="when service went off"),
    Column("planned_start", Instant),
    Column("planned_end", Instant),
    Column("etr_version", Integer),
    Column("etr_earliest", Instant),
    Column("etr_latest", Instant),
    Column("etr_confidence", String),
    Column("etr_source", String),
    Column("etr_reason", String),
    Column("etr_published", Boolean),
    Column("etr_count", Integer, nullable=False, server_default="0"),
    Column("etr_withdrawn", Boolean, nullable=False, server_default=text("false")),
    Column("etr_passed_version", Integer, comment="ETR version whose passing is on record"),
    Column("next_update_by", Instant),
    Column("reported_customers", Integer, comment="the feed's own count"),
    Column("public_message_key", Key),
    Column("declared_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("restored_at", Instant),
    Column("closed_at", Instant),
    Column("close_reason", String),
    Column("unlisted_since", Instant),
    Column("merged_into", Key, ForeignKey("outages.key")),
    Column("silent", Boolean, nullable=False, server_default=text("false")),
    Column("version", Integer, nullable=False),
    Column("observed", Text, nullable=False, server_default="{}", comment="JSON: field → ms"),
    Column("last_number", BigInteger, nullable=False, server_default="0", comment="newest entry"),
    # Written by gis, in the transaction that appends `matched`:
    Column("membership", Integer, nullable=False, server_default="0", comment="current number"),
    Column("matched_shape_digest", String, comment="shape the members come from"),
    Column("matched_premises_version", Integer, comment="premises version they come from"),
    Column("matched_number", BigInteger, comment="journal number of the last `matched`"),
    Column("members", Integer, comment="premises that are members now, restored ones included"),
    Column("premises_out", Integer, comment="members without the service now"),
    Column("accounts_out", Integer, comment="accounts behind them"),
    Column("premises_restored", Integer),
    Column("outline", Text, comment="GeoJSON for the public; NULL: none, or too few out"),
    Column("cells_version", Integer, comment="premises version of the cells it is made of"),
    Column("split_from", Key, comment="outage that it was a part of"),
    Column("next_update_prompted", Instant, comment="next update the desk was reminded of"),
    Column("next_update_passed", Instant, comment="next update whose passing is on record"),
    Column("start_reminded", Instant, comment="planned start that was reminded of"),
    Column("end_passed", Instant, comment="planned end whose passing is on record"),
    Column("place_before", String, comment="place before it was last changed"),
    Index("ix_outages_status", "status"),
    Index("ix_outages_merged_into", "merged_into"),
    Index("uq_outages_source_source_id", "source", "source_id", unique=True),
)

origins = Table(
    "origins",
    metadata,
    # Whoever was told of the one counts as told of the other (merge, split):
    Column("outage_key", Key, ForeignKey("outages.key"), primary_key=True),
    Column("origin_key", Key, ForeignKey("outages.key"), primary_key=True),
    Column("number", BigInteger, nullable=False, comment="entry before which it was told"),
    Index("ix_origins_origin_key", "origin_key"),
)

handovers = Table(
    "handovers",
    metadata,
    # Interruptions went over from one of them to the other, whichever way. Written by gis.
    Column("outage_key", Key, ForeignKey("outages.key"), primary_key=True),
    Column("other_key", Key, ForeignKey("outages.key"), primary_key=True),
    Index("ix_handovers_other_key", "other_key"),
)

outage_areas = Table(
    "outage_areas",
    metadata,
    # The site's areas that an outage lies in by the public rule (`outage.areas`), or has lain in:
    # who was told of it there hears that it does not any more. Written by gis.
    Column("outage_key", Key, ForeignKey("outages.key"), primary_key=True),
    Column("kind", String, primary_key=True, comment="of outage.where.AreaKind, or all"),
    Column("name", String, primary_key=True, comment="as the site has it; empty for all"),
    Column("lies", Boolean, nullable=False, comment="false: it did, and does not now"),
)

etrs = Table(
    "etrs",
    metadata,
    Column("outage_key", Key, ForeignKey("outages.key"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("earliest", Instant),
    Column("latest", Instant, nullable=False),
    Column("confidence", String, nullable=False),
    Column("source", String, nullable=False),
    Column("reason", String),
    Column("published", Boolean, nullable=False),
)

notes = Table(
    "notes",
    metadata,
    Column("key", Key, primary_key=True),
    Column("outage_key", Key, ForeignKey("outages.key"), nullable=False),
    Column("kind", String, nullable=False, comment="note (internal) or public_message"),
    Column("at", Instant, nullable=False),
    Column("actor", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("approved_at", Instant),
    Column("approved_by", String),
    Index("ix_notes_outage_key", "outage_key"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("key", Key, primary_key=True),
    Column("outage_key", Key, ForeignKey("outages.key"), nullable=False),
    Column("premise_key", Key, ForeignKey("premises.key"), nullable=False),
    Column("added", Integer, nullable=False, comment="membership number it came with"),
    Column("removed", Integer, comment="membership number it went with"),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
    Column("why", String, nullable=False, comment="shape, or premises: the base data moved"),
    Column("outcome", String, comment="restored, voided, cancelled, inferred, moved"),
    Column("restoration_key", Key, comment="step that ended it"),
    Index("uq_memberships_added", "outage_key", "premise_key", "added", unique=True),
    Index("ix_memberships_premise_key", "premise_key"),
)

spared = Table(
    "spared",
    metadata,
    # Restored under another outage before its ground came to this one: inside, and no member.
    Column("outage_key", Key, ForeignKey("outages.key"), primary_key=True),
    Column("premise_key", Key, ForeignKey("premises.key"), primary_key=True),
)

interruptions = Table(
    "interruptions",
    metadata,
    Column("key", Key, primary_key=True),
    Column("premise_key", Key, ForeignKey("premises.key"), nullable=False),
    Column("service", String, nullable=False),
    Column("outage_key", Key, ForeignKey("outages.key"), nullable=False, comment="who holds it"),
    Column("first_outage_key", Key, ForeignKey("outages.key"), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("outcome", String, comment="restored, voided, inferred; NULL while open"),
    Column("restoration_key", Key),
    Index(
        "uq_interruptions_open",
        "premise_key",
        "service",
        unique=True,
        sqlite_where=text("outcome IS NULL"),
        postgresql_where=text("outcome IS NULL"),
    ),
    # With the end, so that one look tells whether a premise had service when an outage began.
    Index("ix_interruptions_premise_key_ended_at", "premise_key", "ended_at"),
)

restorations = Table(
    "restorations",
    metadata,
    Column("key", Key, primary_key=True),
    Column("outage_key", Key, ForeignKey("outages.key"), nullable=False),
    Column("at", Instant, nullable=False, comment="when service came back"),
    Column("actor", String, nullable=False),
    Column("shape_digest", String, ForeignKey("shapes.digest"), comment="NULL: the whole outage"),
    Column("reason", String),
    Column("inferred", Boolean, nullable=False, server_default=text("false")),
    Column("tell", Boolean, nullable=False, server_default=text("true")),
    Column("premises", Integer, comment="restored by it; NULL until gis has finished"),
    Column("concluded_at", Instant),
    Column("taken_back_at", Instant, comment="by reopening, or a feed that lists it again"),
    Index("ix_restorations_outage_key", "outage_key"),
)
