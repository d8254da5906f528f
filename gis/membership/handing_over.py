"""Between which outages interruptions went over: who was told by one of them knows of a loss."""

from typing import Any

import sqlalchemy as sa

from outage import tables as t


def held_before(settled: sa.Table) -> sa.Select[Any]:
    """Pairs of outages that now hold a loss and that once held it, before the one they had it from.

    ``settled`` tells of each premise who held its loss and who shall.
    """
    over = settled.c.winner != settled.c.holder
    moved = sa.select(settled.c.winner, settled.c.holder).where(over).distinct().subquery("moved")
    shared, origin = t.handovers.c, t.origins.c
    earlier = sa.union_all(
        sa.select(shared.outage_key.label("later"), shared.other_key.label("earlier")),
        sa.select(origin.outage_key, origin.origin_key),
    ).subquery("earlier")
    place, member = settled.alias("place"), t.memberships.alias("held_earlier")
    of_both = (
        sa.exists()
        .where(
            place.c.winner == moved.c.winner,
            place.c.holder == moved.c.holder,
            member.c.premise_key == place.c.premise_key,
            member.c.outage_key == earlier.c.earlier,
        )
        .correlate(moved, earlier)
    )
    return (
        sa.select(moved.c.winner, earlier.c.earlier)
        .join_from(moved, earlier, earlier.c.later == moved.c.holder)
        .where(earlier.c.earlier.not_in([moved.c.winner, moved.c.holder]), of_both)
    )


def note(pairs: sa.SelectBase) -> sa.Insert:
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
