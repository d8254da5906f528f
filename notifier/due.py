"""The messages of a batch as their claim looks at them: what they are, and how people stand.

Most that are due tell somebody of an outage for the first time, and of one place. How those stand
is read off as their rows are read; of all others `notifier.situations` finds it out, and would say
of these the same.
"""

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement
from sqlalchemy.engine import Connection

from notifier import newcomers
from notifier.as_numbers import is_
from notifier.moment import Form, Moment
from notifier.places import MOVED
from notifier.tokens import MOST_ROWS
from outage import tables as t
from outage.columns import Key
from outage.in_order import InOrder

OPEN = ("pending", "unknown")
"""States of messages that something may still become of."""
_BATCH = sa.bindparam("batch", type_=Key)
_MINE = t.messages.alias("due")
_M, _E, _C, _Q, _I, _O = (
    table.c for table in (_MINE, t.endpoints, t.contacts, t.occupancies, t.interruptions, t.outages)
)


def of_batch(conn: Connection, batch_key: int, moment: Moment) -> list[sa.Row[Any]]:
    """The open messages of a batch, most urgent first.

    Times are in milliseconds. ``packed`` is NULL of whose situation has to be found out. A link is
    made for a contact and a place of its account, ``here``; ``linked`` says whether it can be.
    """
    values = moment.values | {"batch": batch_key}
    return list(conn.execute(_statement(moment.form), values).all())


def outages(batch_key: int) -> sa.Select[int]:
    """The outages that the messages of a batch tell of."""
    return sa.select(_M.outage_key).where(_M.batch_key == batch_key).distinct()


@cache
def _statement(form: Form) -> sa.Select[Any]:
    text = t.messages.alias("text")
    short = not (form.goes_on or form.shares)
    zone: ColumnElement[Any] = sa.literal("")
    if form.zones:
        zone = sa.func.coalesce(t.premises.c.time_zone, "")
    packed: ColumnElement[Any] = sa.null()
    if short:
        packed = sa.case((sa.and_(*_plain(form)), newcomers.packed(form)))
    return (
        sa.select(
            *(_M[name] for name in _OWN),
            _E.address,
            _C.key.label("contact_key"),
            _Q.key.label("here"),
            text.c.endpoint_key.label("instead_of_whom"),
            *(_M[name] for name in _SHARED),
            *(sa.type_coerce(_M[name], sa.BigInteger).label(name) for name in _TIMES),
            _E.language,
            is_(sa.and_(_C.key < MOST_ROWS, _Q.key.is_not(None))).label("linked"),
            zone.label("zone"),
            packed.label("packed"),
        )
        .select_from(_joined(form, text))
        .where(_M.batch_key == _BATCH, _M.state.in_(OPEN))
        .order_by(_M.priority, _M.key)
    )


# What of a message its claim looks at: to read the rest of its row would take as long again.
_OWN = ("key", "endpoint_key", "fence", "text_key")
_SHARED = ("number", "outage_key", "channel", "kind", "variant", "state", "priority")
_TIMES = ("planned_at", "expires_at")
LOOK = slice(len(_OWN) + 4, None)
"""Of a row everything by which it is decided, apart from whom it goes to, where ``packed`` is."""


def _joined(form: Form, text: sa.FromClause) -> sa.FromClause:
    """Each message once, with its contact and a place, where it has them."""
    place, m = t.occupancies.alias("places_of_theirs").c, _MINE
    first = sa.select(sa.func.min(place.key)).where(
        place.account_key == _M.account_key, place.until.is_(None)
    )
    contact = sa.and_(
        _C.account_key == _M.account_key,
        _C.endpoint_key == _M.endpoint_key,
        _C.channel == _M.channel,
        _C.ended_at.is_(None),
    )
    joined: sa.FromClause = InOrder(m, t.endpoints, _E.key == _M.endpoint_key)
    joined = InOrder(joined, t.outages, _O.key == _M.outage_key)
    for table, how in (
        (text, text.c.key == _M.instead_of),
        (t.accounts, t.accounts.c.key == _M.account_key),
        (t.contacts, contact),
        (t.occupancies, _Q.key == first.correlate(m).scalar_subquery()),
    ):
        joined = joined.outerjoin(table, how)
    if form.zones:
        joined = joined.outerjoin(t.premises, t.premises.c.key == _Q.premise_key)
    return joined


def _held_by() -> ColumnElement[int]:
    """Whose the open interruption of a place is: found by the premise, as in `newcomers`."""
    found: ColumnElement[int] = (
        sa.select(_I.outage_key)
        .where(_I.premise_key == _Q.premise_key, _I.service == _O.service, _I.outcome.is_(None))
        .correlate(t.occupancies, t.outages)
        .scalar_subquery()
    )
    return found


def _plain(form: Form) -> list[ColumnElement[bool]]:
    """What makes a message the first to somebody with one place; the cheapest first."""
    told, member = t.messages.alias("told").c, t.memberships.c
    return [
        _M.state == "pending",
        _M.instead_of.is_(None),
        _held_by() == _M.outage_key,
        _C.key.is_not(None),
        *newcomers.alone(form),
        sa.exists().where(
            member.outage_key == _M.outage_key,
            member.premise_key == _Q.premise_key,
            sa.func.coalesce(member.outcome, "").not_in(MOVED),
        ),
        # Nor is one held by a sender just now: whoever is told something counts as told.
        sa.not_(
            sa.exists().where(
                told.outage_key == _M.outage_key,
                told.endpoint_key == _M.endpoint_key,
                told.state.in_(form.told_states),
            )
        ),
    ]
