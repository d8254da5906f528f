"""The personal page over a small utility, on both databases."""

import logging
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from counter import personal
from counter.app import create_app
from notifier.links import LENGTH, Links
from notifier.replies.applying import MOST_AN_HOUR
from outage import tables as t
from outage import visitors
from outage.database import Database
from outage.model import Kind, Service
from outage.settings import Settings, load
from outage.site import example, parse
from tests.integration.notifier.talk import Talk
from tests.integration.notifier.world import MANNERS, START, World, etr, phone

ME, MY_MAIL, OTHER = "+12025550143", "me@example.org", phone(2)
EDGE = "made-up-edge-key"
SITE = parse(
    example().replace('languages = ["en", "es"]', 'languages = ["en", "es", "fr", "zh", "pa"]')
)


@pytest.fixture
def settings(tmp_path: object) -> Settings:
    return load(
        {
            "OUTAGE_HOME": str(tmp_path),
            "OUTAGE_SECRET_KEY": "made-up-key-of-some-length-0123456789",
            "OUTAGE_EDGE_KEY": EDGE,
            **MANNERS,
        }
    )


@pytest.fixture
def world(database: Database, settings: Settings) -> World:
    world = World(database, settings)
    world.account("one", ["P1"], ME, MY_MAIL)
    world.account("two", ["P2"], OTHER)
    Talk(world).address("P1", "12 Elm Street", postal_code="62701")
    Talk(world).address("P2", "7 Oak Avenue", postal_code="62701")
    return world


@pytest.fixture
def visitor(world: World, settings: Settings) -> Iterator[TestClient]:
    app = create_app(settings, world.db, SITE)
    with TestClient(app, follow_redirects=False, base_url="http://127.0.0.1") as client:
        yield client


def link(world: World, address: str = ME) -> str:
    """The path of somebody's link, as messages carry it."""
    links = Links.of(world.settings)
    assert links is not None
    c, e, o = t.contacts.c, t.endpoints.c, t.occupancies.c
    with world.db.read() as conn:
        row = conn.execute(
            sa.select(c.key, sa.func.min(o.key).label("place"))
            .join(t.endpoints, e.key == c.endpoint_key)
            .join(t.occupancies, o.account_key == c.account_key)
            .where(e.address == address, o.until.is_(None))
            .group_by(c.key)
        ).one()
    return links.to(row.key, row.place).removeprefix(world.settings.public_url)


def everything(db: Database) -> dict[str, list[Any]]:
    with db.read() as conn:
        return {
            table.name: sorted(map(str, conn.execute(table.select()).all()))
            for table in t.metadata.sorted_tables
        }


class _Forms(HTMLParser):
    """The forms of a page: its fields as they are sent when nothing is changed."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        if tag == "form":
            assert facts["method"] == "post"
            self.forms.append({"action": facts["action"]})
        chosen = facts.get("type") not in {"checkbox", "radio"} or "checked" in facts
        if tag in {"input", "button"} and "name" in facts and chosen:
            self.forms[-1][facts["name"]] = facts["value"]


def forms(page: str) -> dict[str, dict[str, str]]:
    """By what they do; of several that do the same, the first."""
    found = _Forms()
    found.feed(page)
    return {form["do"]: form for form in reversed(found.forms)}


def send(visitor: TestClient, page: str, which: str, **more: str) -> Any:  # noqa: ANN401  # a response
    form = {**forms(page)[which], **more}
    return visitor.post(form.pop("action"), data=form)


def test_a_page_shows_the_street_and_what_is_known_there_and_nobodys_name(
    world: World, visitor: TestClient
) -> None:
    world.declare("P1", cause="tree")
    page = visitor.get(link(world))
    assert page.status_code == 200
    assert "At Elm Street" in page.text
    assert "tree on line" in page.text
    assert "Not known yet" in page.text
    for secret in ("12 Elm", ">one<", ME, MY_MAIL, "Oak"):
        assert secret not in page.text


@pytest.mark.parametrize(
    "address", ["123 Elm Street Apt 4B", "Unit 5, 12 Elm Street", "12 1/2 Elm Street"]
)
def test_a_page_shows_no_house_and_no_unit(world: World, visitor: TestClient, address: str) -> None:
    with world.db.write() as conn:
        conn.execute(t.premises.update().where(t.premises.c.id == "P1").values(address=address))
    shown = visitor.get(link(world)).text
    assert "At Elm Street</h2>" in shown
    assert not re.search("123|4B|Unit|1/2", shown)


def test_times_are_those_of_the_place_not_of_the_office(world: World, visitor: TestClient) -> None:
    with world.db.write() as conn:
        there = t.premises.c.id == "P1"
        conn.execute(t.premises.update().where(there).values(time_zone="America/Los_Angeles"))
    outage = world.declare("P1")
    world.report(outage, etr=etr(9))
    page = visitor.get(link(world)).text
    at = START.astimezone(ZoneInfo("America/Los_Angeles"))
    assert at.utcoffset() != START.astimezone(SITE.zone).utcoffset()
    for told in (at, at + timedelta(hours=9)):
        assert f"{told:%A, %B} {told.day}, {told.year}, {told:%I:%M}".replace(" 0", " ") in page
    assert page.count("Pacific Standard Time") == 3
    assert "Central Standard Time" not in page


def test_while_an_outage_is_counted_nobody_is_told_that_there_is_none(
    world: World, visitor: TestClient
) -> None:
    world.declare("P2")
    with world.db.write() as conn:
        conn.execute(t.shapes.insert().values(digest="new", wkb=b"", vertices=0))
        conn.execute(t.outages.update().values(shape_digest="new", matched_shape_digest=None))
    page = visitor.get(link(world)).text
    assert "We are finding out whether it is at your place" in page
    # Of water nothing was reported.
    assert page.count("No outage known at your place") == 1
    with world.db.write() as conn:
        conn.execute(t.outages.update().values(matched_shape_digest="new"))
    assert "finding out" not in visitor.get(link(world)).text


def test_where_nothing_is_known_it_says_so(world: World, visitor: TestClient) -> None:
    assert "No outage known at your place" in visitor.get(link(world)).text


def test_work_ahead_and_an_advisory_are_shown(world: World, visitor: TestClient) -> None:
    begins = START + timedelta(days=2)
    world.declare(
        "P1", kind=Kind.PLANNED, planned_start=begins, planned_end=begins + timedelta(hours=4)
    )
    world.declare("P1", kind=Kind.ADVISORY, service=Service.WATER)
    page = visitor.get(link(world)).text
    assert "Tuesday, January 6, 2026, 4:00" in page
    assert "DO NOT DRINK THE WATER WITHOUT BOILING IT FIRST." in page


def test_what_every_page_says_to_browsers(world: World, visitor: TestClient) -> None:
    paths = (link(world), link(world) + "/unsubscribe", "/s/" + "x" * LENGTH)
    for path in paths:
        headers = visitor.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert "set-cookie" not in headers
    for path in paths:
        page = visitor.get(path).text
        assert "<script" not in page
        assert " style=" not in page
        assert " on" not in re.sub(">[^<]*<", "><", page).replace(' value="on', "")


def test_looking_changes_nothing(world: World, visitor: TestClient) -> None:
    world.declare("P1")
    before = everything(world.db)
    for method in ("GET", "HEAD"):
        for path in (link(world), link(world) + "/unsubscribe", link(world) + "?said=stopped"):
            assert visitor.request(method, path).status_code == 200
    assert everything(world.db) == before


def test_a_movers_link_dies_and_can_still_end_what_comes(world: World, visitor: TestClient) -> None:
    path = link(world)
    form = forms(visitor.get(path).text)["out"]
    with world.db.write() as conn:
        here = t.occupancies.c.premise_key == world.ids["P1"]
        conn.execute(t.occupancies.update().where(here).values(until=START))
        conn.execute(
            t.occupancies.insert().values(
                account_key=world.ids["account two"], premise_key=world.ids["P1"], since=START
            )
        )
    page = visitor.get(path)
    assert page.status_code == 410
    assert "Elm" not in page.text
    tapped = visitor.post(form.pop("action"), data=form)
    assert tapped.status_code == 410
    assert Talk(world).reports() == []
    assert send(visitor, page.text, "stop").status_code == 303
    assert Talk(world).endpoint(ME).opt_out_source == "link"


def test_a_link_ends_with_its_contact_and_with_a_recycled_number(
    world: World, visitor: TestClient
) -> None:
    path = link(world)
    Talk(world).say(ME, "WRONG")
    assert visitor.get(path).status_code == 410
    mail = link(world, MY_MAIL)
    with world.db.write() as conn:
        conn.execute(t.contacts.update().values(ended_at=START))
    assert visitor.get(mail).status_code == 410


def test_a_link_that_we_did_not_make_shows_nothing(world: World, visitor: TestClient) -> None:
    token = link(world).removeprefix("/s/")
    for place in range(LENGTH):
        other = "0" if token[place] != "0" else "1"
        forged = token[:place] + other + token[place + 1 :]
        assert visitor.get(f"/s/{forged}").status_code in {404, 429}
    for wrong in ("", "x", token + "0", "é" * LENGTH, "Z" * LENGTH, "../" * 5):
        assert visitor.get(f"/s/{wrong}").status_code in {404, 429}


def test_the_key_before_opens_links_until_it_is_taken_out(world: World, settings: Settings) -> None:
    path = link(world)
    for before, status in ((settings.secret_key, 200), ("", 404)):
        newer = replace(
            settings, secret_key="another-key-of-thirty-two-letters", secret_key_before=before
        )
        with TestClient(create_app(newer, world.db, SITE)) as client:
            assert client.get(path).status_code == status


def test_a_tap_does_what_the_reply_off_does(world: World, visitor: TestClient) -> None:
    talk = Talk(world)
    outage = talk.restored("P1")
    page = visitor.get(link(world)).text
    assert "Should be back" in page
    assert "Still out" in page
    done = send(visitor, page, "out")
    assert done.status_code == 303
    assert "We have noted that it is out" in visitor.get(done.headers["location"]).text
    assert talk.reports() == [("stillOut", world.ids["P1"], False)]
    reply = talk.last()
    assert (reply.provider, reply.intent, reply.outcome) == ("link", "off", "premise_reopened")
    assert reply.for_staff
    talk.goes_on(outage, "P1")
    world.plan()
    # The page has told them: nobody hears by text what they have just said themselves.
    assert [message for message in world.messages() if message[0] == ME] == [
        (ME, "still_out_received", "accepted")
    ]


def test_a_tap_of_an_e_mail_is_told_of_as_one(world: World, visitor: TestClient) -> None:
    talk = Talk(world)
    talk.restored("P1")
    send(visitor, visitor.get(link(world, MY_MAIL)).text, "out")
    with world.db.read() as conn:
        assert conn.execute(sa.select(t.messages.c.channel)).scalars().all() == ["email"]
        assert conn.execute(sa.select(t.answers.c.state)).scalars().all() == ["accepted"]


def test_two_taps_are_one_report_and_can_be_taken_back(world: World, visitor: TestClient) -> None:
    talk = Talk(world)
    page = visitor.get(link(world)).text
    for _ in range(3):
        assert send(visitor, page, "out").status_code == 303
    assert talk.reports() == [("out", world.ids["P1"], False)]
    page = visitor.get(link(world)).text
    assert "You have told us that it is out." in page
    send(visitor, page, "on")
    send(visitor, page, "on")
    assert ("out", world.ids["P1"], True) in talk.reports()
    assert [kind for kind, _, _ in talk.reports()].count("on") == 1


def test_who_told_us_and_is_dark_after_we_said_it_is_back_can_say_so(
    world: World, visitor: TestClient
) -> None:
    talk = Talk(world)
    outage = world.declare("P1")
    talk.say(ME, "OUT")
    assert "You have told us" in visitor.get(link(world)).text
    world.pass_time(minutes=5)
    talk.end(outage, "P1")
    page = visitor.get(link(world)).text
    assert "Still out" in page
    assert "You have told us" not in page
    send(visitor, page, "out")
    assert talk.last().outcome == "premise_reopened"
    assert "You have told us" in visitor.get(link(world)).text


def test_one_service_that_is_back_says_nothing_of_another(
    world: World, visitor: TestClient
) -> None:
    page = visitor.get(link(world)).text
    send(visitor, page, "out", service="electric", once="a")
    send(visitor, page, "out", service="water", once="b")
    send(visitor, visitor.get(link(world)).text, "on", service="water")
    r = t.reports.c
    with world.db.read() as conn:
        rows = conn.execute(sa.select(r.service, r.ended_at).where(r.kind == "out")).all()
    assert {row.service for row in rows if row.ended_at is None} == {"electric"}


def test_taps_take_nobodys_answers_to_texts(world: World, visitor: TestClient) -> None:
    page = visitor.get(link(world)).text
    for number in range(MOST_AN_HOUR + 1):
        send(visitor, page, "out", do="on", once=str(number))
    assert "no outage at Elm Street" in Talk(world).say(ME, "STATUS")


def test_nobody_taps_for_a_place_of_somebody_else(world: World, visitor: TestClient) -> None:
    page = visitor.get(link(world)).text
    for wrong in (
        {"place": str(world.ids["P2"])},
        {"place": "x"},
        {"service": "steam"},
        {"once": ""},
        {"once": "x" * 99},
    ):
        refused = send(visitor, page, "out", **wrong)
        assert refused.status_code == 422
        assert "Nothing was changed." in refused.text
    assert Talk(world).reports() == []


def test_choices_hold_for_this_number_and_no_import_takes_them_back(
    world: World, visitor: TestClient
) -> None:
    page = visitor.get(link(world)).text
    done = send(visitor, page, "save", hourly="yes", language="es", night="own", until="06:30")
    assert "Sus opciones están guardadas" in visitor.get(done.headers["location"]).text
    c = t.contacts.c
    with world.db.read() as conn:
        rows = conn.execute(t.contacts.select().order_by(c.key)).all()
    mine, mail, other = rows
    assert (mine.topics, mine.quiet_from, mine.quiet_until) == (3, 22 * 60, 6 * 60 + 30)
    assert mine.chosen_at is not None
    assert (mail.topics, mail.chosen_at, other.topics, other.chosen_at) == (1, None, 1, None)
    assert Talk(world).endpoint(ME).language == "es"
    again = forms(visitor.get(link(world)).text)["save"]
    assert (again["alerts"], again["hourly"], again["night"]) == ("yes", "yes", "own")


def test_no_alerts_any_hour_and_the_mail_beside_it(world: World, visitor: TestClient) -> None:
    form = forms(visitor.get(link(world)).text)["save"]
    del form["alerts"]
    visitor.post(form.pop("action"), data={**form, "language": "en", "night": "any"})
    with world.db.read() as conn:
        mine = conn.execute(t.contacts.select().order_by(t.contacts.c.key)).first()
    assert mine is not None
    assert (mine.topics, mine.quiet_from, mine.quiet_until) == (0, 0, 0)
    assert "Texts, too" not in visitor.get(link(world, MY_MAIL)).text, "that was their choice"
    with world.db.write() as conn:
        conn.execute(t.contacts.update().values(chosen_at=None))
    page = visitor.get(link(world, MY_MAIL)).text
    assert "Texts, too" in page
    send(visitor, page, "save", language="en", also="yes")
    with world.db.read() as conn:
        topics = conn.execute(sa.select(t.contacts.c.topics).order_by(t.contacts.c.key)).scalars()
        assert topics.all() == [1, 1, 1]


def test_nobody_turns_on_what_its_owner_has_turned_off(world: World, visitor: TestClient) -> None:
    mail = visitor.get(link(world, MY_MAIL)).text
    form = forms(visitor.get(link(world)).text)["save"]
    del form["alerts"]
    visitor.post(form.pop("action"), data={**form, "language": "en"})
    send(visitor, mail, "save", language="en", also="yes")
    with world.db.read() as conn:
        c = t.contacts.c
        mine = sa.select(c.topics).where(c.channel == "sms").order_by(c.key).limit(1)
        assert conn.execute(mine).scalar_one() == 0


def test_who_changes_only_the_language_changes_only_that(world: World, visitor: TestClient) -> None:
    with world.db.write() as conn:
        # The CIS has turned the account off: no box is ticked.
        conn.execute(t.accounts.update().values(outage_alerts=False))
    for address in (ME, MY_MAIL):
        page = visitor.get(link(world, address)).text
        assert "alerts" not in forms(page)["save"]
        send(visitor, page, "save", language="es")
        assert Talk(world).endpoint(address).language == "es"
    with world.db.read() as conn:
        c, a = t.contacts.c, t.accounts.c
        rows = conn.execute(sa.select(c.topics, c.quiet_from, c.chosen_at)).all()
        assert {tuple(row) for row in rows} == {(1, None, None)}
        assert not any(conn.execute(sa.select(a.outage_alerts)).scalars())


def test_a_page_open_from_before_overrides_nothing_that_was_left_alone(
    world: World, visitor: TestClient
) -> None:
    page = visitor.get(link(world)).text
    with world.db.write() as conn:
        conn.execute(t.accounts.update().values(outage_alerts=False))
    send(visitor, page, "save", language="en", hourly="yes")
    with world.db.read() as conn:
        assert not any(conn.execute(sa.select(t.accounts.c.outage_alerts)).scalars())
        topics = conn.execute(sa.select(t.contacts.c.topics).order_by(t.contacts.c.key)).scalars()
        assert topics.first() == 3


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"night": "own", "from": "07:00", "until": "07:00"}, "two different times"),
        ({"night": "own", "from": "x"}, "two different times"),
        ({"night": "never"}, "not a choice on this page"),
        ({"language": "tlh"}, "not a choice on this page"),
        ({"do": "everything"}, "not a choice on this page"),
        ({"had": None}, "not a choice on this page"),
    ],
)
def test_a_wrong_choice_is_said_and_nothing_is_saved(
    world: World, visitor: TestClient, wrong: dict[str, str | None], sentence: str
) -> None:
    page = visitor.get(link(world)).text
    before = everything(world.db)
    form = {**forms(page)["save"], "language": "en", **wrong}
    action = str(form.pop("action"))
    refused = visitor.post(action, data={name: said for name, said in form.items() if said})
    assert refused.status_code == 422
    assert sentence in refused.text
    assert everything(world.db) == before


def test_one_click_unsubscribes_and_follows_nothing(world: World, visitor: TestClient) -> None:
    path = link(world, MY_MAIL) + "/unsubscribe"
    assert "Stop all e-mails" in visitor.get(path).text
    done = visitor.post(path, data={"List-Unsubscribe": "One-Click"})
    assert (done.status_code, done.text) == (200, "Unsubscribed.\n")
    assert Talk(world).endpoint(MY_MAIL).opt_out_source == "link"
    assert Talk(world).endpoint(ME).opted_out_at is None
    assert "You get no more outage e-mails" in visitor.get(path).text
    assert visitor.post(path).status_code == 200


def test_who_stopped_here_may_begin_again_here_and_who_texted_stop_may_not(
    world: World, visitor: TestClient
) -> None:
    send(visitor, visitor.get(link(world)).text, "stop")
    page = visitor.get(link(world)).text
    send(visitor, page, "resume")
    assert Talk(world).endpoint(ME).opted_out_at is None
    Talk(world).say(ME, "STOP")
    assert "text us START" in visitor.get(link(world)).text
    assert send(visitor, page, "resume").status_code == 422
    assert Talk(world).endpoint(ME).opted_out_at is not None


def test_a_stop_by_text_outdoes_one_by_the_page(world: World, visitor: TestClient) -> None:
    send(visitor, visitor.get(link(world)).text, "stop")
    page = visitor.get(link(world)).text
    Talk(world).say(ME, "STOP")
    assert Talk(world).endpoint(ME).opt_out_source == "reply"
    assert send(visitor, page, "resume").status_code == 422
    assert Talk(world).endpoint(ME).opted_out_at is not None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_makes_nobody_do_anything(
    world: World, visitor: TestClient, site: str
) -> None:
    page = visitor.get(link(world)).text
    before = everything(world.db)
    for path, data in (
        (link(world), forms(page)["stop"]),
        (link(world) + "/unsubscribe", {}),
    ):
        refused = visitor.post(path, data=data, headers={"sec-fetch-site": site})
        assert refused.status_code == 403
        assert "nothing was changed" in refused.text
    assert everything(world.db) == before


@pytest.mark.parametrize("language", ["es", "fr", "zh", "pa"])
def test_the_page_speaks_the_language_of_the_person(
    world: World, visitor: TestClient, language: str
) -> None:
    with world.db.write() as conn:
        conn.execute(t.endpoints.update().values(language=language))
    world.declare("P1", cause="tree")
    page = visitor.get(link(world)).text
    assert f'<html lang="{language}" dir="ltr">' in page
    assert "Not known yet" not in page
    for broken in ("{", "}", "None"):
        assert broken not in page
    assert '<html lang="en" dir="ltr">' in visitor.get(link(world) + "?lang=en").text
    lost = visitor.get("/s/x", headers={"accept-language": f"{language}-XX, en;q=0.5"}).text
    assert f'<html lang="{language}" dir="ltr">' in lost


def test_a_database_that_is_away_is_said_in_a_sentence_and_no_log_has_the_token(
    world: World, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    path = link(world)

    class Away:
        def read(self) -> None:
            raise sa.exc.OperationalError(f"SELECT {path}", None, Exception(path))

        write = read

    app = create_app(settings, Away(), SITE)  # type: ignore[arg-type]  # what it does is the point
    caplog.set_level(logging.DEBUG)
    with TestClient(app) as client:
        for answer in (client.get(path), client.post(path + "/unsubscribe")):
            assert answer.status_code == 503
            assert "try again in a few minutes" in answer.text
            assert answer.headers["retry-after"] == "120"
    ours = [r for r in caplog.records if not r.name.startswith(("httpx", "httpcore"))]
    assert ours
    assert not [r for r in ours if path[3:] in r.getMessage() or r.exc_info]


def of(address: str) -> dict[str, str]:
    """What `page` says of whoever comes from there."""
    return {visitors.HEADER: visitors.signed(address, EDGE, time.time())}


def test_who_tries_links_is_told_to_wait_and_a_real_link_works_beside_it(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So few that none comes back while a slow machine tries.
    monkeypatch.setattr(personal, "WRONG", 1)
    with TestClient(create_app(settings, world.db, SITE)) as client:
        assert client.get("/s/x", headers=of("192.0.2.1")).status_code == 404
        refused = client.get("/s/y", headers=of("192.0.2.1"))
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "60"
        # A whole carrier may be behind one address.
        assert client.get(link(world), headers=of("192.0.2.1")).status_code == 200
        assert client.get("/s/y", headers=of("192.0.2.2")).status_code == 404


def test_visitors_that_nobody_tells_apart_are_told_of_once(
    world: World, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    path, unsigned = link(world), replace(settings, edge_key="")
    for given, headers, times in (
        (settings, of("192.0.2.1"), 0),
        (settings, {}, 1),
        (unsigned, of("192.0.2.1"), 1),
    ):
        caplog.clear()
        app = create_app(given, world.db, SITE)
        with TestClient(app, client=("198.51.100.7", 4000)) as client:
            for _ in range(3):
                assert client.get(path, headers=headers).status_code == 200
        said = [one for one in caplog.messages if "OUTAGE_EDGE_KEY" in one]
        assert len(said) == times
        assert not any("198.51.100.7" in one or path[3:] in one for one in said)


def test_a_link_cannot_be_used_without_end(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(personal, "PER_LINK", 1)
    with TestClient(create_app(settings, world.db, SITE)) as client:
        assert [client.get(link(world)).status_code for _ in range(2)] == [200, 429]
        assert client.get(link(world, MY_MAIL)).status_code == 200
