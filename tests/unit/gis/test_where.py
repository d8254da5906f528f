"""Who is inside, for every way to say where, against plain Python over the same premises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import shapely

from gis.matching import Matcher
from gis.shapes import ShapeLimits
from gis.streets import normalise
from outage import tables as t
from outage import where as w
from outage.database import Database
from outage.model import Service


@dataclass(frozen=True, kw_only=True)
class House:
    key: int
    number: int
    street: str
    circuit: str
    transformer: str
    path: str
    city: str
    placed: bool
    services: int


HOUSES = [
    House(
        key=key,
        number=100 + key,
        street="Main Street" if key % 3 else "E 2nd Av",
        circuit=f"F{key % 4}",
        transformer=f"T{key % 7}",
        path=f"SUB{key % 2}/F{key % 4}/T{key % 7}",
        city="Dry Creek" if key % 5 else "dry lake",
        placed=key % 6 != 0,
        services=2 if key % 8 == 0 else 1,
    )
    for key in range(1, 61)
]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOX = shapely.to_geojson(shapely.box(0.0005, 9.9, 0.0305, 10.1))


@pytest.fixture
def matcher(database: Database) -> Matcher:
    with database.write() as conn:
        conn.execute(
            t.premises.insert(),
            [
                {
                    "key": house.key,
                    "id": f"P{house.key}",
                    "longitude": house.key / 1000 if house.placed else None,
                    "latitude": 10.0 if house.placed else None,
                    "services": house.services,
                    "loaded_version": 1,
                    "circuit": house.circuit,
                    "transformer": house.transformer,
                    "path": house.path,
                    "city": house.city,
                    "street": normalise(house.street),
                    "house_number": house.number,
                }
                for house in HOUSES
            ],
        )
        conn.execute(
            t.premises_versions.insert().values(
                version=1, at=NOON, premises=0, unplaced=0, digest="1"
            )
        )
    return Matcher(database)


CASES: list[tuple[w.Where, Callable[[House], bool]]] = [
    (w.Devices(paths=("circuit:F1",)), lambda h: h.circuit == "F1"),
    (
        w.Devices(paths=("circuit:F1", "transformer:T2")),
        lambda h: h.circuit == "F1" or h.transformer == "T2",
    ),
    (w.Devices(paths=("SUB1",)), lambda h: h.path.startswith("SUB1/")),
    (w.Devices(paths=("SUB1/F3/T3",)), lambda h: h.path == "SUB1/F3/T3"),
    (w.Devices(paths=("SUB",)), lambda _: False),
    (w.Street(name="main st"), lambda h: h.street == "Main Street"),
    (
        w.Street(name="main st", first=110, last=140, side=w.Side.ODD),
        lambda h: h.street == "Main Street" and 110 <= h.number <= 140 and h.number % 2 == 1,
    ),
    (
        w.Street(name="e 2nd ave", side=w.Side.EVEN, city="DRY LAKE"),
        lambda h: h.street == "E 2nd Av" and h.number % 2 == 0 and h.city == "dry lake",
    ),
    (w.Area(kind=w.AreaKind.CITY, name="Dry Lake"), lambda h: h.city == "dry lake"),
    (w.Listed(premises=(1, 6, 8, 999)), lambda h: h.key in {1, 6, 8}),
    (w.Everything(), lambda _: True),
    (
        w.AnyOf(of=(w.Devices(paths=("circuit:F1",)), w.Listed(premises=(6,)))),
        lambda h: h.circuit == "F1" or h.key == 6,
    ),
    (
        w.But(one=w.Everything(), without=w.Devices(paths=("circuit:F1",))),
        lambda h: h.circuit != "F1",
    ),
    (
        w.Both(one=w.Street(name="main st"), other=w.Devices(paths=("circuit:F2",))),
        lambda h: h.street == "Main Street" and h.circuit == "F2",
    ),
    (w.AnyOf(of=()), lambda _: False),
]


def named(where: w.Where) -> str:
    return w.to_spec(where)[:50]


@pytest.mark.parametrize(("where", "rule"), CASES, ids=[named(case[0]) for case in CASES])
def test_every_way_to_say_where_finds_who_it_says_with_the_service(
    matcher: Matcher, where: w.Where, rule: Callable[[House], bool]
) -> None:
    for service in (Service.ELECTRIC, Service.WATER):
        expected = {h.key for h in HOUSES if rule(h) and h.services & service.bit}
        assert set(matcher.find(where, service).keys.tolist()) == expected


def test_unplaced_premises_are_reached_by_everything_but_a_shape(matcher: Matcher) -> None:
    drawn = matcher.match(BOX, Service.ELECTRIC, limits=ShapeLimits())
    unplaced = {h.key for h in HOUSES if not h.placed and h.services & 1}
    assert not unplaced & set(drawn.keys.tolist())
    assert unplaced <= set(matcher.find(w.Everything(), Service.ELECTRIC).keys.tolist())
    assert set(matcher.index().unplaced(1).keys().tolist()) == unplaced


def test_a_named_place_goes_to_the_desk_under_the_digest_of_its_words(matcher: Matcher) -> None:
    where = w.Devices(paths=("circuit:F1",))
    found = matcher.find(where, Service.ELECTRIC)
    given = found.for_desk()
    assert (given.spec, given.wkb, given.vertices) == (w.to_spec(where), b"", 0)
    assert given.digest == w.digest(where)
    assert given.premise_count == len(found.keys)
