"""Where an outage is, small enough to be drawn on a telephone: its shape, and who is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import shapely
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t

MOST_POINTS = 1_500
"""Premises that are drawn; of more the shape says where they are."""
_DETAIL = 400
"""How many steps of a drawing's width a corner has to stand out by, to be kept."""
Ring = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """Degrees in WGS 84, longitude first."""

    rings: Sequence[Ring]
    points: Ring
    middle: tuple[float, float]


def sketch(conn: Connection, outage_key: int) -> Sketch | None:
    """Return the shape and the premises without service; None where neither has a place."""
    points = _points(conn, outage_key)
    rings, middle = _rings(conn, outage_key)
    if middle is None and points:
        middle = _nearest(points)
    return None if middle is None else Sketch(rings=rings, points=points, middle=middle)


def _points(conn: Connection, outage_key: int) -> Ring:
    m, p = t.memberships.c, t.premises.c
    rows = conn.execute(
        sa.select(p.longitude, p.latitude)
        .distinct()
        .join_from(t.memberships, t.premises, p.key == m.premise_key)
        .where(
            m.outage_key == outage_key,
            m.removed.is_(None),
            m.until.is_(None),
            p.longitude.is_not(None),
        )
        .limit(MOST_POINTS)
    )
    return [(row.longitude, row.latitude) for row in rows]


def _rings(conn: Connection, outage_key: int) -> tuple[list[Ring], tuple[float, float] | None]:
    o, s = t.outages.c, t.shapes.c
    wkb = conn.execute(
        sa.select(s.wkb)
        .join_from(t.outages, t.shapes, s.digest == o.shape_digest)
        .where(o.key == outage_key)
    ).scalar()
    if not wkb:  # none, or named in another way
        return [], None
    shape = shapely.from_wkb(wkb)
    west, south, east, north = shape.bounds
    shape = shapely.simplify(shape, max(east - west, north - south) / _DETAIL)
    inside = shapely.point_on_surface(shape)
    rings: list[Ring] = [
        [(lon, lat) for lon, lat in ring.coords]
        for part in shapely.get_parts(shape)
        for ring in (part.exterior, *part.interiors)
    ]
    return rings, (inside.x, inside.y)


def _nearest(points: Ring) -> tuple[float, float]:
    """The premise nearest to the middle of all: a place that there is."""
    lon = sum(each[0] for each in points) / len(points)
    lat = sum(each[1] for each in points) / len(points)
    return min(points, key=lambda each: (each[0] - lon) ** 2 + (each[1] - lat) ** 2)
