"""Whoever hears of an outage for the first time, and of one place: most people, by a short way.

When an outage has just been matched for the first time, nearly everybody in it has one place and
one account, is out, and was told nothing. How those stand is read off in one go through the
members; all others are left to `notifier.situations`, which would say of these the same.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, case, literal
from sqlalchemy.engine import Connection

from notifier import scratch
from notifier.as_numbers import is_
from notifier.kinds import Channel
from notifier.moment import Form, Moment
from notifier.places import left_of_quiet
from notifier.planned import Plan, as_planned, decided, inserts, tally_all_new
from notifier.scratch import newcomers, targets, verdicts
from notifier.situation import HOURLY, SHIFTS, Situation, most
from notifier.standing_in import asked
from outage import tables as t
from outage.columns import Key
from outage.in_order import InOrder

OUTAGE, AFTER, UP_TO = (sa.bindparam(name, type_=Key) for name in ("outage", "after", "upto"))
_O, _M, _Q, _A, _C, _E, _I = (
    table.c
    for table in (
        t.outages,
        t.memberships,
        t.occupancies,
        t.accounts,
        t.contacts,
        t.endpoints,
        t.interruptions,
    )
)


def may_be(conn: Connection, plan: Plan, form: Form) -> bool:
    """Whether an outage has its first members, and goes on from nothing that was told."""
    if form.goes_on or form.shares:
        return False
    return conn.execute(_FIRST, {"outage": plan.outage_key}).first() is not None


def look(conn: Connection, moment: Moment, which: dict[str, int]) -> bool:
    """Write down the newcomers of a range, and aim at all others in it; say whether there are any.

    ``which`` has the outage and the range.
    """
    conn.execute(_everybody(moment.form), moment.values | which)
    if conn.execute(_ANY_OTHER).first() is None:
        return False
    conn.execute(_AIM_AT_OTHERS, which)
    scratch.settle(conn, targets)
    return True


def distinct(conn: Connection, outage_key: int) -> Sequence[sa.Row[Any]]:
    """How those who were found stand, and how many stand so."""
    return conn.execute(_DISTINCT, {"outage": outage_key}).all()


def decide_and_write(
    conn: Connection, plan: Plan, moment: Moment, found: Sequence[sa.Row[Any]]
) -> bool:
    """Tell those who were found what there is to tell: nothing waits for them, so all is new.

    Says whether all of them are: whoever was told by this entry meanwhile is not, and is counted
    twice.
    """
    if not found:
        return True
    decisions = decided(conn, plan, moment, found)
    tally_all_new(conn, plan, found, decisions)
    by = {"outage": plan.outage_key, "by_number": plan.number} | plan.times(moment)
    insert = _INSERT[conn.dialect.name]
    written: int = conn.execute(insert, by, execution_options={"preserve_rowcount": True}).rowcount
    told = [row.number for row in found if decisions[row.outage_key, row.packed].kind]
    return bool(written == sum(told))


@cache
def _everybody(form: Form) -> sa.Insert:
    plain = case((sa.and_(*_plain(form)), packed(form)))
    who = (
        sa.select(_E.key, _A.key, plain)
        .select_from(_joined(form))
        .where(_M.outage_key == OUTAGE, _M.premise_key > AFTER, _M.premise_key <= UP_TO)
    )
    return newcomers.insert().from_select(["endpoint_key", "account_key", "packed"], who)


def _first() -> ColumnElement[bool]:
    return sa.or_(_A.medical.is_(True), _A.critical.is_(True))


def _joined(form: Form) -> sa.FromClause:
    """Members with whoever holds them; open interruption and other place joined beside.

    Asked of each contact instead of joined once a place, those two take half of the whole look.
    """
    service = sa.select(_O.service).where(_O.key == OUTAGE).scalar_subquery()
    out = sa.and_(_I.premise_key == _M.premise_key, _I.service == service, _I.outcome.is_(None))
    held = sa.and_(_Q.premise_key == _M.premise_key, _Q.until.is_(None))
    reached = sa.and_(_C.account_key == _Q.account_key, _C.ended_at.is_(None))
    joined: sa.FromClause = InOrder(t.memberships, t.interruptions, out, isouter=True)
    if form.zones:
        joined = InOrder(joined, t.premises, t.premises.c.key == _M.premise_key)
    joined = InOrder(joined, t.occupancies, held)
    joined = InOrder(joined, _other_place, _one_other(), isouter=True)
    for table, how in (
        (t.accounts, _A.key == _Q.account_key),
        (t.contacts, reached),
        (t.endpoints, _E.key == _C.endpoint_key),
    ):
        joined = InOrder(joined, table, how)
    return joined


_other_place = t.occupancies.alias("other_place")


def _one_other() -> ColumnElement[bool]:
    """That a place is another one of the account that is looked at: a landlord has thousands."""
    some = t.occupancies.alias("some_place")
    one = sa.select(some.c.key).where(_is_other(some)).correlate(t.occupancies).limit(1)
    return _other_place.c.key == one.scalar_subquery()


def _is_other(place: sa.FromClause) -> ColumnElement[bool]:
    of_it = sa.and_(place.c.account_key == _Q.account_key, place.c.until.is_(None))
    return sa.and_(of_it, place.c.key != _Q.key)


def _plain(form: Form) -> list[ColumnElement[bool]]:
    """What makes somebody a newcomer with one place; the cheapest first."""
    told = t.messages.c
    # By this entry too, in a step before: a load may move them on within the outage. No EXISTS:
    # PostgreSQL would gather all who were told in each step.
    before = (
        sa.select(told.key)
        .where(told.outage_key == OUTAGE, told.endpoint_key == _C.endpoint_key)
        .limit(1)
        .scalar_subquery()
    )
    return [
        # Which of theirs another outage took over, it interrupts as well.
        _I.outage_key == OUTAGE,
        _other_place.c.key.is_(None),
        *_takes_alerts(form),
        before.is_(None),
    ]


def alone(form: Form) -> list[ColumnElement[bool]]:
    """That an account, joined with its contact and a place of its, takes alerts and has only these.

    And that nobody has reported anything there.
    """
    return [*_takes_alerts(form), sa.not_(sa.exists().where(_is_other(_other_place)))]


def _takes_alerts(form: Form) -> list[ColumnElement[bool]]:
    contact = t.contacts.alias("other_contact").c
    others = [
        sa.exists().where(
            contact.endpoint_key == _C.endpoint_key,
            contact.ended_at.is_(None),
            contact.key != _C.key,
        )
    ]
    if form.reports:
        others.append(sa.exists().where(t.reports.c.premise_key == _Q.premise_key))
    return [
        _A.closed_at.is_(None),
        _A.outage_alerts.is_(True),
        asked(),
        *(sa.not_(other) for other in others),
    ]


def packed(form: Form) -> ColumnElement[int]:
    """Out here, at one place, and never told anything: the rest as `situations` packs it."""
    known = Situation(here=True, places=1, wanted=True, valid=False).pack()
    facts: dict[str, ColumnElement[Any]] = {
        "channel": case((_E.kind == "phone", int(Channel.SMS)), else_=int(Channel.EMAIL)),
        "opted_out": is_(_E.opted_out_at.is_not(None)),
        "valid": is_(_E.invalid_at.is_(None)),
        "medical": is_(_first()),
        "ago": is_(_C.topics.bitwise_and(HOURLY) != 0) * most("ago"),
        "quiet": left_of_quiet(form),
    }
    return sum(
        (sa.cast(fact, sa.BigInteger) * (1 << SHIFTS[name]) for name, fact in facts.items()),
        literal(known, sa.BigInteger),
    )


_FIRST = sa.select(_O.key).where(_O.key == OUTAGE, _O.membership == 1)
_ANY_OTHER = sa.select(newcomers.c.endpoint_key).where(newcomers.c.packed.is_(None)).limit(1)
_AIM_AT_OTHERS = targets.insert().from_select(
    ["outage_key", "endpoint_key"],
    sa.select(OUTAGE, newcomers.c.endpoint_key).where(newcomers.c.packed.is_(None)).distinct(),
)
_DISTINCT = (
    sa.select(OUTAGE.label("outage_key"), newcomers.c.packed, sa.func.count().label("number"))
    .where(newcomers.c.packed.is_not(None))
    .group_by(newcomers.c.packed)
)
_INSERT = inserts(
    sa.select(
        OUTAGE.label("outage_key"),
        newcomers.c.endpoint_key,
        newcomers.c.account_key,
        verdicts.c.channel,
        *as_planned(),
    )
    .select_from(InOrder(newcomers, verdicts, verdicts.c.packed == newcomers.c.packed))
    .where(verdicts.c.kind.is_not(None))
)
