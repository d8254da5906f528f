"""What a message told in full, timers of outages, and the time zones of premises.

Revision: 0003_policy
"""

import sqlalchemy as sa
from alembic import op

revision = "0003_policy"
down_revision = "0002"
branch_labels = None
depends_on = None

INSTANT = sa.BigInteger()
ELSEWHERE = sa.text("time_zone IS NOT NULL")


def upgrade() -> None:
    """Add what the release before does not look at."""
    stated = "ETR, next update or planned start that it states"
    more = "told_time is when there will be more"
    op.add_column("messages", sa.Column("told_time", INSTANT, comment=stated))
    op.add_column("messages", sa.Column("told_update", sa.Boolean(), comment=more))
    crew, places = "known: a crew is on site", "places that it said are out"
    op.add_column("messages", sa.Column("told_crew", sa.Boolean(), comment=crew))
    op.add_column("messages", sa.Column("told_places", sa.Integer(), comment=places))
    for name, comment in _TIMERS.items():
        op.add_column("outages", sa.Column(name, INSTANT, comment=comment))
    op.create_index(
        "ix_premises_time_zone",
        "premises",
        ["time_zone"],
        sqlite_where=ELSEWHERE,
        postgresql_where=ELSEWHERE,
    )


def downgrade() -> None:
    """Take it away again."""
    op.drop_index("ix_premises_time_zone", "premises")
    for name in reversed(_TIMERS):
        op.drop_column("outages", name)
    for name in ("told_places", "told_crew", "told_update", "told_time"):
        op.drop_column("messages", name)


_TIMERS = {
    "next_update_prompted": "next update the desk was reminded of",
    "next_update_passed": "next update whose passing is on record",
    "start_reminded": "planned start that was reminded of",
}
