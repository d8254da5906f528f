"""The gate every shape passes: read, limit, place, check, repair; values in, values out."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod

from gis.errors import ShapeTooBig
from gis.formats import areas, written
from gis.formats.crs import own_words
from gis.formats.files import FileLimits, Format, opened
from gis.formats.rings import Written
from gis.placing import place
from gis.repair import Area, Settled, settle

_EARTH = Geod(ellps="WGS84")
_EARTH_RADIUS_KM = 6371.0072  # of the sphere with the same surface
_HALF_ROUND = 180.0
_MOST_RISE = 250.0
"""Degrees of latitude: the index cuts every edge at each 50 m of them, and a comb that is no
larger than a state would take all memory."""
_UNPACKED = 10
"""Times the limit of bytes that may come out of an archive."""


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
        drawn: then, WKB of what the rings say without a repair, itself valid, so that both can be
            matched and compared; inside is what an odd number of rings surround.
    """

    wkb: bytes
    hash: str
    vertices: int
    area_km2: float
    repaired: str | None = None
    drawn: bytes | None = None


def as_geojson(shape: Shape) -> str:
    """The area as a GeoJSON geometry, as a map draws it."""
    return str(shapely.to_geojson(shapely.from_wkb(shape.wkb)))


def accept(source: object, *, limits: ShapeLimits, crs: str | None = None) -> Shape:
    """Let a shape through the gate.

    Args:
        source: GeoJSON, WKT, WKB, KML, an encoded polyline or a flat list of coordinates as text
            or bytes, parsed GeoJSON, or a flat list lon, lat, ….
        limits: what it may have at most.
        crs: the coordinate system of its numbers, like ``EPSG:26910``; it overrules what the
            shape itself names. Without either they are WGS 84.

    Raises:
        GisError: one sentence that names the part and the vertex.
    """
    return _pass(written.read(source, max_bytes=limits.max_bytes), limits, crs)


def accept_file(
    source: Path | bytes, *, limits: ShapeLimits, crs: str | None = None, layer: str | None = None
) -> Shape:
    """Let the areas of a file through the gate: all that `accept` takes, and GIS files.

    Args:
        source: where the file lies (a .shp with its siblings beside it, or a FileGDB's folder,
            too), or its bytes (a Shapefile or a FileGDB zipped).
        limits: what it may have at most.
        crs: overrules what the file names.
        layer: which layer, where a file has several with areas.

    Raises:
        GisError: one sentence.
    """
    file_limits = FileLimits(
        max_bytes=limits.max_bytes, max_unpacked_bytes=_UNPACKED * limits.max_bytes
    )
    with opened(source, file_limits) as file:
        file.check_layer(layer)
        if file.format in {Format.TEXT, Format.KML}:
            read = written.read(file.path.read_bytes(), max_bytes=limits.max_bytes)
        else:
            read = areas.read(file, layer, max_vertices=limits.max_vertices)
    return _pass(read, limits, crs)


def _pass(read: Written, limits: ShapeLimits, crs: str | None) -> Shape:
    parts = [part for area in read.areas for part in area]
    _limit(len(parts), "parts", limits.max_parts, "import them as several outages")
    count = sum(ring.corners for part in parts for ring in part)
    _limit(count, "vertices", limits.max_vertices, "simplify it")
    named = crs or read.crs
    with own_words(crs):
        placed = [
            [place(part, crs=named, max_vertices=limits.max_vertices) for part in area]
            for area in read.areas
        ]
    return _shape(settle(placed), limits)


def _limit(found: float, what: str, limit: float, remedy: str) -> None:
    if found > limit:
        raise ShapeTooBig(found=f"{found:,.0f}", what=what, limit=f"{limit:,.0f}", remedy=remedy)


def _shape(settled: Settled, limits: ShapeLimits) -> Shape:
    area = settled.area
    km2 = _area_km2(area)
    if not math.isfinite(km2) or km2 > limits.max_area_km2:
        _limit(km2, "km² of area", limits.max_area_km2, "check its coordinates")
    rise = np.abs(np.diff(shapely.get_coordinates(area)[:, 1])).sum()
    _limit(rise, "degrees that its edges run north and south in all", _MOST_RISE, "simplify it")
    wkb = shapely.to_wkb(shapely.normalize(area))
    return Shape(
        wkb=wkb,
        hash=hashlib.sha256(wkb).hexdigest(),
        vertices=int(shapely.get_num_coordinates(area)),
        area_km2=km2,
        repaired=settled.reason,
        drawn=None if settled.drawn is None else shapely.to_wkb(settled.drawn),
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
