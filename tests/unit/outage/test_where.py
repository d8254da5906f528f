from __future__ import annotations

import dataclasses

import pytest

from outage import where as w

NAMED: list[w.Where] = [
    w.Devices(paths=("circuit:F12", "SUB1/F12")),
    w.Street(name="e 22nd ave"),
    w.Street(name="main st", first=100, last=198, side=w.Side.EVEN, city="Vancouver"),
    w.Area(kind=w.AreaKind.POSTAL_CODE, name="V5K"),
    w.Listed(premises=(3, 1, 2)),
    w.Everything(),
    w.AnyOf(of=(w.Drawn(digest="a"), w.Devices(paths=("T9",)))),
    w.Both(one=w.Drawn(digest="a"), other=w.Everything()),
    w.But(one=w.Everything(), without=w.Both(one=w.Drawn(digest="a"), other=w.Drawn(digest="b"))),
]


@pytest.mark.parametrize("where", NAMED, ids=lambda where: type(where).__name__)
def test_what_is_stored_of_a_place_reads_back_as_the_same_place(where: w.Where) -> None:
    assert w.from_spec(w.to_spec(where)) == where


def test_every_way_to_say_where_has_a_name_of_its_own_on_record() -> None:
    assert len({w.digest(where) for where in NAMED}) == len(NAMED)


def test_a_shape_is_on_record_under_its_own_digest() -> None:
    assert w.digest(w.Drawn(digest="abc")) == "abc"


def test_a_place_that_was_split_and_merged_back_is_the_place_it_was() -> None:
    whole: w.Where = w.Devices(paths=("circuit:F12",))
    cut = w.Drawn(digest="a")
    for _ in range(9):
        whole = w.any_of(w.But(one=whole, without=cut), w.Both(one=whole, other=cut))
    assert whole == w.Devices(paths=("circuit:F12",))


def test_equal_places_are_one_on_record() -> None:
    one = w.Street(name="main st", first=1)
    assert w.digest(one) == w.digest(dataclasses.replace(one))
