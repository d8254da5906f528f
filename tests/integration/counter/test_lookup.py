"""`/lookup` over a small utility, on both databases: what it says, and what it never says."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from counter import lookup
from counter.app import create_app
from gis import streets
from notifier.replies import area
from outage import tables as t
from outage.database import Database
from outage.model import CrewStatus, Kind, Service
from outage.settings import Settings
from tests.integration.counter.test_personal import SITE, everything, settings
from tests.integration.notifier.world import World, etr

__all__ = ["settings"]
HOME = {"place": "123 Main St.", "postal_code": "62701"}
MINE = {"place": "4711-1", "postal_code": "62701"}


@pytest.fixture
def world(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(database, settings)
    world.account("4711-1", ["P1"])
    world.account("4711-2", ["P2", "P3"])
    place(world, "P1", "123 MAIN STREET", "62701")
    place(world, "P2", "7 Oak Avenue", "62701")
    place(world, "P3", "9 Elm Street", "62999")
    # A small utility: three houses are an area.
    monkeypatch.setattr(area, "MIN_PREMISES", 2)
    return world


@pytest.fixture
def visitor(world: World, settings: Settings) -> Iterator[TestClient]:
    app = create_app(settings, world.db, SITE)
    with TestClient(app, follow_redirects=False, base_url="http://127.0.0.1") as client:
        yield client


def place(world: World, premise: str, address: str, postal_code: str) -> None:
    with world.db.write() as conn:
        world.premise(conn, premise)
        number, street = streets.parse(address)
        conn.execute(
            t.premises.update()
            .where(t.premises.c.id == premise)
            .values(address=address, house_number=number, street=street, postal_code=postal_code)
        )


def ask(visitor: TestClient, form: dict[str, str], **headers: str) -> Any:  # noqa: ANN401  # JSON
    answer = visitor.post("/lookup", data=form, headers={"accept": "application/json", **headers})
    return answer.json()


def state(answer: Any) -> dict[str, str]:  # noqa: ANN401  # JSON
    return {each["service"]: each["state"] for each in answer["places"][0]["services"]}


@pytest.mark.parametrize(
    "written",
    ["123 Main St.", "123 MAIN STREET", " 123  main st ", "123 Main Street Apt 4", "123 main"],
)
def test_an_address_is_found_however_it_is_written(visitor: TestClient, written: str) -> None:
    answer = ask(visitor, {"place": written, "postal_code": "62701-1234"})
    if written == "123 main":  # not exact enough: asked back
        assert answer["choices"] == ["123 MAIN STREET"]
    else:
        assert state(answer)["electric"] == "area_none"


def test_an_address_is_told_of_its_area_and_never_of_the_house(
    world: World, visitor: TestClient
) -> None:
    outage = world.declare("P2", cause="tree")
    world.report(outage, etr=etr(9), crew_status=CrewStatus.ARRIVED)
    out = ask(visitor, {"place": "7 Oak Ave", "postal_code": "62701"})
    near = ask(visitor, HOME)
    assert out == near
    (electric,) = [one for one in near["places"][0]["services"] if one["service"] == "electric"]
    assert electric["state"] == "area_out"
    assert electric["outages"][0]["id"] == outage
    assert "tree on line" in electric["outages"][0]["facts"]["why"]
    assert "etr" in electric["outages"][0]["facts"]
    assert near["places"][0]["street"] == ""
    assert near["what_to_do"]


def test_an_account_with_its_postal_code_is_told_of_its_place(
    world: World, visitor: TestClient
) -> None:
    world.declare("P1", cause="tree")
    page = visitor.post("/lookup", data=MINE)
    assert page.status_code == 200
    assert "At MAIN STREET" in page.text
    assert "tree on line" in page.text
    assert "Next update by" in page.text or "Not known yet" in page.text
    assert "What to do now" in page.text
    assert not re.search(r"123 MAIN|P1\b", page.text)
    assert state(ask(visitor, MINE))["electric"] == "out"
    assert state(ask(visitor, {**MINE, "place": "4711-2"}))["electric"] == "fine"


def test_of_an_account_only_what_lies_in_the_postal_code_is_told(visitor: TestClient) -> None:
    for code, street in (("62701", "Oak Avenue"), ("62999", "Elm Street")):
        answer = ask(visitor, {"place": "4711-2", "postal_code": code})
        assert [one["street"] for one in answer["places"]] == [street]


def test_a_meter_names_the_place_and_proves_nothing(world: World, visitor: TestClient) -> None:
    with world.db.write() as conn:
        conn.execute(
            t.aliases.insert().values(
                entity="premise", kind="meter", value="M-1", key=world.ids["P1"]
            )
        )
    world.declare("P1")
    found = ask(visitor, {"place": "M-1", "postal_code": "62701"})
    assert state(found)["electric"] == "area_out"
    assert found["places"][0]["street"] == ""


def test_a_wrong_postal_code_says_what_an_unknown_account_says(visitor: TestClient) -> None:
    wrong = visitor.post("/lookup", data={"place": "4711-1", "postal_code": "62702"})
    unknown = visitor.post("/lookup", data={"place": "4711-9", "postal_code": "62702"})
    assert wrong.status_code == unknown.status_code == 422
    assert wrong.text == unknown.text.replace("4711-9", "4711-1")
    assert dict(wrong.headers) == dict(unknown.headers)
    assert ask(visitor, {"place": "4711-1", "postal_code": "62702"}) == ask(
        visitor, {"place": "4711-9", "postal_code": "62702"}
    )


@pytest.mark.parametrize(
    ("form", "step"),
    [
        ({}, "find_write"),
        ({"place": "  \x00\t "}, "find_write"),
        ({"place": "x" * 5000, "postal_code": "62701"}, "find_write"),
        ({"place": "Main Street", "postal_code": "62701"}, "find_exact"),
        ({"place": "' OR 1=1 --", "postal_code": "62701"}, "find_exact"),
        ({"place": "4711-1"}, "find_postal_code"),
        ({"place": "4711-1", "postal_code": "abc"}, "find_postal_code"),
        ({"place": "123 Nowhere Boulevard", "postal_code": "62701"}, "find_none"),
        ({"place": "123 Mian Street", "postal_code": "62701"}, "find_which"),
        ({"place": "5 Main Street"}, "find_postal_code"),
        ({"place": "<script>alert(1)</script>1", "postal_code": "62701"}, "find_exact"),
    ],
)
def test_what_is_not_found_gets_a_next_step(
    visitor: TestClient, form: dict[str, str], step: str
) -> None:
    answer = ask(visitor, form)
    assert (answer["found"], answer["next_step"]) == (False, step)
    assert answer["sentence"]
    page = visitor.post("/lookup", data=form)
    assert page.status_code == 422
    assert "<script" not in page.text


def test_a_misspelt_street_is_offered_to_choose_and_two_towns_ask_for_the_code(
    world: World, visitor: TestClient
) -> None:
    assert ask(visitor, {**HOME, "place": "123 Mian St"})["choices"] == ["123 MAIN STREET"]
    assert ask(visitor, {"place": "123 Main St, 62701"})["found"]
    assert ask(visitor, {"place": "123 Main St"})["found"]
    place(world, "P3", "123 Main Street", "62999")
    assert ask(visitor, {"place": "123 Main St"})["next_step"] == "find_postal_code"


def test_a_house_is_found_among_very_many_of_its_number(world: World, visitor: TestClient) -> None:
    with world.db.write() as conn:
        near = {"house_number": 50, "postal_code": "62701", "services": 1, "loaded_version": 1}
        conn.execute(
            t.premises.insert(),
            [{**near, "id": f"N{at}", "street": f"{at}th ave"} for at in range(250)],
        )
    place(world, "LAST", "50 Zebra Street", "62701")
    assert ask(visitor, {"place": "50 Zebra St", "postal_code": "62701"})["found"]


def test_one_address_in_two_towns_is_asked_back_and_the_town_tells(
    world: World, visitor: TestClient
) -> None:
    place(world, "P3", "123 Main Street", "62701")
    with world.db.write() as conn:
        for premise, city in (("P1", "Springfield"), ("P3", "Shelbyville")):
            conn.execute(t.premises.update().where(t.premises.c.id == premise).values(city=city))
    answer = ask(visitor, HOME)
    assert answer["next_step"] == "find_which"
    assert len(answer["choices"]) == 2
    for one in answer["choices"]:
        assert ask(visitor, {**HOME, "place": one})["found"]


def test_numbers_cannot_be_tried_for_long(visitor: TestClient) -> None:
    codes = [str(62800 + at) for at in range(lookup.WRONG_OF_NUMBER)]
    for known in ("4711-1", "4711-9"):
        for code in codes:
            assert ask(visitor, {"place": known, "postal_code": code})["found"] is False
        # Right or wrong: the next try hears the same.
        refused = visitor.post("/lookup", data={"place": known, "postal_code": "62701"})
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "3600"
        assert "wait an hour" in refused.text
        assert "wait a minute" not in refused.text
    assert ask(visitor, HOME)["found"]


def test_a_number_is_bounded_whatever_stands_behind_it(visitor: TestClient) -> None:
    tries = [("4711-1 62801", ""), ("4711-1, 62802", ""), (" 4711-1  62803-1234", "")]
    tries += [(f"4711-1 6281{at}", f"6282{at}") for at in range(lookup.WRONG_OF_NUMBER - 3)]
    for place_field, code in tries:
        form = {"place": place_field, "postal_code": code}
        assert visitor.post("/lookup", data=form).status_code == 422
    for form in (
        MINE,
        {"place": "4711-1 62701"},
        {"place": "4711-1 99999", "postal_code": "62701"},
    ):
        assert visitor.post("/lookup", data=form).status_code == 429


def test_a_number_that_is_proved_costs_nothing(visitor: TestClient) -> None:
    for _ in range(lookup.WRONG_OF_NUMBER * 2):
        assert ask(visitor, MINE)["found"]
    assert not ask(visitor, {**MINE, "postal_code": "62801"})["found"]


def test_an_address_may_ask_often_and_not_without_end(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("counter.door.PER_ADDRESS", 3)
    monkeypatch.setattr(lookup, "PER_PLACE", 2)
    app = create_app(settings, world.db, SITE)
    with TestClient(app, client=("192.0.2.1", 1)) as one, TestClient(app) as near:
        answers = [one.post("/lookup", data=HOME).status_code for _ in range(4)]
        assert answers == [200, 200, 429, 429]
        other = {"place": "7 Oak Avenue", "postal_code": "62701"}
        assert near.post("/lookup", data=other).status_code in {200, 429}


def test_looking_up_changes_nothing_and_stands_in_no_log(
    world: World, visitor: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    before = everything(world.db)
    caplog.set_level("DEBUG")
    for form in (HOME, MINE, {"place": "4711-9", "postal_code": "62701"}):
        page = visitor.post("/lookup", data=form)
        assert page.headers["cache-control"] == "no-store"
        assert "unsafe" not in page.headers["content-security-policy"]
        assert "set-cookie" not in page.headers
        assert not re.search(r'<script|style="|\son[a-z]+="', page.text)
    assert everything(world.db) == before
    ours = [one for one in caplog.records if not one.name.startswith(("httpx", "httpcore"))]
    assert not [one for one in ours if "4711" in one.getMessage() or "Main" in one.getMessage()]


def test_advice_goes_by_the_service_that_is_out(world: World, visitor: TestClient) -> None:
    world.declare("P1", service=Service.WATER)
    world.declare("P1", kind=Kind.ADVISORY, service=Service.WATER)
    page = visitor.post("/lookup", data=MINE).text
    assert "let the cold tap run" in page
    assert "DO NOT DRINK THE WATER" in page
    assert "fallen wires" not in page


def test_a_database_that_is_away_is_said_in_a_sentence(world: World, settings: Settings) -> None:
    app = create_app(settings, world.db, SITE)
    with world.db.write() as conn:
        conn.execute(sa.text("ALTER TABLE premises RENAME TO gone"))
    try:
        with TestClient(app) as client:
            page = client.post("/lookup", data=HOME)
            told = client.post("/lookup", data=HOME, headers={"accept": "application/json"})
    finally:
        with world.db.write() as conn:
            conn.execute(sa.text("ALTER TABLE gone RENAME TO premises"))
    assert page.status_code == told.status_code == 503
    assert "We cannot take this just now" in page.text
    assert SITE.phones.outage is not None
    assert SITE.phones.outage in page.text
    assert told.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("language", ["es", "fr", "pa", "zh"])
def test_it_speaks_as_it_is_asked(visitor: TestClient, language: str) -> None:
    page = visitor.get("/lookup", headers={"accept-language": language})
    assert f'<html lang="{language}" dir="ltr">' in page.text
    form = {**HOME, "lang": language}
    assert f'<html lang="{language}" dir="ltr">' in visitor.post("/lookup", data=form).text


def test_addresses_are_found_by_an_index(world: World) -> None:
    p = t.premises.c
    statements = [
        sa.select(p.key).where(p.house_number == 1, p.postal_code.in_(["62701"])),
        sa.select(p.key).where(p.house_number == 1, p.street == "main st"),
    ]
    with world.db.read() as conn:
        if conn.dialect.name == "sqlite":
            for one in statements:
                sql = one.compile(conn, compile_kwargs={"literal_binds": True})
                plan = conn.execute(sa.text(f"EXPLAIN QUERY PLAN {sql}")).all()
                assert "USING INDEX ix_premises_" in str(plan) or "COVERING INDEX" in str(plan)
