"""Who a number belonged to before.

Revision: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


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
    op.create_index(
        "ix_contacts_ended_by",
        "contacts",
        ["ended_by"],
        sqlite_where=sa.text("ended_by IS NOT NULL"),
        postgresql_where=sa.text("ended_by IS NOT NULL"),
    )


def downgrade() -> None:
    """Take it away again."""
    op.drop_index("ix_contacts_ended_by", "contacts")
    op.drop_column("contacts", "ended_by")
