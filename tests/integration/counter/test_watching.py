"""Areas: asked for in a form, said yes to, told of, taken away and ended, on both databases."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from counter.app import create_app
from notifier import area_wishes
from notifier.links import Links
from outage import areas
from outage import tables as t
from outage.areas import EVERYWHERE, AreaName
from outage.database import Database, wall_now
from outage.settings import Settings
from outage.site import Area
from tests.integration.counter.test_personal import ME, MY_MAIL, SITE, link, settings
from tests.integration.counter.test_subscribe import rows, send, sending
from tests.integration.notifier.sending import outbox, said, tell
from tests.integration.notifier.talk import Talk
from tests.integration.notifier.world import START, World, etr, phone
from workers.retention import Retention

__all__ = ["settings"]
NEW, MAIL = "+12025550177", "new@example.org"
TOWN: AreaName = ("city", "Springfield")
COUNTY: AreaName = ("county", "Sangamon")
PLACES = SITE.model_copy(
    update={
        "areas": (
            Area(name="Springfield", kind="city", served=41_200),
            Area(name="Sangamon", kind="county", served=90_000),
            Area(name="Nook", kind="zone", served=3),
        )
    }
)
TEXT = {"area": "city:Springfield", "by": "sms", "address": "(202) 555-0177"}
MAILED = {**TEXT, "by": "email", "address": "New@Example.org"}


@pytest.fixture
def world(database: Database, settings: Settings) -> World:
    world = World(database, replace(settings, quiet_hours=None, restored_hold_s=0))
    world.account("4711-1", ["P1"], ME, MY_MAIL)
    world.account("4711-2", ["P2", "P3"], phone(2))
    Talk(world).address("P1", "12 Elm Street", postal_code="62701")
    return world


@pytest.fixture
def visitor(world: World) -> Iterator[TestClient]:
    app = create_app(sending(world.settings), world.db, PLACES)
    with TestClient(app, follow_redirects=False, base_url="http://127.0.0.1") as client:
        yield client


def lies(world: World, outage: str, *there: AreaName, out: int = 250) -> None:
    """Gis has found that many homes out, and the outage in these areas."""
    with world.db.write() as conn:
        key = world.key(conn, outage)
        conn.execute(t.outages.update().where(t.outages.c.key == key).values(premises_out=out))
        areas.record(conn, key, [EVERYWHERE, *there])
    world.matched(outage)


def declare(world: World, *there: AreaName, out: int = 250, premise: str = "P2") -> str:
    outage = world.declare(premise)
    lies(world, outage, *(there or (COUNTY, TOWN)), out=out)
    world.plan()
    return outage


def over(world: World, outage: str) -> None:
    world.restore(outage)
    lies(world, outage, COUNTY, TOWN, out=0)
    world.plan()


def told(world: World, address: str = NEW) -> list[tuple[str, str]]:
    return [(kind, state) for to, kind, state in world.messages() if to == address]


def watch(world: World, *areas_: AreaName, address: str = NEW) -> None:
    """Somebody has asked and said yes."""
    kind = "email" if "@" in address else "phone"
    with world.db.write() as conn:
        for number, area in enumerate(areas_):
            wish = area_wishes.AreaWish(
                once=f"{address} {area} {number}",
                kind=kind,
                address=address,
                area=area,
                language="en",
            )
            area_wishes.ask(conn, wish, PLACES, "https://outages.example.org/s/x")
            row = conn.execute(t.watches.select().order_by(t.watches.c.key.desc()).limit(1)).one()
            assert area_wishes.confirm(conn, row)


def test_one_yes_is_to_all_that_was_asked_for_and_the_answer_says_so(
    world: World, visitor: TestClient
) -> None:
    talk = Talk(world)
    send(visitor, **TEXT)
    send(visitor, **{**TEXT, "area": "county:Sangamon"})
    assert "outages in Springfield, Sangamon from now on" in talk.say(NEW, "YES")
    send(visitor, **{**TEXT, "area": "all:"})
    assert "outages everywhere we serve from now on" in talk.say(NEW, "YES")


def test_who_watches_an_area_hears_of_it_from_the_first_word_to_the_end(
    world: World, visitor: TestClient
) -> None:
    form = visitor.get("/subscribe?area=city:Springfield").text
    assert '<option value="city:Springfield" selected>' in form
    assert "Nook" not in form
    answer = send(visitor, **TEXT)
    assert (answer.status_code, answer.headers["location"]) == (303, "/subscribe?said=asked_sms")
    declare(world, premise="P3")
    assert told(world) == []
    talk = Talk(world)
    assert "outages in Springfield from now on" in talk.say(NEW, "YES")
    with outbox(world) as (box, provider):
        outage = declare(world)
        assert told(world) == [("area_out", "pending")]
        tell(world, box)
        world.report(outage, etr=etr(6))
        tell(world, box)
        over(world, outage)
        tell(world, box)
        texts = [text for to, text in said(provider) if to == NEW]
        undated = [re.sub(r" (As of|Since|No) .*| [A-Z]\w\w [\d:]+[AP]M", "", one) for one in texts]
        assert undated == [
            "Harbor Light: Power out at 250 homes and shops in Springfield.",
            "Harbor Light: Power outage in Springfield: new est. back.",
            "Harbor Light: The power outage in Springfield should be over.",
        ]
        talk.say(NEW, "STOP")
        assert [row.ended_at is None for row in rows(world, t.watches)] == [False]
        declare(world, premise="P1")
        assert [kind for kind, _ in told(world)] == ["area_out", "area_etr", "area_over"]
        talk.say(NEW, "START")
        declare(world, premise="P1")
        assert len(told(world)) == 3


def test_an_e_mail_is_confirmed_by_its_link_which_lists_what_is_watched_and_takes_it_away(
    world: World, visitor: TestClient
) -> None:
    assert send(visitor, **MAILED).headers["location"] == "/subscribe?said=asked_email"
    links = Links.of(world.settings)
    assert links is not None
    (asked,) = rows(world, t.answers)
    with world.db.read() as conn:
        path = area_wishes.links_of(conn, links, [asked.key])[asked.key].removeprefix(links.base)
    assert "Springfield" in visitor.get(path).text
    declare(world)
    assert told(world, MAIL) == []
    assert visitor.post(path, data={"do": "yes"}).status_code == 303
    declare(world, premise="P1")
    assert told(world, MAIL) == [("area_out", "pending")]
    with outbox(world) as (box, provider):
        tell(world, box)
        (mail,) = [call for call in provider.calls if b"new@example.org" in call.body]
        assert f"{links.base}{path}".encode() in mail.body
    page = visitor.get(path).text
    (key,) = re.findall('name="area" value="([^"]+)"', page)
    assert (
        visitor.post(path, data={"do": "unwatch", "area": key})
        .headers["location"]
        .endswith("said=unwatched")
    )
    assert "Springfield" not in visitor.get(path).text
    declare(world, premise="P3")
    assert len(told(world, MAIL)) == 1
    assert visitor.post(f"{path}/unsubscribe").text == "Unsubscribed.\n"


def test_nothing_is_told_of_a_small_outage_nor_of_another_area(world: World) -> None:
    watch(world, TOWN)
    small, elsewhere = declare(world, out=99), declare(world, ("county", "Logan"), premise="P3")
    assert told(world) == []
    # Nobody who watches is looked at for it.
    assert world.reasons(small)[-1] == {"already_pending": 1}
    assert "few_in_area" not in world.reasons(elsewhere)[-1]
    lies(world, small, TOWN, out=100)
    world.plan()
    assert told(world) == [("area_out", "pending")]
    lies(world, small, TOWN, out=40)
    world.plan()
    assert told(world) == [("area_out", "withdrawn")]


def test_a_second_click_on_the_button_leaves_what_the_first_has_made(
    world: World, visitor: TestClient
) -> None:
    send(visitor, **MAILED)
    (stale,) = rows(world, t.watches)
    for _ in range(2):
        with world.db.write() as conn:
            assert area_wishes.confirm(conn, stale)
    (row,) = rows(world, t.watches)
    assert row.confirmed_at is not None
    assert row.ended_at is None


def test_a_link_opens_no_other_wish_that_was_given_the_same_key(
    world: World, visitor: TestClient
) -> None:
    send(visitor, **MAILED)
    (row,) = rows(world, t.watches)
    links = Links.of(world.settings)
    assert links is not None
    token = links.to_areas(row.key, row.endpoint_key, row.asked_at).rpartition("/")[2]
    with world.db.write() as conn:
        assert links.watch(conn, token) == row.key
        later = row.asked_at + timedelta(days=100)
        conn.execute(t.watches.update().values(asked_at=later))
        assert links.watch(conn, token) is None


def test_everywhere_is_an_area_and_nobody_is_told_twice(world: World) -> None:
    watch(world, EVERYWHERE, COUNTY, TOWN)
    outage = declare(world)
    assert told(world) == [("area_out", "pending")]
    with outbox(world) as (box, provider):
        tell(world, box)
        assert "in Springfield" in dict(said(provider))[NEW]
        lies(world, outage, COUNTY, TOWN, out=300)
        tell(world, box)
    assert len(told(world)) == 1


def test_who_is_out_hears_of_their_own_place_and_of_nothing_else(world: World) -> None:
    watch(world, TOWN, address=ME)
    outage = declare(world, premise="P1")
    assert told(world, ME) == [("detected", "pending")]
    with outbox(world) as (box, _):
        tell(world, box)
        over(world, outage)
        tell(world, box)
    assert [kind for kind, _ in told(world, ME)] == ["detected", "restored"]
    declare(world, premise="P2")
    assert told(world, ME)[-1] == ("area_out", "pending")


def test_an_outage_that_was_a_mistake_is_taken_back_and_one_that_lies_elsewhere_now_is_not(
    world: World,
) -> None:
    watch(world, TOWN)
    with outbox(world) as (box, _):
        moved = declare(world)
        tell(world, box)
        lies(world, moved, ("city", "Shelbyville"))
        world.report(moved, etr=etr(6))
        tell(world, box)
        assert told(world) == [("area_out", "accepted")]
        assert world.reasons(moved)[-1]["not_in_area"] == 1
        lies(world, moved, TOWN)
        tell(world, box)
        assert told(world)[-1] == ("area_etr", "accepted")
        world.cancel(moved)
        tell(world, box)
        assert told(world)[-1] == ("area_withdrawn", "accepted")


def test_the_end_is_not_told_while_losses_go_on_under_another_outage(world: World) -> None:
    watch(world, TOWN)
    with outbox(world) as (box, _):
        first = declare(world)
        tell(world, box)
        second = world.declare("P3")
        with world.db.write() as conn:
            keys = [world.key(conn, one) for one in (first, second)]
            pairs = [keys, keys[::-1]]
            conn.execute(
                t.handovers.insert(),
                [{"outage_key": one, "other_key": other} for one, other in pairs],
            )
        lies(world, second, TOWN)
        tell(world, box)
        over(world, first)
        tell(world, box)
        assert told(world) == [("area_out", "accepted")]
        over(world, second)
        tell(world, box)
        tell(world, box, minutes=5)
        heard = [kind for kind, state in told(world) if state == "accepted"]
        assert heard == ["area_out", "area_over"]


def test_a_message_that_waits_says_what_is_so_when_it_goes(world: World) -> None:
    watch(world, TOWN)
    declare(world)
    with world.db.write() as conn:
        conn.execute(t.outages.update().values(premises_out=80))
    with outbox(world) as (box, provider):
        world.pass_time(seconds=60)
        box.drain()
        assert [to for to, _ in said(provider)] == [phone(2)]


def test_a_number_is_asked_three_times_a_day_of_places_and_areas_together(
    world: World, visitor: TestClient
) -> None:
    send(visitor, place="4711-1", postal_code="62701", by="sms", address=TEXT["address"])
    for area in ("city:Springfield", "county:Sangamon", "all:"):
        send(visitor, **{**TEXT, "area": area})
    assert len(rows(world, t.answers)) == 3
    assert send(visitor, **{**TEXT, "area": "zone:Nook"}).status_code == 422


def test_the_personal_page_adds_an_area_and_takes_it_away(
    world: World, visitor: TestClient
) -> None:
    path = link(world, ME)
    assert visitor.post(path, data={"do": "watch", "area": "city:Springfield"}).status_code == 303
    page = visitor.get(path).text
    assert "Springfield" in page
    (row,) = rows(world, t.watches)
    assert (row.confirmed_at is not None, row.answer_key) == (True, None)
    data = {"do": "unwatch", "area": str(row.key)}
    assert visitor.post(path, data=data).status_code == 303
    assert rows(world, t.watches)[0].ended_at is not None


def test_what_was_never_confirmed_or_has_ended_is_erased(world: World, visitor: TestClient) -> None:
    send(visitor, **TEXT)
    watch(world, TOWN, address=MAIL)
    with world.db.write() as conn:
        w = t.watches
        conn.execute(w.update().values(asked_at=wall_now(conn) - timedelta(days=100)))
        conn.execute(
            w.update()
            .where(w.c.confirmed_at.is_not(None))
            .values(ended_at=START - timedelta(days=100))
        )
    Retention.of(world.db, world.settings).turn()
    assert rows(world, t.watches) == []
    known: Any = sa.select(t.endpoints.c.address)
    with world.db.read() as conn:
        assert not {NEW, MAIL} & set(conn.execute(known).scalars())
