"""Whom a number was taken from, and places that people look at on their personal page.

Revision: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()


def upgrade() -> None:
    """Add what the release before does not look at."""
    op.add_column(
        "contacts",
        sa.Column(
            "ended_by",
            sa.String(),
            comment="wrong_person or person: no import begins it again",
        ),
    )
    _index("contacts", "ended_by")
    _kept_places()


def downgrade() -> None:
    """Take it away again."""
    op.drop_table("kept_places")
    op.drop_index("ix_contacts_ended_by", "contacts")
    op.drop_column("contacts", "ended_by")


def _kept_places() -> None:
    op.create_table(
        "kept_places",
        sa.Column("key", KEY, nullable=False),
        sa.Column("endpoint_key", KEY, nullable=False),
        sa.Column("premise_key", KEY, nullable=False),
        sa.Column("added_at", INSTANT, nullable=False, comment="business time"),
        sa.Column("removed_at", INSTANT, comment="business time; may be taken back for a day"),
        *(
            sa.ForeignKeyConstraint(
                [f"{one}_key"], [f"{one}s.key"], name=op.f(f"fk_kept_places_{one}_key")
            )
            for one in ("endpoint", "premise")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_kept_places")),
    )
    place = ["endpoint_key", "premise_key"]
    op.create_index("uq_kept_places_place", "kept_places", place, unique=True)
    op.create_index("ix_kept_places_premise_key", "kept_places", ["premise_key"])
    _index("kept_places", "removed_at")


def _index(table: str, column: str) -> None:
    """Index the rows that have this column set, which are few."""
    op.create_index(
        f"ix_{table}_{column}",
        table,
        [column],
        sqlite_where=sa.text(f"{column} IS NOT NULL"),
        postgresql_where=sa.text(f"{column} IS NOT NULL"),
    )
