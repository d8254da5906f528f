"""A made-up utility as a database: premises, an account for each, past outages, one county."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import shapely
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gis.matching import Matcher
from gis.shapes import ShapeLimits
from outage import desk
from outage import tables as t
from outage.columns import to_ms
from outage.commands import Declare
from outage.database import Database
from outage.model import Actor, Kind, MatchedShape, Outage, OutageId, OutageKey, Service

ACTOR = Actor(kind="cli", name="bench")
BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAST = 20
"""Outages that are over; between them every second premise was a member once."""
VERTICES = 2_000
_WEST, _SOUTH = -100.0, 40.0
# Places spread evenly over one square degree, in an order that has nothing to do with the keys:
# whatever lies in an area is scattered over the whole table, which is the slow case.
_PRIME, _EAST_STEP, _NORTH_STEP = 1_000_003, 754_877, 569_840

# Of 64 bits: PostgreSQL would not multiply further than 32.
_NUMBERS = """
WITH RECURSIVE n(k) AS
    (SELECT CAST(1 AS bigint) UNION ALL SELECT k + 1 FROM n WHERE k < :premises)
"""
_PREMISES = f"""
INSERT INTO premises (key, id, address, city, longitude, latitude, services, circuit, transformer,
                      postal_code, loaded_version)
{_NUMBERS}
SELECT k, 'P' || k, (k % 9973) || ' Main Street', 'Springfield',
       {_WEST} + ((k * {_EAST_STEP}) % {_PRIME}) / {_PRIME}.0,
       {_SOUTH} + ((k * {_NORTH_STEP}) % {_PRIME}) / {_PRIME}.0,
       1, 'C' || (k % 997), 'T' || (k % 99991), '9' || (k % 89), 1
FROM n
"""
_ACCOUNTS = f"""
INSERT INTO accounts (key, id, name, medical)
{_NUMBERS}
SELECT k, 'A' || k, 'Account ' || k, k % 200 = 0 FROM n
"""
_OCCUPANCIES = f"""
INSERT INTO occupancies (account_key, premise_key, since)
{_NUMBERS}
SELECT k, k, :since FROM n
"""
_PAST_MEMBERS = """
INSERT INTO memberships (outage_key, premise_key, added, since, until, why, outcome)
SELECT 1 + (key / 2) % :past, key, 1, :since, :until, 'shape', 'restored'
FROM premises WHERE key % 2 = 0
"""
_PAST_INTERRUPTIONS = """
INSERT INTO interruptions (premise_key, service, outage_key, first_outage_key, started_at,
                           ended_at, outcome)
SELECT premise_key, 'electric', outage_key, outage_key, since, until, outcome FROM memberships
"""


def build(db: Database, premises: int) -> None:
    """Fill a migrated database: set-based, and always with the same rows."""
    settle(db, premises)
    with db.write() as conn:
        conn.execute(sa.text(_ACCOUNTS), {"premises": premises})
        since = to_ms(BEGAN - timedelta(days=900))
        conn.execute(sa.text(_OCCUPANCIES), {"premises": premises, "since": since})
    with db.write() as conn:
        _live_through_the_past(conn)


def settle(db: Database, premises: int) -> None:
    """Fill a migrated database with the premises alone."""
    with db.write() as conn:
        conn.execute(sa.text(_PREMISES), {"premises": premises})
        conn.execute(
            t.premises_versions.insert().values(
                version=1, at=BEGAN, premises=premises, unplaced=0, digest="made up"
            )
        )


def _live_through_the_past(conn: Connection) -> None:
    began = BEGAN - timedelta(days=30)
    for _ in range(PAST):
        desk.declare(conn, facts(began), actor=ACTOR)
    over = {"since": to_ms(began), "until": to_ms(began + timedelta(hours=3)), "past": PAST}
    conn.execute(sa.text(_PAST_MEMBERS), over)
    conn.execute(sa.text(_PAST_INTERRUPTIONS))
    conn.execute(t.outages.update().values(status="closed", closed_at=began + timedelta(hours=4)))


def facts(began: datetime) -> Declare:
    """Give an unplanned electric outage that began then, and no more."""
    return Declare(
        key=OutageKey(0),
        id=OutageId(""),
        service=Service.ELECTRIC,
        kind=Kind.UNPLANNED,
        started_at=began,
    )


def area(share: float, *, east: float, north: float, vertices: int) -> shapely.Polygon:
    """Give a wavy area around a place that holds a share of all premises."""
    turn = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    wave = 1 + 0.05 * np.sin(7 * turn) + 0.02 * np.sin(61 * turn)
    ring = np.column_stack([0.63 * wave * np.cos(turn), wave * np.sin(turn)])
    ring *= np.sqrt(share / shapely.Polygon(ring).area)
    ring += (_WEST + east, _SOUTH + north)
    return shapely.Polygon(ring)


def county(premises: int, inside: int, *, east: float = 0.25) -> shapely.Polygon:
    """Give an area with the vertices of a real county that holds about so many of the premises."""
    # The places fill the square only once there are as many premises as the prime says.
    return area(inside / premises, east=east, north=0.5, vertices=VERTICES)


def declare(db: Database, matcher: Matcher, ground: shapely.Polygon | None) -> Outage:
    """Match an area and declare an outage over it, as the console does."""
    shape = None if ground is None else _match(matcher, ground)
    with db.write() as conn:
        return desk.declare(conn, facts(BEGAN), actor=ACTOR, shape=shape)


def _match(matcher: Matcher, ground: shapely.Polygon) -> MatchedShape:
    text = shapely.to_geojson(ground)
    return matcher.match(text, Service.ELECTRIC, limits=ShapeLimits()).for_desk()
