"""What a replay came to, read back from the record."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t


def facts(conn: Connection, source: str) -> dict[str, Any]:
    """Counts over the outages of a feed and what followed from them.

    ``premises`` were ever a member of one of its outages, ``memberships`` are distinct pairs of
    outage and premise, ``outages_touching`` ever had a member.
    """
    ours = sa.select(t.outages.c.key).where(t.outages.c.source == source)
    members = t.memberships.c
    pairs = (
        sa.select(members.outage_key, members.premise_key)
        .where(members.outage_key.in_(ours))
        .distinct()
        .subquery()
    )
    touching, premises, memberships = conn.execute(
        sa.select(
            sa.func.count(pairs.c.outage_key.distinct()),
            sa.func.count(pairs.c.premise_key.distinct()),
            sa.func.count(),
        ).select_from(pairs)
    ).one()
    feed = t.feed_outages.c
    outages, returns, returned, successors, held = conn.execute(
        sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(feed.returns), 0),
            sa.func.count(sa.case((feed.returns > 0, 1))),
            sa.func.count(feed.successor),
            sa.func.count(sa.case((feed.held, 1))),
        ).where(feed.source == source)
    ).one()
    return {
        "outages": outages,
        "outages_touching": touching,
        "premises": premises,
        "memberships": memberships,
        "outages_returned": returned,
        "returns": returns,
        "successors": successors,
        "held": held,
        "outages_by_status": _by(conn, t.outages.c.status, t.outages.c.source == source),
        "interruptions": _by(
            conn,
            sa.func.coalesce(t.interruptions.c.outcome, "open"),
            t.interruptions.c.first_outage_key.in_(ours),
        ),
        "messages": _by(conn, t.messages.c.state, t.messages.c.outage_key.in_(ours)),
        "messages_by_kind": _by(conn, t.messages.c.kind, t.messages.c.outage_key.in_(ours)),
    }


def _by(
    conn: Connection, what: sa.ColumnElement[Any], where: sa.ColumnElement[bool]
) -> dict[str, int]:
    rows = conn.execute(sa.select(what, sa.func.count()).where(where).group_by(what).order_by(what))
    return {str(name): count for name, count in rows}
