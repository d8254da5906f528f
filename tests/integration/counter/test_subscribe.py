"""`/subscribe` over a small utility, on both databases: a wish, a yes, and what comes of it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from counter.app import create_app
from notifier import opting, stopping
from notifier.links import Links
from outage import clock
from outage import tables as t
from outage.cis.accounts import read_accounts
from outage.cis.loading import known_premises, load_accounts
from outage.database import Database
from outage.disowned import WRONG_PERSON
from outage.loading import LoadOptions
from outage.model import Actor, Status
from outage.settings import SendMode, Settings
from tests.integration.counter.test_lookup import place
from tests.integration.counter.test_personal import SITE, everything, link, settings
from tests.integration.notifier.talk import Talk
from tests.integration.notifier.world import START, World, phone

__all__ = ["settings"]
NEW, MAIL, KNOWN = "+12025550177", "new@example.org", "+12025550176"
TEXT = {"place": "4711-1", "postal_code": "62701", "by": "sms", "address": "(202) 555-0177"}
MAILED = {**TEXT, "by": "email", "address": "New@Example.org"}


@pytest.fixture
def world(database: Database, settings: Settings) -> World:
    world = World(database, settings)
    world.account("4711-1", ["P1"], KNOWN)
    world.account("4711-2", ["P2", "P3"], phone(2))
    place(world, "P1", "123 MAIN STREET", "62701")
    place(world, "P2", "7 Oak Avenue", "62701")
    place(world, "P3", "9 Elm Street", "62999")
    return world


def sending(settings: Settings, mode: SendMode = SendMode.LIVE) -> Settings:
    """The settings of a utility that has a provider for texts and one for mails."""
    return replace(settings, send=mode, twilio_account_sid="AC1", smtp_host="127.0.0.1")


@pytest.fixture
def visitor(world: World, settings: Settings) -> Iterator[TestClient]:
    app = create_app(sending(settings), world.db, SITE)
    with TestClient(app, follow_redirects=False, base_url="http://127.0.0.1") as client:
        yield client


def send(visitor: TestClient, **form: str) -> Any:  # noqa: ANN401  # a response
    found = re.search('name="once" value="([^"]+)"', visitor.get("/subscribe").text)
    assert found is not None
    return visitor.post("/subscribe", data={"once": found[1], **form})


def rows(world: World, table: Any) -> list[Any]:  # noqa: ANN401  # a table
    with world.db.read() as conn:
        return list(conn.execute(table.select().order_by(table.c.key)))


def contacts(world: World) -> list[tuple[str, str, bool]]:
    """Address, source of consent and whether consent is dated, of who came by the form."""
    addresses = {row.key: row.address for row in rows(world, t.endpoints)}
    return [
        (addresses[row.endpoint_key], row.consent_source, row.consent_at == START)
        for row in rows(world, t.contacts)
        if row.consent_source == opting.CONSENT
    ]


def confirming(world: World) -> str:
    """The path of the link in the last e-mail that asks for a yes."""
    links = Links.of(world.settings)
    assert links is not None
    last = rows(world, t.answers)[-1]
    assert (last.channel, links.blank in last.body) == ("email", True)
    with world.db.read() as conn:
        return opting.links_of(conn, links, [last.key])[last.key].removeprefix(links.base)


def test_a_text_asks_for_yes_and_nothing_comes_before_it(world: World, visitor: TestClient) -> None:
    answer = send(visitor, **TEXT)
    assert (answer.status_code, answer.headers["location"]) == (303, "/subscribe?said=asked_sms")
    (asked,) = rows(world, t.answers)
    assert (asked.channel, asked.address, asked.state) == ("sms", NEW, "pending")
    assert "Reply YES" in asked.body
    assert not re.search("MAIN|4711", asked.body)
    world.declare("P1")
    world.plan()
    assert NEW not in {address for address, _, _ in world.messages()}


@pytest.mark.parametrize(
    ("yes", "more"), [("Yes", {}), ("si", {}), ("YES", {"opt_out_type": "START"})]
)
def test_yes_makes_a_contact_that_the_planner_knows(
    world: World, visitor: TestClient, yes: str, more: dict[str, str]
) -> None:
    send(visitor, **TEXT)
    talk = Talk(world)
    said = talk.say(NEW, yes, **more)
    assert "You get outage texts" in said or "Desde ahora recibe" in said
    assert contacts(world) == [(NEW, "subscription", True)]
    (wish,) = rows(world, t.opt_ins)
    assert wish.confirmed_at is not None
    world.declare("P1")
    world.plan()
    assert NEW in {address for address, _, _ in world.messages()}
    # Their own link shows the place, and ends what comes.
    assert "At MAIN STREET" in visitor.get(link(world, NEW)).text
    talk.say(NEW, "STOP")
    assert talk.endpoint(NEW).opted_out_at is not None


def test_yes_of_somebody_who_was_not_asked_is_no_wish(world: World, visitor: TestClient) -> None:
    talk = Talk(world)
    send(visitor, **TEXT)
    talk.say("+12025550178", "YES")
    assert contacts(world) == []


def test_a_link_in_an_e_mail_shows_and_its_button_acts(world: World, visitor: TestClient) -> None:
    assert send(visitor, **MAILED).headers["location"] == "/subscribe?said=asked_email"
    path, before = confirming(world), everything(world.db)
    for method in ("GET", "HEAD"):
        page = visitor.request(method, path)
        assert page.status_code == 200
    assert "MAIN" not in visitor.get(path).text
    assert everything(world.db) == before
    assert visitor.post(path, data={"do": "no"}).status_code == 410
    assert contacts(world) == []
    for _ in range(2):
        assert visitor.post(path, data={"do": "yes"}).status_code == 303
    assert contacts(world) == [(MAIL, "subscription", True)]
    assert "Done. You get e-mails" in visitor.get(path).text


@pytest.mark.parametrize(
    "ended",
    [
        t.contacts.update().values(ended_at=START),
        t.contacts.update().values(topics=0),
        t.accounts.update().values(outage_alerts=False),
        t.endpoints.update().values(opted_out_at=START, opt_out_source="link"),
        t.endpoints.update().values(invalid_at=START, invalid_code="550"),
    ],
)
def test_a_link_says_done_no_longer_than_e_mails_come(
    world: World, visitor: TestClient, ended: sa.Update
) -> None:
    send(visitor, **MAILED)
    path = confirming(world)
    visitor.post(path, data={"do": "yes"})
    with world.db.write() as conn:
        conn.execute(ended)
    before = everything(world.db)
    for answer in (visitor.get(path), visitor.post(path, data={"do": "yes"})):
        assert answer.status_code == 410
        assert "This link has ended" in answer.text
    assert everything(world.db) == before


@pytest.mark.parametrize("mode", [SendMode.OFF, SendMode.SHADOW])
def test_where_nothing_is_sent_nobody_is_told_that_it_was(
    world: World, settings: Settings, mode: SendMode
) -> None:
    app = create_app(sending(settings, mode), world.db, SITE)
    with TestClient(app, follow_redirects=False, base_url="http://127.0.0.1") as visitor:
        for form in (TEXT, MAILED):
            to = send(visitor, **form).headers["location"]
            page = visitor.get(to).text
            assert "none will come" in page
            assert "We have sent" not in page


def test_what_no_provider_would_take_is_not_said_to_be_sent(
    world: World, settings: Settings
) -> None:
    mails_only = replace(settings, send=SendMode.LIVE, smtp_host="127.0.0.1")
    app = create_app(mails_only, world.db, SITE)
    with TestClient(app, follow_redirects=False, base_url="http://127.0.0.1") as visitor:
        said = [send(visitor, **form).headers["location"] for form in (TEXT, MAILED)]
    assert said == [f"/subscribe?said={word}" for word in ("asked_none", "asked_email")]


def test_while_sending_is_stopped_nobody_is_asked_nor_told_that_they_are(
    world: World, visitor: TestClient
) -> None:
    operator = Actor(kind="cli", name="test")
    with world.db.write() as conn:
        stopping.stop(conn, actor=operator, why="wrong texts went out")
    assert send(visitor, **TEXT).headers["location"] == "/subscribe?said=asked_none"
    # Nor does it come once sending goes on.
    with world.db.write() as conn:
        stopping.resume(conn, actor=operator)
    assert rows(world, t.answers) == []
    assert send(visitor, **TEXT).headers["location"] == "/subscribe?said=asked_sms"
    assert len(rows(world, t.answers)) == 1


@pytest.mark.parametrize("by", ["one click", "button"])
def test_an_e_mail_that_asks_for_a_yes_can_be_ended_for_good(
    world: World, visitor: TestClient, by: str
) -> None:
    send(visitor, **MAILED)
    path, before = confirming(world), everything(world.db)
    for method in ("GET", "HEAD"):
        assert visitor.request(method, f"{path}/unsubscribe").status_code == 200
    assert "Stop all e-mails" in visitor.get(f"{path}/unsubscribe").text
    assert everything(world.db) == before
    if by == "one click":
        done = visitor.post(f"{path}/unsubscribe", data={"List-Unsubscribe": "One-Click"})
        assert (done.status_code, done.text) == (200, "Unsubscribed.\n")
    else:
        assert "You get no more" in visitor.post(path, data={"do": "stop"}).text
    (mailbox,) = [row for row in rows(world, t.endpoints) if row.address == MAIL]
    assert (mailbox.opted_out_at is not None, mailbox.opt_out_source) == (True, "link")
    assert "You get no more" in visitor.get(f"{path}/unsubscribe").text
    # Nor does a yes lift it, nor another e-mail ask.
    assert visitor.post(path, data={"do": "yes"}).status_code == 410
    send(visitor, **MAILED)
    assert len(rows(world, t.answers)) == 1
    assert contacts(world) == []


def test_a_yes_after_the_place_was_left_changes_nothing(world: World, visitor: TestClient) -> None:
    send(visitor, **TEXT)
    with world.db.write() as conn:
        conn.execute(t.occupancies.update().values(until=START))
    assert "Nothing was changed" in Talk(world).say(NEW, "YES")
    assert contacts(world) == []


def test_the_answer_is_the_same_whoever_has_the_number(world: World, visitor: TestClient) -> None:
    with world.db.write() as conn:
        stopped = {"kind": "phone", "address": "+12025550179", "opted_out_at": START}
        conn.execute(t.endpoints.insert().values(**stopped))
    answers = [
        send(visitor, **{**TEXT, "address": address})
        for address in (NEW, KNOWN, "+12025550179", NEW)
    ]
    assert len({(one.status_code, str(one.headers)) for one in answers}) == 1
    # Whoever is told already, who has stopped, and who was just asked, gets no text.
    assert [row.address for row in rows(world, t.answers)] == [NEW]


@pytest.mark.parametrize("more", [{}, {"opt_out_type": "START"}])
def test_yes_of_somebody_who_has_stopped_lifts_the_stop_and_the_next_one_joins(
    world: World, visitor: TestClient, more: dict[str, str]
) -> None:
    with world.db.write() as conn:
        stopped = {"opted_out_at": START - timedelta(days=3), "opt_out_source": "reply"}
        conn.execute(t.endpoints.insert().values(kind="phone", address=NEW, **stopped))
    send(visitor, **TEXT)
    assert rows(world, t.answers) == []
    talk = Talk(world)
    talk.write(NEW, "YES", **more)
    talk.inbox.drain()
    assert (talk.endpoint(NEW).opted_out_at, contacts(world)) == (None, [])
    # What was not sent counts against nobody: they are asked at once.
    send(visitor, **TEXT)
    assert "Reply YES" in rows(world, t.answers)[-1].body
    assert "You get outage texts" in talk.say(NEW, "YES")
    assert contacts(world) == [(NEW, "subscription", True)]


def test_who_stops_after_having_been_asked_has_their_stop_lifted_by_yes_first(
    world: World, visitor: TestClient
) -> None:
    talk = Talk(world)
    send(visitor, **TEXT)
    talk.say(NEW, "STOP")
    talk.write(NEW, "YES", opt_out_type="START")
    talk.inbox.drain()
    assert (talk.endpoint(NEW).opted_out_at, talk.last().intent) == (None, "start")
    talk.say(NEW, "YES")
    assert contacts(world) == [(NEW, "subscription", True)]


def test_a_form_that_was_mended_is_another_and_one_sent_twice_is_one(
    world: World, visitor: TestClient
) -> None:
    found = re.search('name="once" value="([^"]+)"', visitor.get("/subscribe").text)
    assert found is not None
    for address in ("+12025550179", NEW, NEW):
        form = {"once": found[1], **TEXT, "address": address}
        assert visitor.post("/subscribe", data=form).status_code == 303
    assert [row.address for row in rows(world, t.answers)] == ["+12025550179", NEW]
    assert len(rows(world, t.opt_ins)) == 2


def test_a_wish_does_not_meet_the_reply_of_one_before_a_downgrade(
    world: World, visitor: TestClient
) -> None:
    send(visitor, **TEXT)
    with world.db.write() as conn:
        conn.execute(t.opt_ins.delete())
    assert send(visitor, **{**TEXT, "address": "+12025550179"}).status_code == 303
    assert [row.address for row in rows(world, t.answers)] == [NEW, "+12025550179"]


@pytest.mark.parametrize(
    "off",
    [
        t.accounts.update().values(outage_alerts=False),
        t.endpoints.update().values(invalid_at=START, invalid_code="30005"),
        t.endpoints.update().values(invalid_at=START, invalid_code=WRONG_PERSON),
    ],
)
def test_a_contact_that_gets_nothing_is_asked_and_told_after_a_yes(
    world: World, visitor: TestClient, off: sa.Update
) -> None:
    with world.db.write() as conn:
        conn.execute(off)
    send(visitor, **{**TEXT, "address": KNOWN})
    assert [row.address for row in rows(world, t.answers)] == [KNOWN]
    assert "You get outage texts" in Talk(world).say(KNOWN, "YES")
    world.declare("P1")
    world.plan()
    assert KNOWN in {address for address, _, _ in world.messages()}


@pytest.mark.parametrize("by", ["sms", "email"])
def test_a_yes_proves_an_address_and_parts_it_from_who_had_it_before(
    world: World, visitor: TestClient, by: str
) -> None:
    world.account("4711-3", ["P4"], "+12025550173", "before@example.org")
    form = {"by": by, "address": {"sms": "+12025550173", "email": "before@example.org"}[by]}
    with world.db.write() as conn:
        wrong = {"invalid_at": START, "invalid_code": WRONG_PERSON}
        conn.execute(t.endpoints.update().values(**wrong))
    send(visitor, **{**TEXT, **form})
    if by == "sms":
        Talk(world).say(form["address"], "YES")
    else:
        visitor.post(confirming(world), data={"do": "yes"})
    (endpoint,) = [row for row in rows(world, t.endpoints) if row.address == form["address"]]
    assert (endpoint.invalid_at, endpoint.invalid_code) == (None, None)
    theirs = [row for row in rows(world, t.contacts) if row.endpoint_key == endpoint.key]
    assert [row.ended_at is None for row in theirs] == [False, True]
    world.declare("P1", "P4")
    world.plan()
    told = [address for address, _, _ in world.messages()]
    assert told.count(form["address"]) == 1


@pytest.mark.parametrize("word", ["YES", "START"])
def test_no_load_gives_a_number_back_to_whom_it_was_taken_from(
    world: World, visitor: TestClient, tmp_path: Path, word: str
) -> None:
    number, talk = "+12025550173", Talk(world)
    world.account("4711-3", ["P4"], number)
    lines = f"account_id,premise_ids,mobile\n4711-1,P1,{KNOWN}\n4711-3,P4,{number}\n"
    load(world, tmp_path, lines)
    assert "gets no more texts" in talk.say(number, "WRONG")
    if word == "YES":
        send(visitor, **{**TEXT, "address": number})
    talk.say(number, word)
    assert talk.endpoint(number).invalid_at is None
    load(world, tmp_path, lines)
    mine = talk.endpoint(number).key
    assert whose_is(world, mine) == ({"4711-1"} if word == "YES" else set())
    world.declare("P4")
    world.plan()
    assert number not in {address for address, _, _ in world.messages()}
    # Another account that the number is given to later is no former owner's.
    talk.say(number, "WRONG")
    load(world, tmp_path, f"{lines}4711-2,P2,{number}\n", days=1)
    talk.say(number, "START")
    assert whose_is(world, mine) == {"4711-2"}


def test_what_the_file_lists_anew_is_no_former_owners(world: World, tmp_path: Path) -> None:
    talk, dropped = Talk(world), f"account_id,premise_ids,mobile\n4711-1,P1,{NEW}\n"
    load(world, tmp_path, lines := dropped.replace(NEW, KNOWN))
    talk.say(KNOWN, "WRONG")
    for text in (dropped, lines):
        load(world, tmp_path, text, days=1)
    talk.say(KNOWN, "START")
    assert whose_is(world, talk.endpoint(KNOWN).key) == {"4711-1"}


def test_who_has_subscribed_stays_so_after_stop_and_start(
    world: World, visitor: TestClient
) -> None:
    talk = Talk(world)
    send(visitor, **TEXT)
    for word in ("YES", "STOP", "START"):
        talk.say(NEW, word)
    (contact,) = [
        row for row in rows(world, t.contacts) if row.endpoint_key == talk.endpoint(NEW).key
    ]
    assert contact.consent_source == opting.CONSENT


def load(world: World, folder: Path, text: str, days: int = 0) -> None:
    """Load accounts as the nightly import does, so many days later."""
    (folder / "accounts.csv").write_text(text, encoding="utf-8")
    with world.db.write() as conn:
        clock.move_to(conn, clock.business_now(conn) + timedelta(days=days))
    with world.db.read() as conn:
        known = known_premises(conn)
    found = read_accounts(folder / "accounts.csv", premises=known, mapping={})
    load_accounts(world.db, found, LoadOptions(partial=True), actor=Actor(kind="cli", name="test"))


def whose_is(world: World, endpoint_key: int) -> set[str]:
    """Accounts that an endpoint stands for."""
    names = {row.key: row.id for row in rows(world, t.accounts)}
    return {
        names[row.account_key]
        for row in rows(world, t.contacts)
        if row.endpoint_key == endpoint_key and row.ended_at is None
    }


def test_nobody_is_bombed(
    world: World, visitor: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opting, "SAME_FOR", opting.SAME_FOR * 0)
    for _ in range(opting.PER_ENDPOINT + 2):
        send(visitor, **TEXT)
    assert len(rows(world, t.answers)) == opting.PER_ENDPOINT
    for last in range(opting.PER_ACCOUNT):
        send(visitor, **{**TEXT, "address": f"202 555 018{last}"})
    assert len(rows(world, t.answers)) == opting.PER_ACCOUNT
    # What nothing was sent for closes the form for nobody.
    monkeypatch.setattr(opting, "IN_ALL", opting.PER_ACCOUNT + 1)
    assert len(rows(world, t.opt_ins)) > opting.IN_ALL
    assert send(visitor, **TEXT).status_code == 303
    monkeypatch.setattr(opting, "IN_ALL", 1)
    assert send(visitor, **TEXT).status_code == 429


def test_one_address_may_ask_for_some(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("counter.subscribing.PER_ADDRESS", 1)
    app = create_app(settings, world.db, SITE)
    with TestClient(app, follow_redirects=False, client=("192.0.2.1", 1)) as visitor:
        assert [send(visitor, **TEXT).status_code for _ in range(2)] == [303, 429]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"once": "x"}, "open for too long"),
        ({"by": "fax"}, "choose text or e-mail"),
        ({"address": "911"}, "no mobile number"),
        ({"address": "a@b", "by": "email"}, "no e-mail address"),
        ({"address": "x@example.org\r\nBcc: y@example.org", "by": "email"}, "no e-mail address"),
        ({"place": "123 Main Street"}, "account number and postal code"),
        ({"place": "4711-2"}, "several postal codes"),
        ({"place": "4711-9"}, "found no account"),
        ({"postal_code": "62702"}, "found no account"),
    ],
)
def test_what_cannot_be_taken_is_said_and_leaves_nothing(
    world: World, visitor: TestClient, change: dict[str, str], said: str
) -> None:
    before = everything(world.db)
    page = send(visitor, **{**TEXT, **change})
    assert page.status_code == 422
    assert said in page.text
    assert everything(world.db) == before


def test_alerts_that_an_account_had_off_come_to_who_asked_and_to_nobody_else(
    world: World, visitor: TestClient
) -> None:
    with world.db.write() as conn:
        conn.execute(t.accounts.update().values(outage_alerts=False))
    send(visitor, **TEXT)
    Talk(world).say(NEW, "YES")
    outage = world.declare("P1")
    world.plan()
    assert [address for address, _, _ in world.messages()] == [NEW]
    with world.db.read() as conn:
        status = conn.execute(t.outages.select().where(t.outages.c.id == outage)).one().status
    assert status == Status.CONFIRMED


def test_without_a_key_there_is_no_e_mail_to_choose(world: World, settings: Settings) -> None:
    app = create_app(replace(settings, secret_key=""), world.db, SITE)
    with TestClient(app, follow_redirects=False) as visitor:
        assert 'value="email"' not in visitor.get("/subscribe").text
        assert send(visitor, **MAILED).status_code == 422
