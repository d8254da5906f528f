"""Crews' links, the browsers they were opened in, and what crews propose.

Revision: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()


def upgrade() -> None:
    """Add what the release before does not look at."""
    _links()
    _proposals()


def downgrade() -> None:
    """Take it away again."""
    for table in ("crew_proposals", "crew_sessions", "crew_links"):
        op.drop_table(table)


def _links() -> None:
    op.create_table(
        "crew_links",
        sa.Column("key", KEY, nullable=False),
        sa.Column("hash", sa.String(), nullable=False, comment="SHA-256 of the link's token"),
        sa.Column("outage_key", KEY, nullable=False),
        sa.Column(
            "label", sa.String(), nullable=False, comment="whose, like truck-7; no personal name"
        ),
        sa.Column("made_at", INSTANT, nullable=False, comment="wall time, as all but proposals"),
        sa.Column("until", INSTANT, nullable=False),
        sa.Column("opened_at", INSTANT, comment="first"),
        sa.Column("revoked_at", INSTANT),
        _refers("crew_links", "outage_key", "outages.key"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_crew_links")),
    )
    op.create_index("uq_crew_links_hash", "crew_links", ["hash"], unique=True)
    op.create_index("ix_crew_links_outage_key", "crew_links", ["outage_key"])
    op.create_table(
        "crew_sessions",
        sa.Column("key", KEY, nullable=False),
        sa.Column("hash", sa.String(), nullable=False, comment="SHA-256 of the cookie"),
        sa.Column("link_key", KEY, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        _refers("crew_sessions", "link_key", "crew_links.key"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_crew_sessions")),
    )
    op.create_index("uq_crew_sessions_hash", "crew_sessions", ["hash"], unique=True)
    op.create_index("ix_crew_sessions_link_key", "crew_sessions", ["link_key"])


def _proposals() -> None:
    op.create_table(
        "crew_proposals",
        sa.Column("key", KEY, nullable=False),
        sa.Column("link_key", KEY, nullable=False),
        sa.Column("outage_key", KEY, nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="restored, etr"),
        sa.Column(
            "said", sa.Text(), nullable=False, comment="JSON: what the desk is given if it agrees"
        ),
        sa.Column("why", sa.String(), nullable=False, comment="it waits: large, changed"),
        sa.Column(
            "premises", sa.Integer(), nullable=False, comment="without service that it concerns"
        ),
        sa.Column("observed_at", INSTANT, nullable=False, comment="business time"),
        sa.Column("at", INSTANT, nullable=False, comment="business time"),
        sa.Column("agreed", sa.Boolean(), comment="NULL: it waits"),
        sa.Column("decided_at", INSTANT, comment="business time"),
        sa.Column("decided_by", sa.String()),
        _refers("crew_proposals", "link_key", "crew_links.key"),
        _refers("crew_proposals", "outage_key", "outages.key"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_crew_proposals")),
    )
    op.create_index("ix_crew_proposals_outage_key", "crew_proposals", ["outage_key"])
    op.create_index("ix_crew_proposals_link_key", "crew_proposals", ["link_key"])


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [to], name=op.f(f"fk_{table}_{column}"))
