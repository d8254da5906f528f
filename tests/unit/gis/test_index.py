from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.index import PremiseIndex
from gis.selection import difference

SIDE = 9
ELECTRIC, WATER = 1, 2

corners = st.tuples(st.integers(0, SIDE - 1), st.integers(0, SIDE - 1))
triangles = st.tuples(corners, corners, corners).map(shapely.Polygon).filter(lambda t: t.area > 0)
boxes = (
    st.tuples(corners, corners)
    .map(lambda c: shapely.box(*c[0], *c[1]))
    .filter(lambda b: b.area > 0)
)
pieces = st.lists(triangles | boxes, min_size=1, max_size=4)


def grid(step: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    ticks = np.arange(0, SIDE - 1 + step, step)
    lon, lat = np.meshgrid(ticks, ticks)
    return lon.ravel(), lat.ravel()


def index_of(lon: np.ndarray, lat: np.ndarray, services: np.ndarray | None = None) -> PremiseIndex:
    keys = np.arange(1, len(lon) + 1)[::-1].astype(np.int64)
    services = np.full(len(lon), ELECTRIC, np.uint8) if services is None else services
    return PremiseIndex(version=1, keys=keys, lon=lon, lat=lat, services=services)


@settings(max_examples=400, deadline=None)
@given(pieces, pieces)
def test_the_index_answers_exactly_as_covers_does(
    solid: list[shapely.Polygon], holes: list[shapely.Polygon]
) -> None:
    area = shapely.union_all(solid).difference(shapely.union_all(holes))
    area = shapely.union_all([p for p in shapely.get_parts(area) if p.geom_type == "Polygon"])
    lon, lat = grid()
    inside = [bool(area.covers(shapely.Point(x, y))) for x, y in zip(lon, lat, strict=True)]
    expected = sorted((len(lon) - np.flatnonzero(inside)).tolist())
    found = index_of(lon, lat).match(shapely.to_wkb(area)).keys()
    assert list(found) == expected


def test_a_point_on_an_edge_a_vertex_and_a_hole_edge_is_inside() -> None:
    donut = shapely.box(0, 0, 4, 4).difference(shapely.box(1, 1, 3, 3))
    lon = np.array([0.0, 2.0, 1.0, 2.0, 5.0])
    lat = np.array([0.0, 0.0, 2.0, 2.0, 5.0])
    assert index_of(lon, lat).match(shapely.to_wkb(donut)).keys().tolist() == [3, 4, 5]


def test_a_water_outage_matches_no_electric_only_premise() -> None:
    lon = lat = np.array([1.0, 1.0, 1.0])
    services = np.array([ELECTRIC, WATER, ELECTRIC | WATER], np.uint8)
    index = index_of(lon, lat, services)
    assert index.match(shapely.to_wkb(shapely.box(0, 0, 2, 2)), WATER).keys().tolist() == [1, 2]


def test_unplaced_premises_match_no_shape() -> None:
    index = index_of(np.array([np.nan, 1.0]), np.array([1.0, 1.0]))
    assert (len(index), len(index.unplaced())) == (2, 1)
    assert index.match(shapely.to_wkb(shapely.box(0, 0, 2, 2))).keys().tolist() == [1]


def test_an_empty_index_matches_nobody() -> None:
    nothing = np.empty(0)
    assert not len(index_of(nothing, nothing).match(shapely.to_wkb(shapely.box(0, 0, 2, 2))))


@given(st.sets(st.integers(0, 50)), st.sets(st.integers(0, 50)))
def test_differences_are_set_arithmetic(old: set[int], new: set[int]) -> None:
    def as_keys(numbers: set[int]) -> np.ndarray:
        return np.array(sorted(numbers), dtype=np.int64)

    added, removed, kept = difference(as_keys(old), as_keys(new))
    assert (set(added.tolist()), set(removed.tolist()), set(kept.tolist())) == (
        new - old,
        old - new,
        new & old,
    )
