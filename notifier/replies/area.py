"""What is said of a place to who proves nothing: how it stands in its area (DECISIONS 32).

An area holds as many premises as the public map shows at least: where a postal code has fewer,
"in your area" would say it of the house. Then it is the codes that begin alike, one letter less
each time; where none is on record, the street, then the city.

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
    """Whether anybody near is out."""
    return conn.execute(anybody_out(area(conn, premise_key))).first() is not None


def outages_near(conn: Connection, premise_key: int) -> set[tuple[OutageKey, Service]]:
    """Return the outages that have left anybody near without a service."""
    rows = conn.execute(outages_in(area(conn, premise_key)))
    return {(OutageKey(row.outage_key), Service(row.service)) for row in rows}


def area(conn: Connection, premise_key: int) -> sa.ColumnElement[bool] | None:
    """Which premises are near this one; None where no place on record holds enough: all are."""
    one = conn.execute(t.premises.select().where(t.premises.c.key == premise_key)).one()
    return next((near for near in _wider(one) if _is_enough(conn, near)), None)


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


def _is_enough(conn: Connection, near: sa.ColumnElement[bool]) -> bool:
    p = t.premises.c
    some = sa.select(p.key).where(near, p.closed_at.is_(None)).limit(MIN_PREMISES)
    return len(conn.execute(some).all()) == MIN_PREMISES


def anybody_out(near: sa.ColumnElement[bool] | None) -> sa.Select[tuple[int]]:
    """Select one premise there that is out; where all are near, an outage."""
    i, p = t.interruptions.c, t.premises.c
    if near is None:
        return sa.select(t.outages.c.key).where(_goes_on()).limit(1)
    # As a value and not as a join: for one row PostgreSQL would rather go through everybody who is
    # out, in the hope of meeting one from here soon, and where there is none meet two million.
    out = sa.select(i.key).where(i.premise_key == p.key, i.outcome.is_(None)).limit(1)
    return sa.select(p.key).where(near, out.scalar_subquery().is_not(None)).limit(1)


def outages_in(near: sa.ColumnElement[bool] | None) -> sa.Select[tuple[int, str]]:
    """Select outage and service of all who are out there."""
    i, o = t.interruptions.c, t.outages.c
    if near is None:
        return sa.select(o.key.label("outage_key"), o.service).where(_goes_on())
    return (
        sa.select(i.outage_key, i.service)
        .join(t.premises, t.premises.c.key == i.premise_key)
        .where(i.outcome.is_(None), near)
        .distinct()
    )


def _goes_on() -> sa.ColumnElement[bool]:
    o = t.outages.c
    in_force = o.status.in_([Status.CONFIRMED, Status.PARTIALLY_RESTORED])
    return sa.and_(in_force, o.kind != Kind.ADVISORY)
