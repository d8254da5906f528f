"""How a shape is written down: GeoJSON, WKT or a flat list of numbers, read into rings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gis.errors import BadVertex, ShapeEmpty, ShapeNotAnArea, ShapeTooBig, ShapeUnreadable

_TYPE_NAMES = {bool: "true or false", str: "text", type(None): "null", dict: "an object"}
# Possessive throughout: a wall of blanks must not make it look at every way to divide them.
_WKT = re.compile(
    r"\s*+(?:SRID\s*+=\s*+(\d++)\s*+;\s*+)?([A-Za-z]++)\s*+(?:ZM|Z|M)?\s*+(EMPTY|\(.*\))\s*+",
    re.DOTALL,
)
_DEPTH = 16

Position = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """One closed line of positions, in the order written."""

    where: str
    positions: list[Position]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A shape as somebody wrote it.

    Attributes:
        parts: per part its rings, the outline first, then the holes.
        crs: the coordinate system the text itself names, if it does.
        areas: how many separate areas (features, geometries) the parts come from.
        closed: whether the rings must already repeat their first vertex at the end.
    """

    parts: list[list[Ring]]
    crs: str | None
    areas: int
    closed: bool


def read(source: object, *, max_bytes: int) -> Written:
    """Read a shape from text, bytes, parsed GeoJSON or a flat list of lon, lat, lon, lat.

    Raises:
        ShapeRefused: when it is too long, not readable, empty or not an area.
    """
    if isinstance(source, str | bytes):
        return _read_text(source, max_bytes=max_bytes)
    if isinstance(source, Mapping):
        return _read_geojson(source)
    if isinstance(source, Sequence):
        return _read_flat(source)
    raise ShapeUnreadable(problem=f"it is {_TYPE_NAMES.get(type(source), 'no text')}")


def _read_text(source: str | bytes, *, max_bytes: int) -> Written:
    if len(source) > max_bytes:
        raise ShapeTooBig(
            found=f"{len(source):,}", what="bytes", limit=f"{max_bytes:,}", remedy="simplify it"
        )
    try:
        text = source.decode("utf-8-sig") if isinstance(source, bytes) else source
    except UnicodeDecodeError as error:
        raise ShapeUnreadable(problem=f"byte {error.start + 1} is not UTF-8 text") from None
    if not text.strip():
        raise ShapeEmpty
    if text.lstrip()[0] not in "{[":
        return _read_wkt(text)
    try:
        parsed = json.loads(text)
    except json.JSONDecodeError as error:
        raise ShapeUnreadable(
            problem=f"not JSON at line {error.lineno}, column {error.colno}"
        ) from None
    except (RecursionError, ValueError):
        raise ShapeUnreadable(problem="JSON nested too deeply or with an endless number") from None
    return _read_geojson(parsed) if isinstance(parsed, dict) else _read_flat(parsed)


def _read_wkt(text: str) -> Written:
    found = _WKT.fullmatch(text)
    if found is None:
        raise ShapeUnreadable(problem="neither GeoJSON nor WKT")
    srid, kind, body = found.groups()
    if body.upper() == "EMPTY":
        raise ShapeEmpty
    if kind.upper() not in {"POLYGON", "MULTIPOLYGON"}:
        raise ShapeNotAnArea(where="The shape", kind=kind.upper())
    listed = re.sub(r"[^(),]+", lambda hit: _wkt_position(hit.group()), body)
    try:
        nested = json.loads(listed.replace("(", "[").replace(")", "]"))
    except (ValueError, RecursionError):
        raise ShapeUnreadable(problem="the WKT has an odd bracket, comma or number") from None
    nested = [nested] if kind.upper() == "POLYGON" else nested
    return Written(parts=_parts(nested), crs=f"EPSG:{srid}" if srid else None, areas=1, closed=True)


def _wkt_position(words: str) -> str:
    names = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    numbers = [names.get(word.lower(), word.lstrip("+")) for word in words.split()]
    numbers = [re.sub(r"^(-?)\.", r"\g<1>0.", re.sub(r"\.($|[eE])", r".0\1", n)) for n in numbers]
    return f"[{','.join(numbers)}]" if numbers else ""


def _read_flat(source: Sequence[object]) -> Written:
    if not source:
        raise ShapeEmpty
    if isinstance(source[0], Sequence) and not isinstance(source[0], str):
        positions = [_position(pair, "Part 1", n) for n, pair in enumerate(source, 1)]
    elif len(source) % 2:
        raise ShapeUnreadable(
            problem=f"a flat list of {len(source)} numbers leaves one without a pair"
        )
    else:
        positions = [
            _position(source[at : at + 2], "Part 1", at // 2 + 1) for at in range(0, len(source), 2)
        ]
    ring = Ring(where="Part 1", positions=positions)
    return Written(parts=[[ring]], crs=None, areas=1, closed=False)


def _read_geojson(source: Mapping[str, object]) -> Written:
    geometries = list(_geometries(source, "The shape", 0))
    nested = [polygon for _, polygons in geometries for polygon in polygons]
    if not nested:
        raise ShapeEmpty
    return Written(parts=_parts(nested), crs=_named_crs(source), areas=len(geometries), closed=True)


def _geometries(source: object, where: str, depth: int) -> Iterator[tuple[str, Sequence[object]]]:
    if not isinstance(source, Mapping) or depth > _DEPTH:
        raise ShapeUnreadable(problem=f"{where.lower()} is no GeoJSON object")
    kind = source.get("type")
    if kind == "Feature":
        if source.get("geometry") is not None:
            yield from _geometries(source["geometry"], where, depth + 1)
    elif kind in {"FeatureCollection", "GeometryCollection"}:
        name = "feature" if kind == "FeatureCollection" else "geometry"
        members = source.get("features" if kind == "FeatureCollection" else "geometries")
        for number, member in enumerate(_listed(members, where), 1):
            yield from _geometries(member, f"{name.capitalize()} {number}", depth + 1)
    elif kind in {"Polygon", "MultiPolygon"}:
        coordinates = _listed(source.get("coordinates"), where)
        if coordinates:
            yield where, ([coordinates] if kind == "Polygon" else coordinates)
    elif kind in {"Point", "MultiPoint", "LineString", "MultiLineString"}:
        raise ShapeNotAnArea(where=where, kind=kind)
    else:
        raise ShapeUnreadable(problem=f"{where.lower()} has the type {str(kind)[:40]!r}")


def _named_crs(source: Mapping[str, object]) -> str | None:
    member = source.get("crs")
    if member is None:
        return None
    properties = member.get("properties") if isinstance(member, Mapping) else None
    name = properties.get("name") if isinstance(properties, Mapping) else None
    if not isinstance(name, str):
        raise ShapeUnreadable(problem="its crs member has no name")
    return name


def _parts(nested: Sequence[object]) -> list[list[Ring]]:
    return [
        [
            Ring(
                where=where,
                positions=[_position(p, where, n) for n, p in enumerate(_listed(ring, where), 1)],
            )
            for where, ring in _named_rings(polygon, f"Part {number}")
        ]
        for number, polygon in enumerate(_listed(nested, "The shape"), 1)
    ]


def _named_rings(polygon: object, part: str) -> Iterator[tuple[str, object]]:
    rings = _listed(polygon, part)
    if not rings:
        raise ShapeEmpty
    yield part, rings[0]
    for number, hole in enumerate(rings[1:], 1):
        yield f"{part}, hole {number}", hole


def _listed(value: object, where: str) -> list[object]:
    if not isinstance(value, list | tuple):
        raise ShapeUnreadable(problem=f"{where.lower()} has no list of coordinates")
    return list(value)


def _position(pair: object, where: str, number: int) -> Position:
    if not isinstance(pair, list | tuple) or len(pair) < 2:  # noqa: PLR2004 - longitude, latitude
        raise BadVertex(where=f"{where}, vertex {number}", problem="it is no pair of numbers")
    x, y = pair[0], pair[1]
    for value in (x, y):
        if type(value) not in {int, float}:
            found = _TYPE_NAMES.get(type(value), "no number")
            raise BadVertex(where=f"{where}, vertex {number}", problem=f"{found} is no coordinate")
    try:
        return float(x), float(y)
    except OverflowError:
        raise BadVertex(
            where=f"{where}, vertex {number}", problem="the number is endless"
        ) from None
