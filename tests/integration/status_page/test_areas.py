"""In which areas an outage lies, as the record has it."""

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from outage import tables as t
from outage.model import Outage
from outage.site import Area
from status_page.areas import Areas
from status_page.publisher import Publisher
from status_page.reader import public_site, read_status
from status_page.store import FolderStore
from tests.integration.status_page.town import NOW, SITE, Town

AREAS = (
    Area(name="Springfield", kind="county", served=41_200),
    Area(name="Shelbyville", kind="county", served=8_900),
    Area(name="97477", kind="postal_code", served=900),
    Area(name="Nook", kind="zone", served=3),
)
PLACES = SITE.model_copy(update={"areas": AREAS})


def members(town: Town, outage: Outage, *places: dict[str, str], out: int | None = None) -> None:
    """Make premises that lie there members, as gis does."""
    rows = premises(town, *places)
    with town.db.write() as conn:
        conn.execute(
            t.memberships.insert(),
            [
                {
                    "outage_key": outage.key,
                    "premise_key": key,
                    "added": 1,
                    "since": NOW,
                    "why": "shape",
                }
                for key in rows
            ],
        )
    town.matched(outage, len(places) if out is None else out)


def premises(town: Town, *places: dict[str, str], services: int = 1) -> list[int]:
    """Load premises that lie there and return their keys."""
    with town.db.write() as conn:
        first = (conn.execute(sa.select(sa.func.max(t.premises.c.key))).scalar() or 0) + 1
        rows = [
            {"key": key, "id": f"P{key}", "services": services, "loaded_version": 1, **place}
            for key, place in enumerate(places, first)
        ]
        for row in rows:
            conn.execute(t.premises.insert().values(**row))
    return [key for key, _ in enumerate(places, first)]


def publisher(town: Town) -> Publisher:
    town.publisher.close()
    return town.another(FolderStore(town.folder), PLACES)


def read(town: Town, name: str = "areas.json") -> Any:  # noqa: ANN401 - whatever JSON holds
    return json.loads((town.folder / "feeds" / name).read_bytes())


def areas_of(town: Town) -> dict[str, list[str]]:
    features = read(town, "outages.geojson")["features"]
    return {each["id"]: each["properties"]["areas"] for each in features}


def test_an_outage_lies_where_most_of_its_premises_do(town: Town) -> None:
    one, two, three = (town.declare(place) for place in ("A", "B", "C"))
    there = {"county": "SPRINGFIELD", "postal_code": "97477", "zone": "Nook"}
    members(town, one, *[there] * 6, *[{"county": "Shelbyville"}] * 4)
    members(town, two, *[{"county": "Shelbyville"}] * 7, {"county": "Elsewhere"})
    publisher(town).turn()
    assert areas_of(town) == {
        one.id: ["Springfield", "97477"],
        two.id: ["Shelbyville"],
        three.id: [],
    }
    told = {each["name"]: (each["outages"], each["matched"]) for each in read(town)["areas"]}
    assert told == {"Springfield": (1, 10), "Shelbyville": (1, 8), "97477": (1, 10), "Nook": (0, 0)}


def test_it_moves_when_it_is_matched_anew(town: Town) -> None:
    one = town.declare()
    members(town, one, *[{"county": "Springfield"}] * 5)
    publishing = publisher(town)
    publishing.turn()
    assert areas_of(town) == {one.id: ["Springfield"]}
    members(town, one, *[{"county": "Shelbyville"}] * 6, out=11)
    publishing.turn()
    assert areas_of(town) == {one.id: ["Shelbyville"]}


def test_only_what_was_matched_anew_is_looked_at_again(town: Town) -> None:
    one = town.declare()
    members(town, one, *[{"county": "Springfield"}] * 5)
    areas = Areas(public_site(PLACES).areas)
    with town.db.read() as conn:
        state, _ = read_status(conn, send_mode="live")
        assert areas.put(conn, state).outages[0].area_names == ("Springfield",)
    with town.db.write() as conn:
        # As nobody does without a new match.
        conn.execute(t.memberships.delete())
    with town.db.read() as conn:
        assert areas.put(conn, state).outages[0].area_names == ("Springfield",)
        assert Areas(public_site(PLACES).areas).put(conn, state).outages[0].area_names == ()


def test_only_what_is_listed_is_asked_for_some_at_a_time(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("status_page.areas.CHUNK", 1)
    one, two, old = (town.declare(place) for place in ("A", "B", "C"))
    for each in (one, two, old):
        members(town, each, *[{"county": "Springfield"}] * 5)
    with town.db.write() as conn:
        long_ago = {"status": "closed", "updated_at": NOW - timedelta(days=9)}
        conn.execute(t.outages.update().where(t.outages.c.key == old.key).values(**long_ago))
    asked: list[str] = []

    def note(*statement: Any) -> None:  # noqa: ANN401 - whatever a driver is given
        asked.append(repr(statement[2:4]))

    with town.db.read() as conn:
        state, _ = read_status(conn, send_mode="live")
        sa.event.listen(conn, "before_cursor_execute", note)
        put = Areas(public_site(PLACES).areas).put(conn, state)
    assert {each.id: each.area_names for each in put.outages} == {
        one.id: ("Springfield",),
        two.id: ("Springfield",),
    }
    outages = [each for each in asked if "FROM outages" in each]
    assert len(outages) == 2
    assert sum(one.id in each for each in outages) == 1
    assert not any(old.id in each for each in outages)


def test_where_the_site_names_no_areas_nothing_is_looked_at(town: Town) -> None:
    one = town.declare()
    members(town, one, *[{"county": "Springfield"}] * 5)
    town.publisher.turn()
    assert areas_of(town) == {one.id: []}
    assert read(town) == {"drill": True, "areas": []}


def test_after_a_restart_nothing_is_printed_again(town: Town) -> None:
    one = town.declare()
    members(town, one, *[{"county": "Springfield"}] * 5)
    first = publisher(town)
    first.turn()
    number = town.pointer.number
    first.close()
    town.another(FolderStore(town.folder), PLACES).turn()
    assert town.pointer.number == number


LONE = {"county": "Springfield", "postal_code": "97477"}


def test_areas_that_only_a_few_premises_share_are_not_told_together(town: Town) -> None:
    one = town.declare()
    premises(town, *[{"county": "Springfield"}] * 20, *[{"postal_code": "97477"}] * 20)
    members(town, one, LONE)
    publishing = publisher(town)
    publishing.turn()
    assert areas_of(town) == {one.id: ["Springfield"]}
    # Four more with water there are nobody who could be without power.
    premises(town, *[LONE] * 4, services=2)
    town.matched(one, 1)
    publishing.turn()
    assert areas_of(town) == {one.id: ["Springfield"]}
    premises(town, *[LONE] * 4)
    town.matched(one, 1)
    publishing.turn()
    assert areas_of(town) == {one.id: ["Springfield", "97477"]}


def test_it_does_not_matter_how_many_are_out(town: Town) -> None:
    one = town.declare()
    members(town, one, *[{"county": "Springfield"}] * 30, *[{"postal_code": "97477"}] * 20, LONE)
    publisher(town).turn()
    assert areas_of(town) == {one.id: ["Springfield"]}


def test_an_area_with_too_few_of_the_service_is_not_told(town: Town) -> None:
    one = town.declare()
    premises(town, *[{"county": "Springfield"}] * 30, services=2)
    members(town, one, *[{"county": "Springfield"}] * 4)
    publisher(town).turn()
    assert areas_of(town) == {one.id: []}
