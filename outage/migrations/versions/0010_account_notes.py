"""Notes that staff write on accounts.

Revision: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "account_notes",
        sa.Column("key", KEY, nullable=False),
        sa.Column("account_key", KEY, nullable=False),
        sa.Column(
            "once",
            sa.String(),
            nullable=False,
            comment="the form's own word: sent again, it is one",
        ),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="business time"),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_key"], ["accounts.key"], name=op.f("fk_account_notes_account_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_account_notes")),
    )
    op.create_index("uq_account_notes_once", "account_notes", ["account_key", "once"], unique=True)
    op.create_index("ix_account_notes_at", "account_notes", ["at"])


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("account_notes")
