from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from gis.errors import CannotBeRepaired, CrsOfDegrees, CrsUnknown, OutsideCrs, ShapeTooBig
from gis.index import PremiseIndex
from gis.shapes import Shape, ShapeLimits, accept
from tests.unit.gis import zoo
from tests.unit.gis.zoo import BOW_TIE, polygon, square

LIMITS = ShapeLimits()
SQUARE = [[-123.1, 49.2], [-123.0, 49.2], [-123.0, 49.3], [-123.1, 49.3], [-123.1, 49.2]]


def through(source: object, crs: str | None = None) -> Shape:
    return accept(source, limits=LIMITS, crs=crs)


def test_the_same_square_has_one_hash_however_it_is_written() -> None:
    feature = {"type": "Feature", "properties": {}, "geometry": polygon(SQUARE)}
    ways = [
        polygon(SQUARE),
        json.dumps(polygon(SQUARE)),
        json.dumps(feature).encode(),
        {"type": "FeatureCollection", "features": [feature]},
        polygon(SQUARE[::-1]),
        polygon([*SQUARE[2:], *SQUARE[1:3]]),
        "POLYGON ((-123.1 49.2, -123.0 49.2, -123.0 49.3, -123.1 49.3, -123.1 49.2))",
        "SRID=4326;POLYGON Z ((-123.1 49.2 7,-123 49.2 7,-123 49.3 7,-123.1 49.3 7,-123.1 49.2 7))",
        [number for position in SQUARE[:-1] for number in position],
        SQUARE[:-1],
    ]
    shapes = [through(way) for way in ways]
    assert len({shape.hash for shape in shapes}) == 1
    assert {shape.repaired for shape in shapes} == {None}
    assert shapes[0].vertices == 5
    assert shapes[0].area_km2 == pytest.approx(81, rel=0.01)


@pytest.mark.parametrize("side", [89.9, 90, 120, 180])
def test_a_shape_around_the_earth_is_not_small(side: float) -> None:
    south = [[side * part, -80] for part in (-1, -0.5, 0, 0.5, 1)]
    world = [*south, *([x, -y] for x, y in reversed(south)), south[0]]
    with pytest.raises(ShapeTooBig, match="km² of area"):
        accept(polygon(world), limits=LIMITS)


def test_separate_areas_are_meant_together_and_are_no_repair() -> None:
    overlapping = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {}, "geometry": polygon(square(-123, 49))},
            {"type": "Feature", "properties": {}, "geometry": polygon(square(-122.95, 49))},
        ],
    }
    shape = through(overlapping)
    assert shape.repaired is None
    expected = shapely.box(-123, 49, -122.85, 49.1)
    assert shapely.from_wkb(shape.wkb).symmetric_difference(expected).area < 1e-12


def test_an_overlapping_multipolygon_is_repaired_to_its_union_never_to_a_hole() -> None:
    shape = through(
        {"type": "MultiPolygon", "coordinates": [[square(-123, 49)], [square(-122.95, 49)]]}
    )
    assert shape.repaired is not None
    assert shapely.from_wkb(shape.wkb).covers(shapely.Point(-122.93, 49.05))


def test_a_bow_tie_keeps_both_lobes_and_says_where_it_crosses() -> None:
    shape = through(polygon(BOW_TIE))
    assert shape.repaired is not None
    assert "part 1: self-intersection at -123.05 49.25" in shape.repaired
    area = shapely.from_wkb(shape.wkb)
    assert area.covers(shapely.Point(-123.09, 49.25))
    assert area.covers(shapely.Point(-123.01, 49.25))


def test_a_repair_that_changes_who_is_inside_can_be_seen() -> None:
    twice = [*square(-123, 49)[:-1], *square(-123, 49)]
    shape = through(polygon(twice))
    assert shape.drawn is not None
    index = PremiseIndex(
        version=1,
        keys=np.array([7]),
        lon=np.array([-122.95]),
        lat=np.array([49.05]),
        services=np.array([1], np.uint8),
    )
    assert index.match(shape.wkb).keys().tolist() == [7]
    assert index.match(shape.drawn).keys().tolist() == []


def test_a_projected_shape_lands_where_it_belongs() -> None:
    utm = (
        "POLYGON ((491000 5456000, 492000 5456000, 492000 5457000, 491000 5457000, 491000 5456000))"
    )
    shape = through(utm, crs="EPSG:26910")
    assert shape.area_km2 == pytest.approx(1, rel=0.01)
    assert shapely.bounds(shapely.from_wkb(shape.wkb))[1] == pytest.approx(49.25, abs=0.05)
    named = through(f"SRID=26910;{utm}")
    assert named.hash == shape.hash


def test_a_shape_cut_at_180_degrees_holds_both_sides_and_nobody_between() -> None:
    east, west = square(179.9, -17), square(-180, -17)
    shape = through({"type": "MultiPolygon", "coordinates": [[east], [west]]})
    index = PremiseIndex(
        version=1,
        keys=np.array([1, 2, 3]),
        lon=np.array([179.95, 0.0, -179.95]),
        lat=np.full(3, -16.95),
        services=np.ones(3, np.uint8),
    )
    assert index.match(shape.wkb).keys().tolist() == [1, 3]


def test_a_geojson_crs_member_is_believed() -> None:
    source = polygon([[491000, 5456000], [492000, 5456000], [492000, 5457000], [491000, 5456000]])
    source["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::26910"}}
    assert 0.4 < through(source).area_km2 < 0.6
    lonlat = polygon(SQUARE)
    lonlat["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    assert through(lonlat).hash == through(polygon(SQUARE)).hash


@pytest.mark.parametrize(("source", "crs", "outcome"), zoo.MEMBERS, ids=zoo.NAMES)
def test_every_member_of_the_zoo_gets_its_stated_outcome(
    source: object, crs: str | None, outcome: str
) -> None:
    assert zoo.outcome_of(source, crs) == outcome
    assert "\n" not in outcome


def test_a_comb_that_would_take_all_memory_is_refused_by_how_far_its_edges_run() -> None:
    teeth = [(-100 + 0.0001 * n, 40 + 2.5 * (n % 2)) for n in range(200)]
    comb = shapely.Polygon([*teeth, (-99.9, 39.9), (-100.1, 39.9)])
    with pytest.raises(ShapeTooBig, match="degrees that its edges run north and south in all"):
        accept(shapely.to_geojson(comb), limits=ShapeLimits())


def test_each_limit_says_which_it_is() -> None:
    with pytest.raises(ShapeTooBig, match="4 vertices, the limit is 3"):
        accept(polygon(SQUARE), limits=ShapeLimits(max_vertices=3))
    with pytest.raises(ShapeTooBig, match="bytes, the limit is 10"):
        accept(json.dumps(polygon(SQUARE)), limits=ShapeLimits(max_bytes=10))
    two = {"type": "MultiPolygon", "coordinates": [[square(-123, 49)], [square(-121, 49)]]}
    with pytest.raises(ShapeTooBig, match="2 parts, the limit is 1"):
        accept(two, limits=ShapeLimits(max_parts=1))


def test_a_ring_has_as_many_vertices_whether_it_is_closed_or_not() -> None:
    for ring in (SQUARE, SQUARE[:-1]):
        assert accept(polygon(ring), limits=ShapeLimits(max_vertices=4)).vertices == 5
        with pytest.raises(ShapeTooBig, match="has 4 vertices, the limit is 3"):
            accept(polygon(ring), limits=ShapeLimits(max_vertices=3))


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            polygon(square(-123, 49), square(-123.995, 49, 0.001)),
            "a hole lies outside the outline at -123.995 49.0005",
        ),
        (
            polygon(square(179.9, -17, 0.2), square(-178, -17, 0.01)),
            "a hole lies outside the outline at -177.995 -16.995",
        ),
    ],
)
def test_a_hole_outside_is_named_by_the_longitude_it_has(source: object, problem: str) -> None:
    with pytest.raises(CannotBeRepaired, match=problem):
        through(source)


def test_a_crossing_beyond_180_is_named_by_a_longitude_there_is() -> None:
    bow_tie = [[179.9, -17], [180.3, -16], [180.3, -17], [179.9, -16], [179.9, -17]]
    assert "self-intersection at -179.9 -16.5" in str(through(polygon(bow_tie)).repaired)


def test_parts_that_overlap_are_said_to_overlap() -> None:
    repaired = through(
        {"type": "MultiPolygon", "coordinates": [[square(-123, 49)], [square(-122.95, 49)]]}
    ).repaired
    assert repaired == "the parts overlap or share an edge at -122.95 49.1"


def test_a_wrong_coordinate_system_is_named() -> None:
    with pytest.raises(CrsOfDegrees, match="leave --crs out"):
        through(polygon(SQUARE), crs="EPSG:26910")
    with pytest.raises(CrsUnknown, match="EPSG:999999"):
        through(polygon(SQUARE), crs="EPSG:999999")
    with pytest.raises(OutsideCrs, match="EPSG:26910"):
        through(polygon(square(1e12, 1e12, 1e11)), crs="EPSG:26910")


INSIDE = {
    "bow-tie": (polygon(BOW_TIE), (-123.09, 49.25), (0, 0)),
    "spike, somebody at its tip": (
        polygon([[-123.1, 49.2], [-123, 49.2], [-122.9, 49.2], [-123, 49.2], [-123, 49.3]]),
        (-122.9, 49.2),
        (0, 1),
    ),
    "ring twice around": (
        polygon([*square(-123, 49)[:-1], *square(-123, 49)]),
        (-122.95, 49.05),
        (1, 0),
    ),
    "parts that overlap": (
        {"type": "MultiPolygon", "coordinates": [[square(-123, 49)], [square(-122.95, 49)]]},
        (-122.93, 49.05),
        (1, 0),
    ),
    "parts with a common edge, somebody on it": (
        {"type": "MultiPolygon", "coordinates": [[square(-123, 49)], [square(-122.9, 49)]]},
        (-122.9, 49.05),
        (0, 0),
    ),
    "ring that touches itself": (
        polygon([[-123.1, 49.2], [-123, 49.2], [-123, 49.3], [-123.05, 49.2], [-123.1, 49.3]]),
        (-123.05, 49.21),
        (0, 0),
    ),
    "hole across the outline, somebody in it outside": (
        polygon(square(-123.1, 49.2), square(-123.02, 49.22, 0.05)),
        (-122.98, 49.25),
        (0, 1),
    ),
    "a bow-tie beside another feature that lies over it": (
        zoo.features(polygon(BOW_TIE), polygon(square(-123.1, 49.2))),
        (-123.09, 49.25),
        (0, 0),
    ),
    "a ring twice around beyond 180": (
        polygon([*square(179.9, -17, 0.2)[:-1], *square(179.9, -17, 0.2)]),
        (-179.95, -16.9),
        (1, 0),
    ),
}


@pytest.mark.parametrize(("source", "place", "changes"), INSIDE.values(), ids=INSIDE)
def test_who_is_inside_is_compared_before_and_after_the_repair(
    source: object, place: tuple[float, float], changes: tuple[int, int]
) -> None:
    shape = through(source)
    assert shape.drawn is not None
    index = PremiseIndex(
        version=1,
        keys=np.array([7]),
        lon=np.array([place[0]]),
        lat=np.array([place[1]]),
        services=np.array([1], np.uint8),
    )
    before, after = index.match(shape.drawn), index.match(shape.wkb)
    assert (len(after - before), len(before - after)) == changes


@given(
    st.tuples(st.floats(2e5, 7e5), st.floats(1e6, 8e6)),
    st.floats(0, 6.3),
    st.floats(1e3, 1.5e5),
)
def test_a_long_edge_stays_where_it_was_drawn(
    start: tuple[float, float], bearing: float, length_m: float
) -> None:
    along = np.array([np.cos(bearing), np.sin(bearing)]) * length_m
    beside = np.array([-along[1], along[0]]) / 10
    corners = np.array([start, start + along, start + along + beside])
    shape = accept(corners.tolist(), limits=LIMITS, crs="EPSG:32610")
    # Vertices of the stored line, and the middles between them, are where the edges run in UTM.
    lonlat = shapely.get_coordinates(shapely.from_wkb(shape.wkb))
    middles = (lonlat[1:] + lonlat[:-1]) / 2
    to_utm = Transformer.from_crs("EPSG:4326", "EPSG:32610", always_xy=True)
    edges = shapely.LinearRing(corners)
    for points in (lonlat, middles):
        xy = np.column_stack(to_utm.transform(points[:, 0], points[:, 1]))
        assert shapely.distance(edges, shapely.points(xy)).max() < 0.1
