"""What anybody can work out who keeps every outline that was ever published."""

from __future__ import annotations

import json

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.cells import Cells, Degrees
from gis.cutting import Flags
from gis.public import MOST_PARTS, MOST_VERTICES, fallen_short, outline
from outage.privacy import MIN_PREMISES
from tests.unit.gis.ground import Ground, grounds, made, some, subsets

many = settings(max_examples=150)


def drawn(cells: Cells, ground: Ground, which: Flags) -> shapely.Geometry | None:
    return outline(cells, cells.at(*ground.of(which)))


def holds(area: shapely.Geometry | None, ground: Ground) -> Flags:
    """Tell of each premise whether its square is on an outline's ground."""
    found: Flags = (
        np.zeros(len(ground.lon), dtype=np.bool_)
        if area is None
        else shapely.contains_xy(area, *ground.centres)
    )
    return found


def text(area: shapely.Geometry | None) -> str:
    return "" if area is None else shapely.to_geojson(area)


@many
@given(grounds(), st.lists(subsets, min_size=2, max_size=5))
def test_two_generations_are_equal_or_differ_by_the_ground_of_enough_premises(
    ground: Ground, seeds: list[int]
) -> None:
    """Whoever comes in, falls out, is restored and taken back, in whatever order."""
    cells = ground.cells
    shown = [drawn(cells, ground, some(seed, ground)) for seed in seeds]
    for one in shown:
        for other in shown:
            differ = int((holds(one, ground) ^ holds(other, ground)).sum())
            assert differ >= MIN_PREMISES or (differ == 0 and text(one) == text(other))


@many
@given(grounds(least=MIN_PREMISES), subsets, st.data())
def test_one_member_more_or_less_shows_nothing_or_enough_premises(
    ground: Ground, seed: int, data: st.DataObject
) -> None:
    cells, members = ground.cells, some(seed, ground)
    with_one = members.copy()
    one = data.draw(st.integers(0, len(members) - 1))
    with_one[one] = not with_one[one]
    before, after = drawn(cells, ground, members), drawn(cells, ground, with_one)
    differ = int((holds(before, ground) ^ holds(after, ground)).sum())
    assert differ >= MIN_PREMISES or text(before) == text(after)


@many
@given(grounds(least=MIN_PREMISES), subsets, subsets)
def test_what_three_outlines_have_in_common_holds_enough_premises_too(
    ground: Ground, seed: int, other_seed: int
) -> None:
    """Intersections and unions of many generations are whole cells like the outlines are."""
    cells = ground.cells
    first, second = some(seed, ground), some(other_seed, ground)
    areas = [holds(drawn(cells, ground, each), ground) for each in (first, second, first & second)]
    atoms = areas[0] * 4 + areas[1] * 2 + areas[2] * 1
    assert all((atoms == atom).sum() >= MIN_PREMISES for atom in np.unique(atoms))


@many
@given(grounds(), subsets)
def test_every_member_is_inside_and_every_part_is_small_and_valid(
    ground: Ground, seed: int
) -> None:
    members = some(seed, ground)
    area = drawn(ground.cells, ground, members)
    if area is None:
        assert not members.any() or len(members) < MIN_PREMISES
        return
    assert shapely.intersects_xy(area, *ground.of(members)).all()
    small_and_valid(area)


def small_and_valid(area: shapely.Geometry) -> None:
    parts = shapely.get_parts(area)
    assert shapely.is_valid(area)
    assert len(parts) <= MOST_PARTS
    assert (shapely.get_num_coordinates(parts) <= MOST_VERTICES).all()
    assert shapely.is_ccw(shapely.get_exterior_ring(parts)).all()


@settings(max_examples=25)
@given(grounds(least=3000, most=6000), subsets, subsets)
def test_a_ragged_outage_is_drawn_coarser_and_stays_as_private(
    ground: Ground, seed: int, other_seed: int
) -> None:
    cells = ground.cells
    rng = np.random.default_rng(seed)
    here_and_there = rng.random(len(ground.lon)) < rng.choice([0.01, 0.1, 0.4])
    wide = here_and_there | some(other_seed, ground)
    one, other = drawn(cells, ground, here_and_there), drawn(cells, ground, wide)
    for area, members in ((one, here_and_there), (other, wide)):
        if area is not None:
            small_and_valid(area)
            assert shapely.intersects_xy(area, *ground.of(members)).all()
    differ = int((holds(one, ground) ^ holds(other, ground)).sum())
    assert differ >= MIN_PREMISES or text(one) == text(other)


@many
@given(grounds(least=MIN_PREMISES), subsets)
def test_an_outline_depends_on_nothing_but_the_cells_and_who_is_out(
    ground: Ground, seed: int
) -> None:
    cells, members = ground.cells, some(seed, ground)
    lon, lat = ground.of(members)
    twice_over = np.concatenate([lon[::-1], lon]), np.concatenate([lat[::-1], lat])
    elsewhere = Cells.from_bytes(cells.to_bytes())
    assert text(outline(elsewhere, elsewhere.at(*twice_over))) == text(
        drawn(cells, ground, members)
    )


@many
@given(
    grounds(least=MIN_PREMISES), subsets, st.sampled_from(["added", "moved", "closed"]), st.data()
)
def test_an_edit_of_the_base_data_by_one_premise_shows_nothing_or_enough_premises(
    ground: Ground, seed: int, edit: str, data: st.DataObject
) -> None:
    """A nightly load between two generations; the outage goes on with the cells it had."""
    cells, members = ground.cells, some(seed, ground)
    later, still = edited(ground, members, edit, data)
    before = drawn(cells, ground, members)
    at = cells.at(*later.of(still))
    short = fallen_short(cells, later.lon, later.lat)
    after = outline(cells, np.setdiff1d(at, short))
    differ = int((holds(before, ground) ^ holds(after, ground)).sum())
    assert differ >= MIN_PREMISES or text(before) == text(after)
    # What lights a cell up is one of enough premises of today, too.
    lit = np.setdiff1d(at, short)
    today = np.bincount(cells.at(later.lon, later.lat), minlength=len(cells.cut))
    assert (today[lit] >= MIN_PREMISES).all()


def edited(ground: Ground, members: Flags, edit: str, data: st.DataObject) -> tuple[Ground, Flags]:
    one = data.draw(st.integers(0, len(members) - 1))
    shift = data.draw(st.floats(-0.05, 0.05))
    lon, lat, still = ground.lon.copy(), ground.lat.copy(), members
    if edit == "closed":
        keep = np.arange(len(lon)) != one
        return Ground(lon=lon[keep], lat=lat[keep]), still[keep]
    if edit == "moved":
        lon[one] += shift
        return Ground(lon=lon, lat=lat), still
    added: tuple[Degrees, Degrees] = (np.append(lon, lon[one] + shift), np.append(lat, lat[one]))
    return Ground(lon=added[0], lat=added[1]), np.append(still, data.draw(st.booleans()))


def test_a_small_outage_in_a_town_is_drawn_about_as_large_as_it_is() -> None:
    town = made(11, 4000)
    far = np.hypot(town.lon - town.lon[0], town.lat - town.lat[0])
    members = far <= np.sort(far)[200]
    area = drawn(town.cells, town, members)
    assert 200 <= holds(area, town).sum() < 400


def test_published_corners_are_no_premises() -> None:
    town = made(7, 500)
    area = drawn(town.cells, town, np.ones(500, dtype=np.bool_))
    corners = shapely.get_coordinates(area)
    assert (corners * 1024 == np.floor(corners * 1024)).all()
    assert json.loads(text(area))["type"] in {"Polygon", "MultiPolygon"}
