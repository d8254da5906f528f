from __future__ import annotations

import pytest
import shapely

from gis.ground import Grounds


def areas(**boxes: tuple[float, float, float, float]) -> Grounds:
    return Grounds({name: shapely.to_wkb(shapely.box(*box)) for name, box in boxes.items()})


def test_a_share_is_of_the_first_ones_ground() -> None:
    grounds = areas(old=(0, 0, 2, 1), half=(1, 0, 9, 9), far=(20, 20, 21, 21))
    assert grounds.shares("old", ["half", "far"]) == {"half": pytest.approx(0.5)}


def test_only_the_named_others_count() -> None:
    grounds = areas(old=(0, 0, 2, 1), same=(0, 0, 2, 1))
    assert grounds.shares("old", ["another"]) == {}


def test_an_outage_without_ground_shares_none() -> None:
    assert areas(one=(0, 0, 1, 1)).shares("unknown", ["one"]) == {}


def test_touching_is_not_sharing() -> None:
    assert areas(a=(0, 0, 1, 1), b=(1, 0, 2, 1)).shares("a", ["b"]) == {}


def test_no_areas_at_all_is_fine() -> None:
    assert Grounds({}).shares("a", ["b"]) == {}
