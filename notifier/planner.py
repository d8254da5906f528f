"""From a journal entry to message rows, some thousand people at a time, set by set."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import case, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from notifier import audience, facts, newcomers, scratch
from notifier.batches import steady
from notifier.policy import Decision, Manners, Reason, decide, unpack
from notifier.scratch import standing, targets, verdicts
from notifier.situations import Form, Moment, situations
from outage import tables as t
from outage.columns import to_ms
from outage.in_order import InOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One entry's work on one outage: what to plan for, and by which settings."""

    number: int
    outage_key: int
    manners: Manners
    count_shadowed: bool


def plan_some(conn: Connection, plan: Plan, after: int, premises: int) -> int | None:
    """Plan for whoever holds the next ``premises`` members with keys above ``after``.

    Returns the key to go on after, or None when all are done. An endpoint with
    several premises is looked at whole, once, in the step of its lowest one.
    """
    upto = _upto(conn, plan.outage_key, after, premises)
    siblings = kept_out(conn, plan, after, upto)
    steady(conn, [plan.outage_key, *siblings], alone=True)
    moment = Moment.of(
        conn,
        plan.manners,
        count_shadowed=plan.count_shadowed,
        outage_keys=[plan.outage_key, *siblings],
    )
    scratch.prepare(conn)
    look(conn, plan.outage_key, moment, after, upto)
    _decide_and_write(conn, plan, moment, tally_silence=True)
    if siblings:
        scratch.prepare(conn)
        _aim(conn, plan.outage_key, siblings, after, upto)
        _stand(conn, moment)
        _decide_and_write(conn, plan, moment, tally_silence=False)
    return upto


def look(conn: Connection, outage_key: int, moment: Moment, after: int, upto: int | None) -> None:
    """Find out how whoever holds members in this range stands."""
    if newcomers.may_be(conn, outage_key, moment.form):
        which = _range(outage_key, after, upto)
        conn.execute(newcomers.statement(moment.form), moment.values | which)
        if not conn.execute(_AIM_AT_OTHERS).rowcount:
            scratch.settle(conn, standing)
            return
        conn.execute(_OTHERS)
        scratch.settle(conn, targets)
        _stand_within(conn, moment, after, upto)
    else:
        look_at_all(conn, outage_key, moment, after, upto)


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
    if not _has_siblings(conn, plan):
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
_AT_MS = sa.bindparam("at_ms", type_=sa.BigInteger)
_BY = sa.bindparam("by_number", type_=sa.BigInteger)
_MEMBERS = t.memberships.c
_UPTO = (
    sa.select(_MEMBERS.premise_key)
    .where(_MEMBERS.outage_key == _OUTAGE, _MEMBERS.premise_key > _AFTER)
    .order_by(_MEMBERS.premise_key)
    .offset(sa.bindparam("others", type_=sa.Integer))
    .limit(1)
)
_KEPT_OUT = sa.and_(
    t.decisions.c.decision == Reason.OUT_IN_OTHER_OUTAGE, t.decisions.c.outage_key != _OUTAGE
)
_ANY_SIBLING = sa.select(t.decisions.c.outage_key).where(_KEPT_OUT).limit(1)


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
    kept = sa.exists().where(d.c.outage_key == shared.c.outage_key, _KEPT_OUT)
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


_NOT_PLAIN = standing.c.packed.is_(None)
_AIM_AT_OTHERS = targets.insert().from_select(
    ["outage_key", "endpoint_key"],
    sa.select(standing.c.outage_key, standing.c.endpoint_key).where(_NOT_PLAIN).distinct(),
)
_OTHERS = standing.delete().where(_NOT_PLAIN)
_HERE, _THERE = _aimed(t.memberships, _OUTAGE), _shared()


@cache
def _standing(form: Form) -> sa.Insert:
    now = situations(targets, form).subquery("now")
    pending = t.messages.alias("pending")
    whole = (
        sa.select(
            *(column for column in now.c if column.key != "zone"),
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


def _decide_and_write(conn: Connection, plan: Plan, moment: Moment, *, tally_silence: bool) -> None:
    now = moment.now
    distinct = conn.execute(_DISTINCT).all()
    known = facts.load(conn, {row.outage_key for row in distinct})
    decisions: dict[tuple[int, int], Decision] = {
        (row.outage_key, row.packed): decide(
            unpack(row.packed), known[row.outage_key].policy, plan.manners, now
        )
        for row in distinct
    }
    scratch.record(conn, decisions)
    at = {"at_ms": to_ms(now)}
    if any(row.pending for row in distinct) or not tally_silence or _has_siblings(conn, plan):
        _tally(conn, plan, silence=tally_silence)
        for statement in (_END_PENDING, _RENEW, _HASTEN):
            conn.execute(statement, at)
    else:
        _tally_all_new(conn, plan, distinct, decisions)
    insert = _INSERT[conn.dialect.name, not tally_silence]
    conn.execute(insert, at | {"by_number": plan.number})


_DISTINCT = sa.select(
    standing.c.outage_key,
    standing.c.packed,
    func.count().label("number"),
    func.count(standing.c.pending_key).label("pending"),
).group_by(standing.c.outage_key, standing.c.packed)
_VERDICT = sa.and_(
    verdicts.c.outage_key == standing.c.outage_key, verdicts.c.packed == standing.c.packed
)
_COVERED = sa.and_(
    standing.c.pending_kind == verdicts.c.kind, standing.c.pending_variant == verdicts.c.variant
)
"""The same is pending already; it is rendered when claimed, so it will say what is true then."""


_STAYS = sa.and_(
    t.messages.c.key == standing.c.pending_key,
    t.messages.c.state == "pending",
    _VERDICT,
    _COVERED,
)
"""A pending row that goes on waiting."""


def _tallied(*, silence: bool) -> sa.Select[Any]:
    told_by_this_entry = sa.exists().where(
        t.messages.c.number == _BY,
        t.messages.c.endpoint_key == standing.c.endpoint_key,
        t.messages.c.channel == standing.c.channel,
    )
    decision = case(
        (verdicts.c.kind.is_(None), verdicts.c.decision),
        (_COVERED, Reason.ALREADY_PENDING.value),
        (told_by_this_entry, Reason.TOLD_FOR_OTHER_OUTAGE.value),
        else_=verdicts.c.decision,
    )
    if silence:
        return (
            sa.select(
                standing.c.outage_key, decision.label("decision"), func.count().label("count")
            )
            .select_from(standing)
            .join(verdicts, _VERDICT)
            .group_by(standing.c.outage_key, sa.text("2"))
        )
    # Of several outages with one endpoint the first tells it: see `_insert`.
    whose = (standing.c.endpoint_key, decision.in_(audience.TELLS))
    rank = func.row_number().over(partition_by=whose, order_by=standing.c.outage_key)
    each = (
        sa.select(standing.c.outage_key, decision.label("decision"), rank.label("rank"))
        .select_from(standing)
        .join(verdicts, _VERDICT)
        .where(verdicts.c.kind.is_not(None))
        .subquery("each")
    )
    beaten = sa.and_(each.c.decision.in_(audience.TELLS), each.c.rank > 1)
    counted = case((beaten, Reason.TOLD_FOR_OTHER_OUTAGE.value), else_=each.c.decision)
    return sa.select(
        each.c.outage_key, counted.label("decision"), func.count().label("count")
    ).group_by(each.c.outage_key, sa.text("2"))


_TALLIED = {silence: _tallied(silence=silence) for silence in (False, True)}


def _tally_all_new(
    conn: Connection,
    plan: Plan,
    distinct: Sequence[sa.Row[Any]],
    decisions: Mapping[tuple[int, int], Decision],
) -> None:
    """Count what is decided where nothing waits to be sent, and no other outage has spoken."""
    counts = Counter[tuple[int, str]]()
    for row in distinct:
        decision = decisions[row.outage_key, row.packed]
        counts[row.outage_key, scratch.named(decision)] += row.number
    audience.tally(
        conn,
        [
            {"number": plan.number, "outage_key": outage, "decision": name, "count": count}
            for (outage, name), count in counts.items()
        ],
    )


def _has_siblings(conn: Connection, plan: Plan) -> bool:
    return conn.execute(_ANY_SIBLING, {"outage": plan.outage_key}).first() is not None


def _tally(conn: Connection, plan: Plan, *, silence: bool) -> None:
    """Count what is decided, by outage; without ``silence`` only what there is to tell."""
    found = conn.execute(_TALLIED[silence], {"by_number": plan.number}).mappings()
    audience.tally(conn, [{"number": plan.number, **row} for row in found])


def _end_pending() -> sa.Update:
    """A pending row that says something else now gives way; mostly its send time is inherited."""
    to_tell = verdicts.c.kind.is_not(None)
    return (
        t.messages.update()
        .values(
            state=case((to_tell, "superseded"), else_="withdrawn"),
            reason=case((to_tell, Reason.NEWER_DECISION.value), else_=verdicts.c.decision),
            ended_at=_AT_MS,
        )
        .where(
            t.messages.c.key == standing.c.pending_key,
            t.messages.c.state == "pending",
            _VERDICT,
            # What stands in for a text is no decision on who gets it, and ends when it is claimed.
            sa.or_(
                sa.and_(verdicts.c.kind.is_(None), t.messages.c.instead_of.is_(None)),
                sa.not_(_COVERED),
            ),
        )
    )


def _renew() -> sa.Update:
    """A pending row that will say something newer than it was planned for lives on from now.

    Else what waited through a provider's outage would expire with the newest ETR in it. Those
    planned lately are left as they are: it would be a write for each person and entry.
    """
    lives_on = _FRESH + verdicts.c.expires_ms
    return (
        t.messages.update()
        .values(expires_at=lives_on)
        .where(
            _STAYS,
            sa.type_coerce(t.messages.c.expires_at, sa.BigInteger)
            < lives_on - verdicts.c.expires_ms / 4,
        )
    )


def _hasten() -> sa.Update:
    """What waits longer than it has to by now goes sooner; what waits too short, claiming sees."""
    return (
        t.messages.update()
        .values(send_after=_DUE)
        .where(_STAYS, sa.type_coerce(t.messages.c.send_after, sa.BigInteger) > _DUE)
    )


def _insert(dialect: Any, *, in_order: bool) -> sa.Insert:  # noqa: ANN401 - the dialects' own have no common type
    """Write what is to be told. One entry tells an endpoint once: ``in_order``, by the first."""
    earlier = standing.c.pending_send_after
    inherits = sa.and_(verdicts.c.inherits == 1, earlier < _DUE)
    rows = (
        sa.select(
            _BY.label("number"),
            standing.c.outage_key,
            standing.c.endpoint_key,
            standing.c.account_key,
            standing.c.channel,
            verdicts.c.kind,
            verdicts.c.variant,
            sa.literal("pending").label("state"),
            (verdicts.c.urgency * 2 + 1 - standing.c.medical).label("priority"),
            _AT_MS.label("planned_at"),
            case((inherits, earlier), else_=_DUE).label("send_after"),
            (_FRESH + verdicts.c.expires_ms).label("expires_at"),
        )
        .select_from(standing)
        .join(verdicts, _VERDICT)
        .where(
            verdicts.c.kind.is_not(None),
            sa.or_(standing.c.pending_key.is_(None), sa.not_(_COVERED)),
        )
    )
    if in_order:
        rows = rows.order_by(standing.c.outage_key)
    statement: sa.Insert = (
        dialect.insert(t.messages)
        .from_select(list(rows.selected_columns.keys()), rows)
        .on_conflict_do_nothing()
    )
    return statement


_FRESH = func.coalesce(verdicts.c.after_ms, _AT_MS)
"""From when on a message grows old."""
_HELD_UNTIL = _AT_MS + verdicts.c.hold_ms
_DUE = case((verdicts.c.after_ms > _HELD_UNTIL, verdicts.c.after_ms), else_=_HELD_UNTIL)
_END_PENDING, _RENEW, _HASTEN = _end_pending(), _renew(), _hasten()
_INSERT = {
    (name, in_order): _insert(dialect, in_order=in_order)
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
    for in_order in (False, True)
}
