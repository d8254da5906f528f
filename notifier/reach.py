"""Whom messages reach: of all accounts, by what, and of the rest why nothing does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t

_OUTAGES = 1
"""The bit of `contacts.topics` that wants to hear of outages."""
MOST_SHARED = 5


class Why(StrEnum):
    """Why an account is told nothing; of several reasons the first."""

    NO_PLACE = "no_place"
    """It holds no premise: whatever happens, it is not affected."""
    NOT_WANTED = "not_wanted"
    """It wants no alerts, or none of outages."""
    NO_CONTACT = "no_contact"
    OPTED_OUT = "opted_out"
    INVALID = "invalid"
    """Its numbers and mailboxes do not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A number that belongs to several accounts: who answers it is told once for all of them."""

    endpoint_key: int
    accounts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Numbers of accounts that are open, and of premises.

    ``by`` counts accounts by what reaches them: ``sms``, ``email``, or ``sms+email``; ``nobody``
    those that nothing does, by reason; ``medical`` of those the medical and critical ones.
    ``shared`` is how many phones several accounts share, ``sharing`` how many accounts do, and
    ``most`` the phones that the most do.
    """

    accounts: int
    by: Mapping[str, int]
    nobody: Mapping[str, int]
    medical: Mapping[str, int]
    shared: int
    sharing: int
    most: tuple[Shared, ...]
    premises: int
    unplaced: int
    empty: int

    @property
    def reached(self) -> int:
        """Accounts that something reaches."""
        return sum(self.by.values())


def reach(conn: Connection) -> Reach:
    """Count everything, from the tables as they are now."""
    each = _accounts().subquery("each")
    rows = conn.execute(
        sa.select(
            each.c.sms,
            each.c.email,
            each.c.why,
            sa.func.count().label("accounts"),
            sa.func.sum(each.c.grave).label("grave"),
        ).group_by(each.c.sms, each.c.email, each.c.why)
    ).all()
    by: dict[str, int] = {}
    nobody: dict[str, int] = {str(why): 0 for why in Why}
    medical = dict(nobody)
    for row in rows:
        if row.why:
            nobody[row.why] += row.accounts
            medical[row.why] += row.grave
        else:
            ways = "+".join(name for name in ("sms", "email") if getattr(row, name))
            by[ways] = by.get(ways, 0) + row.accounts
    shared = _shared().subquery("shared")
    phones = conn.execute(sa.select(sa.func.count()).select_from(shared)).scalar_one()
    sharing = conn.execute(_sharing(shared)).scalar_one()
    most = conn.execute(
        sa.select(shared).order_by(shared.c.accounts.desc(), shared.c.key).limit(MOST_SHARED)
    )
    premises, unplaced, empty = conn.execute(_premises()).one()
    return Reach(
        accounts=sum(row.accounts for row in rows),
        by=by,
        nobody=nobody,
        medical=medical,
        shared=phones,
        sharing=sharing,
        most=tuple(Shared(endpoint_key=row.key, accounts=row.accounts) for row in most),
        premises=premises,
        unplaced=int(unplaced or 0),
        empty=int(empty or 0),
    )


def unreached(conn: Connection, why: Why, limit: int) -> list[str]:
    """Ids of accounts that nothing reaches for this reason, medical and critical ones first."""
    each = _accounts().subquery("each")
    statement = (
        sa.select(each.c.id)
        .where(each.c.why == str(why))
        .order_by(each.c.grave.desc(), each.c.id)
        .limit(limit)
    )
    return list(conn.execute(statement).scalars())


def _accounts() -> sa.Select[Any]:
    """Every open account: whether texts and e-mails reach it, and if neither does, why not."""
    a, c, e, o = t.accounts.c, t.contacts.c, t.endpoints.c, t.occupancies.c
    wanted = sa.and_(a.outage_alerts.is_(True), c.topics.bitwise_and(_OUTAGES) != 0)
    usable = sa.and_(wanted, e.opted_out_at.is_(None), e.invalid_at.is_(None))
    place = sa.exists().where(o.account_key == a.key, o.until.is_(None))
    sms, email = _any(usable, c.channel == "sms"), _any(usable, c.channel == "email")
    why = sa.case(
        (sa.not_(place), str(Why.NO_PLACE)),
        (sa.or_(sms == 1, email == 1), ""),
        (a.outage_alerts.is_(False), str(Why.NOT_WANTED)),
        (sa.func.count(c.key) == 0, str(Why.NO_CONTACT)),
        (_any(wanted) == 0, str(Why.NOT_WANTED)),
        (_any(wanted, e.opted_out_at.is_not(None)) == 1, str(Why.OPTED_OUT)),
        else_=str(Why.INVALID),
    )
    return (
        sa.select(
            a.id,
            sms.label("sms"),
            email.label("email"),
            why.label("why"),
            sa.case((sa.or_(a.medical, a.critical), 1), else_=0).label("grave"),
        )
        .select_from(t.accounts)
        .outerjoin(t.contacts, sa.and_(c.account_key == a.key, c.ended_at.is_(None)))
        .outerjoin(t.endpoints, e.key == c.endpoint_key)
        .where(a.closed_at.is_(None))
        .group_by(a.key)
    )


def _any(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    """1 where any contact of the account is so, else 0."""
    return sa.func.max(sa.case((sa.and_(*conditions), 1), else_=0))


def _shared() -> sa.Select[Any]:
    """Phones that several open accounts have, with how many."""
    a, c, e = t.accounts.c, t.contacts.c, t.endpoints.c
    accounts = sa.func.count(c.account_key.distinct())
    return (
        sa.select(e.key, accounts.label("accounts"))
        .select_from(t.endpoints)
        .join(t.contacts, sa.and_(c.endpoint_key == e.key, c.ended_at.is_(None)))
        .join(t.accounts, sa.and_(a.key == c.account_key, a.closed_at.is_(None)))
        .where(e.kind == "phone")
        .group_by(e.key)
        .having(accounts > 1)
    )


def _sharing(shared: sa.Subquery) -> sa.Select[int]:
    """How many open accounts have one of those phones, each once however many they have."""
    a, c = t.accounts.c, t.contacts.c
    return (
        sa.select(sa.func.count(c.account_key.distinct()))
        .join_from(
            shared, t.contacts, sa.and_(c.endpoint_key == shared.c.key, c.ended_at.is_(None))
        )
        .join(t.accounts, sa.and_(a.key == c.account_key, a.closed_at.is_(None)))
    )


def _premises() -> sa.Select[int, Any, Any]:
    """How many there are, how many without a place on the map, and without an account."""
    p, o = t.premises.c, t.occupancies.c
    held = sa.exists().where(o.premise_key == p.key, o.until.is_(None))
    return sa.select(
        sa.func.count(),
        sa.func.sum(sa.case((p.longitude.is_(None), 1), else_=0)),
        sa.func.sum(sa.case((held, 0), else_=1)),
    ).where(p.closed_at.is_(None))
