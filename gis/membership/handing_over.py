"""Between which outages interruptions went over: who was told by one of them knows of a loss."""

from typing import Any

import sqlalchemy as sa

from outage import tables as t


def note(pairs: sa.Select[Any]) -> sa.Insert:
    """Put pairs of outages on record, each both ways, unless they are.

    Of outages that were merged or split the origins say more.
    """
    one_way, other_way = pairs.subquery("one_way"), pairs.subquery("other_way")
    both = sa.union(
        sa.select(one_way.c[0].label("one"), one_way.c[1].label("other")),
        sa.select(other_way.c[1], other_way.c[0]),
    ).subquery("both_ways")
    known, origin, (one, other) = t.handovers.c, t.origins.c, both.c
    regrouped = sa.or_(
        sa.and_(origin.outage_key == one, origin.origin_key == other),
        sa.and_(origin.outage_key == other, origin.origin_key == one),
    )
    return t.handovers.insert().from_select(
        ["outage_key", "other_key"],
        sa.select(one, other).where(
            sa.not_(sa.exists().where(known.outage_key == one, known.other_key == other)),
            sa.not_(sa.exists().where(regrouped)),
        ),
    )
