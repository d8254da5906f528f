"""From a journal entry to message rows, some thousand people at a time, set by set."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import newcomers, scratch
from notifier.batches import steady
from notifier.planned import Plan, decide_and_write, has_siblings, kept_out_of
from notifier.scratch import standing, targets
from notifier.situations import Form, Moment, situations
from outage import tables as t
from outage.in_order import InOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Who is next, as `find` has it: in temporary tables, as of this moment.

    ``upto`` is the key the range ends with, None at the end; ``others`` says whether anybody in it
    is no newcomer.
    """

    moment: Moment
    after: int
    upto: int | None
    others: bool


class StaleError(Exception):
    """What was found ahead no longer holds: the step has to look for itself."""


def find(conn: Connection, plan: Plan, after: int, premises: int) -> Found | None:
    """Look who among the holders of the next ``premises`` members is told of it for the first time.

    None if that is not to be said ahead of the step.
    """
    moment = _moment(conn, plan, [])
    if not newcomers.may_be(conn, plan, moment.form):
        return None
    upto = _upto(conn, plan.outage_key, after, premises)
    scratch.prepare(conn)
    others = newcomers.look(conn, moment, _range(plan.outage_key, after, upto))
    return Found(moment=moment, after=after, upto=upto, others=others)


def plan_some(
    conn: Connection, plan: Plan, after: int, premises: int, found: Found | None = None
) -> int | None:
    """Plan for whoever holds the next ``premises`` members with keys above ``after``.

    Returns the key to go on after, or None when all are done. An endpoint with
    several premises is looked at whole, once, in the step of its lowest one.
    ``found`` ahead on this connection saves the look, unless it no longer holds: StaleError.
    """
    upto = _upto(conn, plan.outage_key, after, premises) if found is None else found.upto
    siblings = kept_out(conn, plan, after, upto)
    steady(conn, [plan.outage_key, *siblings], alone=True)
    moment = _moment(conn, plan, siblings)
    if found is None:
        scratch.prepare(conn)
        short, others = look(conn, plan, moment, after, upto)
    else:
        still = moment.form == found.moment.form and newcomers.may_be(conn, plan, moment.form)
        if not still or found.after != after:
            raise StaleError
        # What was seen and what is decided by it are of one moment.
        short, others, moment = True, found.others, found.moment
        if others:
            _stand_within(conn, moment, after, upto)
    # In this order: messages are locked before people, as by receipts.
    if others:
        decide_and_write(conn, plan, moment, tally_silence=True)
    new = newcomers.distinct(conn, plan.outage_key) if short else []
    all_new = newcomers.decide_and_write(conn, plan, moment, new)
    if found is not None and not all_new:
        raise StaleError
    if siblings:
        scratch.prepare(conn)
        _aim(conn, plan.outage_key, siblings, after, upto)
        _stand(conn, moment)
        decide_and_write(conn, plan, moment, tally_silence=False)
    return upto


def _moment(conn: Connection, plan: Plan, siblings: list[int]) -> Moment:
    return Moment.of(
        conn,
        plan.manners,
        count_shadowed=plan.count_shadowed,
        outage_keys=[plan.outage_key, *siblings],
    )


def look(
    conn: Connection, plan: Plan, moment: Moment, after: int, upto: int | None
) -> tuple[bool, bool]:
    """Find out how whoever holds members in this range stands.

    Says whether there may be newcomers among them, and whether there may be others.
    """
    if not newcomers.may_be(conn, plan, moment.form):
        look_at_all(conn, plan.outage_key, moment, after, upto)
        return False, True
    others = newcomers.look(conn, moment, _range(plan.outage_key, after, upto))
    if others:
        _stand_within(conn, moment, after, upto)
    return True, others


def look_at_all(
    conn: Connection, outage_key: int, moment: Moment, after: int, upto: int | None
) -> None:
    """The same without the short way for newcomers."""
    _aim(conn, outage_key, [], after, upto)
    _stand_within(conn, moment, after, upto)


def _stand_within(conn: Connection, moment: Moment, after: int, upto: int | None) -> None:
    """Of somebody with several premises here, the step of the lowest one finds out."""
    _stand(conn, moment)
    beyond = standing.c.first_premise <= after
    if upto is not None:
        beyond = sa.or_(beyond, standing.c.first_premise > upto)
    conn.execute(standing.delete().where(beyond))


def _upto(conn: Connection, outage_key: int, after: int, premises: int) -> int | None:
    facts = {"outage": outage_key, "after": after, "others": premises - 1}
    found: int | None = conn.execute(_UPTO, facts).scalar()
    return found


def kept_out(conn: Connection, plan: Plan, after: int, upto: int | None) -> list[int]:
    """Outages for which somebody was told nothing because another one still held the premise.

    They have no entry of their own when that other one ends: whoever was told
    "out" for them and is back now would never hear of it. Only those that share a
    premise of this step: a long storm leaves thousands behind.
    """
    if not has_siblings(conn, plan):
        return []
    return list(conn.execute(_SIBLINGS, _range(plan.outage_key, after, upto)).scalars())


def _range(outage_key: int, after: int, upto: int | None) -> dict[str, int]:
    return {"outage": outage_key, "after": after, "upto": _NO_END if upto is None else upto}


def _aim(
    conn: Connection, outage_key: int, siblings: list[int], after: int, upto: int | None
) -> None:
    """Look at whoever holds members in this range now; of ``siblings``, those they share."""
    which = _range(outage_key, after, upto)
    if siblings:
        conn.execute(_THERE, which | {"siblings": siblings})
    else:
        conn.execute(_HERE, which)
    scratch.settle(conn, targets)


def _stand(conn: Connection, moment: Moment) -> None:
    conn.execute(_standing(moment.form), moment.values)
    scratch.settle(conn, standing)


# Statements are put together once: it takes longer than to carry out one for a hundred people.
_OUTAGE, _AFTER, _UP_TO = newcomers.OUTAGE, newcomers.AFTER, newcomers.UP_TO
_NO_END = (1 << 63) - 1
"""Above every key."""
_MEMBERS = t.memberships.c
_UPTO = (
    sa.select(_MEMBERS.premise_key)
    .where(_MEMBERS.outage_key == _OUTAGE, _MEMBERS.premise_key > _AFTER)
    .order_by(_MEMBERS.premise_key)
    .offset(sa.bindparam("others", type_=sa.Integer))
    .limit(1)
)


def _sharing() -> sa.Select[int]:
    """Those of them that have, or had, a member of this outage in a range."""
    m, sibling, d = t.memberships, t.memberships.alias("sibling"), t.decisions
    both = sa.and_(sibling.c.premise_key == m.c.premise_key, sibling.c.outage_key != m.c.outage_key)
    shared = (
        sa.select(sibling.c.outage_key)
        .distinct()
        .select_from(InOrder(m, sibling, both))
        .where(m.c.outage_key == _OUTAGE, m.c.premise_key > _AFTER, m.c.premise_key <= _UP_TO)
        .subquery("shared")
    )
    kept = sa.exists().where(d.c.outage_key == shared.c.outage_key, kept_out_of(_OUTAGE))
    return sa.select(shared.c.outage_key).where(kept).order_by(shared.c.outage_key)


_SIBLINGS = _sharing()


def _aimed(members: sa.FromClause, of: sa.ColumnElement[int]) -> sa.Insert:
    """Endpoints of whoever holds members of an outage in a range now."""
    m = t.memberships
    held = sa.and_(t.occupancies.c.premise_key == m.c.premise_key, t.occupancies.c.until.is_(None))
    reached = sa.and_(
        t.contacts.c.account_key == t.occupancies.c.account_key, t.contacts.c.ended_at.is_(None)
    )
    who = (
        sa.select(of.label("outage_key"), t.contacts.c.endpoint_key)
        .distinct()
        .select_from(InOrder(InOrder(members, t.occupancies, held), t.contacts, reached))
        .where(m.c.outage_key == _OUTAGE, m.c.premise_key > _AFTER, m.c.premise_key <= _UP_TO)
    )
    return targets.insert().from_select(["outage_key", "endpoint_key"], who)


def _shared() -> sa.Insert:
    m, sibling = t.memberships, t.memberships.alias("sibling")
    others = sibling.c.outage_key.in_(sa.bindparam("siblings", expanding=True))
    both = sa.and_(sibling.c.premise_key == m.c.premise_key, others)
    return _aimed(InOrder(m, sibling, both), sibling.c.outage_key)


_HERE, _THERE = _aimed(t.memberships, _OUTAGE), _shared()


@cache
def _standing(form: Form) -> sa.Insert:
    return standing_as(situations(targets, form))


def standing_as(situations: sa.Select[Any]) -> sa.Insert:
    """Write down how people stand, beside what waits to be sent to them."""
    now = situations.subquery("now")
    pending = t.messages.alias("pending")
    whole = (
        sa.select(
            *(now.c[column.key] for column in standing.c if column.key in now.c),
            pending.c.key.label("pending_key"),
            pending.c.kind.label("pending_kind"),
            pending.c.variant.label("pending_variant"),
            sa.type_coerce(pending.c.send_after, sa.BigInteger).label("pending_send_after"),
        )
        .select_from(now)
        .outerjoin(
            pending,
            sa.and_(
                pending.c.outage_key == now.c.outage_key,
                pending.c.endpoint_key == now.c.endpoint_key,
                pending.c.state == sa.literal_column("'pending'"),
            ),
        )
    )
    return standing.insert().from_select(list(whole.selected_columns.keys()), whole)
