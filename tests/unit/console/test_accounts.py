"""Accounts are found by anything that a caller says, by whom may look, and on no address."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from console import searching
from console.errors import BadCursor, TooLittleToFind
from outage import names
from outage import tables as t
from outage.cis.accounts import read_accounts
from outage.cis.loading import known_premises, load_accounts
from outage.database import Database
from outage.loading import LoadOptions
from outage.model import Actor
from outage.rights import Role
from tests.unit.console.conftest import Client
from tests.unit.console.staffed import Desk, csrf

HEADER = "account_id,name,premise_ids,mobile,email\n"
ANNA = "A-1,Anna Núñez,P1,212-555-0101,anna@example.org\n"
BEN = 'A-2,"O\'Brien, Ben",P2 P3,212-555-0102,\n'
CARL = "A-3,Carl Main,P4,,\n"
STREETS = {1: (12, "elm st"), 2: (12, "n elm st"), 3: (7, "oak ave"), 4: (9, "main st")}
PLACES = [
    {"key": key, "id": f"P{key}", "services": 1, "loaded_version": 1}
    | {"house_number": number, "street": street, "address": f"{number} {street}"}
    | {"city": "Springfield" if key < 3 else "Dover", "postal_code": "62701"}
    for key, (number, street) in STREETS.items()
]


def load(db: Database, folder: Path, *rows: str) -> None:
    path = folder / "accounts.csv"
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    with db.read() as conn:
        found = read_accounts(path, premises=known_premises(conn), mapping={})
    load_accounts(db, found, LoadOptions(), actor=Actor(kind="cli", name="test"))


@pytest.fixture
def people(database: Database, tmp_path: Path) -> Database:
    with database.write() as conn:
        conn.execute(t.premises.insert(), PLACES)
        conn.execute(t.aliases.insert().values(entity="premise", kind="meter", value="M-7", key=3))
    load(database, tmp_path, ANNA, BEN, CARL)
    return database


def ids(db: Database, asked: str) -> list[tuple[str, str]]:
    with db.read() as conn:
        return [(one.id, one.by) for one in searching.search(conn, asked).found]


def test_an_account_is_found_by_whatever_a_caller_says(people: Database) -> None:
    table = {
        "A-1": [("A-1", "id")],
        "a-2": [("A-2", "id")],
        "m-7": [("A-2", "meter")],
        "P4": [("A-3", "meter")],
        "(212) 555-0101": [("A-1", "phone")],
        "+12125550102": [("A-2", "phone")],
        " Anna@Example.org ": [("A-1", "email")],
        "nunez": [("A-1", "name")],
        "ann nuñ": [("A-1", "name")],
        "ben obrien": [("A-2", "name")],
        "12 Elm Street": [("A-1", "address"), ("A-2", "address")],
        "12 North Elm, Springfield": [("A-2", "address")],
        "12 Elm Street, Springfield 62701": [("A-1", "address"), ("A-2", "address")],
        "12 Elm Street, Dover": [],
        "oak": [("A-2", "street")],
        "Main": [("A-3", "name")],
        "212 555 0199": [],
        "anna@example": [],
        "nobody": [],
        "%%12": [],
    }
    assert {asked: ids(people, asked) for asked in table} == table


def test_a_load_that_renames_somebody_lets_them_be_found_by_the_new_name_alone(
    people: Database, tmp_path: Path
) -> None:
    load(people, tmp_path, ANNA.replace("Núñez", "Meyer"), BEN, CARL)
    assert ids(people, "nunez") == []
    assert ids(people, "meyer") == [("A-1", "name")]
    with people.read() as conn:
        kept = conn.execute(sa.select(t.account_words.c.word, t.account_words.c.account_key)).all()
        accounts = conn.execute(t.accounts.select()).all()
    assert {tuple(row) for row in kept} == {
        (word, row.key) for row in accounts for word in names.words(row.name)
    }


def test_who_has_moved_out_or_taken_their_number_back_is_not_found_by_it(people: Database) -> None:
    with people.write() as conn:
        gone = t.contacts.c.account_key == 1
        conn.execute(t.contacts.update().where(gone).values(ended_at=0))
        conn.execute(t.occupancies.update().where(t.occupancies.c.account_key == 1).values(until=0))
    assert ids(people, "212 555 0101") == []
    assert ids(people, "P1") == []
    assert ids(people, "12 elm") == [("A-2", "address")]
    assert ids(people, "nunez") == [("A-1", "name")]


def test_pages_hold_everybody_once(database: Database) -> None:
    with database.write() as conn:
        called = {key: f"Joe Johnson {'Jones' if key % 2 else ''}" for key in range(1, 61)}
        accounts = [{"key": key, "id": f"A{key}", "name": name} for key, name in called.items()]
        conn.execute(t.accounts.insert(), accounts)
        names.keep(conn, called)
        conn.execute(
            t.premises.insert(),
            [
                {"key": key, "id": f"P{key}", "services": 1, "loaded_version": 1}
                | {"street": ("elm st", "n elm st")[key % 2], "house_number": key}
                for key in called
            ],
        )
        held = [{"account_key": key, "premise_key": key, "since": 0} for key in called]
        conn.execute(t.occupancies.insert(), held)
    for asked in ("jo", "joe jon", "elm", "1 elm"):
        expected = {"joe jon": 30, "1 elm": 1}.get(asked, 60)
        assert paged(database, asked) == expected, asked


def paged(db: Database, asked: str) -> int:
    seen: list[str] = []
    after = ""
    while True:
        with db.read() as conn:
            page = searching.search(conn, asked, after=after, limit=7)
        seen += [one.id for one in page.found]
        after = page.after
        if not after:
            assert len(seen) == len(set(seen))
            return len(seen)


def cursor(spot: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(spot).encode()).decode()


def test_too_little_and_a_made_up_cursor_are_refused_in_a_sentence(people: Database) -> None:
    with people.read() as conn:
        for asked in ("", "a", "..-", " % "):
            with pytest.raises(TooLittleToFind):
                searching.search(conn, asked)
        made_up = (
            "x",
            "bm8=",
            cursor([["sure"], 1]),
            cursor([{}]),
            cursor(["sure", -1]),
            cursor(["sure", 2**70]),
            cursor(["name", "other", "other", 1]),
            cursor(["name", "\ud800", "a", 1]),
            cursor(["street", "1"]),
            cursor(["house", "a", True, 1, 1]),
        )
        for after in made_up:
            with pytest.raises(BadCursor):
                searching.search(conn, "anna", after=after)


def test_the_api_finds_for_agents_and_not_for_who_may_not(
    people: Database, town_client: Client
) -> None:
    at = "/api/v1/accounts/search"
    answer = town_client(Role.AGENT).post(at, json={"q": "obrien", "limit": 1})
    assert answer.json() == {
        "accounts": [
            {
                "id": "A-2",
                "name": "O'Brien, Ben",
                "place": "12 n elm st, Springfield",
                "places": 2,
                "out": 0,
                "closed_at": None,
                "found_by": "name",
            }
        ],
        "next": None,
    }
    assert town_client(Role.DISPATCHER).post(at, json={"q": "x"}).status_code == 422
    wrong = town_client(Role.AGENT).post(at, json={"q": "anna", "after": "x"})
    assert (wrong.status_code, wrong.json()["status"]) == (400, 400)
    for role in (Role.VIEWER, Role.CREW, Role.FEED, Role.IVR):
        assert town_client(role).post(at, json={"q": "anna"}).status_code == 403


def test_the_page_finds_without_a_script_and_shows_what_was_written(people: Database) -> None:
    desk = Desk.of(people)
    agent, _ = desk.arrive("agnes", Role.AGENT)
    assert ">Accounts</a>" in agent.get("/").text
    shown = agent.post("/accounts", data=csrf(agent) | {"q": "anna"})
    assert shown.status_code == 200
    assert "Anna Núñez" in shown.text
    assert "12 elm st, Springfield" in shown.text
    assert shown.headers["cache-control"] == "no-store"
    nobody = agent.post("/accounts", data=csrf(agent) | {"q": "<b>zz</b>"})
    assert "Nobody fits" in nobody.text
    assert "<b>zz" not in nobody.text
    refused = agent.post("/accounts", data=csrf(agent) | {"q": "a"})
    assert refused.status_code == 422
    assert "at least two letters" in refused.text
    assert "Anna" not in agent.get("/accounts?q=anna").text
