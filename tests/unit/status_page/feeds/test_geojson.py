"""GeoJSON by the rules of RFC 7946, with winding and order of coordinates."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import shapely

from tests.unit.status_page.feeds.play import one_part, states, two_parts
from tests.unit.status_page.storm import Publication, outage, status


def collection(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "feeds/outages.geojson").read_bytes())
    return found


def area(ring: list[list[float]]) -> float:
    """Twice the area, positive against the clock."""
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in itertools.pairwise(ring))


def check_polygon(rings: list[list[list[float]]]) -> None:
    outer, *holes = rings
    assert area(outer) > 0
    assert all(area(hole) < 0 for hole in holes)
    for ring in rings:
        assert len(ring) >= 4
        assert ring[0] == ring[-1]
        for longitude, latitude in ring:
            assert (-124 < longitude < -123, 49 < latitude < 50) == (True, True)


def check(found: dict[str, Any]) -> None:
    assert found["type"] == "FeatureCollection"
    assert "crs" not in found
    assert isinstance(found["features"], list)
    ids = [each["id"] for each in found["features"]]
    assert len(set(ids)) == len(ids)
    for feature in found["features"]:
        assert feature["type"] == "Feature"
        assert isinstance(feature["properties"], dict)
        assert {"coordinates", "geometries", "features"}.isdisjoint(feature)
        geometry = feature["geometry"]
        if geometry is None:
            continue
        assert geometry["type"] in {"Polygon", "MultiPolygon"}
        parts = geometry["coordinates"]
        for rings in [parts] if geometry["type"] == "Polygon" else parts:
            check_polygon(rings)
        assert shapely.from_geojson(json.dumps(geometry)).is_valid


def test_every_generation_of_a_storm_keeps_the_rules(tmp_path: Path) -> None:
    press = Publication(tmp_path)
    for state in states():
        press.publish(state)
        found = collection(tmp_path)
        check(found)
        told = {each["id"]: each["properties"]["message"] for each in found["features"]}
        assert told == {each.id: each.message for each in state.outages}


def test_a_ring_that_turns_the_wrong_way_would_be_seen() -> None:
    shape = json.loads(one_part())
    shape["coordinates"][0].reverse()
    feature = {"type": "Feature", "id": "1", "geometry": shape, "properties": {}}
    with pytest.raises(AssertionError):
        check({"type": "FeatureCollection", "features": [feature]})


def test_an_outage_without_an_outline_has_no_geometry(tmp_path: Path) -> None:
    shapes = {1: "", 2: one_part(), 3: two_parts()}
    Publication(tmp_path).publish(status(*(outage(n, outline=each) for n, each in shapes.items())))
    geometries = [each["geometry"] for each in collection(tmp_path)["features"]]
    assert geometries == [None, json.loads(one_part()), json.loads(two_parts())]


def test_few_are_marked_as_masked(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(outage(1, matched=3)))
    (feature,) = collection(tmp_path)["features"]
    assert (feature["properties"]["matched"], feature["properties"]["masked"]) == (1, ["matched"])
