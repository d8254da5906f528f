"""One valid area out of the parts of a shape, repaired where it must be and said so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

from gis.errors import CannotBeRepaired, RingDegenerate
from gis.placing import PlacedRing

Area = Polygon | MultiPolygon
PlacedPart = list[PlacedRing]
Geometries = NDArray[np.object_]

_SOUTH, _NORTH = -90.0, 90.0
_EAST, _ROUND = 180.0, 360.0
_NEIGHBOURS = 4
"""Boxes of edges that the box of one meets in a tidy shape, itself included."""
_TANGLED_RING, _TANGLED_PARTS = 20_000, 1_000_000
"""How many more there may be in all, before a repair or a union could take minutes."""
_AT_A_TIME = 32
_HAIR = 1e-9  # degrees: a tenth of a millimetre
_FLAT = ": it encloses no area"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A valid area.

    Attributes:
        area: within 180 degrees east and west.
        reason: why it had to be repaired, None if it was valid as drawn.
        drawn: then, what its rings say without a repair: inside is what an odd number of them
            surround, and whoever is exactly on a line that surrounds nothing.
    """

    area: Area
    reason: str | None = None
    drawn: Area | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mended:
    """One area: what it is now, why, and what was drawn."""

    parts: list[Polygon]
    drawn: list[Polygon]
    reasons: list[str]


def settle(areas: Sequence[Sequence[PlacedPart]]) -> Settled:
    """Join separate areas; repair what is invalid by GEOS's structure method.

    Raises:
        ShapeRefused: when nothing is left that has an area, or it cannot be repaired.
    """
    drawn = [[_polygon(part) for part in parts] for parts in areas]
    flat = [polygon for polygons in drawn for polygon in polygons]
    if _within_180(flat) and all(polygon.area for polygon in flat):
        whole = _joined(flat)
        if whole.is_valid:
            return Settled(area=whole)
    _refuse_tangles([polygon for polygon in flat if not polygon.is_valid], _TANGLED_RING)
    if len(flat) > 1:
        _refuse_tangles(flat, _TANGLED_PARTS)
    try:
        return _together([*_mend(areas, drawn)])
    except shapely.GEOSException:
        raise CannotBeRepaired(reason=_reason(areas, drawn)) from None


def _together(mended: list[_Mended]) -> Settled:
    """Separate areas that touch or overlap are meant together: a union, not a repair."""
    parts = [part for one in mended for part in one.parts]
    if not parts:
        raise RingDegenerate(where="Part 1", distinct="not enough")
    area = _joined(parts)
    if not area.is_valid:
        area = _joined(_kept(shapely.union_all(parts)))
    reasons = [reason for one in mended for reason in one.reasons]
    if not reasons:
        return Settled(area=area)
    drawn = _kept(shapely.union_all([part for one in mended for part in one.drawn]))
    return Settled(area=area, reason="; ".join(reasons), drawn=_joined(drawn))


def _mend(
    areas: Sequence[Sequence[PlacedPart]], drawn: Sequence[Sequence[Polygon]]
) -> Iterable[_Mended]:
    number = 0
    for parts, polygons in zip(areas, drawn, strict=True):
        pieces: list[Polygon] = []
        reasons: list[str] = []
        for part, polygon in zip(parts, polygons, strict=True):
            number += 1
            if polygon.is_valid and polygon.area:
                pieces += _cut_at_180(polygon)
                continue
            sound = _kept(_made_valid(polygon))
            _refuse_strays(number, polygon, sound)
            reasons.append(f"part {number}{_invalid(polygon, part) if sound else _FLAT}")
            pieces += [piece for one in sound for piece in _cut_at_180(one)]
        if len(pieces) > 1 and not (whole := MultiPolygon(pieces)).is_valid:
            reasons.append(f"the parts{_invalid(whole, [])}")
            pieces = _kept(shapely.union_all(pieces))
        drawn_pieces = _even_odd(polygons) if reasons else pieces
        yield _Mended(parts=pieces, drawn=drawn_pieces, reasons=reasons)


def _made_valid(polygon: Polygon) -> shapely.Geometry:
    return shapely.make_valid(polygon, method="structure", keep_collapsed=False)


def _refuse_strays(number: int, polygon: Polygon, sound: list[Polygon]) -> None:
    """Refuse holes outside their outline: the repair, and any count of rings, would fill them."""
    if polygon.interiors:
        outline = _made_valid(Polygon(polygon.exterior))
        strays = _kept(shapely.difference(shapely.union_all(sound), outline))
        if strays:
            x, y = strays[0].representative_point().coords[0]
            where = f"part {number}: a hole lies outside the outline at {x:.6g} {y:.6g}"
            raise CannotBeRepaired(reason=where)


def _polygon(part: PlacedPart) -> Polygon:
    return Polygon(part[0].lonlat, [hole.lonlat for hole in part[1:]])


def _joined(parts: Sequence[Polygon]) -> Area:
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def _kept(geometry: shapely.Geometry) -> list[Polygon]:
    """Keep what has an area: a repair may leave lines and points beside it."""
    flat = shapely.get_parts(shapely.get_parts(geometry))
    return [part for part in flat if isinstance(part, Polygon) and part.area]


def _within_180(polygons: Sequence[Polygon]) -> bool:
    return bool((shapely.bounds(np.array(polygons, dtype=object))[:, 2] <= _EAST).all())


def _cut_at_180(polygon: Polygon) -> list[Polygon]:
    """Cut in two what goes on beyond 180 degrees east (RFC 7946, 3.1.9)."""
    if polygon.bounds[2] <= _EAST:
        return [polygon]
    east = shapely.intersection(polygon, shapely.box(-_EAST, _SOUTH, _EAST, _NORTH))
    west = shapely.intersection(polygon, shapely.box(_EAST, _SOUTH, _EAST + _ROUND, _NORTH))
    return [*_kept(east), *_kept(_turned(west))]


def _even_odd(polygons: Sequence[Polygon]) -> list[Polygon]:
    """Read rings literally; a line left over becomes a hair that covers whoever is on it."""
    rings = _rings(polygons)
    lines = shapely.union_all(rings)
    found, *beside = shapely.polygonize_full([lines])
    faces = shapely.get_parts(found)
    middles = shapely.get_coordinates(shapely.point_on_surface(faces))
    odd = np.zeros(len(faces), dtype=bool)
    places = shapely.STRtree(shapely.points(middles))  # type: ignore[arg-type]  # it is an array
    for ring in rings:
        surrounded = Polygon(ring)
        near = places.query(shapely.box(*ring.bounds))
        # Prepared, GEOS counts the edges to one side, which holds for a ring that is invalid, too.
        shapely.prepare(surrounded)
        odd[near] ^= shapely.contains_xy(surrounded, middles[near])
    inside = _kept(shapely.coverage_union_all(faces[odd]))
    alone = beside[:2] if inside else [lines]
    hairs = _kept(shapely.union_all(shapely.buffer(alone, _HAIR, quad_segs=1)))
    return [piece for one in [*inside, *hairs] for piece in _cut_at_180(one)]


def _turned(geometry: Any) -> Any:  # noqa: ANN401 the same type comes out
    return shapely.transform(geometry, lambda lonlat: lonlat - np.array([_ROUND, 0.0]))


def _refuse_tangles(polygons: Sequence[Polygon], most: int) -> None:
    """Refuse what crosses itself so often that GEOS would run out of time and memory."""
    if not polygons:
        return
    edges = np.concatenate([_edges(shapely.get_coordinates(ring)) for ring in _rings(polygons)])
    tree = shapely.STRtree(edges)
    left = _NEIGHBOURS * len(edges) + most
    for at in range(0, len(edges), _AT_A_TIME):
        left -= len(tree.query(edges[at : at + _AT_A_TIME])[0])
        if left < 0:
            raise CannotBeRepaired(reason="its edges lie across one another nearly everywhere")


def _rings(polygons: Sequence[Polygon]) -> Geometries:
    rings: Geometries = shapely.get_rings(np.array(polygons, dtype=object))
    return rings


def _edges(lonlat: NDArray[np.float64]) -> Geometries:
    return np.asarray(shapely.linestrings(np.stack([lonlat[:-1], lonlat[1:]], axis=1)))


def _reason(areas: Sequence[Sequence[PlacedPart]], drawn: Sequence[Sequence[Polygon]]) -> str:
    parts = [part for area in areas for part in area]
    flat = [polygon for area in drawn for polygon in area]
    for number, (part, polygon) in enumerate(zip(parts, flat, strict=True), 1):
        if not polygon.is_valid:
            return f"part {number}{_invalid(polygon, part)}"
    return f"the parts{_invalid(MultiPolygon(flat), [])}"


def _invalid(area: Area, part: PlacedPart) -> str:
    """Say in words what is wrong with an area, and where."""
    words, _, place = shapely.is_valid_reason(area).partition("[")
    where = place.rstrip("]")
    if not part or not where:
        return f": {words.lower()} at {where}" if where else f": {words.lower()}"
    point = shapely.Point([float(number) for number in where.split()])
    distances = [shapely.distance(_edges(ring.lonlat), point) for ring in part]
    at = int(np.argmin([distance.min() for distance in distances]))
    vertex = part[at].vertices[int(np.argmin(distances[at]))]
    hole = f", hole {at}" if at else ""
    return f"{hole}: {words.lower()} at {where}, after vertex {vertex}"
