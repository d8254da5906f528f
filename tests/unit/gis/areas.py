"""Areas of every awkward kind, points where they hurt most, and what brute force says of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from gis.search.strips import STRIPS_PER_DEGREE

SIDE = 9
"""Drawings are made on a lattice of so many lines each way, then laid somewhere on the earth."""
XY = NDArray[np.float64]
Area = Polygon | MultiPolygon

_line = st.integers(0, SIDE - 1)
_corner = st.tuples(_line, _line)
_triangles = st.tuples(_corner, _corner, _corner).map(Polygon).filter(lambda t: t.area > 0)
_boxes = (
    st.tuples(_corner, _corner)
    .map(lambda c: shapely.box(*c[0], *c[1]))
    .filter(lambda box: box.area > 0)
)
_pieces = st.lists(_triangles | _boxes, min_size=1, max_size=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Areas and points, where they came to lie."""

    areas: list[Area]
    points: XY


def _polygons(area: BaseGeometry) -> Area | None:
    parts = [part for part in shapely.get_parts(area) if isinstance(part, Polygon)]
    parts = [part for part in parts if part.area > 0]
    return None if not parts else parts[0] if len(parts) == 1 else MultiPolygon(parts)


def _cut_out(pieces: tuple[list[Polygon], list[Polygon]]) -> Area | None:
    solid, holes = pieces
    return _polygons(shapely.union_all(solid).difference(shapely.union_all(holes)))


def _ring(corners: list[tuple[int, int]]) -> Area | None:
    return Polygon(corners)


def _star(radii: list[int]) -> Area | None:
    turn = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    out = np.array(radii) / 2
    return Polygon(np.column_stack([4 + out * np.cos(turn), 4 + out * np.sin(turn)]))


def _sliver(ends: tuple[tuple[int, int], tuple[int, int], int]) -> Area | None:
    (x1, y1), (x2, y2), power = ends
    thin = 2.0**-power
    return Polygon([(x1, y1), (x2, y2), (x2 + thin, y2), (x1, y1 + thin)])


# Valid ones: concave, with holes, in parts, touching in points. Then what is drawn by hand:
# rings that cross or run back, parts that overlap, share borders or lie in each other.
_drawings = st.one_of(
    st.tuples(_pieces, _pieces).map(_cut_out),
    _pieces.map(lambda pieces: _polygons(shapely.union_all(pieces))),
    st.lists(st.integers(1, 8), min_size=3, max_size=24).map(_star),
    st.tuples(_corner, _corner, st.integers(0, 60)).map(_sliver),
    st.lists(_corner, min_size=3, max_size=12).map(_ring),
    st.lists(_triangles | _boxes, min_size=2, max_size=5).map(MultiPolygon),
    st.tuples(_pieces, st.lists(_boxes, min_size=1, max_size=2)).map(
        lambda p: Polygon(p[0][0].exterior.coords, [b.exterior.coords for b in p[1]])
    ),
).filter(lambda area: area is not None and not area.is_empty)


def _lay(x: float, y: float, step_x: float, step_y: float) -> Callable[[XY], XY]:
    return lambda xy: np.column_stack([x + xy[:, 0] * step_x, y + xy[:, 1] * step_y])


_STRIP = 1 / STRIPS_PER_DEGREE
# Steps that are powers of two keep a point on an edge exactly there; the others round.
_places = st.one_of(
    st.sampled_from(
        [
            _lay(0, 0, 1, 1),
            _lay(-128, 32, 2**-10, 2**-10),
            _lay(-4, -4, 1, 1),
            _lay(180 - 8 * 2**-9, -33, 2**-9, 2**-9),
            _lay(-180, 51, 2**-12, 2**-12),
            _lay(-180, -90, 45, 22.5),
            _lay(-180, 82, 2**-6, 1),
            _lay(-90, 40, 2**-40, 2**-40),
            _lay(-90, 40, 2**-45, 2**-45),
            _lay(0, 0, 2**-200, 2**-200),
            # Of smaller ones still, the products that GEOS makes to the last bit are lost: what
            # it answers then depends on how it is asked.
            _lay(0, 0, 2**-400, 2**-400),
            _lay(-90, 40, 8, 2**-44),
            _lay(-90, 40, 2**-44, 4),
            # A line of the lattice on every border of a strip, or on every other.
            _lay(-123.1, round(49.2 * STRIPS_PER_DEGREE) * _STRIP, _STRIP, _STRIP),
            _lay(-123.1, round(49.2 * STRIPS_PER_DEGREE) * _STRIP, _STRIP, _STRIP / 2),
            _lay(7.3, round(-49.2 * STRIPS_PER_DEGREE) * _STRIP, _STRIP * 9, _STRIP * 3),
        ]
    ),
    st.builds(
        _lay,
        st.floats(-179, 170),
        st.floats(-80, 80),
        st.floats(1e-7, 0.5),
        st.floats(1e-7, 0.5),
    ),
)


def _points(areas: list[Area], lay: Callable[[XY], XY], seed: int) -> XY:
    """The lattice and its halves, every vertex, points along edges, and their neighbours."""
    rng = np.random.default_rng(seed)
    ticks = np.arange(0, SIDE - 0.5, 0.5)
    lattice = lay(np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2))
    vertices = np.concatenate([shapely.get_coordinates(area) for area in areas])
    along = rng.random((len(vertices), 1)) * (rng.random((len(vertices), 1)) < 0.8)
    edges = vertices + (np.roll(vertices, -1, axis=0) - vertices) * along
    inner = lay(rng.random((40, 2)) * (SIDE - 1))
    near = np.concatenate([lattice[rng.integers(len(lattice), size=40)], vertices, edges])
    beside = np.nextafter(near, near + rng.integers(-1, 2, near.shape))
    # Of numbers smaller still, shapely says one thing of a ring and another of its area.
    beside[np.abs(beside) < np.finfo(np.float64).tiny] = 0
    return np.unique(np.concatenate([lattice, vertices, edges, inner, beside]), axis=0)


@st.composite
def scenes(draw: st.DrawFn, *, least: int = 1, most: int = 6) -> Scene:
    """Some areas, all on one place of the earth, and the points around them."""
    lay = draw(_places)
    drawn = draw(st.lists(_drawings, min_size=least, max_size=most))
    areas = [shapely.transform(area, lay) for area in drawn]
    return Scene(areas=areas, points=_points(areas, lay, draw(st.integers(0, 1 << 32))))


def _filled(ring: BaseGeometry) -> Polygon:
    # Five vertices that run out and back along two sides of a box shapely takes for that box.
    xy = shapely.get_coordinates(ring)
    return Polygon(np.vstack([xy[:1], xy]))


def covered(area: Area, points: XY) -> NDArray[np.bool_]:
    """Say of every point, alone, whether the area covers it.

    An invalid area has no covers of its own: a point is inside if it lies on an edge of a part, or
    within an odd number of its rings.
    """
    dots = shapely.points(points)
    if area.is_valid:
        return np.asarray(shapely.covers(area, dots))
    inside = np.zeros(len(points), bool)
    for part in shapely.get_parts(area):
        rings = shapely.get_rings(part)
        on_edge = [shapely.intersects(ring, dots) for ring in rings]
        within = [shapely.intersects(_filled(ring), dots) for ring in rings]
        inside |= np.any(on_edge, axis=0) | (np.sum(within, axis=0) % 2 == 1)
    return inside
