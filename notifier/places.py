"""How each premise of those who are to be told stands, in SQL."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, FromClause, Select, case, func, literal

from notifier.as_numbers import MINUTE_MS, is_, minute_of
from notifier.kinds import Channel
from notifier.last_told import told_back, told_elsewhere
from notifier.moment import CLOCK, DAY_MIN, USUAL_FROM, USUAL_LEFT, USUAL_UNTIL, Form, clock_of
from notifier.situation import CHANNELS, HOURLY, QUIET_STEP_MIN
from notifier.standing_in import asked, declined, stands_in
from outage import tables as t
from outage.columns import Instant
from outage.in_order import InOrder
from outage.model import Kind
from outage.reports import ReportKind

BACK, LEFT = 1, 2
"""How an interruption ended: restored, or voided."""
MOVED = ("merged", "split")
"""Outcomes of members that another outage has instead."""
_REPORTED_WITHIN_MS = 6 * 60 * MINUTE_MS
"""Before an outage began: somebody may have noticed first."""


def places_of(targets: FromClause, form: Form) -> Select[Any]:
    """One row per target and premise: who wants to know when, and how the premise stands.

    ``here`` and ``elsewhere`` tell whose its open interruption is. ``state`` is
    for the others: how the last interruption that this outage had a part in
    ended, or else the last one since it began; 0 is a member nothing interrupts. Nobody knows
    that it is back where another outage was just no longer listed: that one says nothing either.
    """
    i, o, m = t.interruptions, t.outages, t.memberships
    is_open = sa.and_(i.c.key.is_not(None), i.c.outcome.is_(None))
    own = sa.or_(
        i.c.outage_key == targets.c.outage_key, i.c.first_outage_key == targets.c.outage_key
    )
    ended = i.c.key * 4 + case((i.c.outcome == "voided", LEFT), else_=BACK)
    # Of what went on under another outage that was just no longer listed nobody knows the end.
    own_ended = case(
        (sa.and_(_kept_quiet(), i.c.outage_key != targets.c.outage_key), i.c.key * 4), else_=ended
    )
    over = i.c.outcome.is_not(None)
    own_end = func.max(case((sa.and_(over, own), own_ended), else_=0))
    any_end = func.max(case((over, case((_kept_quiet(), i.c.key * 4), else_=ended)), else_=0))
    here = func.max(is_(sa.and_(is_open, i.c.outage_key == targets.c.outage_key)))
    elsewhere = func.max(is_(sa.and_(is_open, i.c.outage_key != targets.c.outage_key)))
    member = func.max(is_(m.c.removed.is_(None)))
    state = case(
        (sa.or_(here == 1, elsewhere == 1), -1),
        (own_end > 0, own_end % 4),
        (any_end % 4 == BACK, BACK),
        (member == 1, 0),
        else_=LEFT,
    )
    ours = sa.and_(
        i.c.premise_key == m.c.premise_key,
        i.c.service == o.c.service,
        sa.or_(i.c.outcome.is_(None), own, sa.type_coerce(i.c.ended_at, Instant) >= o.c.started_at),
    )
    alerts, zone = t.accounts.c.outage_alerts.is_(True), t.premises.c.time_zone
    wanted = case((sa.and_(alerts, asked()), 1), else_=stands_in())
    # Whether they hear here what they did not hear elsewhere.
    bears = sa.and_(alerts, sa.not_(declined()))
    hourly = t.contacts.c.topics.bitwise_and(HOURLY) != 0
    first = sa.or_(t.accounts.c.medical.is_(True), t.accounts.c.critical.is_(True))
    return (
        sa.select(
            targets.c.outage_key,
            targets.c.endpoint_key,
            m.c.premise_key,
            func.min(t.accounts.c.key).label("account_key"),
            func.max(wanted).label("wanted"),
            func.max(is_(bears)).label("bears"),
            func.max(is_(o.c.kind == Kind.ADVISORY)).label("advisory"),
            func.max(is_(first)).label("medical"),
            func.max(is_(hourly)).label("hourly"),
            func.max(left_of_quiet(form)).label("quiet"),
            func.max(minute_of(o.c.planned_end)).label("ends"),
            (func.max(_reported(targets)) if form.reports else literal(0)).label("reported"),
            (func.min(func.coalesce(zone, "")) if form.zones else sa.literal("")).label("zone"),
            (
                func.max(told_elsewhere(targets, m.c.premise_key, form))
                if form.shares
                else literal(0)
            ).label("told_elsewhere"),
            func.max(told_back(targets, m.c.premise_key, o.c.service, form)).label("told_back"),
            here.label("here"),
            elsewhere.label("elsewhere"),
            state.label("state"),
        )
        .select_from(sa.outerjoin(_held(targets, zones=bool(form.zones)), i, ours))
        .group_by(targets.c.outage_key, targets.c.endpoint_key, m.c.premise_key)
    )


def _reported(targets: FromClause) -> ColumnElement[int]:
    """Whether somebody has reported this very loss: the answer was that we have the report."""
    r, o, m = t.reports.c, t.outages.c, t.memberships.c
    lately = sa.type_coerce(o.started_at, sa.BigInteger) - _REPORTED_WITHIN_MS
    found = sa.exists().where(
        r.premise_key == m.premise_key,
        r.endpoint_key == targets.c.endpoint_key,
        r.service == o.service,
        r.ended_at.is_(None),
        r.kind.in_([str(kind) for kind in ReportKind if kind is not ReportKind.ON]),
        sa.type_coerce(r.at, sa.BigInteger) >= lately,
    )
    return is_(found.correlate(t.memberships, t.outages, targets))


def _kept_quiet() -> ColumnElement[bool]:
    """Whether an end was inferred, and no setting of its feed lets anybody be told."""
    i, r = t.interruptions.c, t.restorations.c
    tell = sa.select(r.tell).where(r.key == i.restoration_key).scalar_subquery()
    return case((i.outcome == "inferred", func.coalesce(tell, sa.false())), else_=sa.true()).is_(
        False
    )


def left_of_quiet(form: Form) -> ColumnElement[int]:
    """How much is left of a contact's quiet hours on the clock of the premise, in whole steps.

    A contact without hours of its own has the utility's, if it is a phone: a mail wakes nobody.
    """
    c, here = t.contacts.c, t.premises.c.time_zone
    clocks = {zone: clock_of(place) for place, zone in enumerate(form.zones)}
    clock: ColumnElement[int] = case(clocks, value=here, else_=CLOCK) if clocks else CLOCK
    return case(
        (c.quiet_until.is_not(None), left_of(clock, func.coalesce(c.quiet_from, 0), c.quiet_until)),
        # Mostly there is one clock, and so one answer for all who chose nothing.
        (
            c.channel == CHANNELS[Channel.SMS],
            left_of(clock, USUAL_FROM, USUAL_UNTIL) if clocks else USUAL_LEFT,
        ),
        else_=0,
    )


def left_of(
    clock: ColumnElement[int], begins: ColumnElement[int], ends: ColumnElement[int]
) -> ColumnElement[int]:
    """As `moment.quiet_left` reckons."""
    left = (ends - clock + DAY_MIN) % DAY_MIN
    length = (ends - begins + DAY_MIN) % DAY_MIN
    steps = sa.cast((left + (QUIET_STEP_MIN - 1)) // QUIET_STEP_MIN, sa.Integer)
    return case((sa.and_(left > 0, left <= length), steps), else_=0)


def _held(targets: FromClause, *, zones: bool) -> FromClause:
    """From each target to the premises its accounts hold that the outage has or had as members.

    Those that another outage took over are for that one to tell of. The premise itself is looked
    at only where ``zones`` differ.
    """
    whose = sa.and_(
        t.contacts.c.endpoint_key == targets.c.endpoint_key, t.contacts.c.ended_at.is_(None)
    )
    account = sa.and_(
        t.accounts.c.key == t.contacts.c.account_key, t.accounts.c.closed_at.is_(None)
    )
    held = sa.and_(t.occupancies.c.account_key == t.accounts.c.key, t.occupancies.c.until.is_(None))
    member = sa.and_(
        t.memberships.c.outage_key == targets.c.outage_key,
        t.memberships.c.premise_key == t.occupancies.c.premise_key,
        func.coalesce(t.memberships.c.outcome, "").not_in(MOVED),
    )
    steps: list[tuple[FromClause, ColumnElement[bool]]] = [
        (t.outages, t.outages.c.key == targets.c.outage_key),
        (t.contacts, whose),
        (t.accounts, account),
        (t.occupancies, held),
        (t.memberships, member),
    ]
    if zones:
        steps.append((t.premises, t.premises.c.key == t.memberships.c.premise_key))
    joined: FromClause = targets
    for table, condition in steps:
        joined = InOrder(joined, table, condition)
    return joined
