# ruff: noqa: E501 - one line per member, and the sentences as they are
"""A zoo of shapes: every member has a name, what somebody wrote, and what the gate makes of it."""

from __future__ import annotations

import json
import struct
from typing import Any

import shapely

from gis.errors import GisError
from gis.shapes import ShapeLimits, accept

SQUARE = [
    [-123.125, 49.25],
    [-123.0, 49.25],
    [-123.0, 49.375],
    [-123.125, 49.375],
    [-123.125, 49.25],
]
BOW_TIE = [[-123.1, 49.2], [-123.0, 49.3], [-123.0, 49.2], [-123.1, 49.3], [-123.1, 49.2]]
ADVICE = " Give GeoJSON, WKT or another format that docs/shapes.md lists."
UTM = [
    [491000, 5456000],
    [492000, 5456000],
    [492000, 5457000],
    [491000, 5457000],
    [491000, 5456000],
]


def polygon(*rings: object) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def multipolygon(*parts: object) -> dict[str, Any]:
    return {"type": "MultiPolygon", "coordinates": list(parts)}


def features(*geometries: object) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": {}, "geometry": one} for one in geometries],
    }


def square(lon: float, lat: float, side: float = 0.1) -> list[list[float]]:
    east, north = lon + side, lat + side
    return [[lon, lat], [east, lat], [east, north], [lon, north], [lon, lat]]


def named(geometry: dict[str, Any], crs: str) -> dict[str, Any]:
    return geometry | {"crs": {"type": "name", "properties": {"name": crs}}}


def nested(depth: int) -> dict[str, Any]:
    shape = polygon(SQUARE)
    for _ in range(depth):
        shape = {"type": "GeometryCollection", "geometries": [shape]}
    return shape


def wkb_of(kind: int, *counts: int) -> bytes:
    return struct.pack(f"<BI{len(counts)}I", 1, kind, *counts)


def kml(inside: str, head: str = "") -> str:
    return f'{head}<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{inside}</Document></kml>'


def placemark(ring: list[list[float]]) -> str:
    words = " ".join(f"{x},{y},0" for x, y in ring)
    return (
        "<Placemark><Polygon><outerBoundaryIs><LinearRing><coordinates>"
        f"{words}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
    )


def outcome_of(source: object, crs: str | None = None) -> str:
    """What the gate makes of a source, in one line."""
    try:
        shape = accept(source, limits=ShapeLimits(), crs=crs)
    except GisError as refusal:
        return f"refused: {str(refusal).removesuffix(ADVICE)}"
    area = shapely.from_wkb(shape.wkb)
    assert area.is_valid
    parts = len(shapely.get_parts(area))
    how = f"repaired ({shape.repaired})" if shape.repaired else "accepted"
    return f"{how}: {shape.area_km2:.2f} km², {parts} parts, {shape.vertices} vertices"


_BILLION_LAUGHS = '<!DOCTYPE kml [<!ENTITY a "lol"><!ENTITY b "' + "&a;" * 10 + '">]>'
_ELSEWHERE = '<!DOCTYPE kml [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
_LINK = "<NetworkLink><Link><href>http://127.0.0.1:9/x.kml</href></Link></NetworkLink>"
_WKT = "POLYGON ((-123.1 49.2, -123.0 49.2, -123.0 49.3, -123.1 49.3, -123.1 49.2))"
_HOLE = square(-123.08, 49.22, 0.02)
_OUT = square(-123.1, 49.2)
_TWICE = [*square(-123, 49)[:-1], *square(-123, 49)]
_SPIKE = [
    [-123.1, 49.2],
    [-123.0, 49.2],
    [-122.9, 49.2],
    [-123.0, 49.2],
    [-123.0, 49.3],
    [-123.1, 49.2],
]
_TOUCHING = [
    [-123.1, 49.2], [-123.0, 49.2], [-123.0, 49.3], [-123.05, 49.2], [-123.1, 49.3], [-123.1, 49.2]
]  # fmt: skip
_TANGLE = [[(n * 7919 % 1000) / 1e4 - 123, (n * 6607 % 997) / 1e4 + 49] for n in range(2000)]

SOURCES: list[tuple[str, object, str | None]] = [
    # What is accepted as it is.
    ("counter-clockwise", polygon(_OUT), None),
    ("clockwise", polygon(_OUT[::-1]), None),
    ("unclosed ring", polygon(_OUT[:-1]), None),
    ("unclosed hole", polygon(_OUT, _HOLE[:-1]), None),
    ("donut", polygon(_OUT, _HOLE), None),
    ("two parts", multipolygon([_OUT], [square(-122.9, 49.2)]), None),
    ("parts that touch in a corner", multipolygon([SQUARE], [square(-123.0, 49.375, 0.125)]), None),
    ("features that overlap", features(polygon(_OUT), polygon(square(-123.05, 49.2))), None),
    ("features that touch", features(polygon(_OUT), polygon(square(-123.0, 49.2))), None),
    ("the same feature twice", features(polygon(_OUT), polygon(_OUT)), None),
    ("feature without geometry", features(polygon(_OUT), None), None),
    ("duplicate vertices", polygon([_OUT[0], *_OUT]), None),
    ("z and m", polygon([[x, y, 7, 8] for x, y in _OUT]), None),
    ("z on some", polygon([[*_OUT[0], 7], *_OUT[1:]]), None),
    ("collection in a collection", nested(3), None),
    ("byte order mark", "\ufeff".encode() + json.dumps(polygon(_OUT)).encode(), None),
    ("wkt", _WKT, None),
    ("wkt without blanks", _WKT.replace(", ", ",").replace("N (", "N("), None),
    ("wkt with z", "POLYGON Z ((-123.1 49.2 1, -123 49.2 1, -123 49.3 1, -123.1 49.2 1))", None),
    ("lower-case wkt", _WKT.lower(), None),
    ("pairs in a row", "-123.1 49.2, -123.0 49.2, -123.0 49.3", None),
    ("pairs a line", "-123.1, 49.2\n-123.0, 49.2\n-123.0, 49.3\n", None),
    ("numbers in a row", "-123.1,49.2,-123.0,49.2,-123.0,49.3", None),
    ("triples", "-123.1,49.2,0 -123.0,49.2,0 -123.0,49.3,0", None),
    ("kml", kml(placemark(_OUT)), None),
    ("kml without placemark", kml(placemark(_OUT)[11:-12]), None),
    ("kml of two placemarks that overlap", kml(placemark(_OUT) + placemark(_OUT)), None),
    ("utm by option", polygon(UTM), "EPSG:26910"),
    ("utm by crs member", named(polygon(UTM), "urn:ogc:def:crs:EPSG::26910"), None),
    ("utm by srid", "SRID=26910;POLYGON((491000 5456000,492000 5456000,491000 5457000))", None),
    ("hundred kilometres in utm", polygon([[4e5, 54e5], [5e5, 54e5], [5e5, 541e4]]), "EPSG:26910"),
    ("beyond 180", polygon(square(179.95, -17)), None),
    ("beyond -180", polygon(square(-180.05, -17)), None),
    ("whole turn beyond", polygon(square(236.9, 49.2)), None),
    ("jumps over 180", polygon([[179.95, -17], [-179.95, -17], [-179.95, -16.9], [179.95, -16.9]]), None),
    ("jumps over 180 with a hole behind it", polygon(
        [[179.9, -17], [-179.9, -17], [-179.9, -16.9], [179.9, -16.9]],
        square(-179.95, -16.98, 0.02)), None),
    ("cut at 180", multipolygon([square(179.9, -17)], [square(-180, -17)]), None),
    ("fiji in its own grid", polygon([[2150000, 3900000], [2250000, 3900000], [2200000, 3950000]]), "EPSG:3460"),
    # What is repaired.
    ("bow-tie", polygon(BOW_TIE), None),
    ("bow-tie over 180", polygon([[179.9, -17], [180.1, -16.9], [180.1, -17], [179.9, -16.9]]), None),
    ("spike", polygon(_SPIKE), None),
    ("ring that touches itself", polygon(_TOUCHING), None),
    ("ring twice around", polygon(_TWICE), None),
    ("parts that overlap", multipolygon([square(-123, 49)], [square(-122.95, 49)]), None),
    ("parts with a common edge", multipolygon([square(-123, 49)], [square(-122.9, 49)]), None),
    ("hole outside", polygon(_OUT, square(-122.0, 49.2)), None),
    ("hole across the outline", polygon(_OUT, square(-123.02, 49.22, 0.05)), None),
    ("holes that overlap", polygon(_OUT, _HOLE, square(-123.07, 49.23, 0.02)), None),
    ("hole in a hole", polygon(_OUT, _HOLE, square(-123.075, 49.225, 0.005)), None),
    ("flat part beside another", multipolygon([_OUT], [[[-122, 49], [-121, 50], [-120, 51]]]), None),
    ("feature in two parts that overlap", features(
        polygon(square(-120, 49)),
        multipolygon([square(-123, 49)], [square(-122.95, 49)])), None),
    # What is refused.
    ("nothing", "", None),
    ("blanks", "   ", None),
    ("empty list", [], None),
    ("empty wkt", "POLYGON EMPTY", None),
    ("polygon without rings", {"type": "Polygon", "coordinates": []}, None),
    ("ring without vertices", polygon([]), None),
    ("no features", features(), None),
    ("no geometry", {"type": "Feature", "geometry": None}, None),
    ("null", None, None),
    ("a word", "hello", None),
    ("not utf-8", b"\xff\xfe{", None),
    ("half a json", '{"type": "Polygon"', None),
    ("deep json", "[" * 100_000, None),
    ("deep collections", nested(40), None),
    ("endless number", '{"type":"Polygon","coordinates":[[[1' + "0" * 5000 + ",1]]]}", None),
    ("long number", polygon([[10**400, 49], [1, 2], [3, 4]]), None),
    ("topology", {"type": "Topology"}, None),
    ("type that is a list", {"type": []}, None),
    ("no coordinates", {"type": "Polygon"}, None),
    ("double comma", "POLYGON ((1 2, 3 4,, 5 6))", None),
    ("a wall of blanks", "POLYGON" + " " * 1_000_000 + "x", None),
    ("a wall of brackets", "POLYGON (" + "(" * 1_000_000 + ")", None),
    ("closing brackets", "POLYGON (" + ")" * 1_000_000 + "x", None),
    ("three numbers", [1.0, 2.0, 3.0], None),
    ("table of ragged rows", "1 2 3\n4 5 6 7 8\n", None),
    ("point", {"type": "Point", "coordinates": [1, 2]}, None),
    ("line among areas", features(polygon(_OUT), {"type": "LineString", "coordinates": []}), None),
    ("line in wkt", "LINESTRING (0 0, 1 1)", None),
    ("text for a number", polygon([["-123", 49], [1, 2], [3, 4]]), None),
    ("truth for a number", polygon([[-123, 49], [True, 49], [3, 4]]), None),
    ("one number", polygon([[1]]), None),
    ("not a number", polygon([[-123, 49], [float("nan"), 49], [-122, 50]]), None),
    ("infinity", "POLYGON ((-123 49, -122 inf, -122 50, -123 49))", None),
    ("null island", polygon([[-123, 49], [0, 0], [-123, 50]]), None),
    ("two vertices", polygon([_OUT[0], _OUT[1], _OUT[0]]), None),
    ("vertices in a line", polygon([[-123, 49], [-122, 50], [-121, 51]]), None),
    ("one vertex a hundred times", polygon([[-123, 49]] * 100), None),
    ("projected", polygon(UTM), None),
    ("degrees as utm", polygon(_OUT), "EPSG:26910"),
    ("unknown system", polygon(_OUT), "EPSG:999999"),
    ("system of heights", polygon(_OUT), "EPSG:5703"),
    ("system with a file", polygon(UTM), "+proj=utm +zone=10 +nadgrids=/etc/passwd"),
    ("beyond its system", polygon(square(1e12, 1e12, 1e11)), "EPSG:26910"),
    ("swapped axes", polygon(square(49, -123)), None),
    ("a continent", polygon(square(-100, 10, 40)), None),
    ("jump with a slip", polygon([[-123, 49], [123, 49], [-123, 49.1]]), None),
    ("around the pole", polygon([[-120, 80], [0, 80], [120, 80]]), None),
    ("tangle", polygon(_TANGLE), None),
    ("xml", "<html/>", None),
    ("half a kml", "<kml><Document>", None),
    ("kml with billion laughs", kml(placemark(_OUT), _BILLION_LAUGHS), None),
    ("kml with an entity elsewhere", kml(placemark(_OUT), _ELSEWHERE), None),
    ("kml with a link", kml(_LINK), None),
    ("kml with a pin", kml("<Placemark><Point><coordinates>1,2</coordinates></Point></Placemark>"), None),
    ("kml of a hole alone", kml(placemark(_OUT).replace("outer", "inner")), None),
    ("kml that is deep", "<kml>" + "<Folder>" * 200, None),
    ("kml with words", kml(placemark(_OUT).replace("49.2", "north")), None),
    ("polyline of no precision", "_p~iF~ps|U_ulLnnqC_mqNvxq`@", None),
    ("polyline cut off", "polyline5:_p~iF~ps|U_ulLnnqC_mqNvxq", None),
    ("polyline of strange letters", "polyline6:_p~iF ps|U", None),
    ("wkb of a point", struct.pack("<BI2d", 1, 1, 1.0, 2.0), None),
    ("wkb of a curve", wkb_of(10, 0), None),
    ("wkb with two thousand million rings", wkb_of(3, 2**31), None),
    ("wkb with two thousand million parts", wkb_of(6, 2**31), None),
    ("wkb with two thousand million vertices", wkb_of(3, 1, 2**31), None),
    ("wkb of deep collections", wkb_of(7, 1) * 100_000, None),
    ("wkb cut off", shapely.box(-123.1, 49.2, -123, 49.3).wkb[:40], None),
    ("wkb with a tail", shapely.box(-123.1, 49.2, -123, 49.3).wkb + b"x", None),
    ("wkb with infinity", shapely.box(-123.1, 49.2, -123, 49.3).wkb.replace(
        struct.pack("<d", 49.3), struct.pack("<d", float("inf"))), None),
]  # fmt: skip

OUTCOMES = {
    "counter-clockwise": "accepted: 80.97 km², 1 parts, 5 vertices",
    "clockwise": "accepted: 80.97 km², 1 parts, 5 vertices",
    "unclosed ring": "accepted: 80.97 km², 1 parts, 5 vertices",
    "unclosed hole": "accepted: 77.73 km², 1 parts, 10 vertices",
    "donut": "accepted: 77.73 km², 1 parts, 10 vertices",
    "two parts": "accepted: 161.94 km², 2 parts, 10 vertices",
    "parts that touch in a corner": "accepted: 252.40 km², 2 parts, 10 vertices",
    "features that overlap": "accepted: 121.45 km², 1 parts, 9 vertices",
    "features that touch": "accepted: 161.94 km², 1 parts, 7 vertices",
    "the same feature twice": "accepted: 80.97 km², 1 parts, 5 vertices",
    "feature without geometry": "accepted: 80.97 km², 1 parts, 5 vertices",
    "duplicate vertices": "accepted: 80.97 km², 1 parts, 6 vertices",
    "z and m": "accepted: 80.97 km², 1 parts, 5 vertices",
    "z on some": "accepted: 80.97 km², 1 parts, 5 vertices",
    "collection in a collection": "accepted: 126.36 km², 1 parts, 5 vertices",
    "byte order mark": "accepted: 80.97 km², 1 parts, 5 vertices",
    "wkt": "accepted: 80.97 km², 1 parts, 5 vertices",
    "wkt without blanks": "accepted: 80.97 km², 1 parts, 5 vertices",
    "wkt with z": "accepted: 40.53 km², 1 parts, 4 vertices",
    "lower-case wkt": "accepted: 80.97 km², 1 parts, 5 vertices",
    "pairs in a row": "accepted: 40.53 km², 1 parts, 4 vertices",
    "pairs a line": "accepted: 40.53 km², 1 parts, 4 vertices",
    "numbers in a row": "accepted: 40.53 km², 1 parts, 4 vertices",
    "triples": "accepted: 40.53 km², 1 parts, 4 vertices",
    "kml": "accepted: 80.97 km², 1 parts, 5 vertices",
    "kml without placemark": "accepted: 80.97 km², 1 parts, 5 vertices",
    "kml of two placemarks that overlap": "accepted: 80.97 km², 1 parts, 5 vertices",
    "utm by option": "accepted: 1.00 km², 1 parts, 5 vertices",
    "utm by crs member": "accepted: 1.00 km², 1 parts, 5 vertices",
    "utm by srid": "accepted: 0.50 km², 1 parts, 5 vertices",
    "hundred kilometres in utm": "accepted: 500.38 km², 1 parts, 137 vertices",
    "beyond 180": "accepted: 118.27 km², 2 parts, 10 vertices",
    "beyond -180": "accepted: 118.27 km², 2 parts, 10 vertices",
    "whole turn beyond": "accepted: 80.97 km², 1 parts, 5 vertices",
    "jumps over 180": "accepted: 118.27 km², 2 parts, 10 vertices",
    "jumps over 180 with a hole behind it": "accepted: 231.81 km², 2 parts, 15 vertices",
    "cut at 180": "accepted: 236.54 km², 2 parts, 10 vertices",
    "fiji in its own grid": "accepted: 2498.26 km², 1 parts, 103 vertices",
    "bow-tie": "repaired (part 1: self-intersection at -123.05 49.25, after vertex 1): 40.48 km², 2 parts, 8 vertices",
    "bow-tie over 180": "repaired (part 1: self-intersection at 180 -16.95, after vertex 1): 118.27 km², 2 parts, 8 vertices",
    "spike": "repaired (part 1: self-intersection at -122.9 49.2, after vertex 2): 40.53 km², 1 parts, 4 vertices",
    "ring that touches itself": "repaired (part 1: ring self-intersection at -123.05 49.2, after vertex 1): 40.53 km², 2 parts, 8 vertices",
    "ring twice around": "repaired (part 1: self-intersection at -122.9 49.1, after vertex 2): 81.29 km², 1 parts, 5 vertices",
    "parts that overlap": "repaired (the parts overlap or share an edge at -122.95 49.1): 121.94 km², 1 parts, 9 vertices",
    "parts with a common edge": "repaired (the parts overlap or share an edge at -122.9 49.1): 162.59 km², 1 parts, 7 vertices",
    "hole outside": "refused: The shape is invalid (part 1: a hole lies outside the outline at -121.95 49.25) and cannot be repaired; draw it anew.",
    "hole across the outline": "repaired (part 1: self-intersection at -123 49.27, after vertex 2): 72.87 km², 1 parts, 9 vertices",
    "holes that overlap": "repaired (part 1, hole 1: self-intersection at -123.06 49.23, after vertex 2): 75.30 km², 1 parts, 14 vertices",
    "hole in a hole": "repaired (part 1, hole 2: holes are nested at -123.075 49.225, after vertex 1): 77.73 km², 1 parts, 10 vertices",
    "flat part beside another": "repaired (part 2: it encloses no area): 80.97 km², 1 parts, 5 vertices",
    "feature in two parts that overlap": "repaired (the parts overlap or share an edge at -122.95 49.1): 203.23 km², 2 parts, 14 vertices",
    "nothing": "refused: The shape is empty; draw at least one area.",
    "blanks": "refused: The shape is empty; draw at least one area.",
    "empty list": "refused: The shape is empty; draw at least one area.",
    "empty wkt": "refused: The shape is empty; draw at least one area.",
    "polygon without rings": "refused: The shape is empty; draw at least one area.",
    "ring without vertices": "refused: The shape is empty; draw at least one area.",
    "no features": "refused: The shape is empty; draw at least one area.",
    "no geometry": "refused: The shape is empty; draw at least one area.",
    "null": "refused: The shape cannot be read: it is null.",
    "a word": "refused: The shape cannot be read: neither GeoJSON nor WKT.",
    "not utf-8": "refused: The shape cannot be read: byte 1 is not UTF-8 text.",
    "half a json": "refused: The shape cannot be read: not JSON at line 1, column 19.",
    "deep json": "refused: The shape cannot be read: JSON nested too deeply or with an endless number.",
    "deep collections": "refused: The shape has more than 16 collections in one another, the limit is 16; take its areas out of them.",
    "endless number": "refused: The shape cannot be read: JSON nested too deeply or with an endless number.",
    "long number": "refused: Part 1, vertex 1: the number is endless.",
    "topology": "refused: The shape cannot be read: the shape has the type 'Topology'.",
    "type that is a list": "refused: The shape cannot be read: the shape has the type '[]'.",
    "no coordinates": "refused: The shape cannot be read: the shape has no list of coordinates.",
    "double comma": "refused: The shape cannot be read: the WKT has an odd bracket, comma or number.",
    "a wall of blanks": "refused: The shape cannot be read: neither GeoJSON nor WKT.",
    "a wall of brackets": "refused: The shape cannot be read: the WKT has an odd bracket, comma or number.",
    "closing brackets": "refused: The shape cannot be read: neither GeoJSON nor WKT.",
    "three numbers": "refused: The shape cannot be read: a flat list of 3 numbers leaves one without a pair.",
    "table of ragged rows": "refused: The shape cannot be read: a flat list of 3 numbers leaves one without a pair.",
    "point": "refused: The shape is a Point, not an area; draw a Polygon or a MultiPolygon.",
    "line among areas": "refused: Feature 2 is a LineString, not an area; draw a Polygon or a MultiPolygon.",
    "line in wkt": "refused: The shape is a LINESTRING, not an area; draw a Polygon or a MultiPolygon.",
    "text for a number": "refused: Part 1, vertex 1: text is no coordinate.",
    "truth for a number": "refused: Part 1, vertex 2: true or false is no coordinate.",
    "one number": "refused: Part 1, vertex 1: it is no pair of numbers.",
    "not a number": "refused: Part 1, vertex 2: a coordinate is not a finite number.",
    "infinity": "refused: Part 1, vertex 2: a coordinate is not a finite number.",
    "null island": "refused: Part 1, vertex 2: 0, 0 means 'unknown', not a place.",
    "two vertices": "refused: Part 1 encloses no area (2 different vertices); draw at least three corners.",
    "vertices in a line": "refused: Part 1 encloses no area (not enough different vertices); draw at least three corners.",
    "one vertex a hundred times": "refused: Part 1 encloses no area (not enough different vertices); draw at least three corners.",
    "projected": "refused: Part 1, vertex 1 is 491000, 5456000, which is no longitude and latitude. The coordinates look projected; say which system they are in with --crs EPSG:xxxx.",
    "degrees as utm": "refused: The coordinates are longitudes and latitudes already, not EPSG:26910; leave --crs out.",
    "unknown system": "refused: 'EPSG:999999' is not a coordinate system this program knows; write it like EPSG:26910.",
    "system of heights": "refused: 'EPSG:5703' is not a coordinate system this program knows; write it like EPSG:26910.",
    "system with a file": "refused: '+proj=utm +zone=10 +nadgrids=/etc/passwd' is not a coordinate system this program knows; write it like EPSG:26910.",
    "beyond its system": "refused: Part 1, vertex 1 is 1e+12, 1e+12, which EPSG:26910 cannot place on the earth; check --crs.",
    "swapped axes": "refused: Part 1, vertex 1 is 49, -123: longitude and latitude look swapped; write the longitude first.",
    "a continent": "refused: The shape has 16,932,524 km² of area, the limit is 100,000; check its coordinates.",
    "jump with a slip": "refused: Part 1, vertex 1 goes from longitude -123 to 123; cut the shape in two where it meets 180°.",
    "around the pole": "refused: Part 1, vertex 3 goes from longitude 120 to -120; cut the shape in two where it meets 180°.",
    "tangle": "refused: The shape is invalid (its edges lie across one another nearly everywhere) and cannot be repaired; draw it anew.",
    "xml": "refused: The shape cannot be read: it is XML of 'html', not KML.",
    "half a kml": "refused: The shape cannot be read: not XML at line 1 (no element found).",
    "kml with billion laughs": "refused: The shape cannot be read: the KML has a DOCTYPE, which it needs not; take it out.",
    "kml with an entity elsewhere": "refused: The shape cannot be read: the KML has a DOCTYPE, which it needs not; take it out.",
    "kml with a link": "refused: The shape cannot be read: the KML shows what lies elsewhere (NetworkLink); save the areas themselves.",
    "kml with a pin": "refused: Placemark 1 is a Point, not an area; draw a Polygon or a MultiPolygon.",
    "kml of a hole alone": "refused: The shape cannot be read: a polygon of placemark 1 has 0 outlines.",
    "kml that is deep": "refused: The shape cannot be read: the KML is nested more than 100 deep.",
    "kml with words": "refused: Part 1, vertex 1: 'north' is no number.",
    "polyline of no precision": "refused: The shape cannot be read: write polyline5: or polyline6: before an encoded polyline.",
    "polyline cut off": "refused: The shape cannot be read: the polyline ends in the middle of a position.",
    "polyline of strange letters": "refused: The shape cannot be read: letter 6 of the polyline is ' '.",
    "wkb of a point": "refused: The shape is a Point, not an area; draw a Polygon or a MultiPolygon.",
    "wkb of a curve": "refused: The shape is a CurvePolygon, not an area; draw a Polygon or a MultiPolygon.",
    "wkb with two thousand million rings": "refused: The shape cannot be read: the WKB says 2,147,483,648 follow where 0 bytes are left.",
    "wkb with two thousand million parts": "refused: The shape cannot be read: the WKB says 2,147,483,648 follow where 0 bytes are left.",
    "wkb with two thousand million vertices": "refused: The shape cannot be read: the WKB says 2,147,483,648 follow where 0 bytes are left.",
    "wkb of deep collections": "refused: The shape has more than 16 collections in one another, the limit is 16; take its areas out of them.",
    "wkb cut off": "refused: The shape cannot be read: the WKB says 5 follow where 27 bytes are left.",
    "wkb with a tail": "refused: The shape cannot be read: the WKB goes on after its end.",
    "wkb with infinity": "refused: Part 1, vertex 2: a coordinate is not a finite number.",
}

MEMBERS = [(source, crs, OUTCOMES[name]) for name, source, crs in SOURCES]
NAMES = [name for name, _, _ in SOURCES]
