"""Ways to say where: streets and device paths of premises, places that are named and not drawn.

And outages that are merged and split: who led to whom, and whose ground is spared.

Revision: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

AREAS = ("county", "postal_code", "zone", "neighbourhood")
ORDERED = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add what the release before does not look at."""
    _premises()
    _shapes()
    _who()
    _public()
    _occupancies(["premise_key", "account_key"])
    _interruptions()
    _merge_and_split()
    _providers()


def downgrade() -> None:
    """Take it away again."""
    op.drop_table("providers")
    _occupancies(["account_key", "premise_key"])
    op.drop_index("ix_endpoints_invalid_at", "endpoints")
    op.drop_index("ix_endpoints_opted_out_at", "endpoints")
    op.drop_column("accounts", "critical")
    op.drop_index("ix_aliases_entity_value", "aliases")
    op.drop_table("spared")
    op.drop_table("origins")
    op.drop_column("outages", "split_from")
    op.drop_index("ix_work_items_led_by", "work_items")
    op.drop_column("work_items", "led_by")
    op.drop_column("outages", "cells_version")
    op.drop_column("outages", "outline")
    op.drop_table("premise_cells")
    op.create_index("ix_interruptions_outage_key", "interruptions", ["outage_key"])
    op.drop_index("ix_interruptions_premise_key_ended_at", "interruptions")
    op.create_index("ix_interruptions_premise_key", "interruptions", ["premise_key"])
    op.drop_column("shapes", "spec")
    for area in ("city", *AREAS):
        op.drop_index(f"ix_premises_{area}", "premises")
    op.drop_index("ix_premises_path", "premises")
    op.drop_index("ix_premises_street", "premises")
    op.drop_index("ix_premises_transformer", "premises")
    for name in ("path", "house_number", "street"):
        op.drop_column("premises", name)


def _premises() -> None:
    street = "of the address, as gis.streets writes it"
    path = "devices that feed it, in order: SUB1/F12/L3"
    op.add_column("premises", sa.Column("street", sa.String(), comment=street))
    op.add_column("premises", sa.Column("house_number", sa.Integer()))
    op.add_column("premises", sa.Column("path", ORDERED, comment=path))
    op.create_index("ix_premises_transformer", "premises", ["transformer"])
    op.create_index("ix_premises_street", "premises", ["street", "house_number"])
    op.create_index("ix_premises_path", "premises", ["path"])
    op.create_index("ix_premises_city", "premises", ["city"])
    for area in AREAS:
        _index_what_there_is("premises", area)


def _shapes() -> None:
    spec = "JSON of outage.where: a place that is named, not drawn"
    op.add_column("shapes", sa.Column("spec", sa.Text(), comment=spec))


def _who() -> None:
    """What a preview asks: ids of any system, hospitals and shelters, who opted out lately."""
    op.create_index("ix_aliases_entity_value", "aliases", ["entity", "value"])
    no = sa.text("false")
    op.add_column(
        "accounts", sa.Column("critical", sa.Boolean(), nullable=False, server_default=no)
    )
    for column in ("opted_out_at", "invalid_at"):
        _index_what_there_is("endpoints", column)


def _occupancies(columns: list[str]) -> None:
    """Order the open ones: by the premise first, who asks for its accounts reads no rows."""
    still = sa.text("until IS NULL")
    op.drop_index("uq_occupancies_open", "occupancies")
    op.create_index(
        "uq_occupancies_open",
        "occupancies",
        columns,
        unique=True,
        sqlite_where=still,
        postgresql_where=still,
    )


def _index_what_there_is(table: str, column: str) -> None:
    there = sa.text(f"{column} IS NOT NULL")
    op.create_index(
        f"ix_{table}_{column}", table, [column], sqlite_where=there, postgresql_where=there
    )


def _public() -> None:
    op.create_table(
        "premise_cells",
        sa.Column(
            "version", sa.Integer(), autoincrement=False, nullable=False, comment="of the premises"
        ),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column(
            "least",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="premises a cell has",
        ),
        sa.Column("cells", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("version", "service", "least", name=op.f("pk_premise_cells")),
    )
    op.add_column(
        "outages",
        sa.Column(
            "outline", sa.Text(), comment="GeoJSON for the public; NULL: none, or too few out"
        ),
    )
    op.add_column(
        "outages",
        sa.Column(
            "cells_version", sa.Integer(), comment="premises version of the cells it is made of"
        ),
    )


def _interruptions() -> None:
    ended = "ix_interruptions_premise_key_ended_at"
    op.create_index(ended, "interruptions", ["premise_key", "ended_at"])
    op.drop_index("ix_interruptions_premise_key", "interruptions")
    # Whoever asks comes from a premise: a county wrote 200,000 entries for nobody.
    op.drop_index("ix_interruptions_outage_key", "interruptions")


def _merge_and_split() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    part, leader = "outage that it was a part of", "outage whose item of the same entry does"
    op.add_column("outages", sa.Column("split_from", key, comment=part))
    op.add_column("work_items", sa.Column("led_by", key, comment=f"{leader} this one's work"))
    led = sa.text("led_by IS NOT NULL")
    op.create_index(
        "ix_work_items_led_by",
        "work_items",
        ["led_by", "number"],
        sqlite_where=led,
        postgresql_where=led,
    )
    op.create_table(
        "origins",
        sa.Column("outage_key", key, nullable=False),
        sa.Column("origin_key", key, nullable=False),
        sa.Column(
            "number", sa.BigInteger(), nullable=False, comment="entry before which it was told"
        ),
        sa.PrimaryKeyConstraint("outage_key", "origin_key", name=op.f("pk_origins")),
        sa.ForeignKeyConstraint(
            ["outage_key"], ["outages.key"], name=op.f("fk_origins_outage_key")
        ),
        sa.ForeignKeyConstraint(
            ["origin_key"], ["outages.key"], name=op.f("fk_origins_origin_key")
        ),
    )
    op.create_index("ix_origins_origin_key", "origins", ["origin_key"])
    op.create_table(
        "spared",
        sa.Column("outage_key", key, nullable=False),
        sa.Column("premise_key", key, nullable=False),
        sa.PrimaryKeyConstraint("outage_key", "premise_key", name=op.f("pk_spared")),
        sa.ForeignKeyConstraint(["outage_key"], ["outages.key"], name=op.f("fk_spared_outage_key")),
        sa.ForeignKeyConstraint(
            ["premise_key"], ["premises.key"], name=op.f("fk_spared_premise_key")
        ),
    )


def _providers() -> None:
    """How the providers of a channel are doing."""
    instant = sa.BigInteger()
    op.create_table(
        "providers",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("share", sa.Integer(), comment="of a hundred; NULL until it was first moved"),
        sa.Column("share_since", instant, comment="wall time"),
        sa.Column("share_reason", sa.String()),
        sa.Column(
            "rests",
            sa.Integer(),
            nullable=False,
            server_default="0",
            comment="since a good answer",
        ),
        sa.Column("rests_until", instant, comment="wall time"),
        sa.Column("rests_code", sa.String()),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_providers")),
    )
