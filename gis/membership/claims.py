"""What is asked of outages and interruptions again and again, as parts of statements."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outage import tables as t
from outage.model import INTERRUPTING, Kind

LIVE = sa.and_(t.memberships.c.removed.is_(None), t.memberships.c.until.is_(None))
"""Whether a member has neither fallen out nor been restored."""
BEGUN = ["premise_key", "service", "outage_key", "first_outage_key", "started_at"]
"""Columns of an interruption that begins."""
# Not named as a column is: SQLAlchemy would write those.
SERVICE = sa.bindparam("of_service", type_=sa.String)


def claims(
    outages: Any,  # noqa: ANN401 - the table or an alias of it
    status: sa.ColumnElement[str] | None = None,
) -> sa.ColumnElement[bool]:
    """Whether an outage leaves its live members without the service.

    Without a ``status`` that counts, its own does.
    """
    counts = outages.c.status if status is None else status
    return sa.and_(
        outages.c.service == SERVICE,
        outages.c.kind != Kind.ADVISORY.value,
        counts.in_([status.value for status in INTERRUPTING]),
    )


def last_end(
    premise: sa.ColumnElement[int],
    service: sa.ColumnElement[str],
    after: sa.ColumnElement[datetime] | None = None,
) -> sa.ScalarSelect[datetime]:
    """When the last interruption of a premise ended, if that was after a time."""
    last = t.interruptions.alias("last")
    ended = sa.select(sa.func.max(last.c.ended_at)).where(
        last.c.premise_key == premise, last.c.service == service, last.c.outcome != "voided"
    )
    return (ended if after is None else ended.where(last.c.ended_at > after)).scalar_subquery()


def not_before(
    last: sa.ColumnElement[datetime], began: sa.ColumnElement[datetime]
) -> sa.ColumnElement[datetime]:
    """Two interruptions of one premise never overlap, whatever the outages claim."""
    return sa.case((last > began, last), else_=began)
