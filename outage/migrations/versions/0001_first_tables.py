"""The first tables, as they were when 0.1.0 was released; later revisions change them.

Revision: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Spelled out here: what a release made must not change with the code that reads it.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()
"""Milliseconds since 1970-01-01 UTC."""

TABLES = (
    "premises",
    "premises_before",
    "premises_versions",
    "aliases",
    "accounts",
    "occupancies",
    "endpoints",
    "contacts",
    "shapes",
    "outages",
    "etrs",
    "notes",
    "memberships",
    "interruptions",
    "restorations",
    "texts",
    "messages",
    "batches",
    "receipts",
    "decisions",
    "cis_versions",
    "cis_accounts",
    "feeds",
    "feed_outages",
    "journal",
    "cursors",
    "work_items",
    "counters",
    "facts",
    "clock",
    "barriers",
    "leases",
    "generations",
    "tokens",
    "idempotency",
    "processes",
)


def upgrade() -> None:
    """Make every table, those that others point to first."""
    _premises()
    _accounts()
    _outages()
    _messages()
    _records()
    _feeds()
    _journal()
    _processes()


def downgrade() -> None:
    """Drop every table, and all that was on record."""
    for table in reversed(TABLES):
        op.drop_table(table)


def _premises() -> None:
    op.create_table(
        "premises",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), server_default="", nullable=False),
        sa.Column("city", sa.String(), server_default="", nullable=False),
        sa.Column("region", sa.String(), server_default="", nullable=False),
        sa.Column("longitude", sa.Float()),
        sa.Column("latitude", sa.Float()),
        sa.Column(
            "services", sa.Integer(), nullable=False, comment="bits: electric 1, water 2, gas 4"
        ),
        sa.Column("circuit", sa.String()),
        sa.Column("transformer", sa.String()),
        sa.Column("county", sa.String()),
        sa.Column("postal_code", sa.String()),
        sa.Column("zone", sa.String()),
        sa.Column("neighbourhood", sa.String()),
        sa.Column("time_zone", sa.String(), comment="IANA name where it differs from the site's"),
        sa.Column(
            "loaded_version", sa.Integer(), nullable=False, comment="version that last wrote it"
        ),
        sa.Column("closed_at", INSTANT),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_premises")),
        sa.UniqueConstraint("id", name=op.f("uq_premises_id")),
    )
    op.create_index("ix_premises_circuit", "premises", ["circuit"])
    op.create_table(
        "premises_before",
        sa.Column("premise_key", KEY, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="of the load that changed it"),
        sa.Column("longitude", sa.Float()),
        sa.Column("latitude", sa.Float()),
        sa.Column("services", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("premise_key", name=op.f("pk_premises_before")),
    )
    op.create_table(
        "premises_versions",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column(
            "premises", sa.Integer(), nullable=False, comment="open premises in this version"
        ),
        sa.Column("unplaced", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False, comment="hash of what was loaded"),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_premises_versions")),
    )
    op.create_table(
        "aliases",
        sa.Column("entity", sa.String(), nullable=False, comment="premise or account"),
        sa.Column("kind", sa.String(), nullable=False, comment="meter, location, map, …"),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.PrimaryKeyConstraint("entity", "kind", "value", name=op.f("pk_aliases")),
    )
    op.create_index("ix_aliases_entity_key", "aliases", ["entity", "key"])


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), server_default="", nullable=False),
        sa.Column("medical", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("outage_alerts", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "alerts_source",
            sa.String(),
            server_default="cis",
            nullable=False,
            comment="cis or person",
        ),
        sa.Column("closed_at", INSTANT),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_accounts")),
        sa.UniqueConstraint("id", name=op.f("uq_accounts_id")),
    )
    op.create_table(
        "occupancies",
        sa.Column("key", KEY, nullable=False),
        sa.Column("account_key", KEY, nullable=False),
        sa.Column("premise_key", KEY, nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("until", INSTANT),
        sa.ForeignKeyConstraint(
            ["account_key"], ["accounts.key"], name=op.f("fk_occupancies_account_key")
        ),
        sa.ForeignKeyConstraint(
            ["premise_key"], ["premises.key"], name=op.f("fk_occupancies_premise_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_occupancies")),
    )
    op.create_index("ix_occupancies_account_key", "occupancies", ["account_key"])
    op.create_index("ix_occupancies_premise_key", "occupancies", ["premise_key"])
    op.create_index(
        "uq_occupancies_open",
        "occupancies",
        ["account_key", "premise_key"],
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    )
    op.create_table(
        "endpoints",
        sa.Column("key", KEY, nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="phone or email"),
        sa.Column("address", sa.String(), nullable=False, comment="E.164, or normalised e-mail"),
        sa.Column("language", sa.String(), server_default="en", nullable=False),
        sa.Column("opted_out_at", INSTANT),
        sa.Column("opt_out_source", sa.String()),
        sa.Column("invalid_at", INSTANT),
        sa.Column("invalid_code", sa.String()),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_endpoints")),
    )
    op.create_index("uq_endpoints_kind_address", "endpoints", ["kind", "address"], unique=True)
    op.create_table(
        "contacts",
        sa.Column("key", KEY, nullable=False),
        sa.Column("account_key", KEY, nullable=False),
        sa.Column("endpoint_key", KEY, nullable=False),
        sa.Column("channel", sa.String(), nullable=False, comment="sms or email"),
        sa.Column(
            "topics", sa.Integer(), server_default="1", nullable=False, comment="bits: outages 1"
        ),
        sa.Column("quiet_from", sa.Integer(), comment="minutes after local midnight"),
        sa.Column("quiet_until", sa.Integer()),
        sa.Column("consent_source", sa.String(), server_default="import", nullable=False),
        sa.Column("consent_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.ForeignKeyConstraint(
            ["account_key"], ["accounts.key"], name=op.f("fk_contacts_account_key")
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_key"], ["endpoints.key"], name=op.f("fk_contacts_endpoint_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_contacts")),
    )
    op.create_index("ix_contacts_endpoint_key", "contacts", ["endpoint_key"])
    op.create_index(
        "uq_contacts_open",
        "contacts",
        ["account_key", "endpoint_key", "channel"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _outages() -> None:
    op.create_table(
        "shapes",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("wkb", sa.LargeBinary(), nullable=False, comment="WGS 84, has passed the gate"),
        sa.Column("vertices", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_shapes")),
    )
    op.create_table(
        "outages",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("crew_status", sa.String()),
        sa.Column("crew_reason", sa.String()),
        sa.Column("crew_eta", INSTANT),
        sa.Column("source", sa.String()),
        sa.Column("source_id", sa.String()),
        sa.Column(
            "place", sa.String(), server_default="", nullable=False, comment="in words, public"
        ),
        sa.Column("shape_digest", sa.String()),
        sa.Column("premises_version", sa.Integer(), comment="that the caller matched against"),
        sa.Column("premise_count", sa.Integer(), comment="premises inside, as the caller matched"),
        sa.Column("started_at", INSTANT, nullable=False, comment="when service went off"),
        sa.Column("planned_start", INSTANT),
        sa.Column("planned_end", INSTANT),
        sa.Column("etr_version", sa.Integer()),
        sa.Column("etr_earliest", INSTANT),
        sa.Column("etr_latest", INSTANT),
        sa.Column("etr_confidence", sa.String()),
        sa.Column("etr_source", sa.String()),
        sa.Column("etr_reason", sa.String()),
        sa.Column("etr_published", sa.Boolean()),
        sa.Column("etr_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("etr_withdrawn", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "etr_passed_version", sa.Integer(), comment="ETR version whose passing is on record"
        ),
        sa.Column("next_update_by", INSTANT),
        sa.Column("reported_customers", sa.Integer(), comment="the feed's own count"),
        sa.Column("public_message_key", KEY),
        sa.Column("declared_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("restored_at", INSTANT),
        sa.Column("closed_at", INSTANT),
        sa.Column("close_reason", sa.String()),
        sa.Column("unlisted_since", INSTANT),
        sa.Column("merged_into", KEY),
        sa.Column("silent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "observed", sa.Text(), server_default="{}", nullable=False, comment="JSON: field → ms"
        ),
        sa.Column(
            "last_number",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="newest entry",
        ),
        sa.Column(
            "membership", sa.Integer(), server_default="0", nullable=False, comment="current number"
        ),
        sa.Column("matched_shape_digest", sa.String(), comment="shape the members come from"),
        sa.Column(
            "matched_premises_version", sa.Integer(), comment="premises version they come from"
        ),
        sa.Column(
            "matched_number", sa.BigInteger(), comment="journal number of the last `matched`"
        ),
        sa.Column(
            "members", sa.Integer(), comment="premises that are members now, restored ones included"
        ),
        sa.Column("premises_out", sa.Integer(), comment="members without the service now"),
        sa.Column("accounts_out", sa.Integer(), comment="accounts behind them"),
        sa.Column("premises_restored", sa.Integer()),
        sa.ForeignKeyConstraint(
            ["merged_into"], ["outages.key"], name=op.f("fk_outages_merged_into")
        ),
        sa.ForeignKeyConstraint(
            ["shape_digest"], ["shapes.digest"], name=op.f("fk_outages_shape_digest")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_outages")),
        sa.UniqueConstraint("id", name=op.f("uq_outages_id")),
    )
    op.create_index("ix_outages_merged_into", "outages", ["merged_into"])
    op.create_index("ix_outages_status", "outages", ["status"])
    op.create_index("uq_outages_source_source_id", "outages", ["source", "source_id"], unique=True)
    op.create_table(
        "etrs",
        sa.Column("outage_key", KEY, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("earliest", INSTANT),
        sa.Column("latest", INSTANT, nullable=False),
        sa.Column("confidence", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["outage_key"], ["outages.key"], name=op.f("fk_etrs_outage_key")),
        sa.PrimaryKeyConstraint("outage_key", "version", name=op.f("pk_etrs")),
    )
    op.create_table(
        "notes",
        sa.Column("key", KEY, nullable=False),
        sa.Column("outage_key", KEY, nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="note (internal) or public_message"),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("approved_at", INSTANT),
        sa.Column("approved_by", sa.String()),
        sa.ForeignKeyConstraint(["outage_key"], ["outages.key"], name=op.f("fk_notes_outage_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_notes")),
    )
    op.create_index("ix_notes_outage_key", "notes", ["outage_key"])
    op.create_table(
        "memberships",
        sa.Column("key", KEY, nullable=False),
        sa.Column("outage_key", KEY, nullable=False),
        sa.Column("premise_key", KEY, nullable=False),
        sa.Column("added", sa.Integer(), nullable=False, comment="membership number it came with"),
        sa.Column("removed", sa.Integer(), comment="membership number it went with"),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("until", INSTANT),
        sa.Column(
            "why", sa.String(), nullable=False, comment="shape, or premises: the base data moved"
        ),
        sa.Column("outcome", sa.String(), comment="restored, voided, cancelled, inferred, moved"),
        sa.Column("restoration_key", KEY, comment="step that ended it"),
        sa.ForeignKeyConstraint(
            ["outage_key"], ["outages.key"], name=op.f("fk_memberships_outage_key")
        ),
        sa.ForeignKeyConstraint(
            ["premise_key"], ["premises.key"], name=op.f("fk_memberships_premise_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_memberships")),
    )
    op.create_index("ix_memberships_premise_key", "memberships", ["premise_key"])
    op.create_index(
        "uq_memberships_added", "memberships", ["outage_key", "premise_key", "added"], unique=True
    )
    op.create_table(
        "interruptions",
        sa.Column("key", KEY, nullable=False),
        sa.Column("premise_key", KEY, nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("outage_key", KEY, nullable=False, comment="who holds it"),
        sa.Column("first_outage_key", KEY, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("outcome", sa.String(), comment="restored, voided, inferred; NULL while open"),
        sa.Column("restoration_key", KEY),
        sa.ForeignKeyConstraint(
            ["first_outage_key"], ["outages.key"], name=op.f("fk_interruptions_first_outage_key")
        ),
        sa.ForeignKeyConstraint(
            ["outage_key"], ["outages.key"], name=op.f("fk_interruptions_outage_key")
        ),
        sa.ForeignKeyConstraint(
            ["premise_key"], ["premises.key"], name=op.f("fk_interruptions_premise_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_interruptions")),
    )
    op.create_index("ix_interruptions_outage_key", "interruptions", ["outage_key"])
    op.create_index("ix_interruptions_premise_key", "interruptions", ["premise_key"])
    op.create_index(
        "uq_interruptions_open",
        "interruptions",
        ["premise_key", "service"],
        unique=True,
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_table(
        "restorations",
        sa.Column("key", KEY, nullable=False),
        sa.Column("outage_key", KEY, nullable=False),
        sa.Column("at", INSTANT, nullable=False, comment="when service came back"),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("shape_digest", sa.String(), comment="NULL: the whole outage"),
        sa.Column("reason", sa.String()),
        sa.Column("inferred", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("tell", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("premises", sa.Integer(), comment="restored by it; NULL until gis has finished"),
        sa.Column("concluded_at", INSTANT),
        sa.Column("taken_back_at", INSTANT, comment="by reopening, or a feed that lists it again"),
        sa.ForeignKeyConstraint(
            ["outage_key"], ["outages.key"], name=op.f("fk_restorations_outage_key")
        ),
        sa.ForeignKeyConstraint(
            ["shape_digest"], ["shapes.digest"], name=op.f("fk_restorations_shape_digest")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_restorations")),
    )
    op.create_index("ix_restorations_outage_key", "restorations", ["outage_key"])


def _messages() -> None:
    op.create_table(
        "texts",
        sa.Column("key", KEY, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False, comment="name and version"),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_texts")),
        sa.UniqueConstraint("digest", name=op.f("uq_texts_digest")),
    )
    op.create_table(
        "messages",
        sa.Column("key", KEY, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="journal entry it came of"),
        sa.Column("outage_key", KEY, nullable=False),
        sa.Column("endpoint_key", KEY, nullable=False),
        sa.Column("account_key", KEY, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("variant", sa.String(), server_default="", nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), comment="why it ended so"),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("planned_at", INSTANT, nullable=False),
        sa.Column("send_after", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT),
        sa.Column("batch_key", KEY),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", INSTANT, comment="wall time"),
        sa.Column(
            "sends",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="times it was claimed",
        ),
        sa.Column("claimed_at", INSTANT),
        sa.Column("accepted_at", INSTANT),
        sa.Column("ended_at", INSTANT),
        sa.Column("provider", sa.String()),
        sa.Column("provider_id", sa.String()),
        sa.Column("provider_code", sa.String()),
        sa.Column("told_state", sa.String(), comment="out, back, unaffected, cancelled"),
        sa.Column("told_etr_version", sa.Integer()),
        sa.Column("text_key", KEY),
        sa.Column("segments", sa.Integer()),
        sa.ForeignKeyConstraint(
            ["account_key"], ["accounts.key"], name=op.f("fk_messages_account_key")
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_key"], ["endpoints.key"], name=op.f("fk_messages_endpoint_key")
        ),
        sa.ForeignKeyConstraint(
            ["outage_key"], ["outages.key"], name=op.f("fk_messages_outage_key")
        ),
        sa.ForeignKeyConstraint(["text_key"], ["texts.key"], name=op.f("fk_messages_text_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_messages")),
    )
    op.create_index("ix_messages_account_key", "messages", ["account_key"])
    op.create_index("ix_messages_batch_key", "messages", ["batch_key"])
    op.create_index(
        "ix_messages_due",
        "messages",
        ["channel", "priority", "send_after"],
        sqlite_where=sa.text("state = 'pending' AND batch_key IS NULL"),
        postgresql_where=sa.text("state = 'pending' AND batch_key IS NULL"),
    )
    op.create_index("ix_messages_endpoint_key", "messages", ["endpoint_key"])
    op.create_index("ix_messages_outage_endpoint", "messages", ["outage_key", "endpoint_key"])
    op.create_index("ix_messages_provider_id", "messages", ["provider_id"])
    op.create_index("ix_messages_state_send_after", "messages", ["state", "send_after"])
    op.create_index(
        "uq_messages_entry_endpoint", "messages", ["number", "endpoint_key", "channel"], unique=True
    )
    op.create_index(
        "uq_messages_pending",
        "messages",
        ["outage_key", "endpoint_key"],
        unique=True,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "batches",
        sa.Column("key", KEY, nullable=False),
        sa.Column("lane", sa.String(), nullable=False, comment="queue: channel and urgency"),
        sa.Column("state", sa.String(), nullable=False, comment="open, claimed, done"),
        sa.Column("created_at", INSTANT, nullable=False, comment="wall time"),
        sa.Column("enqueued_at", INSTANT, comment="wall time"),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", INSTANT),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_batches")),
    )
    op.create_index("ix_batches_state", "batches", ["state"])
    op.create_table(
        "receipts",
        sa.Column("key", KEY, nullable=False),
        sa.Column("message_key", KEY, nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("at", INSTANT, nullable=False, comment="as the provider says"),
        sa.Column("code", sa.String(), server_default="", nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["message_key"], ["messages.key"], name=op.f("fk_receipts_message_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_receipts")),
    )
    op.create_index(
        "uq_receipts_event", "receipts", ["message_key", "event", "at", "code"], unique=True
    )
    op.create_table(
        "decisions",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("outage_key", KEY, nullable=False),
        sa.Column("decision", sa.String(), nullable=False, comment="a kind, or a reason for none"),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", "outage_key", "decision", name=op.f("pk_decisions")),
    )
    op.create_index("ix_decisions_decision_outage", "decisions", ["decision", "outage_key"])


def _records() -> None:
    op.create_table(
        "cis_versions",
        sa.Column("outage_key", KEY, nullable=False),
        sa.Column(
            "number", sa.BigInteger(), autoincrement=False, nullable=False, comment="journal entry"
        ),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("crew_status", sa.String()),
        sa.Column("crew_reason", sa.String()),
        sa.Column("etr_version", sa.Integer()),
        sa.Column("etr_latest", INSTANT),
        sa.Column("note_key", KEY),
        sa.Column("public_message_key", KEY),
        sa.ForeignKeyConstraint(
            ["outage_key"], ["outages.key"], name=op.f("fk_cis_versions_outage_key")
        ),
        sa.PrimaryKeyConstraint("outage_key", "number", name=op.f("pk_cis_versions")),
    )
    op.create_table(
        "cis_accounts",
        sa.Column("key", KEY, nullable=False),
        sa.Column("account_key", KEY, nullable=False),
        sa.Column("outage_key", KEY, nullable=False),
        sa.Column("from_number", sa.BigInteger(), nullable=False),
        sa.Column("until_number", sa.BigInteger(), comment="NULL while the account is concerned"),
        sa.Column("outcome", sa.String(), comment="restored, voided, cancelled, inferred, moved"),
        sa.Column(
            "premises",
            sa.Integer(),
            nullable=False,
            comment="premises of the account in the outage",
        ),
        sa.ForeignKeyConstraint(
            ["account_key"], ["accounts.key"], name=op.f("fk_cis_accounts_account_key")
        ),
        sa.ForeignKeyConstraint(
            ["outage_key"], ["outages.key"], name=op.f("fk_cis_accounts_outage_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_cis_accounts")),
    )
    op.create_index("ix_cis_accounts_account_key", "cis_accounts", ["account_key"])
    op.create_index(
        "uq_cis_accounts_from",
        "cis_accounts",
        ["outage_key", "account_key", "from_number"],
        unique=True,
    )


def _feeds() -> None:
    op.create_table(
        "feeds",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("mapping", sa.String(), nullable=False),
        sa.Column("snapshots", sa.Integer(), server_default="0", nullable=False),
        sa.Column("good_snapshots", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_snapshot_at", INSTANT),
        sa.Column("last_good_at", INSTANT),
        sa.Column(
            "last_digest",
            sa.String(),
            comment="of the list last applied: the same again is a repeat",
        ),
        sa.Column("held_since", INSTANT, comment="mass absence: nothing ends until a person looks"),
        sa.Column(
            "health", sa.Text(), server_default="{}", nullable=False, comment="JSON: counters"
        ),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_feeds")),
    )
    op.create_table(
        "feed_outages",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("outage_key", KEY, nullable=False),
        sa.Column("field_hash", sa.String(), nullable=False),
        sa.Column("shape_digest", sa.String(), comment="of the shape as the feed wrote it"),
        sa.Column(
            "customers",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="by its own count",
        ),
        sa.Column(
            "last_seen", sa.Integer(), nullable=False, comment="good snapshot that last listed it"
        ),
        sa.Column("missing_since", INSTANT),
        sa.Column("held", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("successor", sa.String(), comment="source id that goes on over its ground"),
        sa.Column("ended", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("returns", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["outage_key"], ["outages.key"], name=op.f("fk_feed_outages_outage_key")
        ),
        sa.ForeignKeyConstraint(["source"], ["feeds.source"], name=op.f("fk_feed_outages_source")),
        sa.PrimaryKeyConstraint("source", "source_id", name=op.f("pk_feed_outages")),
    )
    op.create_index("ix_feed_outages_outage_key", "feed_outages", ["outage_key"])


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("outage_key", KEY),
        sa.Column("outage_version", sa.Integer()),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", INSTANT, nullable=False, comment="business time"),
        sa.Column("wall_at", INSTANT, nullable=False),
        sa.Column("data", sa.Text(), nullable=False, comment="JSON: ids and codes only"),
        sa.Column(
            "state",
            sa.Text(),
            server_default="{}",
            nullable=False,
            comment="JSON: codes of the outage right after the entry",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_journal")),
    )
    op.create_index("ix_journal_outage_key", "journal", ["outage_key"])
    op.create_table(
        "cursors",
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reader", name=op.f("pk_cursors")),
    )
    op.create_table(
        "work_items",
        sa.Column("key", KEY, nullable=False),
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="journal entry"),
        sa.Column("outage_key", KEY, nullable=False, comment="0: no outage"),
        sa.Column("priority", sa.Integer(), nullable=False, comment="smaller first"),
        sa.Column("step", sa.Text(), server_default="{}", nullable=False, comment="JSON: progress"),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", INSTANT, comment="wall time"),
        sa.Column("retry_at", INSTANT, comment="wall time"),
        sa.Column("parked_at", INSTANT),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_work_items")),
    )
    op.create_index("ix_work_items_line", "work_items", ["reader", "priority", "number"])
    op.create_index(
        "uq_work_items_entry", "work_items", ["reader", "outage_key", "number"], unique=True
    )


def _processes() -> None:
    op.create_table(
        "counters",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "facts",
        sa.Column("name", sa.String(), nullable=False, comment="epoch, schema, …"),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facts")),
    )
    op.create_table(
        "clock",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False, comment="always 1"),
        sa.Column("held", sa.Boolean(), nullable=False, comment="business time stands at `at`"),
        sa.Column("at", INSTANT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock")),
    )
    op.create_table(
        "barriers",
        sa.Column("number", KEY, nullable=False),
        sa.Column("business_at", INSTANT, nullable=False),
        sa.Column("wall_at", INSTANT, nullable=False),
        sa.Column("journal_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_barriers")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("until", INSTANT, nullable=False, comment="wall time"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "generations",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("journal_number", sa.BigInteger(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("wall_at", INSTANT, nullable=False),
        sa.Column("published_at", INSTANT, comment="wall time; NULL until the pointer named it"),
        sa.Column("manifest", sa.String()),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_generations")),
    )
    op.create_table(
        "tokens",
        sa.Column("key", KEY, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False, comment="SHA-256 of the token"),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT),
        sa.Column("revoked_at", INSTANT),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_tokens_hash")),
    )
    op.create_table(
        "idempotency",
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("body_hash", sa.String(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("answer", sa.Text()),
        sa.Column("created_at", INSTANT, nullable=False, comment="wall time"),
        sa.PrimaryKeyConstraint("actor", "route", "key", name=op.f("pk_idempotency")),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])
    op.create_table(
        "processes",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False, comment="wall time"),
        sa.Column("detail", sa.Text(), server_default="{}", nullable=False, comment="JSON"),
        sa.PrimaryKeyConstraint("name", "host", "pid", name=op.f("pk_processes")),
    )
