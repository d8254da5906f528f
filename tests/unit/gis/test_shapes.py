from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import shapely

from gis.errors import (
    AxesSwapped,
    BadVertex,
    CrossesAntimeridian,
    CrsOfDegrees,
    CrsUnknown,
    OutsideCrs,
    RingDegenerate,
    RingNotClosed,
    ShapeEmpty,
    ShapeNotAnArea,
    ShapeProjected,
    ShapeRefused,
    ShapeTooBig,
    ShapeUnreadable,
)
from gis.index import PremiseIndex
from gis.shapes import Shape, ShapeLimits, accept

LIMITS = ShapeLimits()
SQUARE = [[-123.1, 49.2], [-123.0, 49.2], [-123.0, 49.3], [-123.1, 49.3], [-123.1, 49.2]]
BOW_TIE = [[-123.1, 49.2], [-123.0, 49.3], [-123.0, 49.2], [-123.1, 49.3], [-123.1, 49.2]]


def polygon(*rings: list[Any]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def square(lon: float, lat: float, side: float = 0.1) -> list[list[float]]:
    return [
        [lon, lat],
        [lon + side, lat],
        [lon + side, lat + side],
        [lon, lat + side],
        [lon, lat],
    ]


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


ZOO: list[tuple[object, type[ShapeRefused], str]] = [
    ("", ShapeEmpty, "empty"),
    ("   ", ShapeEmpty, "empty"),
    ([], ShapeEmpty, "empty"),
    ("POLYGON EMPTY", ShapeEmpty, "empty"),
    ({"type": "Polygon", "coordinates": []}, ShapeEmpty, "empty"),
    ({"type": "Polygon", "coordinates": [[]]}, ShapeEmpty, "empty"),
    ({"type": "FeatureCollection", "features": []}, ShapeEmpty, "empty"),
    ({"type": "Feature", "geometry": None}, ShapeEmpty, "empty"),
    (None, ShapeUnreadable, "null"),
    ("hello", ShapeUnreadable, "neither GeoJSON nor WKT"),
    (b"\xff\xfe{", ShapeUnreadable, "byte 1 is not UTF-8"),
    ('{"type": "Polygon"', ShapeUnreadable, "not JSON at line 1"),
    ("[" * 100_000, ShapeUnreadable, "nested too deeply"),
    (
        '{"type": "Polygon", "coordinates": [[[1' + "0" * 5000 + ", 1]]]}",
        ShapeUnreadable,
        "endless",
    ),
    ({"type": "Topology"}, ShapeUnreadable, "Topology"),
    ({"type": "Polygon"}, ShapeUnreadable, "no list of coordinates"),
    ("POLYGON ((1 2, 3 4,, 5 6))", ShapeUnreadable, "odd bracket"),
    ("POLYGON" + " " * 1_000_000 + "x", ShapeUnreadable, "neither GeoJSON nor WKT"),
    (" " * 1_000_000 + "1", ShapeUnreadable, "neither GeoJSON nor WKT"),
    ("POLYGON (" + ")" * 1_000_000 + "x", ShapeUnreadable, "neither GeoJSON nor WKT"),
    ("POLYGON (" + "(" * 1_000_000 + ")", ShapeUnreadable, "odd bracket"),
    ([1.0, 2.0, 3.0], ShapeUnreadable, "3 numbers"),
    ({"type": "Point", "coordinates": [1, 2]}, ShapeNotAnArea, "is a Point"),
    ("LINESTRING (0 0, 1 1)", ShapeNotAnArea, "LINESTRING"),
    (polygon([["-123", 49]]), BadVertex, "Part 1, vertex 1: text"),
    (polygon([[True, 49]]), BadVertex, "true or false"),
    (polygon([[1]]), BadVertex, "no pair"),
    (polygon([[-123, 49], [float("nan"), 49]]), BadVertex, "Part 1, vertex 2"),
    ("POLYGON ((-123 49, -122 inf, -122 50, -123 49))", BadVertex, "Part 1, vertex 2"),
    ([-123.0, 49.0, 0.0, 0.0, -123.0, 50.0], BadVertex, "vertex 2: 0, 0"),
    (polygon(SQUARE[:-1]), RingNotClosed, "Part 1: the ring is not closed"),
    (polygon(SQUARE, square(-123.05, 49.25, 0.01)[:-1]), RingNotClosed, "Part 1, hole 1"),
    (polygon([SQUARE[0], SQUARE[1], SQUARE[0]]), RingDegenerate, "2 different vertices"),
    (polygon([[-123, 49], [-122, 50], [-121, 51], [-123, 49]]), RingDegenerate, "no area"),
    (polygon([[491000, 5456000], [492000, 5456000], [491000, 5456000]]), RingDegenerate, "2"),
    (polygon(square(491000, 5456000, 1000)), ShapeProjected, "--crs EPSG:xxxx"),
    (polygon(square(49, -123, 0.1)), AxesSwapped, "longitude first"),
    (polygon(square(-100, 10, 40)), ShapeTooBig, "km²"),
    (
        polygon([[179.9, -17], [-179.9, -17], [-179.9, -16.9], [179.9, -17]]),
        CrossesAntimeridian,
        "Part 1, vertex 1 goes from longitude 179.9 to -179.9; cut the shape in two",
    ),
    (
        polygon(square(-123, 49))
        | {
            "coordinates": [[[-123, 49], [0, 0], [-123, 50], [-123, 49]]],
            "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}},
        },
        BadVertex,
        "vertex 2: 0, 0",
    ),
]


@pytest.mark.parametrize(("source", "error", "words"), ZOO)
def test_each_bad_shape_gets_one_sentence(
    source: object, error: type[ShapeRefused], words: str
) -> None:
    with pytest.raises(error) as refusal:
        through(source)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert "{" not in str(refusal.value)


def test_each_limit_says_which_it_is() -> None:
    with pytest.raises(ShapeTooBig, match="5 vertices, the limit is 4"):
        accept(polygon(SQUARE), limits=ShapeLimits(max_vertices=4))
    with pytest.raises(ShapeTooBig, match="bytes, the limit is 10"):
        accept(json.dumps(polygon(SQUARE)), limits=ShapeLimits(max_bytes=10))
    two = {"type": "MultiPolygon", "coordinates": [[square(-123, 49)], [square(-121, 49)]]}
    with pytest.raises(ShapeTooBig, match="2 parts, the limit is 1"):
        accept(two, limits=ShapeLimits(max_parts=1))


def test_a_wrong_coordinate_system_is_named() -> None:
    with pytest.raises(CrsOfDegrees, match="leave --crs out"):
        through(polygon(SQUARE), crs="EPSG:26910")
    with pytest.raises(CrsUnknown, match="EPSG:999999"):
        through(polygon(SQUARE), crs="EPSG:999999")
    with pytest.raises(OutsideCrs, match="EPSG:26910"):
        through(polygon(square(1e12, 1e12, 1e11)), crs="EPSG:26910")
