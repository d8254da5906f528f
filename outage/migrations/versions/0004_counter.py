"""What the public reports by form, and who asks to be told of a place.

Revision: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()


def upgrade() -> None:
    """Add two tables that the release before does not look at."""
    _public_reports()
    _opt_ins()


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("opt_ins")
    op.drop_table("public_reports")


def _public_reports() -> None:
    op.create_table(
        "public_reports",
        sa.Column("key", KEY, nullable=False),
        sa.Column(
            "once",
            sa.String(),
            nullable=False,
            comment="the form's own word: sent again, it is one",
        ),
        sa.Column(
            "wrong",
            sa.String(),
            nullable=False,
            comment="out, partial, flickering, pressure, hazard",
        ),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("premise_key", KEY, comment="NULL: no place was found"),
        sa.Column("longitude", sa.Float()),
        sa.Column("latitude", sa.Float()),
        sa.Column(
            "written",
            sa.Text(),
            nullable=False,
            server_default="",
            comment="a place nobody found",
        ),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
        sa.Column("callback", sa.String(), comment="E.164"),
        sa.Column("danger", sa.String(), comment="gas, wire, fire, medical or emergency"),
        sa.Column("report_key", KEY, comment="the customer's report of it"),
        sa.Column("at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["premise_key"], ["premises.key"], name=op.f("fk_public_reports_premise_key")
        ),
        sa.ForeignKeyConstraint(
            ["report_key"], ["reports.key"], name=op.f("fk_public_reports_report_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_public_reports")),
    )
    op.create_index("uq_public_reports_once", "public_reports", ["once"], unique=True)
    for column in ("at", "report_key", "premise_key"):
        op.create_index(f"ix_public_reports_{column}", "public_reports", [column])


def _opt_ins() -> None:
    op.create_table(
        "opt_ins",
        sa.Column("key", KEY, nullable=False),
        sa.Column(
            "once",
            sa.String(),
            nullable=False,
            comment="the form's own word: sent again, it is one",
        ),
        sa.Column("endpoint_key", KEY, nullable=False),
        sa.Column("channel", sa.String(), nullable=False, comment="sms or email"),
        sa.Column("account_key", KEY, nullable=False),
        sa.Column("occupancy_key", KEY, nullable=False, comment="proved"),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False, comment="page, or link: which form"),
        sa.Column("asked_at", INSTANT, nullable=False, comment="wall time"),
        sa.Column("answer_key", KEY, comment="what asks them to confirm"),
        sa.Column("confirmed_at", INSTANT, comment="wall time; NULL until they have said yes"),
        *(
            sa.ForeignKeyConstraint(
                [f"{one}_key"], [f"{table}.key"], name=op.f(f"fk_opt_ins_{one}_key")
            )
            for one, table in (
                ("endpoint", "endpoints"),
                ("account", "accounts"),
                ("occupancy", "occupancies"),
                ("answer", "answers"),
            )
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_opt_ins")),
    )
    op.create_index("uq_opt_ins_once", "opt_ins", ["once"], unique=True)
    op.create_index("ix_opt_ins_endpoint_key", "opt_ins", ["endpoint_key", "asked_at"])
    for column in ("answer_key", "asked_at"):
        op.create_index(f"ix_opt_ins_{column}", "opt_ins", [column])
