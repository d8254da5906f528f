"""What is said of a place to who proves nothing: how it stands in its area (DECISIONS 32).

An area holds as many premises with the service as the public map shows at least: where a postal
code has fewer, "in your area" would say it of the house. Then it is the codes that begin alike, one
letter less each time; where none is on record, the street, then the city.

A postal code has thousands of premises and hundreds of people ask in a minute, so each statement
goes by an index from the area to the few that are out there (a test holds their plans).
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.model import Kind, OutageKey, Service, Status
from outage.privacy import MIN_PREMISES

_LAST = "z" * 12
"""Behind all that a postal code can go on with, in whatever order a database sorts letters."""


def area_is_out(conn: Connection, premise_key: int) -> bool:
    """Whether anybody near lacks a service that is had there."""
    return any(
        conn.execute(anybody_out(area(conn, premise_key, service), service)).first() is not None
        for service in _services(conn, premise_key)
    )


def outages_near(conn: Connection, premise_key: int) -> set[tuple[OutageKey, Service]]:
    """Return the outages that have left anybody near without a service."""
    return {
        (OutageKey(key), service)
        for service in _services(conn, premise_key)
        for key in conn.execute(outages_in(area(conn, premise_key, service), service)).scalars()
    }


def _services(conn: Connection, premise_key: int) -> list[Service]:
    p = t.premises.c
    bits: int = conn.execute(sa.select(p.services).where(p.key == premise_key)).scalar_one()
    return [service for service in Service if bits & service.bit]


def area(conn: Connection, premise_key: int, service: Service) -> sa.ColumnElement[bool] | None:
    """Which premises are near this one; None where no place on record holds enough: all are."""
    one = conn.execute(t.premises.select().where(t.premises.c.key == premise_key)).one()
    return next((near for near in _wider(one) if _is_enough(conn, near, service)), None)


def _wider(one: sa.Row[Any]) -> Iterator[sa.ColumnElement[bool]]:
    p, code = t.premises.c, one.postal_code
    if code:
        yield p.postal_code == code
        for length in range(len(code) - 1, 0, -1):
            yield p.postal_code.between(code[:length], code[:length] + _LAST)
    elif one.street:
        yield sa.and_(p.street == one.street, p.city == one.city)
    if one.city:
        yield p.city == one.city


def _is_enough(conn: Connection, near: sa.ColumnElement[bool], service: Service) -> bool:
    p = t.premises.c
    has_it = p.services.bitwise_and(service.bit) != 0
    some = sa.select(p.key).where(near, p.closed_at.is_(None), has_it).limit(MIN_PREMISES)
    return len(conn.execute(some).all()) == MIN_PREMISES


def anybody_out(near: sa.ColumnElement[bool] | None, service: Service) -> sa.Select[int]:
    """Select one premise there that is out; where all are near, an outage."""
    i, p = t.interruptions.c, t.premises.c
    if near is None:
        return sa.select(t.outages.c.key).where(_goes_on(service)).limit(1)
    # As a value and not as a join: for one row PostgreSQL would rather go through everybody who is
    # out, in the hope of meeting one from here soon, and where there is none meet two million.
    out = (
        sa.select(i.key)
        .where(i.premise_key == p.key, i.service == service, i.outcome.is_(None))
        .limit(1)
    )
    return sa.select(p.key).where(near, out.scalar_subquery().is_not(None)).limit(1)


def outages_in(near: sa.ColumnElement[bool] | None, service: Service) -> sa.Select[int]:
    """Select the outages that leave anybody there without the service."""
    i = t.interruptions.c
    if near is None:
        return sa.select(t.outages.c.key).where(_goes_on(service))
    return (
        sa.select(i.outage_key)
        .join(t.premises, t.premises.c.key == i.premise_key)
        .where(i.outcome.is_(None), i.service == service, near)
        .distinct()
    )


def _goes_on(service: Service) -> sa.ColumnElement[bool]:
    o = t.outages.c
    in_force = o.status.in_([Status.CONFIRMED, Status.PARTIALLY_RESTORED])
    return sa.and_(in_force, o.kind != Kind.ADVISORY, o.service == service)
