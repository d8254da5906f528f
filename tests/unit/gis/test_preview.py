"""The preview, for every way to say where, against plain Python over the same people."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import shapely

from gis import asked
from gis.errors import (
    AreaAmbiguous,
    AreaUnknown,
    DeviceUnknown,
    GisError,
    IdsUnknown,
    ListEmpty,
    ListTooLong,
    NumbersReversed,
    StreetUnknown,
)
from gis.matching import Matcher
from gis.preview import Previewer
from gis.reader import GisReader
from gis.shapes import ShapeLimits
from outage import commands as c
from outage import desk, journal, settings
from outage import tables as t
from outage import where as w
from outage.database import Database
from outage.model import Actor, Kind, Outage, OutageId, OutageKey, Service
from tests.unit.gis.neighbourhood import NOON, House, Neighbourhood, make, settle

BOX = shapely.to_geojson(shapely.box(0.0005, 9.9, 0.0305, 10.1))
BOW = "POLYGON ((0.0005 9.9, 0.0305 10.1, 0.0305 9.9, 0.0005 10.1, 0.0005 9.9))"
CREW = Actor(kind="cli", name="test")


@pytest.fixture
def there(database: Database) -> Neighbourhood:
    made = make(random.Random(7))
    settle(database, made)
    return made


@pytest.fixture
def previewer(database: Database, there: Neighbourhood) -> Previewer:
    return Previewer(database, Matcher(database), settings.load({}))


def street(name: str, **more: Any) -> w.Street:  # noqa: ANN401 facts of a street
    return w.Street(name=name, **more)


CASES: list[tuple[str, asked.Asked, Callable[[House], bool]]] = [
    (
        "shape",
        asked.Shape(source=BOX),
        lambda h: h.longitude is not None and 0.0005 <= h.longitude <= 0.0305,
    ),
    ("devices", asked.devices(["circuit:F1, SUB1/F3"]), lambda h: h.circuit in {"F1", "F3"}),
    ("street", street("E 2nd Avenue"), lambda h: h.street == "E 2nd Av"),
    (
        "numbers",
        street("MAIN ST.", first=110, last=140, side=w.Side.ODD, city="dry creek"),
        lambda h: (
            h.street == "Main Street"
            and 110 <= h.number <= 140
            and h.number % 2 == 1
            and h.city == "Dry Creek"
        ),
    ),
    ("area", asked.area("postal_code:v5k"), lambda h: h.postal_code == "V5K"),
    ("bare area", asked.area("Dry lake"), lambda h: h.city == "Dry Lake"),
    ("premises", asked.Ids(ids=("P1", "M2", "P6", "P1")), lambda h: h.key in {1, 2, 6}),
    ("all", w.Everything(), lambda _: True),
]


@pytest.mark.parametrize(
    ("wanted", "rule"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_every_way_to_say_where_is_counted_as_one_by_one(
    there: Neighbourhood, previewer: Previewer, wanted: asked.Asked, rule: Callable[[House], bool]
) -> None:
    for service in (Service.ELECTRIC, Service.WATER):
        inside = [h for h in there.houses if rule(h) and h.services & service.bit]
        facts = previewer.preview(wanted, service, ids=True)
        assert facts["premises"] == len(inside)
        assert sorted(facts["ids"]) == sorted(f"P{house.key}" for house in inside)
        assert facts["unplaced_inside"] == sum(house.longitude is None for house in inside)
        assert facts["unplaced"] == sum(
            h.longitude is None for h in there.houses if h.services & service.bit
        )
        expected = there.behind(inside)
        assert {name: facts[name] for name in expected} == expected
        assert facts["milliseconds"] >= facts["matching_ms"] >= 0


def test_an_account_in_a_list_stands_for_what_it_holds_now(
    there: Neighbourhood, previewer: Previewer
) -> None:
    holder = next(house.holders[0] for house in there.houses if house.holders)
    held = {f"P{h.key}" for h in there.houses if holder in h.holders and h.services & 1}
    facts = previewer.preview(asked.Ids(ids=(f"A{holder}",)), Service.ELECTRIC, ids=True)
    assert set(facts["ids"]) == held


def test_a_list_says_what_of_it_is_doubled_unknown_ambiguous_or_holds_nothing(
    database: Database, there: Neighbourhood, previewer: Previewer
) -> None:
    with database.write() as conn:
        conn.execute(t.accounts.insert().values(key=900, id="A900"))
        fifth = t.premises.update().where(t.premises.c.key == 5)
        conn.execute(fifth.values(closed_at=NOON))
        for kind, key in (("map", 1), ("location", 2)):
            row = {"entity": "premise", "kind": kind, "value": "17", "key": key}
            conn.execute(t.aliases.insert().values(**row))
    ids = ("P1", "P1", "M1", "P3", "P8", "A900", "17", "nobody", "P5", "a\tb", "no\x00thing")
    with pytest.raises(IdsUnknown, match=r"6 of 10 ids .* 'nobody', 'P5'"):
        Matcher(database).ask(
            asked.Ids(ids=ids), Service.ELECTRIC, limits=ShapeLimits(), max_ids=100
        )
    facts = previewer.preview(asked.Ids(ids=ids), Service.ELECTRIC, ids=True)
    assert facts["ids"] == ["P1", "P3"]
    assert facts["list"] == {
        "ids": 10,
        "doubled": 1,
        "without_service": 1,
        "unknown": ["nobody", "P5", "a\tb", "no\x00thing"],
        "ambiguous": ["17"],
        "without_premise": ["A900"],
    }


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        (asked.devices(["circuit:F11"]), DeviceUnknown, "did you mean circuit:F1 "),
        (asked.devices(["F2"]), DeviceUnknown, r"did you mean circuit:F2\?$"),
        (asked.devices(["SUB1/F2/L9"]), DeviceUnknown, "did you mean SUB1/F"),
        (asked.devices(["zzz:zzz"]), DeviceUnknown, "write circuit:NAME"),
        (asked.devices([" , "]), ListEmpty, "at least one device"),
        (street("Elm Cuort"), StreetUnknown, r"did you mean elm ct\?$"),
        (street("Main St", city="Rome"), StreetUnknown, "in 'Rome'; did you mean Dry Creek"),
        (street("Main St", first=9, last=3), NumbersReversed, "from 9 to 3"),
        (asked.area("postal_code:V5X"), AreaUnknown, "did you mean postal_code:V5"),
        (asked.area("Atlantis"), AreaUnknown, "see how the premises write it"),
        (asked.Ids(ids=("", " ")), ListEmpty, "at least one id"),
        (asked.Ids(ids=("P1",) * 250_001), ListTooLong, "250,001 ids .*OUTAGE_LIST_MAX_IDS"),
    ],
)
def test_what_is_not_known_is_refused_by_name_with_what_is_like_it(
    previewer: Previewer, wanted: asked.Asked, error: type[GisError], words: str
) -> None:
    with pytest.raises(error, match=words):
        previewer.preview(wanted, Service.ELECTRIC)


def test_a_name_of_several_areas_is_refused_until_its_kind_is_said(
    database: Database, previewer: Previewer
) -> None:
    with database.write() as conn:
        conn.execute(t.premises.update().where(t.premises.c.key == 1).values(zone="dry lake"))
    with pytest.raises(AreaAmbiguous, match="city:Dry Lake or zone:dry lake"):
        previewer.preview(asked.area("Dry Lake"), Service.ELECTRIC)
    assert previewer.preview(asked.area("zone:Dry Lake"), Service.ELECTRIC)["premises"] == 1


def test_premises_without_streets_on_record_are_to_be_loaded_once_more(
    database: Database, previewer: Previewer
) -> None:
    with database.write() as conn:
        conn.execute(t.premises.update().values(street=None))
    with pytest.raises(StreetUnknown, match="load the premises once more"):
        previewer.preview(street("Main St"), Service.ELECTRIC)


def test_a_street_of_several_cities_says_so(there: Neighbourhood, previewer: Previewer) -> None:
    facts = previewer.preview(street("Main Street"), Service.ELECTRIC)
    main = [house.city for house in there.houses if house.street == "Main Street"]
    assert facts["cities"] == {city: main.count(city) for city in ("Dry Creek", "Dry Lake")}


def test_a_repair_is_answered_with_both_numbers(previewer: Previewer, database: Database) -> None:
    both = "MULTIPOLYGON (((0 9.9, 0.02 9.9, 0.02 10.1, 0 10.1, 0 9.9)), \
        ((0.01 9.9, 0.03 9.9, 0.03 10.1, 0.01 10.1, 0.01 9.9)))"
    facts = previewer.preview(asked.Shape(source=both), Service.ELECTRIC)
    drawn = facts["as_drawn"]
    assert facts["repaired"]
    assert facts["premises"] == (
        drawn["premises"] + drawn["added_by_repair"] - drawn["removed_by_repair"]
    )
    bow = previewer.preview(asked.Shape(source=BOW), Service.ELECTRIC)
    assert bow["repaired"]


def declare(db: Database, wanted: asked.Asked, service: Service = Service.ELECTRIC) -> Outage:
    matcher = Matcher(db)
    match = matcher.ask(wanted, service, limits=ShapeLimits(), max_ids=100)
    command = c.Declare(key=OutageKey(0), id=OutageId(""), service=service, kind=Kind.UNPLANNED)
    with db.write() as conn:
        outage = desk.declare(conn, command, actor=CREW, shape=match.for_desk())
    reader = GisReader(matcher)
    while journal.turn(db, reader):
        pass
    return outage


def test_overlaps_say_who_is_in_which_open_outage_of_the_service(
    database: Database, there: Neighbourhood, previewer: Previewer
) -> None:
    electric = {house.key for house in there.houses if house.services & 1}
    f1 = {house.key for house in there.houses if house.circuit == "F1"} & electric
    main = {house.key for house in there.houses if house.street == "Main Street"} & electric
    everything = w.Everything()
    assert previewer.preview(everything, Service.ELECTRIC)["overlaps"] == []
    one = declare(database, asked.devices(["circuit:F1"]))
    declare(database, everything, Service.WATER)
    two = declare(database, street("Main Street"))
    facts = previewer.preview(everything, Service.ELECTRIC)
    assert facts["overlapping"] == len(f1 | main)
    assert {o["id"]: o["premises"] for o in facts["overlaps"]} == {
        one.id: len(f1),
        two.id: len(main),
    }
    # Without what has been restored, and without the outage that is being redrawn.
    with database.write() as conn:
        desk.restore(conn, one.id, actor=CREW)
    while journal.turn(database, GisReader(Matcher(database))):
        pass
    facts = previewer.preview(everything, Service.ELECTRIC, against=two.id)
    assert (facts["overlapping"], facts["overlaps"]) == (0, [])


def test_the_difference_from_an_outages_place_says_who_comes_and_goes(
    database: Database, there: Neighbourhood, previewer: Previewer
) -> None:
    electric = {house.key for house in there.houses if house.services & 1}
    f1 = {house.key for house in there.houses if house.circuit == "F1"} & electric
    main = {house.key for house in there.houses if house.street == "Main Street"} & electric
    outage = declare(database, asked.devices(["circuit:F1"]))
    facts = previewer.preview(street("main st"), Service.ELECTRIC, against=outage.id)
    assert facts["difference"] == {
        "from": outage.id,
        "service": "electric",
        "added": len(main - f1),
        "removed": len(f1 - main),
        "kept": len(main & f1),
    }
