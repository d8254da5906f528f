"""How it stands with who writes: their places, and what is known there now."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier.moment import zone_named
from notifier.replies.street import street_of
from outage import tables as t
from outage.disowned import WRONG_PERSON
from outage.lifecycle import REOPEN_WITHIN
from outage.model import Kind, OutageId, OutageKey, Service, Status
from outage.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One premise of who writes. ``street`` is shown to them; ``number`` only to tell two apart.

    ``zone`` names its clock; empty for the utility's own.
    """

    key: int
    street: str
    number: int | None
    postal_code: str | None
    services: frozenset[Service]
    zone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A premise that an outage has left without a service, or had: ``back`` says it is restored."""

    premise_key: int
    outage_key: OutageKey
    outage_id: OutageId
    service: Service
    back: bool
    back_at: datetime | None = None
    restoration_key: int | None = None


def places_of(conn: Connection, endpoint_key: int) -> list[Place]:
    """Return the premises that accounts of this endpoint hold now.

    None for a number that somebody else has now: what is known of the account is not theirs.
    """
    return [_place(row) for row in conn.execute(_held(), {"whose": endpoint_key})]


def places(conn: Connection, keys: Sequence[int]) -> list[Place]:
    """Return these premises, as far as they are still open, by key."""
    return [_place(row) for row in conn.execute(_open(t.premises.c.key.in_(list(keys))))]


@cache
def _held() -> sa.Select[Any]:
    """The premises that are an endpoint's, ``whose``; built once, as every text needs it."""
    held, contact, account = t.occupancies.c, t.contacts.c, t.accounts.c
    whose: sa.BindParameter[int] = sa.bindparam("whose")
    wrong = sa.select(t.endpoints.c.key).where(
        t.endpoints.c.key == whose, t.endpoints.c.invalid_code == WRONG_PERSON
    )
    keys = (
        sa.select(held.premise_key)
        .join(t.accounts, account.key == held.account_key)
        .join(t.contacts, contact.account_key == account.key)
        .where(
            contact.endpoint_key == whose,
            contact.ended_at.is_(None),
            account.closed_at.is_(None),
            held.until.is_(None),
            ~sa.exists(wrong),
        )
    )
    return _open(t.premises.c.key.in_(keys))


def _open(which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    is_open = t.premises.c.closed_at.is_(None)
    return t.premises.select().where(which, is_open).order_by(t.premises.c.key)


def _place(row: sa.Row[Any]) -> Place:
    return Place(
        key=row.key,
        street=street_of(row.address),
        number=row.house_number,
        postal_code=row.postal_code,
        services=frozenset(service for service in Service if row.services & service.bit),
        zone=row.time_zone or "",
    )


def clock_at(places: Iterable[Place], site: Site) -> ZoneInfo:
    """The clock that people at these places read; of several zones the utility's own comes first.

    As with messages: what is called a zone and is none is read as the utility's own.
    """
    return zone_named(min((place.zone for place in places), default="")) or site.zone


def stays(conn: Connection, premises: Sequence[int], now: datetime) -> list[Stay]:
    """Return where these premises are out, and where they were restored lately; newest first."""
    if not premises:
        return []
    out = [
        Stay(
            premise_key=row.premise_key,
            outage_key=OutageKey(row.outage_key),
            outage_id=OutageId(row.id),
            service=Service(row.service),
            back=False,
        )
        for row in conn.execute(_out(premises))
    ]
    still = {(stay.premise_key, stay.service) for stay in out}
    back = [
        Stay(
            premise_key=row.premise_key,
            outage_key=OutageKey(row.key),
            outage_id=OutageId(row.id),
            service=Service(row.service),
            back=True,
            back_at=row.until,
            restoration_key=row.restoration_key,
        )
        for row in conn.execute(_back(premises, now))
        if (row.premise_key, row.service) not in still
    ]
    return out + back


def _out(premises: Sequence[int]) -> sa.Select[Any]:
    i, o = t.interruptions.c, t.outages.c
    return (
        sa.select(i.premise_key, i.outage_key, i.service, o.id)
        .join(t.outages, o.key == i.outage_key)
        .where(i.premise_key.in_(list(premises)), i.outcome.is_(None))
        .order_by(i.key.desc())
    )


def _back(premises: Sequence[int], now: datetime) -> sa.Select[Any]:
    m, o = t.memberships.c, t.outages.c
    return (
        sa.select(m.premise_key, m.until, m.restoration_key, o.key, o.id, o.service)
        .join(t.outages, o.key == m.outage_key)
        .where(
            m.premise_key.in_(list(premises)),
            m.removed.is_(None),
            m.outcome == "restored",
            m.restoration_key.is_not(None),
            m.until >= now - REOPEN_WITHIN,
            o.status.in_([Status.PARTIALLY_RESTORED, Status.RESTORED]),
        )
        .order_by(m.until.desc(), m.key.desc())
    )


def advisories(conn: Connection, premises: Sequence[int]) -> bool:
    """Whether an advisory is in force at one of these premises."""
    m, o = t.memberships.c, t.outages.c
    found = (
        sa.select(m.key)
        .join(t.outages, o.key == m.outage_key)
        .where(
            m.premise_key.in_(list(premises)),
            m.removed.is_(None),
            m.until.is_(None),
            o.kind == Kind.ADVISORY,
            o.status.in_([Status.CONFIRMED, Status.PARTIALLY_RESTORED]),
        )
        .limit(1)
    )
    return conn.execute(found).first() is not None


def counting(conn: Connection, services: Collection[Service]) -> bool:
    """Whether an outage is on record of which nobody knows yet whom it concerns.

    From its declaration, or a change of its shape, until gis has matched it (DECISIONS 1).
    """
    o = t.outages.c
    found = (
        sa.select(o.key)
        .where(
            o.status.in_([Status.CONFIRMED, Status.PARTIALLY_RESTORED]),
            o.kind != Kind.ADVISORY,
            o.service.in_(list(services)),
            o.shape_digest.is_not(None),
            o.shape_digest.is_distinct_from(o.matched_shape_digest),
        )
        .limit(1)
    )
    return conn.execute(found).first() is not None
