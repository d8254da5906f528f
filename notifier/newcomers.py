"""Whoever hears of an outage for the first time, and of one place: most people, by a short way.

When an outage has just been matched for the first time, nearly everybody in it has one place and
one account, is out, and was told nothing. How those stand is read off in one go through the
members; all others are left to `notifier.situations`, which would say of these the same.
"""

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, case, literal
from sqlalchemy.engine import Connection

from notifier.as_numbers import is_
from notifier.kinds import Channel
from notifier.moment import Form
from notifier.places import MOVED, left_of_quiet
from notifier.scratch import standing
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


def may_be(conn: Connection, outage_key: int, form: Form) -> bool:
    """Whether an outage has its first members, and goes on from nothing that was told."""
    if form.goes_on or form.shares:
        return False
    first = sa.select(_O.key).where(_O.key == outage_key, _O.membership == 1)
    return conn.execute(first).first() is not None


@cache
def statement(form: Form) -> sa.Insert:
    """Write down whoever holds members in a range; ``packed`` only of the newcomers."""
    everybody = _everybody(form)
    return standing.insert().from_select(list(everybody.selected_columns.keys()), everybody)


def _everybody(form: Form) -> sa.Select[Any]:
    phone = _E.kind == "phone"
    return (
        sa.select(
            OUTAGE.label("outage_key"),
            _E.key.label("endpoint_key"),
            _A.key.label("account_key"),
            case((phone, "sms"), else_="email").label("channel"),
            is_(_first()).label("medical"),
            _M.premise_key.label("first_premise"),
            case((sa.and_(*_plain(form)), _packed(form))).label("packed"),
        )
        .select_from(_joined(form))
        .where(_M.outage_key == OUTAGE, _M.premise_key > AFTER, _M.premise_key <= UP_TO)
    )


def _first() -> ColumnElement[bool]:
    return sa.or_(_A.medical.is_(True), _A.critical.is_(True))


def _joined(form: Form) -> sa.FromClause:
    held = sa.and_(_Q.premise_key == _M.premise_key, _Q.until.is_(None))
    reached = sa.and_(_C.account_key == _Q.account_key, _C.ended_at.is_(None))
    out = sa.and_(_I.premise_key == _M.premise_key, _I.service == _O.service, _I.outcome.is_(None))
    joined: sa.FromClause = InOrder(t.memberships, t.outages, _O.key == _M.outage_key)
    if form.zones:
        joined = InOrder(joined, t.premises, t.premises.c.key == _M.premise_key)
    for table, how in (
        (t.occupancies, held),
        (t.accounts, _A.key == _Q.account_key),
        (t.contacts, reached),
        (t.endpoints, _E.key == _C.endpoint_key),
    ):
        joined = InOrder(joined, table, how)
    return joined.outerjoin(t.interruptions, out)


def _plain(form: Form) -> list[ColumnElement[bool]]:
    """What makes somebody a newcomer with one place; the cheapest first."""
    contact, place = t.contacts.alias("other_contact").c, t.occupancies.alias("other_place").c
    told, report = t.messages.c, t.reports.c
    found = [
        _I.outage_key == OUTAGE,
        sa.func.coalesce(_M.outcome, "").not_in(MOVED),
        _A.closed_at.is_(None),
        _A.outage_alerts.is_(True),
        asked(),
    ]
    others = [
        sa.exists().where(
            place.account_key == _Q.account_key, place.until.is_(None), place.key != _Q.key
        ),
        sa.exists().where(
            contact.endpoint_key == _C.endpoint_key,
            contact.ended_at.is_(None),
            contact.key != _C.key,
        ),
        sa.exists().where(told.outage_key == OUTAGE, told.endpoint_key == _C.endpoint_key),
    ]
    if form.reports:
        others.append(sa.exists().where(report.premise_key == _M.premise_key))
    return found + [sa.not_(other) for other in others]


def _packed(form: Form) -> ColumnElement[int]:
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
