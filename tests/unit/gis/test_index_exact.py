from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings

from gis.index import PremiseIndex
from gis.search.edges import Edges, settle
from gis.search.kernels import Scan
from gis.search.layout import lay_out
from tests.unit.gis.answers import differences, scans
from tests.unit.gis.areas import Scene, scenes

SHARED = shapely.MultiPolygon([shapely.box(0, 0, 2, 2), shapely.box(2, 0, 4, 2)])
BOW_TIE = shapely.Polygon([(0, 0), (4, 4), (4, 0), (0, 4)])


@pytest.fixture(params=sorted(scans()))
def scan(request: pytest.FixtureRequest) -> Scan:
    return scans()[request.param]


def over(points: list[tuple[float, float]], scan: Scan) -> PremiseIndex:
    lon, lat = np.array(points, np.float64).reshape(-1, 2).T
    return PremiseIndex.over(
        lay_out(
            version=1,
            keys=np.arange(len(points)),
            lon=lon,
            lat=lat,
            services=np.ones(len(points), np.uint8),
        ),
        scan,
    )


def match(area: shapely.Geometry, points: list[tuple[float, float]], scan: Scan) -> list[int]:
    found: list[int] = over(points, scan).match(shapely.to_wkb(area)).keys().tolist()
    return found


@pytest.mark.timeout(600)  # a shared machine makes it slow, not wrong
@pytest.mark.parametrize("name", sorted(scans()))
@settings(max_examples=50)
@given(scene=scenes())
def test_the_index_answers_exactly_as_brute_force_does(name: str, scene: Scene) -> None:
    assert differences(scene, scans()[name]) == 0


def test_a_border_that_two_parts_share_is_inside(scan: Scan) -> None:
    points = [(2.0, 1.0), (2.0, 0.0), (2.0, 3.0), (1.0, 1.0), (3.0, 2.0)]
    assert match(SHARED, points, scan) == [0, 1, 3, 4]


def test_both_lobes_of_a_bow_tie_are_inside_as_drawn(scan: Scan) -> None:
    assert match(BOW_TIE, [(0.5, 2.0), (3.5, 2.0), (2.0, 2.0), (2.0, 1.0)], scan) == [0, 1, 2]


def test_where_drawn_parts_overlap_is_inside_once(scan: Scan) -> None:
    overlapping = shapely.MultiPolygon([shapely.box(0, 0, 3, 3), shapely.box(1, 1, 4, 4)])
    found = over([(2.0, 2.0), (0.5, 0.5), (5.0, 5.0)], scan).match(shapely.to_wkb(overlapping))
    assert len(found) == 2
    assert found.keys().tolist() == [0, 1]


def test_many_areas_get_the_answers_each_would_get_alone(scan: Scan) -> None:
    rng = np.random.default_rng(5)
    index = over([(x, y) for x, y in rng.uniform(0, 9, (500, 2))], scan)
    wkbs = [shapely.to_wkb(shapely.box(x, y, x + 2, y + 1)) for x, y in rng.uniform(0, 8, (40, 2))]
    alone = [index.match(wkb).keys().tolist() for wkb in wkbs]
    assert [one.keys().tolist() for one in index.match_many(wkbs)] == alone
    assert any(alone)


def test_no_area_and_an_empty_area_match_nobody(scan: Scan) -> None:
    index = over([(1.0, 1.0)], scan)
    assert index.match_many([]) == []
    assert len(index.match(shapely.to_wkb(shapely.Polygon()))) == 0


def test_an_area_far_from_everybody_matches_nobody(scan: Scan) -> None:
    assert match(shapely.box(-50, -50, -40, -40), [(1.0, 1.0)], scan) == []


def test_premises_at_the_poles_and_the_date_line_are_matched(scan: Scan) -> None:
    points = [(-180.0, -90.0), (180.0, 90.0), (180.0, -90.0), (-180.0, 90.0), (0.0, 0.0)]
    assert match(shapely.box(-180, -90, 180, 90), points, scan) == [0, 1, 2, 3, 4]
    assert match(shapely.box(179, 89, 180, 90), points, scan) == [1]


def test_premises_in_one_spot_are_in_or_out_together(scan: Scan) -> None:
    tower = [(1.0, 1.0)] * 40 + [(3.0, 1.0)] * 40
    assert match(shapely.box(0, 0, 1, 2), tower, scan) == list(range(40))


def test_a_strip_full_of_edges_is_matched_exactly(scan: Scan) -> None:
    rng = np.random.default_rng(6)
    comb = [(x / 1e5, (x % 2) * 1e-4) for x in range(400)]
    area = shapely.Polygon([*comb, (400 / 1e5, 2e-4), (0, 2e-4)])
    points = [(x, y) for x, y in rng.uniform(0, (4e-3, 2e-4), (4_000, 2))]
    expected = np.flatnonzero(shapely.intersects_xy(area, np.array(points))).tolist()
    assert match(area, points, scan) == expected
    assert 0 < len(expected) < len(points)


def test_edges_are_known_part_by_part() -> None:
    donut = shapely.box(0, 0, 3, 3).difference(shapely.box(1, 1, 2, 2))
    edges = Edges.of(shapely.to_wkb([SHARED, donut]).tolist())
    assert edges.area.tolist() == [0, 0, 1]
    assert np.bincount(edges.part).tolist() == [4, 4, 8]


def test_a_lone_premise_on_a_hole_outside_its_shell_is_inside() -> None:
    """The very first point that shapely is asked about, it judges by another rule."""
    shell, hole = [(0, 1), (0, 2), (1, 0)], [(1, 0), (1, 1), (0, 1), (0, 0)]
    polygon = shapely.Polygon(shell, [hole])
    assert settle(polygon, np.zeros(1), np.zeros(1)).all()
