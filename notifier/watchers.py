"""Who watches an area that an outage lies in, as far as they hold no place in it, set by set.

Which areas it lies in gis writes down; how many are out is what its row says, as on the page: the
whole outage counts in each of its areas (DECISIONS 18).
"""

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, FromClause, case, func, literal
from sqlalchemy.engine import Connection

from notifier import scratch
from notifier.as_numbers import is_
from notifier.batches import steady
from notifier.kinds import COUNTED_OF_AREAS, OF_AREAS
from notifier.moment import CLOCK, TODAY_MS, USUAL_LEFT, Form, Moment
from notifier.places import left_of
from notifier.planned import Plan, decide_and_write, has_siblings
from notifier.planner import standing_as
from notifier.scratch import standing, targets
from notifier.situation import HOURLY, OUTAGES
from notifier.situations import in_one
from outage import tables as t
from outage.areas import EVERYWHERE, KINDS
from outage.columns import Key
from outage.model import Status

_O, _W, _A = t.outages.c, t.watches.c, t.outage_areas.c
_OUTAGE, _AFTER, _UP_TO = (sa.bindparam(name, type_=Key) for name in ("outage", "after", "upto"))
_LEAST = sa.bindparam("area_least", type_=sa.BigInteger)
_NO_END = (1 << 63) - 1
_GOES_ON = (str(Status.CONFIRMED), str(Status.PARTIALLY_RESTORED))
_RANKS = {kind: str(rank) for rank, kind in enumerate((EVERYWHERE[0], *KINDS))}
"""The finest area is the one that is named."""


def lasting() -> ColumnElement[bool]:
    """That a wish has been said yes to, and nobody has ended it."""
    return sa.and_(_W.confirmed_at.is_not(None), _W.ended_at.is_(None))


def are_there(conn: Connection, plan: Plan) -> bool:
    """Whether anybody watches an area that an outage lies in, or lay in, and may hear of it.

    That is, it or one that shares losses with it is large enough, or somebody was told of one.
    """
    values = {"outage": plan.outage_key, _LEAST.key: plan.manners.area_least}
    return conn.execute(_ANYBODY, values).first() is not None


def plan_some(conn: Connection, plan: Plan, after: int, number: int) -> int | None:
    """Plan for the next ``number`` who watch, with endpoints above ``after``.

    Returns the endpoint to go on after, or None when all are done.
    """
    which = {"outage": plan.outage_key, "after": after, "others": number - 1}
    upto = conn.execute(_UPTO, which).scalar()
    which = {"outage": plan.outage_key, "after": after, "upto": _NO_END if upto is None else upto}
    # Whom nothing was told of for this one, while losses of theirs went on under it.
    over = list(conn.execute(_OVER, which).scalars()) if has_siblings(conn, plan) else []
    steady(conn, [plan.outage_key, *over], alone=True)
    moment = Moment.of(
        conn,
        plan.manners,
        count_shadowed=plan.count_shadowed,
        outage_keys=[plan.outage_key, *over],
    )
    for about in ([plan.outage_key], over):
        if about:
            scratch.prepare(conn)
            conn.execute(_AIM, which | {"about": about})
            scratch.settle(conn, targets)
            conn.execute(_standing(moment.form), values(moment))
            conn.execute(_WAITS_FOR_THEIRS)
            scratch.settle(conn, standing)
            decide_and_write(conn, plan, moment, tally_silence=about is not over)
    return upto


def values(moment: Moment) -> dict[str, int]:
    """What the parameters of `situations` are at a moment."""
    return moment.values | {_LEAST.key: moment.manners.area_least}


def situations(aimed: FromClause, form: Form) -> sa.Select[Any]:
    """One row per pair of ``aimed``, as `notifier.situations.situations` has it.

    Beside it ``area``, what the finest area of theirs is called that the outage lies in (empty for
    everywhere), ``watch_key``, when it was ``asked_at``, and ``people``, how many homes and
    businesses are out. Who holds a place that is out now, and wants alerts for it, gives no row.
    """
    whole = _watching(aimed, form).subquery("whole")
    mine = t.watches.alias("mine").c
    asked_at = sa.select(mine.asked_at).where(mine.key == whole.c.watch_key).scalar_subquery()
    return in_one(whole, by_area=True).add_columns(
        whole.c.area, whole.c.watch_key, asked_at.label("asked_at"), whole.c.people
    )


@cache
def _standing(form: Form) -> sa.Insert:
    return standing_as(situations(targets, form))


def _related(outage: ColumnElement[int]) -> sa.CompoundSelect[Any]:
    """Outages whose losses an outage has, or had, or has taken over: of these one is told."""
    h, o, other = t.handovers.c, t.origins.c, t.outages.alias("other").c
    return sa.union_all(
        sa.select(h.other_key).where(h.outage_key == outage),
        sa.select(o.origin_key).where(o.outage_key == outage),
        sa.select(o.outage_key).where(o.origin_key == outage),
        sa.select(other.key).where(other.merged_into == outage),
    )


def _lain() -> FromClause:
    """Where outages lie, or have lain: what was merged into one has lain where it did."""
    merged = t.outages.alias("merged").c
    return sa.union_all(
        sa.select(_A.outage_key, _A.kind, _A.name, _A.lies),
        sa.select(merged.merged_into, _A.kind, _A.name, sa.false())
        .join(t.outage_areas, _A.outage_key == merged.key)
        .where(merged.merged_into.is_not(None)),
    ).subquery("lain")


_LAIN = _lain()


def _same() -> ColumnElement[bool]:
    return sa.and_(_W.kind == _LAIN.c.kind, _W.name == _LAIN.c.name, lasting())


def _watching(aimed: FromClause, form: Form) -> sa.Select[Any]:
    lies = is_(_LAIN.c.lies.is_(True))
    out = func.coalesce(_O.premises_out, 0)
    ranked = func.max(
        case((lies == 1, "1"), else_="0")
        + case(_RANKS, value=_LAIN.c.kind, else_="0")
        + _LAIN.c.name
    )
    hourly, quiet = _chosen(aimed)
    none = literal(0)
    return (
        sa.select(
            aimed.c.outage_key,
            aimed.c.endpoint_key,
            sa.cast(sa.null(), sa.BigInteger).label("account_key"),
            none.label("medical"),
            none.label("first_premise"),
            none.label("premise"),
            _told_key(aimed, form).label("told_key"),
            literal(1).label("wanted"),
            none.label("bears"),
            none.label("ends"),
            none.label("reported"),
            literal("").label("zone"),
            is_(sa.and_(func.max(lies) == 1, func.max(out) >= _LEAST)).label("here"),
            is_(_goes_on_elsewhere(aimed)).label("elsewhere"),
            is_(sa.and_(func.max(lies) == 1, func.max(out) > 0)).label("listed"),
            is_(func.max(out) == 0).label("back"),
            is_(func.max(lies) == 0).label("left"),
            literal(1).label("places"),
            func.max(quiet).label("quiet"),
            func.max(hourly).label("hourly"),
            _told_today(aimed, form).label("said"),
            none.label("told_back"),
            func.substr(ranked, 3).label("area"),
            func.min(_W.key).label("watch_key"),
            func.max(out).label("people"),
        )
        .select_from(aimed)
        .join(t.outages, sa.and_(_O.key == aimed.c.outage_key, _O.merged_into.is_(None)))
        .join(t.watches, _W.endpoint_key == aimed.c.endpoint_key)
        .join(_LAIN, sa.and_(_LAIN.c.outage_key == aimed.c.outage_key, _same()))
        .where(sa.not_(_in_the_dark(aimed)))
        .group_by(aimed.c.outage_key, aimed.c.endpoint_key)
    )


def _told_key(aimed: FromClause, form: Form) -> ColumnElement[int]:
    """The newest message about the outage, or one whose losses it shares."""
    m = t.messages.alias("told_message").c
    about: sa.CompoundSelect[Any] = sa.union_all(
        sa.select(aimed.c.outage_key).correlate(aimed), *_related(aimed.c.outage_key).selects
    )
    found: ColumnElement[int] = (
        sa.select(func.max(m.key))
        .where(
            m.endpoint_key == aimed.c.endpoint_key,
            m.state.in_(form.told_states),
            m.told_state.is_not(None),
            m.outage_key.in_(about),
        )
        .correlate(aimed)
        .scalar_subquery()
    )
    return found


def _told_today(aimed: FromClause, form: Form) -> ColumnElement[int]:
    """How much they could have done without they were told of areas today, whatever the outage."""
    m = t.messages.alias("told_today").c
    counted: ColumnElement[int] = (
        sa.select(func.count())
        .where(
            m.endpoint_key == aimed.c.endpoint_key,
            m.kind.in_(COUNTED_OF_AREAS),
            m.state.in_(form.told_states),
            sa.type_coerce(m.claimed_at, sa.BigInteger) >= TODAY_MS,
        )
        .correlate(aimed)
        .scalar_subquery()
    )
    return counted


def _goes_on_elsewhere(aimed: FromClause) -> ColumnElement[bool]:
    """Whether an outage that it shares losses with leaves anybody out now."""
    other = t.outages.alias("goes_on").c
    return (
        sa.exists()
        .where(
            other.key.in_(_related(aimed.c.outage_key)),
            other.key != aimed.c.outage_key,
            other.status.in_(_GOES_ON),
            other.unlisted_since.is_(None),
            other.premises_out > 0,
        )
        .correlate(aimed)
    )


def _in_the_dark(aimed: FromClause) -> ColumnElement[bool]:
    """Whether they hold a place that is out now, and hear of that one."""
    c, a, q, m = t.contacts.c, t.accounts.c, t.occupancies.c, t.memberships.c
    return (
        sa.exists()
        .where(
            c.endpoint_key == aimed.c.endpoint_key,
            c.ended_at.is_(None),
            c.topics.bitwise_and(OUTAGES) != 0,
            a.key == c.account_key,
            a.closed_at.is_(None),
            a.outage_alerts.is_(True),
            q.account_key == a.key,
            q.until.is_(None),
            m.outage_key == aimed.c.outage_key,
            m.premise_key == q.premise_key,
            m.removed.is_(None),
            m.outcome.is_(None),
        )
        .correlate(aimed)
    )


def _chosen(aimed: FromClause) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """Whether they want to hear once an hour, and what is left of their quiet hours.

    As they have chosen for their places, if they have any; else a phone has the utility's hours.
    """
    c, e = t.contacts.c, t.endpoints.c

    def own(column: ColumnElement[int]) -> ColumnElement[int]:
        found: ColumnElement[int] = (
            sa.select(func.max(column))
            .where(c.endpoint_key == aimed.c.endpoint_key, c.ended_at.is_(None))
            .correlate(aimed)
            .scalar_subquery()
        )
        return found

    phone = sa.exists().where(e.key == aimed.c.endpoint_key, e.kind == "phone").correlate(aimed)
    begins, ends = own(c.quiet_from), own(c.quiet_until)
    quiet: ColumnElement[int] = case(
        (ends.is_not(None), left_of(CLOCK, func.coalesce(begins, 0), ends)),
        (phone, USUAL_LEFT),
        else_=0,
    )
    hourly = func.coalesce(own(is_(c.topics.bitwise_and(HOURLY) != 0)), 0)
    return hourly, quiet


def _who(*columns: ColumnElement[Any]) -> sa.Select[Any]:
    return (
        sa.select(*columns)
        .select_from(_LAIN)
        .join(t.watches, _same())
        .where(_LAIN.c.outage_key == _OUTAGE)
    )


_WAITS_FOR_THEIRS = standing.delete().where(
    standing.c.pending_kind.is_not(None), standing.c.pending_kind.not_in(OF_AREAS)
)
"""What waits to tell somebody of a place of theirs is not for this pass to end."""


def _large_or_told() -> ColumnElement[bool]:
    """That any of an outage and its related ones is large, or was told of to who watches."""
    d, one = t.decisions.c, t.outages.alias("large").c
    which: sa.CompoundSelect[Any] = sa.union_all(sa.select(_OUTAGE), *_related(_OUTAGE).selects)
    # Each message was decided on, and of decisions there are few.
    return sa.or_(
        sa.exists().where(one.key.in_(which), one.premises_out >= _LEAST),
        sa.exists().where(d.decision.in_(OF_AREAS), d.outage_key.in_(which)),
    )


_ANYBODY = _who(_W.key).where(_large_or_told()).limit(1)
_UPTO = (
    _who(_W.endpoint_key)
    .distinct()
    .where(_W.endpoint_key > _AFTER)
    .order_by(_W.endpoint_key)
    .offset(sa.bindparam("others", type_=sa.Integer))
    .limit(1)
)
_AIM = targets.insert().from_select(
    ["outage_key", "endpoint_key"],
    sa.select(_LAIN.c.outage_key, _W.endpoint_key)
    .distinct()
    .select_from(_LAIN)
    .join(t.watches, _same())
    .where(
        _LAIN.c.outage_key.in_(sa.bindparam("about", type_=Key, expanding=True)),
        _W.endpoint_key > _AFTER,
        _W.endpoint_key <= _UP_TO,
    ),
)
_OVER = sa.select(_O.key).where(
    _O.key.in_(_related(_OUTAGE)), _O.key != _OUTAGE, _O.status.not_in(_GOES_ON)
)
