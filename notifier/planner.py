"""From a journal entry to message rows, some thousand people at a time, set by set."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import case, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from notifier import audience, facts, scratch
from notifier.batches import steady
from notifier.policy import Decision, Manners, Reason, decide, unpack
from notifier.scratch import standing, targets, verdicts
from notifier.situations import Moment, situations
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
    siblings = _siblings(conn, plan)
    steady(conn, [plan.outage_key, *siblings], alone=True)
    upto = _upto(conn, plan.outage_key, after, premises)
    moment = Moment.of(conn, plan.manners, count_shadowed=plan.count_shadowed)
    scratch.prepare(conn)
    _aim(conn, _here(plan.outage_key, after, upto))
    _stand(conn, moment)
    beyond = standing.c.first_premise <= after
    if upto is not None:
        beyond = sa.or_(beyond, standing.c.first_premise > upto)
    conn.execute(standing.delete().where(beyond))
    _decide_and_write(conn, plan, moment, tally_silence=True)
    if siblings:
        scratch.prepare(conn)
        _aim(conn, _there(plan.outage_key, siblings, after, upto))
        _stand(conn, moment)
        _decide_and_write(conn, plan, moment, tally_silence=False)
    return upto


def _upto(conn: Connection, outage_key: int, after: int, premises: int) -> int | None:
    m = t.memberships
    found: int | None = conn.execute(
        sa.select(m.c.premise_key)
        .where(m.c.outage_key == outage_key, m.c.premise_key > after)
        .order_by(m.c.premise_key)
        .offset(premises - 1)
        .limit(1)
    ).scalar()
    return found


def _siblings(conn: Connection, plan: Plan) -> list[int]:
    """Outages for which somebody was told nothing because another one still held the premise.

    They have no entry of their own when that other one ends: whoever was told
    "out" for them and is back now would never hear of it.
    """
    d = t.decisions
    return list(
        conn.execute(
            sa.select(d.c.outage_key)
            .where(d.c.decision == Reason.OUT_IN_OTHER_OUTAGE, d.c.outage_key != plan.outage_key)
            .distinct()
        ).scalars()
    )


def _here(outage_key: int, after: int, upto: int | None) -> sa.Select[tuple[int, int]]:
    return _holders(t.memberships, sa.literal(outage_key), outage_key, after, upto)


def _there(
    outage_key: int, siblings: list[int], after: int, upto: int | None
) -> sa.Select[tuple[int, int]]:
    m, sibling = t.memberships, t.memberships.alias("sibling")
    both = sa.and_(sibling.c.premise_key == m.c.premise_key, sibling.c.outage_key.in_(siblings))
    joined = InOrder(m, sibling, both)
    return _holders(joined, sibling.c.outage_key, outage_key, after, upto)


def _holders(
    members: sa.FromClause,
    of: "sa.ColumnElement[int]",
    outage_key: int,
    after: int,
    upto: int | None,
) -> sa.Select[tuple[int, int]]:
    """Endpoints of whoever holds members of ``outage_key`` in this range now."""
    m = t.memberships
    held = sa.and_(t.occupancies.c.premise_key == m.c.premise_key, t.occupancies.c.until.is_(None))
    reached = sa.and_(
        t.contacts.c.account_key == t.occupancies.c.account_key, t.contacts.c.ended_at.is_(None)
    )
    statement = (
        sa.select(of.label("outage_key"), t.contacts.c.endpoint_key)
        .distinct()
        .select_from(InOrder(InOrder(members, t.occupancies, held), t.contacts, reached))
        .where(m.c.outage_key == outage_key, m.c.premise_key > after)
    )
    return statement if upto is None else statement.where(m.c.premise_key <= upto)


def _aim(conn: Connection, who: sa.Select[tuple[int, int]]) -> None:
    conn.execute(targets.insert().from_select(["outage_key", "endpoint_key"], who))
    scratch.settle(conn, targets)


def _stand(conn: Connection, moment: Moment) -> None:
    now = situations(targets, moment).subquery("now")
    pending = t.messages.alias("pending")
    whole = (
        sa.select(
            *now.c,
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
    conn.execute(standing.insert().from_select(list(whole.selected_columns.keys()), whole))
    scratch.settle(conn, standing)


def _decide_and_write(conn: Connection, plan: Plan, moment: Moment, *, tally_silence: bool) -> None:
    now = moment.now
    distinct = conn.execute(sa.select(standing.c.outage_key, standing.c.packed).distinct()).all()
    known = facts.load(conn, {row.outage_key for row in distinct})
    decisions: dict[tuple[int, int], Decision] = {
        (row.outage_key, row.packed): decide(
            unpack(row.packed), known[row.outage_key].policy, plan.manners, now
        )
        for row in distinct
    }
    scratch.record(conn, decisions)
    _tally(conn, plan, silence=tally_silence)
    _end_pending(conn, to_ms(now))
    _renew(conn, to_ms(now))
    _hasten(conn, to_ms(now))
    _insert(conn, plan, to_ms(now), in_order=not tally_silence)


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


def _told_by_this_entry(plan: Plan) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        t.messages.c.number == plan.number,
        t.messages.c.endpoint_key == standing.c.endpoint_key,
        t.messages.c.channel == standing.c.channel,
    )


def _tally(conn: Connection, plan: Plan, *, silence: bool) -> None:
    """Count what is decided, by outage; without ``silence`` only what there is to tell."""
    decision = case(
        (verdicts.c.kind.is_(None), verdicts.c.decision),
        (_COVERED, Reason.ALREADY_PENDING.value),
        (_told_by_this_entry(plan), Reason.TOLD_FOR_OTHER_OUTAGE.value),
        else_=verdicts.c.decision,
    )
    found = sa.select(standing.c.outage_key, decision.label("decision"))
    if not silence:
        # Of several outages with one endpoint the first tells it: see `_insert`.
        whose = (standing.c.endpoint_key, decision.in_(audience.TELLS))
        rank = func.row_number().over(partition_by=whose, order_by=standing.c.outage_key)
        found = found.add_columns(rank.label("rank")).where(verdicts.c.kind.is_not(None))
    each = found.select_from(standing).join(verdicts, _VERDICT).subquery("each")
    counted = each.c.decision
    if not silence:
        beaten = sa.and_(counted.in_(audience.TELLS), each.c.rank > 1)
        counted = case((beaten, Reason.TOLD_FOR_OTHER_OUTAGE.value), else_=counted)
    statement = sa.select(each.c.outage_key, counted.label("decision"), func.count().label("count"))
    rows = conn.execute(statement.group_by(each.c.outage_key, sa.text("2"))).mappings()
    audience.tally(conn, [{"number": plan.number, **row} for row in rows])


def _end_pending(conn: Connection, now_ms: int) -> None:
    """A pending row that says something else now gives way; mostly its send time is inherited."""
    to_tell = verdicts.c.kind.is_not(None)
    conn.execute(
        t.messages.update()
        .values(
            state=case((to_tell, "superseded"), else_="withdrawn"),
            reason=case((to_tell, Reason.NEWER_DECISION.value), else_=verdicts.c.decision),
            ended_at=now_ms,
        )
        .where(
            t.messages.c.key == standing.c.pending_key,
            t.messages.c.state == "pending",
            _VERDICT,
            sa.or_(verdicts.c.kind.is_(None), sa.not_(_COVERED)),
        )
    )


def _renew(conn: Connection, now_ms: int) -> None:
    """A pending row that will say something newer than it was planned for lives on from now.

    Else what waited through a provider's outage would expire with the newest ETR in it. Those
    planned lately are left as they are: it would be a write for each person and entry.
    """
    lives_on = _fresh(now_ms) + verdicts.c.expires_ms
    conn.execute(
        t.messages.update()
        .values(expires_at=lives_on)
        .where(
            _STAYS,
            sa.type_coerce(t.messages.c.expires_at, sa.BigInteger)
            < lives_on - verdicts.c.expires_ms / 4,
        )
    )


def _hasten(conn: Connection, now_ms: int) -> None:
    """What waits longer than it has to by now goes sooner; what waits too short, claiming sees."""
    due = _due(now_ms)
    conn.execute(
        t.messages.update()
        .values(send_after=due)
        .where(
            _STAYS,
            sa.type_coerce(t.messages.c.send_after, sa.BigInteger) > due,
        )
    )


def _fresh(now_ms: int) -> sa.ColumnElement[int]:
    """From when on a message grows old."""
    return func.coalesce(verdicts.c.after_ms, sa.literal(now_ms, sa.BigInteger))


def _due(now_ms: int) -> sa.ColumnElement[int]:
    held = sa.literal(now_ms, sa.BigInteger) + verdicts.c.hold_ms
    return case((verdicts.c.after_ms > held, verdicts.c.after_ms), else_=held)


def _insert(conn: Connection, plan: Plan, now_ms: int, *, in_order: bool) -> None:
    """Write what is to be told. One entry tells an endpoint once: ``in_order``, by the first."""
    own, earlier = _due(now_ms), standing.c.pending_send_after
    inherits = sa.and_(verdicts.c.inherits == 1, earlier < own)
    rows = (
        sa.select(
            sa.literal(plan.number).label("number"),
            standing.c.outage_key,
            standing.c.endpoint_key,
            standing.c.account_key,
            standing.c.channel,
            verdicts.c.kind,
            verdicts.c.variant,
            sa.literal("pending").label("state"),
            (verdicts.c.urgency * 2 + 1 - standing.c.medical).label("priority"),
            sa.literal(now_ms).label("planned_at"),
            case((inherits, earlier), else_=own).label("send_after"),
            (_fresh(now_ms) + verdicts.c.expires_ms).label("expires_at"),
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
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    conn.execute(
        dialect.insert(t.messages)
        .from_select(list(rows.selected_columns.keys()), rows)
        .on_conflict_do_nothing()
    )
