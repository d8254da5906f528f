"""`/report` over a small utility, on both databases."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from counter import pages, reporting
from counter.app import create_app
from counter.nonces import LASTS_S, Nonces
from notifier.replies import area, paging
from outage import tables as t
from outage.database import Database, wall_now
from outage.model import Service
from outage.report_groups import Group, groups
from outage.settings import Settings
from outage.site import OnCall
from tests.integration.counter.test_lookup import place
from tests.integration.counter.test_personal import SITE, everything, settings
from tests.integration.notifier.world import START, World

__all__ = ["settings"]
CALLED = "+12025550170"
ON_CALL = SITE.model_copy(update={"on_call": (OnCall(name="Ann", phone="+12025550199"),)})
HOME = {"place": "123 Main St.", "postal_code": "62701", "wrong": "out", "service": "electric"}


@pytest.fixture
def world(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(database, settings)
    world.account("4711-1", ["P1"])
    world.account("4711-2", ["P2", "P3"])
    place(world, "P1", "123 MAIN STREET", "62701")
    place(world, "P2", "7 Main Street", "62701")
    place(world, "P3", "9 Elm Street", "62999")
    monkeypatch.setattr(area, "MIN_PREMISES", 2)
    return world


@pytest.fixture
def visitor(world: World, settings: Settings) -> Iterator[TestClient]:
    app = create_app(settings, world.db, ON_CALL)
    with TestClient(app, follow_redirects=False, base_url="http://127.0.0.1") as client:
        yield client


def once(visitor: TestClient) -> str:
    found = re.search('name="once" value="([^"]+)"', visitor.get("/report").text)
    assert found is not None
    return found[1]


def send(visitor: TestClient, **form: str) -> Any:  # noqa: ANN401  # a response
    return visitor.post("/report", data={"once": once(visitor), **form})


def rows(world: World, table: sa.Table) -> list[Any]:
    with world.db.read() as conn:
        return list(conn.execute(table.select().order_by(table.c.key)))


def reported(world: World) -> list[Group]:
    with world.db.read() as conn:
        return groups(conn)


def test_safety_words_stand_before_the_form(visitor: TestClient) -> None:
    page = visitor.get("/report").text
    assert SITE.phones.emergency is not None
    assert page.index(SITE.phones.emergency) < page.index("<form")
    assert page.index("Gas smell") < page.index("<form")
    assert "<script" not in page
    assert 'value="pressure"' in page


def test_a_report_reaches_the_desk_once_however_often_it_is_sent(
    world: World, visitor: TestClient
) -> None:
    form = {**HOME, "once": once(visitor)}
    for _ in range(3):
        answer = visitor.post("/report", data=form)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/report?said=thanks"
    assert "Our staff have your report" in visitor.get("/report?said=thanks").text
    (report,) = rows(world, t.reports)
    assert (report.kind, report.premise_key, report.endpoint_key) == ("out", world.ids["P1"], None)
    (group,) = reported(world)
    assert (group.place, group.reports, group.premises) == ("main st", 1, 1)
    with world.db.read() as conn:
        j = t.journal.c
        last = conn.execute(sa.select(j.kind, j.data).order_by(j.number.desc()).limit(1)).one()
    assert last.kind == "reported"
    assert "Main" not in last.data


def test_a_known_outage_takes_the_report_and_the_answer_does_not_say_so(
    world: World, visitor: TestClient
) -> None:
    world.declare("P1")
    known = send(visitor, **HOME)
    other = send(visitor, **{**HOME, "place": "7 Main St"})
    assert dict(known.headers) == dict(other.headers)
    first, second = rows(world, t.reports)
    assert first.outage_key is not None
    assert second.outage_key is None


def test_what_is_not_out_is_listed_and_is_no_report_of_an_outage(
    world: World, visitor: TestClient
) -> None:
    send(visitor, **{**HOME, "wrong": "flickering"}, note="since noon", callback="202 555 0170")
    send(visitor, **{**HOME, "wrong": "pressure"})
    assert rows(world, t.reports) == []
    found = {group.service: group for group in reported(world)}
    assert set(found) == {Service.ELECTRIC, Service.WATER}
    (word,) = found[Service.ELECTRIC].words
    assert (word.wrong, word.note, word.callback) == ("flickering", "since noon", CALLED)


def test_whose_number_is_written_gets_nothing_and_owns_no_report(
    world: World, visitor: TestClient
) -> None:
    before = rows(world, t.endpoints)
    send(visitor, **HOME, callback="202 555 0170")
    assert rows(world, t.endpoints) == before
    assert rows(world, t.answers) == []


@pytest.mark.parametrize(
    ("note", "danger"),
    [
        ("There is a wire down in the street", "wire"),
        ("we smell gas", "gas"),
        ("hay un cable caído", "wire"),
        ("my husband is on oxygen", "medical"),
        ("着火了", "fire"),
    ],
)
def test_safety_words_are_answered_at_once_and_paged(
    world: World, visitor: TestClient, note: str, danger: str
) -> None:
    answer = send(visitor, **HOME, note=note, callback="202 555 0170")
    assert answer.headers["location"] == f"/report?said=danger_{danger}"
    page = visitor.get(answer.headers["location"]).text
    assert SITE.phones.emergency is not None
    assert SITE.phones.emergency in page
    (paged,) = rows(world, t.answers)
    assert (paged.role, paged.address) == ("page", "+12025550199")
    assert f"{danger.upper()} reported on the public page" in paged.body
    assert "Premise P1: 123 MAIN STREET." in paged.body
    assert CALLED in paged.body
    assert note in paged.body
    (reply,) = rows(world, t.replies)
    assert (reply.for_staff, reply.applied_at is not None) == (True, True)
    # Danger does not swallow what else is reported.
    assert len(rows(world, t.reports)) == 1
    assert reported(world)[0].dangers == 1


def test_a_hazard_is_taken_wherever_it_is(world: World, visitor: TestClient) -> None:
    for form in (
        {"place": "corner of Nowhere and Main"},
        {"place": "39.78, -89.65"},
        {"latitude": "39.78", "longitude": "-89.65"},
        {},
    ):
        assert send(visitor, wrong="hazard", **form).status_code == 303
    assert {word.danger for group in reported(world) for word in group.words} == {"emergency"}
    assert "39.78, -89.65" in {group.place for group in reported(world)}


def test_pages_of_strangers_are_bounded_and_the_list_is_not(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("counter.pages.MOST_PAGED", 3)
    app = create_app(settings, world.db, ON_CALL)
    with TestClient(app, follow_redirects=False) as visitor:
        for at in range(6):
            send(visitor, wrong="hazard", latitude=f"39.{at}", longitude="-89.65")
    pages = rows(world, t.answers)
    assert [page.template for page in pages] == ["page/1"] * 3 + ["page_more/1"]
    assert "1 MORE DANGERS reported" in pages[-1].body
    assert sum(group.dangers for group in reported(world)) == 6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"once": ""}, "open for too long"),
        ({"once": "1.x.0000000000000000"}, "open for too long"),
        ({"once": "x" * 500}, "open for too long"),
        ({"once": "é.ü.ß"}, "open for too long"),
        ({"wrong": "everything"}, "say what is wrong"),
        ({"service": "gas"}, "say of what"),
        ({"callback": "911"}, "no telephone number"),
        ({"place": ""}, "Write your address"),
        ({"place": "123 Mian Street"}, "Which one"),
        ({"place": "somewhere"}, "house number"),
        ({"place": "95.0, 200.0"}, "house number"),
        ({"latitude": "nan", "longitude": "inf", "place": ""}, "Write your address"),
    ],
)
def test_what_cannot_be_taken_comes_back_with_all_that_was_written(
    world: World, visitor: TestClient, change: dict[str, str], said: str
) -> None:
    before = everything(world.db)
    form = {"once": once(visitor), **HOME, "note": "<b>since noon</b>", **change}
    page = visitor.post("/report", data=form)
    assert page.status_code == 422
    assert said in page.text
    assert "&lt;b&gt;since noon&lt;/b&gt;" in page.text
    assert everything(world.db) == before


def test_a_place_that_nobody_finds_is_sent_as_written_once_asked(
    world: World, visitor: TestClient
) -> None:
    form = {**HOME, "place": "the pump behind the mill"}
    assert 'name="anyway"' in send(visitor, **form).text
    assert send(visitor, **form, anyway="yes").status_code == 303
    (group,) = reported(world)
    assert (group.place, group.premises) == ("the pump behind the mill 62701", 0)


def test_an_account_number_says_no_more_here_than_in_a_lookup(
    world: World, visitor: TestClient
) -> None:
    wrong = send(visitor, **{**HOME, "place": "4711-1", "postal_code": "62702"})
    unknown = send(visitor, **{**HOME, "place": "4711-9", "postal_code": "62702"})
    nonce = re.compile('name="once" value="[^"]+"')
    assert nonce.sub("", wrong.text) == nonce.sub("", unknown.text.replace("4711-9", "4711-1"))


def test_another_site_cannot_report_for_somebody(world: World, visitor: TestClient) -> None:
    before = everything(world.db)
    headers = {"sec-fetch-site": "cross-site"}
    form = {"once": once(visitor), **HOME}
    assert visitor.post("/report", data=form, headers=headers).status_code == 403
    assert everything(world.db) == before


def test_reports_of_one_place_are_bounded(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "PER_PLACE", 2)
    app = create_app(settings, world.db, ON_CALL)
    with TestClient(app, follow_redirects=False) as visitor:
        codes = [send(visitor, **HOME).status_code for _ in range(3)]
        assert codes == [303, 303, 429]
        assert send(visitor, **{**HOME, "note": "wire down"}).status_code == 303
    assert len(rows(world, t.public_reports)) == 3


def test_reports_are_gathered_by_place_and_by_time(world: World, visitor: TestClient) -> None:
    send(visitor, **HOME)
    send(visitor, **{**HOME, "place": "7 Main St"})
    send(visitor, **{**HOME, "place": "9 Elm St", "postal_code": "62999"})
    world.pass_time(minutes=29)
    send(visitor, **HOME)
    world.pass_time(minutes=45)
    send(visitor, **HOME)
    found = [(one.place, one.reports, one.premises, one.last_at) for one in reported(world)]
    assert found == [
        ("main st", 1, 1, START + timedelta(minutes=74)),
        ("main st", 3, 2, START + timedelta(minutes=29)),
        ("elm st", 1, 1, START),
    ]
    with world.db.write() as conn:
        conn.execute(
            t.premises.update().where(t.premises.c.id.in_(["P1", "P3"])).values(transformer="TX-1")
        )
    assert {(one.place, one.reports) for one in reported(world)} == {
        ("TX-1", 1),
        ("TX-1", 3),
        ("main st", 1),
    }
    world.pass_time(hours=25)
    assert reported(world) == []


def test_nothing_of_it_stands_in_a_log(
    world: World, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    app = create_app(settings, world.db, ON_CALL)
    with TestClient(app, follow_redirects=False) as visitor:
        send(visitor, **HOME, note="ring the bell", callback="202 555 0170")
        with world.db.write() as conn:
            conn.execute(sa.text("ALTER TABLE public_reports RENAME TO gone"))
        away = send(visitor, **HOME, note="ring the bell", callback="202 555 0170")
        with world.db.write() as conn:
            conn.execute(sa.text("ALTER TABLE gone RENAME TO public_reports"))
    assert away.status_code == 503
    assert SITE.phones.emergency is not None
    assert SITE.phones.emergency in away.text
    ours = [one for one in caplog.records if not one.name.startswith(("httpx", "httpcore"))]
    said = " ".join(one.getMessage() for one in ours)
    assert not re.search("5550170|bell|Main", said)


def test_a_forms_word_holds_for_a_day() -> None:
    now = [1000.0]
    nonces = Nonces("made-up-key", lambda: now[0])
    word = nonces.new()
    assert nonces.knows(word)
    assert not Nonces("", lambda: now[0]).knows(word)
    now[0] += LASTS_S + 1
    assert not nonces.knows(word)


def test_a_form_that_is_filled_in_anew_is_another_report(world: World, visitor: TestClient) -> None:
    form = {**HOME, "once": once(visitor)}
    for changed in (form, {**form, "note": "now I smell gas"}, form):
        assert visitor.post("/report", data=changed).status_code == 303
    assert [one.danger for one in rows(world, t.public_reports)] == [None, "gas"]
    assert len(rows(world, t.answers)) == 1


def test_who_is_paged_reads_what_was_written_and_that_it_may_be_any_of_several(
    world: World, visitor: TestClient
) -> None:
    world.account("4711-3", ["U1", "U2", "U3"])
    for at in (1, 2, 3):
        place(world, f"U{at}", f"100 MAIN ST APT {at}", "62701")
    place(world, "P3", "9 Elm Street", "62701")
    gas = {"wrong": "hazard", "note": "gas smell", "postal_code": "62701"}
    send(visitor, **gas, place="100 Main St Apt 27")
    send(visitor, **gas, place="4711-2")
    send(visitor, **gas, place="123 Main St", latitude="39.78", longitude="-89.65")
    units, account, both = (one.body for one in rows(world, t.answers))
    assert "One of 3 units at 100 MAIN ST." in units
    assert "Written as: 100 Main St Apt 27 62701." in units
    assert "APT 1" not in units
    assert "One of 2 places of an account: 7 Main Street; 9 Elm Street." in account
    assert "Premise P1: 123 MAIN STREET. At 39.78000, -89.65000. Written as: 123 Main" in both
    stored = [(one.premise_key, one.written) for one in rows(world, t.public_reports)]
    assert stored[1] == (None, "4711-2 62701")
    assert stored[2] == (world.ids["P1"], "123 Main St 62701")


def test_hazards_at_two_places_both_page_and_no_form_silences_a_text(
    world: World, visitor: TestClient
) -> None:
    for at in ("123 Main St", "7 Main St", "123 Main St"):
        hazard = {**HOME, "wrong": "hazard", "place": at, "callback": "202 555 0170"}
        assert send(visitor, **hazard).status_code == 303
    assert len(rows(world, t.answers)) == 2
    with world.db.write() as conn:
        conn.execute(t.replies.update().values(address=CALLED))
        row = conn.execute(
            t.replies.insert()
            .values(
                provider="twilio",
                provider_id="1",
                address=CALLED,
                body="HAZARD",
                received_at=START,
            )
            .returning(*t.replies.c)
        ).one()
        assert paging.is_news(conn, row, wall_now(conn))


def test_one_visitor_cannot_use_up_the_pages_of_all(world: World, settings: Settings) -> None:
    app = create_app(settings, world.db, ON_CALL)
    gas = {"wrong": "hazard", "note": "gas smell"}
    with (
        TestClient(app, follow_redirects=False, client=("192.0.2.1", 1)) as one,
        TestClient(app, follow_redirects=False, client=("198.51.100.1", 1)) as other,
    ):
        for at in range(pages.MOST_OF_VISITOR + 3):
            send(one, **gas, place=f"pole {at} in the wood")
        send(other, **gas, place="the mill")
    templates = [page.template for page in rows(world, t.answers)]
    assert templates == ["page/1"] * pages.MOST_OF_VISITOR + ["page_more/1", "page/1"]


def test_who_has_tried_a_number_too_often_can_still_report(
    world: World, visitor: TestClient
) -> None:
    form = {**HOME, "place": "4711-9"}
    for _ in range(7):
        page = send(visitor, **form)
        assert page.status_code == 422
        assert 'name="anyway"' in page.text
    assert send(visitor, **form, anyway="yes").status_code == 303


def test_points_and_neighbours_of_a_tower_are_not_one_place_to_the_bounds(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "PER_PLACE", 1)
    monkeypatch.setattr(reporting, "PER_VISITOR", 4)
    app = create_app(settings, world.db, ON_CALL)
    out = {"wrong": "out", "service": "electric"}
    with (
        TestClient(app, follow_redirects=False, client=("192.0.2.1", 1)) as one,
        TestClient(app, follow_redirects=False, client=("198.51.100.1", 1)) as other,
    ):
        near = ("39.78, -89.65", "39.79, -89.65", "39.78001, -89.65")
        assert [send(one, **out, place=at).status_code for at in near] == [303, 303, 429]
        assert [send(who, **HOME).status_code for who in (one, other)] == [303, 303]
        # A visitor comes to an end before all do.
        assert send(one, **out, place="39.5, -89.65").status_code == 429
        assert send(other, **out, place="39.5, -89.65").status_code == 303


@pytest.mark.parametrize(
    "change",
    [
        {"callback": "911"},
        {"service": "steam"},
        {"service": ""},
        {"once": ""},
        {"wrong": ""},
        {"wrong": "hazard", "note": "", "once": "1.x.0000000000000000"},
        {"note": "", "callback": "911", "place": "behind the mill, gas smell"},
    ],
)
def test_danger_is_taken_whatever_else_is_wrong_with_the_form(
    world: World, visitor: TestClient, change: dict[str, str]
) -> None:
    form = {"once": once(visitor), **HOME, "note": "gas smell", **change}
    assert visitor.post("/report", data=form).status_code == 303
    (report,) = rows(world, t.public_reports)
    assert report.callback is None
    assert report.danger in {"gas", "emergency"}
    assert len(rows(world, t.answers)) == 1


def test_a_street_that_is_called_after_danger_is_none(world: World, visitor: TestClient) -> None:
    place(world, "P1", "12 Burning Tree Lane", "62701")
    answer = send(visitor, **{**HOME, "place": "12 Burning Tree Lane"})
    assert answer.headers["location"] == "/report?said=thanks"
