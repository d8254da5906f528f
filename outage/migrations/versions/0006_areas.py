"""Who watches an area, in which areas an outage lies, and messages that no account is behind.

Revision: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()
LASTING = sa.text("confirmed_at IS NOT NULL AND ended_at IS NULL")
ENDED = sa.text("ended_at IS NOT NULL")
_ALWAYS, _PERHAPS = "account_key INTEGER NOT NULL", "account_key INTEGER"


def upgrade() -> None:
    """Add what the release before does not look at; it ends messages without an account untold."""
    _outage_areas()
    _watches()
    _let_account_be_missing(missing=True)


def downgrade() -> None:
    """Take it away again, with what was told of areas: the release before has no such kinds."""
    op.execute(
        "DELETE FROM receipts WHERE message_key IN (SELECT key FROM messages WHERE account_key IS "
        r"NULL OR kind LIKE 'area\_%' ESCAPE '\')"
    )
    op.execute(r"DELETE FROM messages WHERE account_key IS NULL OR kind LIKE 'area\_%' ESCAPE '\'")
    op.execute(r"DELETE FROM decisions WHERE decision LIKE 'area\_%' ESCAPE '\'")
    _let_account_be_missing(missing=False)
    op.drop_table("watches")
    op.drop_table("outage_areas")


def _outage_areas() -> None:
    op.create_table(
        "outage_areas",
        sa.Column("outage_key", KEY, nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="of outage.where.AreaKind, or all"),
        sa.Column("name", sa.String(), nullable=False, comment="as the site has it; empty for all"),
        sa.Column("lies", sa.Boolean(), nullable=False, comment="false: it did, and does not now"),
        sa.ForeignKeyConstraint(
            ["outage_key"], ["outages.key"], name=op.f("fk_outage_areas_outage_key")
        ),
        sa.PrimaryKeyConstraint("outage_key", "kind", "name", name=op.f("pk_outage_areas")),
    )


def _watches() -> None:
    op.create_table(
        "watches",
        sa.Column("key", KEY, nullable=False),
        sa.Column(
            "once",
            sa.String(),
            nullable=False,
            comment="the form's own word: sent again, it is one",
        ),
        sa.Column("endpoint_key", KEY, nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="of outage.where.AreaKind, or all"),
        sa.Column("name", sa.String(), nullable=False, comment="as the site has it; empty for all"),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False, comment="page, or link: which form"),
        sa.Column("asked_at", INSTANT, nullable=False, comment="wall time"),
        sa.Column("answer_key", KEY, comment="what asks them to confirm"),
        sa.Column("confirmed_at", INSTANT, comment="business time; NULL until they have said yes"),
        sa.Column("ended_at", INSTANT, comment="business time; NULL while it lasts"),
        *(
            sa.ForeignKeyConstraint(
                [f"{one}_key"], [f"{one}s.key"], name=op.f(f"fk_watches_{one}_key")
            )
            for one in ("endpoint", "answer")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_watches")),
    )
    op.create_index("uq_watches_once", "watches", ["once"], unique=True)
    op.create_index("ix_watches_endpoint_key", "watches", ["endpoint_key", "asked_at"])
    op.create_index("ix_watches_answer_key", "watches", ["answer_key"])
    op.create_index("ix_watches_asked_at", "watches", ["asked_at"])
    op.create_index(
        "uq_watches_lasting",
        "watches",
        ["kind", "name", "endpoint_key"],
        unique=True,
        sqlite_where=LASTING,
        postgresql_where=LASTING,
    )
    op.create_index(
        "ix_watches_ended_at", "watches", ["ended_at"], sqlite_where=ENDED, postgresql_where=ENDED
    )


def _let_account_be_missing(*, missing: bool) -> None:
    if op.get_bind().dialect.name != "sqlite":
        comment = "NULL: to who watches an area" if missing else None
        op.alter_column(
            "messages", "account_key", existing_type=KEY, nullable=missing, comment=comment
        )
        return
    # What is on the disk stays as it is, so SQLite's own short way will do (its "Making Other Kinds
    # Of Table Schema Changes"): the long one would copy millions of messages.
    conn = op.get_bind()
    was, shall_be = (_ALWAYS, _PERHAPS) if missing else (_PERHAPS, _ALWAYS)
    version = conn.execute(sa.text("PRAGMA schema_version")).scalar_one()
    written = sa.text("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'messages'")
    table = conn.execute(written).scalar_one()
    if table.count(f"{was},") + table.count(f"{was} ,") != 1:
        raise RuntimeError("messages.account_key is not written as this migration expects it")
    conn.execute(sa.text("PRAGMA writable_schema = ON"))
    conn.execute(
        sa.text("UPDATE sqlite_schema SET sql = :sql WHERE type = 'table' AND name = 'messages'"),
        {"sql": table.replace(f"{was},", f"{shall_be},", 1)},
    )
    conn.execute(sa.text(f"PRAGMA schema_version = {version + 1}"))
    conn.execute(sa.text("PRAGMA writable_schema = OFF"))
