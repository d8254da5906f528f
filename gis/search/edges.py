"""The edges of many areas, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon

from gis.search.strips import Floats, Ints, Truths


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Edges:
    """The edges of areas, part by part.

    Each part is judged by itself, by the even-odd rule over its rings, and a point is inside an
    area if it is inside any of its parts. For a valid area that is what it means to be inside;
    an invalid one needs no other rule.

    Attributes:
        areas: how many areas there are.
        parts: their polygons, shape (p,).
        area: the area of each part, rising.
        part: the part of each edge, rising, shape (e,).
        x1, y1, x2, y2: where each edge begins and ends, shape (e,).
    """

    areas: int
    parts: NDArray[Any]
    area: Ints
    part: Ints
    x1: Floats
    y1: Floats
    x2: Floats
    y2: Floats

    @classmethod
    def of(cls, wkbs: Sequence[bytes]) -> Edges:
        """Read areas: WKB of polygons and multipolygons."""
        shapes = np.array(shapely.from_wkb(list(wkbs)), dtype=object)
        parts, area = shapely.get_parts(shapes, return_index=True)
        rings, part = shapely.get_rings(parts, return_index=True)
        xy, ring = shapely.get_coordinates(rings, return_index=True)
        begin = np.flatnonzero(ring[1:] == ring[:-1])
        x, y = np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1])
        return cls(
            areas=len(shapes),
            parts=parts,
            area=area.astype(np.int64),
            part=part[ring[begin]].astype(np.int64),
            x1=x[begin],
            y1=y[begin],
            x2=x[begin + 1],
            y2=y[begin + 1],
        )


def settle(polygon: shapely.Geometry, lon: Floats, lat: Floats) -> Truths:
    """Let shapely say which points are inside by the even-odd rule, those on an edge included."""
    if shapely.area(polygon) == 0:
        return _by_ring(polygon, lon, lat)
    shapely.prepare(polygon)
    west, south, east, north = shapely.bounds(polygon)
    # The first point it is asked about shapely holds against the shell alone, so that one on a
    # hole of an invalid polygon would be outside. All later ones are held against every ring.
    shapely.intersects_xy(polygon, west, south)
    inside = np.asarray(shapely.intersects_xy(polygon, lon, lat))
    beyond = (lon < west) | (lon > east) | (lat < south) | (lat > north)
    if beyond.any():
        # Beyond the shell shapely looks at nothing, yet an invalid polygon may have holes there.
        inside[beyond] = _by_ring(polygon, lon[beyond], lat[beyond])
    return inside


def _by_ring(polygon: shapely.Geometry, lon: Floats, lat: Floats) -> Truths:
    rings = shapely.get_rings(polygon)
    areas = np.array([_filled(ring) for ring in rings])
    on_edge = shapely.intersects_xy(rings[:, None], lon, lat)
    within = shapely.intersects_xy(areas[:, None], lon, lat) & ~on_edge
    return np.asarray(on_edge.any(axis=0) | np.logical_xor.reduce(within, axis=0))


def _filled(ring: shapely.Geometry) -> Polygon:
    """The area of a ring, its first vertex twice.

    A ring of five vertices that runs out and back along two sides of a box shapely would take for
    that box.
    """
    xy = shapely.get_coordinates(ring)
    return Polygon(np.vstack([xy[:1], xy]))
