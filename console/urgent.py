"""Open outages by urgency, a page at a time: what the board lists.

One statement finds what decides on the order of all of them, another one the rows of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.model import INTERRUPTING, OPEN, Kind

PAGE = 50
SOON = timedelta(minutes=30)
"""So long before its time an ETR or a promised update is about to pass."""
LATELY = timedelta(hours=24)
"""So long after its end an outage can be reopened, and is listed among those that are over."""
LATE, NEAR, QUIET = 0, 1, 2
"""How urgent: a promise was not kept, is about to be due, or neither."""

_O = t.outages.c
_OPEN = _O.status.in_([str(status) for status in OPEN])
_OUT = sa.and_(
    _O.status.in_([str(status) for status in INTERRUPTING]),
    _O.kind != str(Kind.ADVISORY),
    _O.unlisted_since.is_(None),
)
_PEOPLE = sa.case(
    (sa.not_(_OUT), 0),
    else_=sa.func.coalesce(_O.accounts_out, _O.reported_customers, _O.premise_count, 0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which outages are listed, in which order, and which page of them."""

    by: str = "urgency"
    over: bool = False
    """Those that ended lately, in place of the open ones."""
    words: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One outage of the list: its row, how urgent it is, and who is out in it."""

    row: sa.Row[*tuple[Any, ...]]
    urgency: int
    people: int
    medical: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Over all open outages: how many there are, who is out, what is late or about to be.

    ``medical`` are accounts marked so that are without service.
    """

    outages: int
    premises: int
    accounts: int
    medical: int
    late: int
    near: int


def totals(conn: Connection, now: datetime, ill: Mapping[int, int]) -> Totals:
    """Count over all open outages; ``ill`` is how many medical customers each has out."""
    urgency = _urgency(now)
    row = conn.execute(
        sa.select(
            sa.func.count(),
            sa.func.sum(sa.case((_OUT, sa.func.coalesce(_O.premises_out, 0)), else_=0)),
            sa.func.sum(_PEOPLE),
            sa.func.sum(sa.case((urgency == LATE, 1), else_=0)),
            sa.func.sum(sa.case((urgency == NEAR, 1), else_=0)),
        ).where(_OPEN)
    ).one()
    outages, premises, accounts, late, near = (int(number or 0) for number in row)
    return Totals(
        outages=outages,
        premises=premises,
        accounts=accounts,
        medical=sum(ill.values()),
        late=late,
        near=near,
    )


def listed(
    conn: Connection, asked: Asked, now: datetime, ill: Mapping[int, int]
) -> tuple[list[Listed], bool]:
    """Return a page of outages, and whether there are more behind it. ``ill`` as in `totals`."""
    urgency, people = _urgency(now).label("urgency"), _PEOPLE.label("people")
    times = (_O.etr_latest, _O.next_update_by, _O.updated_at)
    found = conn.execute(
        sa.select(_O.key, urgency, people, *times).where(_which(asked, now)).order_by(_O.key)
    ).all()
    order = ORDERS[asked.by]
    ordered = sorted(found, key=lambda row: order(row, ill.get(row.key, 0)))
    page = ordered[(asked.page - 1) * PAGE : asked.page * PAGE]
    keys = [row.key for row in page]
    rows = {row.key: row for row in conn.execute(t.outages.select().where(_O.key.in_(keys)))}
    listed = [
        Listed(
            row=rows[row.key],
            urgency=row.urgency,
            people=int(row.people),
            medical=ill.get(row.key, 0),
        )
        for row in page
    ]
    return listed, len(ordered) > asked.page * PAGE


def _which(asked: Asked, now: datetime) -> sa.ColumnElement[bool]:
    ended = sa.func.coalesce(_O.closed_at, _O.restored_at, type_=_O.closed_at.type)
    which = sa.and_(sa.not_(_OPEN), ended > now - LATELY) if asked.over else _OPEN
    if not asked.words:
        return which
    like = asked.words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return sa.and_(
        which,
        sa.or_(
            _O.id.startswith(asked.words.upper(), autoescape=True),
            _O.place.ilike(f"%{like}%", escape="\\"),
        ),
    )


def _urgency(now: datetime) -> sa.Case[int]:
    etr = sa.and_(_O.etr_published.is_(True), _O.etr_latest.is_not(None))
    soon = now + SOON
    due = sa.or_(sa.and_(etr, _O.etr_latest <= now), _O.next_update_by <= now)
    near = sa.or_(sa.and_(etr, _O.etr_latest <= soon), _O.next_update_by <= soon)
    return sa.case(
        (sa.and_(_OUT, due), LATE),
        (sa.and_(_OUT, near), NEAR),
        else_=QUIET,
    )


def _ms(at: datetime | None) -> float:
    """A time to order by; none comes last."""
    return inf if at is None else at.timestamp()


Order = Callable[[Any, int], tuple[float, ...]]
ORDERS: Mapping[str, Order] = {
    "urgency": lambda row, ill: (row.urgency, -ill, -row.people, _ms(row.etr_latest)),
    "people": lambda row, ill: (-row.people, -ill),
    "medical": lambda row, ill: (-ill, -row.people),
    "etr": lambda row, _: (_ms(row.etr_latest),),
    "update": lambda row, _: (_ms(row.next_update_by),),
    "newest": lambda row, _: (-_ms(row.updated_at),),
}
"""Ways to order the list; the first is the one without a question."""
