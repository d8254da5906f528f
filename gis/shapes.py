"""The gate every shape passes: read, limit, place, check, repair; values in, values out."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod
from shapely.geometry import MultiPolygon, Polygon

from gis import written
from gis.crs import placer
from gis.errors import (
    AxesSwapped,
    BadVertex,
    CrossesAntimeridian,
    OutsideCrs,
    RingDegenerate,
    RingNotClosed,
    ShapeEmpty,
    ShapeProjected,
    ShapeTooBig,
)

_EARTH = Geod(ellps="WGS84")
_CORNERS = 3
_EARTH_RADIUS_KM = 6371.0072  # of the sphere with the same surface
_HALF_ROUND = 180.0
_MAX_LONGITUDE, _MAX_LATITUDE = 180.0, 90.0

Area = Polygon | MultiPolygon


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeLimits:
    """What a shape may have at most; each refusal says which limit was hit."""

    max_bytes: int = 5_000_000
    max_vertices: int = 100_000
    max_parts: int = 2_000
    max_area_km2: float = 100_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A valid area in WGS 84 that has passed the gate.

    Attributes:
        wkb: the area, its rings in a normal order.
        hash: SHA-256 of `wkb`; equal areas drawn from another corner have the same.
        vertices: how many positions its rings hold.
        area_km2: on the WGS 84 ellipsoid.
        repaired: why it had to be repaired, None if it was valid as drawn.
        drawn: the invalid WKB before the repair, so that both can be matched and compared.
    """

    wkb: bytes
    hash: str
    vertices: int
    area_km2: float
    repaired: str | None = None
    drawn: bytes | None = None


def accept(source: object, *, limits: ShapeLimits, crs: str | None = None) -> Shape:
    """Let a shape through the gate.

    Args:
        source: GeoJSON or WKT as text or bytes, parsed GeoJSON, or a flat list lon, lat, ….
        limits: what it may have at most.
        crs: the coordinate system of its numbers, like ``EPSG:26910``; it overrules what the
            text itself names. Without either they are WGS 84.

    Raises:
        GisError: one sentence that names the part and the vertex.
    """
    read = written.read(source, max_bytes=limits.max_bytes)
    _limit(len(read.parts), "parts", limits.max_parts, "import them as several outages")
    count = sum(len(ring.positions) for part in read.parts for ring in part)
    _limit(count, "vertices", limits.max_vertices, "simplify it")
    named = crs or read.crs
    polygons = [_polygon(part, crs=named, closed=read.closed) for part in read.parts]
    return _settle(polygons, joined=read.areas > 1, limits=limits)


def _limit(found: float, what: str, limit: float, remedy: str) -> None:
    if found > limit:
        raise ShapeTooBig(found=f"{found:,.0f}", what=what, limit=f"{limit:,.0f}", remedy=remedy)


def _polygon(part: list[written.Ring], *, crs: str | None, closed: bool) -> Polygon:
    rings = [_ring(ring, crs=crs, closed=closed) for ring in part]
    return Polygon(rings[0], rings[1:])


def _ring(ring: written.Ring, *, crs: str | None, closed: bool) -> NDArray[np.float64]:
    xy = np.array(ring.positions, dtype=np.float64).reshape(-1, 2)
    if not len(xy):
        raise ShapeEmpty
    finite = np.asarray(np.isfinite(xy).all(axis=1))
    if not finite.all():
        raise BadVertex(where=_vertex(ring, finite), problem="a coordinate is not a finite number")
    if not (xy[0] == xy[-1]).all():
        if closed:
            raise RingNotClosed(where=ring.where, last=len(xy))
        xy = np.vstack([xy, xy[:1]])
    distinct = len(np.unique(xy, axis=0))
    if distinct < _CORNERS:
        raise RingDegenerate(where=ring.where, distinct=distinct)
    somewhere = np.asarray((xy != 0).any(axis=1))
    if placer(crs) is None and not somewhere.all():
        raise BadVertex(where=_vertex(ring, somewhere), problem="0, 0 means 'unknown', not a place")
    placed = _place(xy, ring, crs)
    # Matching is flat: such an edge would take in everybody on the other side of the earth.
    short = np.abs(np.diff(placed[:, 0])) <= _MAX_LONGITUDE
    if not short.all():
        edge = int(np.argmin(short))
        x, y = placed[edge : edge + 2, 0]
        raise CrossesAntimeridian(where=_vertex(ring, short), x=f"{x:g}", y=f"{y:g}")
    return placed


def _place(xy: NDArray[np.float64], ring: written.Ring, crs: str | None) -> NDArray[np.float64]:
    """Turn numbers in any coordinate system into longitude and latitude that exist."""
    move = placer(crs)
    placed = xy if move is None else move(xy)
    good = (
        np.isfinite(placed).all(axis=1)
        & (np.abs(placed[:, 0]) <= _MAX_LONGITUDE)
        & (np.abs(placed[:, 1]) <= _MAX_LATITUDE)
    )
    if good.all():
        return placed
    x, y = xy[int(np.argmin(good))]
    where = _vertex(ring, good)
    if move is not None:
        raise OutsideCrs(where=where, x=f"{x:g}", y=f"{y:g}", crs=crs)
    if abs(x) <= _MAX_LATITUDE < abs(y) <= _MAX_LONGITUDE:
        raise AxesSwapped(where=where, x=f"{x:g}", y=f"{y:g}")
    raise ShapeProjected(where=where, x=f"{x:.10g}", y=f"{y:.10g}")


def _vertex(ring: written.Ring, good: NDArray[np.bool_]) -> str:
    return f"{ring.where}, vertex {int(np.argmin(good)) + 1}"


def _settle(polygons: list[Polygon], *, joined: bool, limits: ShapeLimits) -> Shape:
    """Make one valid area of the parts; what is invalid is repaired and said so."""
    for number, polygon in enumerate(polygons, 1):
        if polygon.area == 0 and polygon.is_valid:
            raise RingDegenerate(where=f"Part {number}", distinct=len(polygon.exterior.coords) - 1)
    drawn: Area = polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)
    if drawn.is_valid:
        return _shape(drawn, limits, None, None)
    alone = shapely.is_valid(np.array(polygons, dtype=object))
    if joined and alone.all():
        # Separate areas that touch or overlap are meant together: a union, not a repair.
        return _shape(_areas(shapely.union_all(polygons)), limits, None, None)
    repaired = shapely.make_valid(drawn, method="structure", keep_collapsed=False)
    reason = _reason(polygons, alone, drawn)
    return _shape(_areas(repaired), limits, reason, shapely.to_wkb(drawn))


def _reason(polygons: list[Polygon], alone: NDArray[np.bool_], drawn: Area) -> str:
    if alone.all():
        text, where = shapely.is_valid_reason(drawn), "the parts"
    else:
        bad = int(np.argmin(alone))
        text, where = shapely.is_valid_reason(polygons[bad]), f"part {bad + 1}"
    words, _, place = text.partition("[")
    return f"{where}: {words.lower()} at {place.rstrip(']')}"


def _areas(geometry: shapely.Geometry) -> Area:
    """Keep what has an area: a repair may leave lines and points beside it."""
    kept = [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon) and part.area]
    if not kept:
        raise RingDegenerate(where="The shape", distinct="not enough")
    return kept[0] if len(kept) == 1 else MultiPolygon(kept)


def _shape(area: Area, limits: ShapeLimits, reason: str | None, drawn: bytes | None) -> Shape:
    km2 = _area_km2(area)
    if not math.isfinite(km2) or km2 > limits.max_area_km2:
        _limit(km2, "km² of area", limits.max_area_km2, "check its coordinates")
    wkb = shapely.to_wkb(shapely.normalize(area))
    return Shape(
        wkb=wkb,
        hash=hashlib.sha256(wkb).hexdigest(),
        vertices=int(shapely.get_num_coordinates(area)),
        area_km2=km2,
        repaired=reason,
        drawn=drawn,
    )


def _area_km2(area: Area) -> float:
    west, _, east, _ = area.bounds
    if east - west < _HALF_ROUND:
        return abs(_EARTH.geometry_area_perimeter(shapely.orient_polygons(area))[0]) / 1e6
    # A geodesic takes the short way around the earth, so that the whole of it would measure 0.
    return float(shapely.transform(area, _equal_area).area)


def _equal_area(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lambert's cylinder, in kilometres."""
    lon, lat = np.radians(lonlat).T
    return np.column_stack([lon, np.sin(lat)]) * _EARTH_RADIUS_KM
