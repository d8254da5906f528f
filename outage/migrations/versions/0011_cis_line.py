"""What the utility's own CIS is to be told over HTTP, and how the line to it does.

Revision: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()


def upgrade() -> None:
    """Add what the release before does not look at."""
    op.create_table(
        "cis_upserts",
        sa.Column("outage_key", KEY, nullable=False, autoincrement=False),
        sa.Column("account_key", KEY, nullable=False, autoincrement=False),
        sa.Column(
            "wanted",
            sa.BigInteger(),
            nullable=False,
            comment="journal entry of the newest version",
        ),
        sa.Column("accepted", sa.BigInteger(), comment="newest version that the CIS has taken"),
        sa.Column("settled_at", INSTANT, comment="wall time; NULL: it waits to be sent"),
        sa.Column("code", sa.String(), comment="why the CIS refuses it; NULL: it does not"),
        sa.Column(
            "attempts", sa.Integer(), nullable=False, server_default="0", comment="failed in a row"
        ),
        sa.Column("retry_at", INSTANT, comment="wall time"),
        sa.Column(
            "most", sa.Integer(), comment="records in its next call; fewer after one was refused"
        ),
        _refers("cis_upserts", "outage_key", "outages.key"),
        _refers("cis_upserts", "account_key", "accounts.key"),
        sa.PrimaryKeyConstraint("outage_key", "account_key", name=op.f("pk_cis_upserts")),
    )
    for name, columns, which in (
        ("waiting", ["wanted", "outage_key", "account_key"], "settled_at IS NULL"),
        ("refused", ["settled_at"], "code IS NOT NULL"),
    ):
        op.create_index(
            f"ix_cis_upserts_{name}",
            "cis_upserts",
            columns,
            sqlite_where=sa.text(which),
            postgresql_where=sa.text(which),
        )
    op.create_index("ix_cis_upserts_account_key", "cis_upserts", ["account_key"])
    op.create_table(
        "cis_line",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False, comment="always 1"),
        sa.Column("holder", sa.String(), comment="who sends"),
        sa.Column("lease_until", INSTANT, comment="wall time, as all here"),
        sa.Column(
            "failures", sa.Integer(), nullable=False, server_default="0", comment="calls in a row"
        ),
        sa.Column("rests_until", INSTANT),
        sa.Column("code", sa.String(), comment="what the last failed call was answered"),
        sa.Column("accepted_at", INSTANT, comment="when the CIS last took something"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cis_line")),
    )


def downgrade() -> None:
    """Take it away again."""
    for table in ("cis_line", "cis_upserts"):
        op.drop_table(table)


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [to], name=op.f(f"fk_{table}_{column}"))
