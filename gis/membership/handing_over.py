"""Between which outages interruptions went over: who was told by one of them knows of a loss."""

from typing import Any

import sqlalchemy as sa

from outage import tables as t


def held_before(settled: sa.Table) -> sa.Select[Any]:
    """Pairs of outages that now hold a loss and that once held it, before the one they had it from.

    ``settled`` tells of each premise who held its loss and who shall.
    """
    member, known, origin = t.memberships.alias("held_earlier"), t.handovers.c, t.origins.c
    # By way of the premises, which few others held: some outages share losses with thousands.
    both = (
        sa.select(settled.c.winner, settled.c.holder, member.c.outage_key.label("earlier"))
        .join_from(settled, member, member.c.premise_key == settled.c.premise_key)
        .where(
            settled.c.winner != settled.c.holder,
            member.c.outage_key.not_in([settled.c.winner, settled.c.holder]),
        )
        .distinct()
        .subquery("held_by_both")
    )
    had_it = sa.or_(
        sa.exists().where(known.outage_key == both.c.holder, known.other_key == both.c.earlier),
        sa.exists().where(origin.outage_key == both.c.holder, origin.origin_key == both.c.earlier),
    )
    return sa.select(both.c.winner, both.c.earlier).where(had_it)


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
