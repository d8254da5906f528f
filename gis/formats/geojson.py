"""GeoJSON (RFC 7946, and its elder with a crs member), parsed already, read into rings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from gis.errors import BadVertex, ShapeNotAnArea, ShapeUnreadable
from gis.formats.rings import MAX_DEPTH, Coordinates, Written, assemble, too_deep

TYPE_NAMES = {bool: "true or false", str: "text", type(None): "null", dict: "an object"}
_COLLECTIONS = {
    "FeatureCollection": ("features", "Feature"),
    "GeometryCollection": ("geometries", "Geometry"),
}

Polygon = list[object]


def read_geojson(source: Mapping[str, object]) -> Written:
    """Read a Polygon, a MultiPolygon, a Feature or a collection of them."""
    return Written(
        areas=assemble(_areas(source, "The shape", 0), ring_of), crs=_crs(source.get("crs"))
    )


def ring_of(positions: object, where: str) -> Coordinates:
    """Read a list of positions; anything beyond longitude and latitude is left out.

    Raises:
        BadVertex: names the first that is no position.
    """
    listed: list[Any] = _listed(positions, where)
    lengths = set(map(len, listed)) if set(map(type, listed)) <= {list, tuple} else {0}
    if len(lengths) == 1 and (length := lengths.pop()) > 1:
        numbers: list[Any] = list(chain.from_iterable(listed))
        # Checked by type: numpy would take text and truth values for numbers.
        if set(map(type, numbers)) <= {int, float}:
            try:
                return np.array(numbers, dtype=np.float64).reshape(-1, length)[:, :2]
            except OverflowError:
                pass
    pairs = [_pair(pair, where, number) for number, pair in enumerate(listed, 1)]
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


def _pair(pair: object, where: str, number: int) -> tuple[float, float]:
    vertex = f"{where}, vertex {number}"
    if not isinstance(pair, list | tuple) or len(pair) < 2:  # noqa: PLR2004 - longitude, latitude
        raise BadVertex(where=vertex, problem="it is no pair of numbers")
    for value in pair[:2]:
        if type(value) not in {int, float}:
            found = TYPE_NAMES.get(type(value), "no number")
            raise BadVertex(where=vertex, problem=f"{found} is no coordinate")
    try:
        return float(pair[0]), float(pair[1])
    except OverflowError:
        raise BadVertex(where=vertex, problem="the number is endless") from None


def _areas(source: object, where: str, depth: int) -> Iterator[Sequence[Polygon]]:
    if depth > MAX_DEPTH:
        raise too_deep()
    if not isinstance(source, Mapping):
        raise ShapeUnreadable(problem=f"{where.lower()} is no GeoJSON object")
    kind = source.get("type")
    if kind == "Feature":
        if source.get("geometry") is not None:
            yield from _areas(source["geometry"], where, depth + 1)
    elif kind == "Polygon" or kind == "MultiPolygon":  # noqa: PLR1714 - it may not be hashable
        yield from _polygons(source.get("coordinates"), where, single=kind == "Polygon")
    elif isinstance(kind, str) and kind in _COLLECTIONS:
        member, name = _COLLECTIONS[kind]
        for number, one in enumerate(_listed(source.get(member), where), 1):
            yield from _areas(one, f"{name} {number}", depth + 1)
    elif isinstance(kind, str) and kind in {"Point", "MultiPoint", "LineString", "MultiLineString"}:
        raise ShapeNotAnArea(where=where, kind=kind)
    else:
        raise ShapeUnreadable(problem=f"{where.lower()} has the type {str(kind)[:40]!r}")


def _polygons(coordinates: object, where: str, *, single: bool) -> Iterator[Sequence[Polygon]]:
    listed = _listed(coordinates, where)
    if listed:
        yield [_listed(rings, where) for rings in ([listed] if single else listed)]


def _crs(member: object) -> str | None:
    if member is None:
        return None
    properties = member.get("properties") if isinstance(member, Mapping) else None
    name = properties.get("name") if isinstance(properties, Mapping) else None
    if not isinstance(name, str):
        raise ShapeUnreadable(problem="its crs member has no name")
    return name


def _listed(value: object, where: str) -> list[object]:
    if not isinstance(value, list | tuple):
        raise ShapeUnreadable(problem=f"{where.lower()} has no list of coordinates")
    return list(value)
