"""Places added and taken away on the personal page, over a small utility, on both databases."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from counter import having, keeping
from counter.app import create_app
from counter.finding import Finding
from counter.lookup import Lookup
from notifier.links import Links
from outage import clock
from outage import tables as t
from outage.database import Database
from outage.settings import Settings
from tests.integration.counter.test_personal import (
    ME,
    MY_MAIL,
    OTHER,
    SITE,
    everything,
    forms,
    link,
    settings,
)
from tests.integration.counter.test_subscribe import load
from tests.integration.notifier.talk import Talk
from tests.integration.notifier.world import START, World
from workers.retention import Retention

__all__ = ["settings"]
THEIRS = {"place": "4711-2", "postal_code": "62701", "do": "add"}


@pytest.fixture
def world(database: Database, settings: Settings) -> World:
    world = World(database, settings)
    world.account("4711-1", ["P1"], ME, MY_MAIL)
    world.account("4711-2", ["P2", "P3"], OTHER)
    for premise, address in {"P1": "12 Elm Street", "P2": "7 Oak Way", "P3": "9 Ash Way"}.items():
        Talk(world).address(premise, address, postal_code="62701")
    return world


@pytest.fixture
def visitor(world: World, settings: Settings) -> Iterator[TestClient]:
    app = create_app(settings, world.db, SITE)
    with TestClient(app, follow_redirects=False, base_url="http://127.0.0.1") as client:
        yield client


def told(world: World) -> list[str]:
    return [address for address, _, _ in world.messages()]


def test_a_place_is_added_by_its_account_seen_told_of_taken_away_and_back_again(
    world: World, visitor: TestClient, tmp_path: Path
) -> None:
    mine, own = link(world), link(world, MY_MAIL)
    added = visitor.post(mine, data=THEIRS)
    assert (added.status_code, added.headers["location"]) == (303, f"{mine}?said=added")
    page = visitor.get(added.headers["location"]).text
    for words in ("The place is added", "At Elm Street", "At Oak Way", "At Ash Way"):
        assert words in page
    # It is for the number that the link was sent to, and of the link's own place there is no end.
    assert "Oak Way" not in visitor.get(own).text
    assert page.count('value="remove"') == 2
    assert visitor.post(mine, data=THEIRS).headers["location"].endswith("said=added")
    with world.db.read() as conn:
        (row,) = conn.execute(t.opt_ins.select()).all()
    assert (row.source, row.answer_key, row.confirmed_at is not None) == ("link", None, True)
    assert mine.rpartition("/")[2] not in row.once
    world.declare("P2")
    world.plan()
    assert told(world).count(ME) == 1
    # Taken away: of both places of the account, and no import brings it back.
    removed = visitor.post(mine, data=forms(page)["remove"] | {"do": "remove"})
    assert removed.headers["location"] == f"{mine}?said=removed&lang=en"
    load(world, tmp_path, f"account_id,premise_ids,mobile\n4711-2,P2 P3,{ME}\n")
    page = visitor.get(removed.headers["location"]).text
    assert ("At Oak Way" in page, "At Ash Way" in page, "At Elm Street" in page) == (0, 0, 1)
    world.declare("P3")
    world.plan()
    assert told(world).count(ME) == 1
    undone = visitor.post(mine, data=forms(page)["undo"])
    assert "The place is back" in visitor.get(undone.headers["location"]).text
    assert "At Oak Way" in visitor.get(mine).text
    # There is one to take back, once.
    assert visitor.post(mine, data={"do": "undo"}).status_code == 422


def test_an_address_is_shown_with_its_area_and_nothing_is_sent_about_it(
    world: World, visitor: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, address = link(world), {"place": "7 Oak Way", "postal_code": "62701", "do": "add"}
    for _ in range(2):
        added = visitor.post(mine, data=address)
        assert added.headers["location"] == f"{mine}?said=kept"
    page = visitor.get(added.headers["location"]).text
    assert page.count("At Oak Way: the area") == 1
    assert page.count("No outage is reported in your area") == 2
    world.declare("P3", cause="tree")
    world.plan()
    assert ME not in told(world)
    # A house that is out and its neighbour that is not say the same.
    out = visitor.get(mine).text
    monkeypatch.setattr(keeping, "MOST", 1)
    refused = visitor.post(mine, data={**address, "place": "9 Ash Way"})
    assert (refused.status_code, "room for ten" in refused.text) == (422, True)
    dropped = visitor.post(mine, data=forms(out)["drop"])
    page = visitor.get(dropped.headers["location"]).text
    assert ("The address is removed" in page, "At Oak Way" in page) == (True, False)
    assert visitor.post(mine, data={**address, "place": "9 Ash Way"}).status_code == 303
    theirs = visitor.get(mine).text
    # Misspelt, it is offered as it is on record, and one tap takes it.
    asked = visitor.post(mine, data={**address, "place": "9 Ashh Way"}).text
    assert forms(asked)["add"]["place"] == "9 Ash Way"
    assert cards(theirs) == cards(out)
    assert visitor.post(mine, data=forms(theirs)["drop"]).status_code == 303
    undone = visitor.post(mine, data={"do": "keep"})
    assert undone.headers["location"] == f"{mine}?said=undone"
    assert "At Ash Way: the area" in visitor.get(mine).text
    # What is taken away for good is erased.
    with world.db.write() as conn:
        conn.execute(t.kept_places.update().values(removed_at=START))
        clock.move_to(conn, START + timedelta(days=2))
    Retention.of(world.db, world.settings).turn()
    with world.db.read() as conn:
        assert conn.execute(t.kept_places.select()).all() == []


def test_what_somebody_kept_goes_with_their_page(world: World, visitor: TestClient) -> None:
    visitor.post(link(world), data={**THEIRS, "place": "7 Oak Way"})
    left = []
    for ended_at in (None, START):
        with world.db.write() as conn:
            conn.execute(t.contacts.update().values(ended_at=ended_at))
        Retention.of(world.db, world.settings).turn()
        with world.db.read() as conn:
            left.append(len(conn.execute(t.kept_places.select()).all()))
    assert left == [1, 0]


def cards(page: str) -> list[str]:
    """What is said of the areas of addresses, as it is written."""
    kept = page[page.index('aria-labelledby="kept-1"') :]
    return re.findall('<div class="card.*?</div>\n', kept, re.DOTALL)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"place": "7 Oke Way"}, "Which one do you mean?"),
        ({"place": "8 Oak Way"}, "found no such place"),
        ({"place": "4711-9"}, "found no such place"),
        ({"postal_code": "62702"}, "found no such place"),
        ({"postal_code": ""}, "add your postal code"),
        ({"place": ""}, "Write your address"),
        ({"do": "drop", "place": "1"}, "not a choice on this page"),
        ({"do": "keep"}, "not a choice on this page"),
        ({"do": "remove", "place": "1"}, "not a choice on this page"),
        ({"do": "remove", "place": "2"}, "not a choice on this page"),
        ({"do": "undo"}, "not a choice on this page"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    world: World, visitor: TestClient, change: dict[str, str], said: str
) -> None:
    before = everything(world.db)
    page = visitor.post(link(world), data={**THEIRS, **change})
    assert page.status_code == 422
    assert said in page.text
    assert ("7 Oak Way" in page.text) is (said == "Which one do you mean?")
    assert "At Oak Way" not in page.text
    if "do" in change:
        # What another form names a place by is nothing that somebody has written.
        assert forms(page.text)["add"]["place"] == ""
    assert everything(world.db) == before


def test_a_meters_number_is_no_way_to_the_street_behind_it(
    world: World, visitor: TestClient
) -> None:
    meter = {"entity": "premise", "kind": "meter", "value": "M-900", "key": world.ids["P2"]}
    with world.db.write() as conn:
        conn.execute(t.aliases.insert().values(**meter))
    mine = link(world)
    page = visitor.post(mine, data={**THEIRS, "place": "M-900"})
    assert (page.status_code, "write its account number" in page.text) == (422, True)
    assert "Oak Way" not in page.text + visitor.get(mine).text


def test_what_is_put_back_takes_the_room_of_one(
    world: World, visitor: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MOST", 1)
    mine, address = link(world), {"postal_code": "62701", "do": "add"}
    visitor.post(mine, data={**address, "place": "7 Oak Way"})
    visitor.post(mine, data=forms(visitor.get(mine).text)["drop"])
    visitor.post(mine, data={**address, "place": "9 Ash Way"})
    refused = visitor.post(mine, data={"do": "keep"})
    assert (refused.status_code, "room for ten" in refused.text) == (422, True)
    assert "At Oak Way" not in refused.text
    again = visitor.post(mine, data={**address, "place": "9 Ash Way"})
    assert again.status_code == 303


def test_the_next_owner_of_a_number_finds_nothing_of_the_one_before(
    world: World, visitor: TestClient, tmp_path: Path
) -> None:
    mine, talk = link(world), Talk(world)
    visitor.post(mine, data={"place": "9 Ash Way", "postal_code": "62701", "do": "add"})
    visitor.post(mine, data=THEIRS)
    visitor.post(mine, data=forms(visitor.get(mine).text)["remove"] | {"do": "remove"})
    talk.say(ME, "WRONG")
    world.account("4711-3", ["P4"])
    load(world, tmp_path, f"account_id,premise_ids,mobile\n4711-3,P4,{ME}\n", days=0)
    with world.db.write() as conn:
        conn.execute(
            t.contacts.update()
            .where(t.contacts.c.key == sa.select(sa.func.max(t.contacts.c.key)).scalar_subquery())
            .values(consent_at=START + timedelta(hours=1))
        )
    talk.say(ME, "START")
    c, o, links = t.contacts.c, t.occupancies.c, Links.of(world.settings)
    with world.db.read() as conn:
        own = sa.select(c.key, o.key).join(t.occupancies, o.account_key == c.account_key)
        is_his = sa.and_(c.endpoint_key == talk.endpoint(ME).key, c.ended_at.is_(None))
        (his,) = conn.execute(own.where(is_his)).all()
    assert links is not None
    theirs = links.to(*his).removeprefix(world.settings.public_url)
    page = visitor.get(theirs)
    assert (page.status_code, "Ash Way" in page.text) == (200, False)
    for do in ("undo", "keep"):
        assert visitor.post(theirs, data={"do": do}).status_code == 422


def test_a_number_tried_with_wrong_codes_is_answered_as_one_that_does_not_exist(
    world: World, visitor: TestClient
) -> None:
    def tried(place: str) -> list[tuple[int, bool]]:
        answers = [
            visitor.post(mine, data={**THEIRS, "place": place, "postal_code": f"6270{last}"})
            for last in range(2, 9)
        ]
        return [(one.status_code, "wait an hour" in one.text) for one in answers]

    mine = link(world)
    known = tried("4711-2")
    assert (known[0], known[-1]) == ((422, False), (422, True))
    assert visitor.post(mine, data=THEIRS).status_code == 422
    assert tried("4711-9")[-1] == (422, True)


def test_one_link_adds_a_bounded_number_of_places(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(having, "ADDED", 1)
    app = create_app(settings, world.db, SITE)
    with TestClient(app, follow_redirects=False, base_url="http://127.0.0.1") as visitor:
        mine = link(world)
        answers = [visitor.post(mine, data=THEIRS) for _ in range(2)]
    assert [one.status_code for one in answers] == [303, 422]


@pytest.mark.parametrize(
    "ended",
    [
        {"opted_out_at": START, "opt_out_source": "reply"},
        {"invalid_at": START, "invalid_code": "wrong_person"},
    ],
)
def test_who_has_stopped_or_is_somebody_else_adds_nothing(
    world: World, visitor: TestClient, ended: dict[str, Any]
) -> None:
    mine = link(world)
    with world.db.write() as conn:
        conn.execute(t.endpoints.update().values(**ended))
    before = everything(world.db)["contacts"]
    assert 'value="add"' not in visitor.get(mine).text
    assert visitor.post(mine, data=THEIRS).status_code in {410, 422}
    assert everything(world.db)["contacts"] == before


def test_no_other_site_adds_a_place(world: World, visitor: TestClient) -> None:
    before = everything(world.db)
    headers = {"sec-fetch-site": "cross-site"}
    assert visitor.post(link(world), data=THEIRS, headers=headers).status_code == 403
    assert everything(world.db) == before


def test_while_a_place_is_looked_up_nobody_waits_to_write(
    world: World, visitor: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, looked = Lookup.found, []

    def slow(self: Lookup, *asked: object) -> Finding:
        # SQLite lets one write at a time: with the lock held this would end as a 503.
        with world.db.write() as conn:
            clock.move_to(conn, clock.business_now(conn) + timedelta(seconds=1))
        looked.append(True)
        return found(self, *asked)  # type: ignore[arg-type]  # handed on as they are

    monkeypatch.setattr(Lookup, "found", slow)
    mine = link(world)
    added = visitor.post(mine, data={**THEIRS, "place": "7 Oak Way"})
    assert added.headers["location"] == f"{mine}?said=kept"
    assert looked == [True]


@pytest.mark.parametrize("do", [{"do": "remove"}, {"do": "save"}])
def test_whoever_writes_rows_of_a_number_takes_the_number_first(
    world: World, visitor: TestClient, do: dict[str, str]
) -> None:
    if world.db.is_sqlite:
        pytest.skip("one writes at a time there")
    mine = link(world)
    visitor.post(mine, data=THEIRS)
    form = forms(visitor.get(mine).text)[do["do"]] | do
    asked: list[str] = []

    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def note(*arguments: object) -> None:
        asked.append(str(arguments[2]))

    try:
        chosen = form | {"hourly": "yes", "language": "en"}
        assert visitor.post(mine, data=chosen).status_code == 303
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    locks = [each for each in asked if each.startswith("UPDATE") or "FOR UPDATE" in each]
    assert "FROM endpoints" in locks[0]
    assert any(each.startswith("UPDATE contacts") for each in locks[1:])
