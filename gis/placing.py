"""From the numbers of a ring to longitudes and latitudes that follow the edges as drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gis.errors import (
    AxesSwapped,
    BadVertex,
    CrossesAntimeridian,
    OutsideCrs,
    RingDegenerate,
    ShapeProjected,
    ShapeTooBig,
)
from gis.formats.crs import Move, placer
from gis.formats.rings import Coordinates, Part, Ring

_CORNERS, _FEW = 3, 64
_HALF_ROUND, _ROUND = 180.0, 360.0
_MAX_LATITUDE = 90.0
_WIDEST = 90.0
"""Degrees that a part may be wide and still be taken to cross 180° the short way."""

_STRAY_M = 0.05
_ROUNDS = 6
_METRES_PER_DEGREE = 111_320.0
_ALONG = (0.25, 0.5, 0.75)

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRing:
    """A ring on the earth.

    Attributes:
        lonlat: shape (n, 2), closed; where it crosses 180° the longitudes go on beyond it.
        vertices: the number, from 1, of the vertex as written that begins each edge.
    """

    lonlat: Coordinates
    vertices: Numbers


def place(part: Part, *, crs: str | None, max_vertices: int) -> list[PlacedRing]:
    """Place the rings of a part, all around the same meridian.

    Raises:
        GisError: one sentence that names the ring and the vertex.
    """
    rings = [_place(ring, crs, max_vertices) for ring in part]
    west = rings[0].lonlat[:, 0].min()
    # The outline begins in [-180, 180), and its holes not before it.
    turns = [-np.floor((west + _HALF_ROUND) / _ROUND)]
    west += turns[0] * _ROUND
    turns += [np.ceil((west - hole.lonlat[:, 0].max()) / _ROUND) for hole in rings[1:]]
    return [_turned(ring, int(by)) for ring, by in zip(rings, turns, strict=True)]


def _turned(ring: PlacedRing, by: int) -> PlacedRing:
    if not by:
        return ring
    return PlacedRing(lonlat=ring.lonlat + np.array([by * _ROUND, 0.0]), vertices=ring.vertices)


def _place(ring: Ring, crs: str | None, max_vertices: int) -> PlacedRing:
    xy = _closed(ring)
    move = placer(crs)
    if move is None:
        somewhere = np.asarray((xy != 0).any(axis=1))
        if not somewhere.all():
            problem = "0, 0 means 'unknown', not a place"
            raise BadVertex(where=_vertex(ring, somewhere), problem=problem)
        lonlat = _on_earth(xy, ring, _ROUND)
        return _around(ring, PlacedRing(lonlat=lonlat, vertices=_numbers(len(xy))))
    placed = move(xy)
    good = _exists(placed, _HALF_ROUND)
    if not good.all():
        raise _outside(ring, good, xy, crs)
    return _around(ring, _follow(ring, xy, placed, move, max_vertices=max_vertices, crs=crs))


def _closed(ring: Ring) -> Coordinates:
    xy = ring.xy
    finite = np.asarray(np.isfinite(xy).all(axis=1))
    if not finite.all():
        raise BadVertex(where=_vertex(ring, finite), problem="a coordinate is not a finite number")
    # Long rings without an area are found when the area is measured.
    distinct = len(np.unique(xy[:_FEW], axis=0))
    if distinct < _CORNERS and len(xy) <= _FEW:
        raise RingDegenerate(where=ring.where, distinct=distinct)
    return xy if (xy[0] == xy[-1]).all() else np.vstack([xy, xy[:1]])


def _numbers(count: int) -> Numbers:
    return np.arange(1, count + 1)


def _exists(lonlat: Coordinates, max_longitude: float) -> NDArray[np.bool_]:
    return np.asarray(
        np.isfinite(lonlat).all(axis=1)
        & (np.abs(lonlat[:, 0]) <= max_longitude)
        & (np.abs(lonlat[:, 1]) <= _MAX_LATITUDE)
    )


def _on_earth(xy: Coordinates, ring: Ring, max_longitude: float) -> Coordinates:
    good = _exists(xy, max_longitude)
    if good.all():
        return xy
    x, y = xy[int(np.argmin(good))]
    if abs(x) <= _MAX_LATITUDE < abs(y) <= _HALF_ROUND:
        raise AxesSwapped(where=_vertex(ring, good), x=f"{x:g}", y=f"{y:g}")
    raise ShapeProjected(where=_vertex(ring, good), x=f"{x:.10g}", y=f"{y:.10g}")


def _outside(ring: Ring, good: NDArray[np.bool_], xy: Coordinates, crs: str | None) -> OutsideCrs:
    x, y = xy[int(np.argmin(good))]
    return OutsideCrs(where=_vertex(ring, good), x=f"{x:g}", y=f"{y:g}", crs=crs)


def _vertex(ring: Ring, good: NDArray[np.bool_]) -> str:
    return f"{ring.where}, vertex {int(np.argmin(good)) + 1}"


def _around(ring: Ring, placed: PlacedRing) -> PlacedRing:
    """Let the ring go on beyond 180° where it crosses it; edges take the short way."""
    lon = placed.lonlat[:, 0]
    jumps = np.diff(lon)
    far = np.abs(jumps) > _HALF_ROUND
    if not far.any():
        return placed
    turns = np.concatenate([[0.0], np.cumsum(np.where(far, -np.sign(jumps), 0.0))])
    unrolled = lon + turns * _ROUND
    # An edge that is no crossing is a slip, and a ring that does not come home has a pole inside.
    if turns[-1] or np.ptp(unrolled) > _WIDEST:
        edge = int(np.argmax(far))
        raise CrossesAntimeridian(
            where=f"{ring.where}, vertex {placed.vertices[edge]}",
            x=f"{lon[edge]:g}",
            y=f"{lon[edge + 1]:g}",
        )
    return PlacedRing(
        lonlat=np.column_stack([unrolled, placed.lonlat[:, 1]]), vertices=placed.vertices
    )


def _follow(
    ring: Ring,
    xy: Coordinates,
    placed: Coordinates,
    move: Move,
    *,
    max_vertices: int,
    crs: str | None,
) -> PlacedRing:
    """Add vertices along edges that are straight in the system drawn in, and bent on the earth.

    Until none strays by more than `_STRAY_M` from where the edge as drawn would be: cut in n, an
    edge strays by one n²-th.
    """
    vertices = _numbers(len(xy))
    for _ in range(_ROUNDS):
        pieces = np.ceil(np.sqrt(_stray_m(xy, placed, move) / _STRAY_M)).clip(1)
        if not np.isfinite(pieces).all():
            where = f"{ring.where}, after vertex {vertices[int(np.argmin(np.isfinite(pieces)))]}"
            raise BadVertex(where=where, problem=f"{crs} cannot place this edge on the earth")
        if pieces.max() <= 1:
            break
        if pieces.sum() > max_vertices:
            raise ShapeTooBig(
                found=f"{pieces.sum():,.0f}",
                what=f"vertices when its edges in {crs} are followed on the earth",
                limit=f"{max_vertices:,}",
                remedy="check its coordinates and their system",
            )
        cut = pieces.astype(np.int64)
        xy = _cut(xy, cut)
        vertices = np.append(np.repeat(vertices[:-1], cut), vertices[-1])
        placed = move(xy)
    return PlacedRing(lonlat=placed, vertices=vertices)


def _stray_m(xy: Coordinates, placed: Coordinates, move: Move) -> Coordinates:
    """Metres by which the straight line between two placed vertices misses the edge as drawn."""
    steps = np.diff(placed, axis=0)
    steps[:, 0] -= _ROUND * np.round(steps[:, 0] / _ROUND)
    worst = np.zeros(len(steps))
    for share in _ALONG:
        true = move(xy[:-1] + share * np.diff(xy, axis=0))
        miss = true - (placed[:-1] + share * steps)
        miss[:, 0] -= _ROUND * np.round(miss[:, 0] / _ROUND)
        miss[:, 0] *= np.cos(np.radians(true[:, 1]))
        worst = np.maximum(worst, _METRES_PER_DEGREE * np.hypot(*miss.T))
    return worst


def _cut(xy: Coordinates, pieces: Numbers) -> Coordinates:
    first = np.cumsum(pieces) - pieces
    share = (np.arange(pieces.sum()) - np.repeat(first, pieces)) / np.repeat(pieces, pieces)
    steps = np.repeat(np.diff(xy, axis=0), pieces, axis=0)
    return np.vstack([np.repeat(xy[:-1], pieces, axis=0) + share[:, None] * steps, xy[-1:]])
