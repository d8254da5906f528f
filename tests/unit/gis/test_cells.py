"""Cells hold at least k premises each, all premises, and no ground of another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis import cutting
from gis.cells import PER_DEGREE, Cells
from outage.privacy import MIN_PREMISES
from tests.unit.gis.ground import Ground, grounds, made, some, subsets

columns = st.integers(0, 2**19 - 1)


@settings(max_examples=200)
@given(grounds())
def test_every_cell_has_enough_premises_and_every_premise_a_cell(ground: Ground) -> None:
    cells = ground.cells
    held = np.bincount(cells.at(ground.lon, ground.lat), minlength=len(cells.cut))
    held = held[held > 0]
    assert held.sum() == (len(ground.lon) if len(ground.lon) >= MIN_PREMISES else 0)
    assert (held >= MIN_PREMISES).all()


@settings(max_examples=100)
@given(grounds(least=MIN_PREMISES, most=200))
def test_a_premise_lies_on_the_ground_of_its_own_nodes_only(ground: Ground) -> None:
    cells = ground.cells
    x, y = ground.centres
    west, south, east, north = cells.boxes(np.arange(len(cells.cut))).T[:, :, None]
    lies = (west < x) & (x < east) & (south < y) & (y < north)
    for premise in range(len(x)):
        (cell,) = cells.at(ground.lon[[premise]], ground.lat[[premise]])
        own = {int(cell), *(int(level[0]) for level in cells.levels(np.array([cell])))}
        assert set(np.flatnonzero(lies[:, premise]).tolist()) == own


@settings(max_examples=50)
@given(grounds(least=2 * MIN_PREMISES))
def test_no_cell_could_be_cut_by_any_line(ground: Ground) -> None:
    """The rule of the module's docstring, tried out line by line."""
    cells = ground.cells
    x, y = (np.floor(axis * PER_DEGREE).astype(int) for axis in (ground.lon, ground.lat))
    owner = np.array([cells.at(*ground.of(np.array([i])))[0] for i in range(len(x))])
    for cell in np.unique(owner).tolist():
        for axis in (x[owner == cell], y[owner == cell]):
            for line in np.unique(axis).tolist():
                beyond = int((axis >= line).sum())
                assert min(beyond, len(axis) - beyond) < MIN_PREMISES


@settings(max_examples=100)
@given(grounds(least=MIN_PREMISES), subsets)
def test_the_same_cells_are_the_same_ground_whatever_nodes_are_given(
    ground: Ground, seed: int
) -> None:
    cells = ground.cells
    for nodes in cells.levels(cells.at(*ground.of(some(seed, ground)))):
        under = [
            cell
            for cell in np.unique(cells.cell).tolist()
            if any(np.isin(level, nodes).any() for level in cells.levels(np.array([cell])))
        ]
        assert np.array_equal(cells.whole(nodes), cells.whole(np.array(under, dtype=np.int64)))


@settings(max_examples=200)
@given(grounds())
def test_a_partition_comes_back_from_the_record_as_it_was(ground: Ground) -> None:
    cells = ground.cells
    again = Cells.from_bytes(cells.to_bytes())
    for name in ("squares", "cell", "cut", "parent", "depth"):
        assert np.array_equal(getattr(again, name), getattr(cells, name))


@settings(max_examples=200)
@given(grounds())
def test_the_order_of_premises_makes_no_difference(ground: Ground) -> None:
    order = np.random.default_rng(len(ground.lon)).permutation(len(ground.lon))
    other = Cells.of(ground.lon[order], ground.lat[order], least=MIN_PREMISES)
    assert other.to_bytes() == ground.cells.to_bytes()


@given(st.lists(st.tuples(columns, columns), min_size=1))
def test_a_square_keeps_its_column_and_row(places: list[tuple[int, int]]) -> None:
    x, y = np.array(places).T
    back = cutting.axes(cutting.codes(x, y))
    assert np.array_equal(back[0], x)
    assert np.array_equal(back[1], y)


@pytest.mark.parametrize("corner", [(180.0, 90.0), (-180.0, -90.0), (180.0, -90.0), (0.0, 0.0)])
def test_premises_at_the_ends_of_the_earth_have_a_cell(corner: tuple[float, float]) -> None:
    lon, lat = (np.full(7, axis) for axis in corner)
    cells = Cells.of(lon, lat, least=MIN_PREMISES)
    ((west, south, east, north),) = cells.boxes(np.unique(cells.at(lon, lat)))
    assert west <= corner[0] <= east
    assert south <= corner[1] <= north


def test_one_lonely_house_does_not_keep_a_town_in_one_piece() -> None:
    town = made(3, 3000)
    near = np.hypot(town.lon + 123.1, town.lat - 49.2) < 2
    lon, lat = np.append(town.lon[near], -100.0), np.append(town.lat[near], 60.0)
    cells = Cells.of(lon, lat, least=MIN_PREMISES)
    held = np.bincount(cells.at(lon, lat))
    assert np.median(held[held > 0]) < 3 * MIN_PREMISES


def test_one_premise_more_moves_hardly_any_cell() -> None:
    town = made(5, 2000)
    before = Cells.of(town.lon[1:], town.lat[1:], least=MIN_PREMISES)
    after = town.cells
    first, second = (
        {tuple(box) for box in each.boxes(np.unique(each.cell)).tolist()}
        for each in (before, after)
    )
    assert len(first ^ second) < len(first) / 20
