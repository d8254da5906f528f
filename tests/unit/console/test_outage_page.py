"""The page of one outage: every command as a form, and nothing overwritten unseen."""

import html
import re
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from starlette.testclient import TestClient

from outage import desk, register
from outage import tables as t
from outage.clock import business_now
from outage.database import Database
from outage.model import Cause, CrewStatus, Kind, Outage, Status
from outage.rights import Role
from tests.unit.console.conftest import NEW, Client
from tests.unit.console.staffed import Desk, csrf
from tests.unit.outage.town import DISPATCHER, declare
from tests.unit.workers.desk import drain


@pytest.fixture
def console(town: Database) -> Desk:
    return Desk.of(town)


@pytest.fixture
def outage(town: Database, client: Client) -> str:
    """Five homes are out, one of them medical, and gis has counted them."""
    with town.write() as conn:
        conn.execute(t.accounts.update().where(t.accounts.c.key == 2).values(medical=True))
    name: str = client(Role.DISPATCHER).post("/api/v1/outages", json=NEW).json()["id"]
    drain(town)
    return name


def browser(console: Desk, role: Role = Role.DISPATCHER) -> TestClient:
    member, _ = console.member(f"the-{role}", role)
    return console.browser(console.session(member))


def shown(tab: TestClient, name: str) -> str:
    answer = tab.get(f"/outages/{name}")
    assert answer.status_code == HTTPStatus.OK, answer.text
    return html.unescape(answer.text)


def version(tab: TestClient, name: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', shown(tab, name))
    assert found
    return found[1]


def post(tab: TestClient, name: str, act: str, *, seen: str = "", **fields: str) -> Any:  # noqa: ANN401  # httpx2's answer
    form = csrf(tab) | {"version": seen or version(tab, name)} | fields
    return tab.post(f"/outages/{name}/{act}", data=form)


def done(tab: TestClient, name: str, act: str, **fields: str) -> None:
    answer = post(tab, name, act, **fields)
    assert answer.status_code == HTTPStatus.SEE_OTHER, answer.text
    assert answer.headers["location"] == f"/outages/{name}?said=done"


def now_of(db: Database, name: str) -> Outage:
    with db.read() as conn:
        return register.load(conn, name)


def actions(db: Database) -> list[tuple[str, str]]:
    with db.read() as conn:
        return [
            (row.action, row.about)
            for row in conn.execute(t.audit.select().order_by(t.audit.c.number))
        ]


def test_the_page_says_who_is_concerned_and_what_happened(
    town: Database, console: Desk, outage: str
) -> None:
    page = shown(browser(console), outage)
    assert "5; of them <strong>1 medical</strong>" in page
    assert "5 that no message can reach" in page
    assert "5 out, 0 restored, 5 in all." in page
    assert "Declared." in page
    assert "Counted who is concerned." in page
    viewer = browser(console, Role.VIEWER)
    assert shown(viewer, outage).count("<form") == 1  # signing out
    for said in (shown(viewer, outage), viewer.get(f"/outages/{outage}/now").text):
        assert "5 that no message can reach" in said
        assert "medical" not in said
    assert browser(console, Role.AGENT).get("/outages/O-AAAAA").status_code == 404


def test_an_update_sets_what_it_says_and_nothing_else(
    town: Database, console: Desk, outage: str
) -> None:
    tab = browser(console)
    with town.read() as conn:
        at = (business_now(conn) + timedelta(hours=2)).replace(second=0, microsecond=0)
    done(
        tab,
        outage,
        "update",
        crew_status="enroute",
        etr_latest=at.strftime("%Y-%m-%dT%H:%M"),
        etr_confidence="low",
        etr_reason="moreDamage",
        etr_hidden="yes",
        note="Pole 12\r\nis <b>broken</b>",
        public="A crew is on its way.",
    )
    after = now_of(town, outage)
    assert after.crew_status is CrewStatus.ENROUTE
    assert after.etr is not None
    assert (after.etr.latest, after.etr.published) == (at, False)
    assert (after.etr.confidence, after.etr.source) == ("low", "dispatcher")
    assert after.next_update_by is None
    raw = tab.get(f"/outages/{outage}").text
    assert "Pole 12 is &lt;b&gt;broken" in raw
    assert "A crew is on its way." in raw
    done(tab, outage, "update", withdraw_etr="yes", next_update_by=at.strftime("%Y-%m-%dT%H:%M"))
    after = now_of(town, outage)
    assert (after.etr, after.next_update_by) == (None, at)
    assert actions(town)[-2:] == [("update", outage), ("update", outage)]


def test_what_cannot_be_done_is_said_and_what_was_typed_stays(
    town: Database, console: Desk, outage: str
) -> None:
    tab, before = browser(console), now_of(town, outage)
    for fields in (
        {},
        {"etr_latest": "2020-01-01T10:00"},
        {"etr_latest": "soon"},
        {"etr_latest": "9999-01-01T10:00"},
        {"etr_earliest": "2036-01-01T10:00"},
        {"crew_status": "asleep"},
        {"crew_reason": "access"},
        {"public": "Call 512-555-0101"},
        {"note": "x" * 601},
        {"note": "a\x00b"},
    ):
        answer = post(tab, outage, "update", **fields)
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, (fields, answer.text)
        assert 'role="alert"' in answer.text
    kept = post(tab, outage, "update", note="Half a sentence", etr_latest="2020-01-01T10:00")
    assert "Half a sentence" in kept.text
    assert 'value="2020-01-01T10:00"' in kept.text
    for act in ("confirm", "start", "reopen", "close"):
        assert post(tab, outage, act).status_code == HTTPStatus.UNPROCESSABLE_ENTITY, act
    for into in ("", "O-AAAAA", outage):
        assert post(tab, outage, "merge", into=into).status_code == 422, into
    for seen in ("x", "-1", "٤", "9" * 30):
        assert post(tab, outage, "cancel", seen=seen).status_code == 422, seen
    assert now_of(town, outage) == before


def test_whoever_comes_second_gets_the_difference_and_a_choice(
    town: Database, console: Desk, outage: str
) -> None:
    first, second = browser(console), browser(console, Role.SUPERVISOR)
    seen = version(second, outage)
    done(first, outage, "facts", cause="wind", place="Elm Street")
    done(first, outage, "update", note="A tree lies on it")
    between = now_of(town, outage)
    answer = post(second, outage, "facts", seen=seen, cause="animal", place="Oak <b>Street")
    assert answer.status_code == HTTPStatus.CONFLICT
    said = html.unescape(answer.text)
    assert "Nothing of yours was done." in said
    for words in (">tree</td>", ">wind</td>", "A tree lies on it", "the-dispatcher"):
        assert words in said
    assert "Oak &lt;b&gt;Street" in answer.text
    assert now_of(town, outage) == between
    forms = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', said)
    again = {name: value for name, value in forms if name != "csrf"}
    assert again["version"] == str(between.version)
    answer = second.post(
        f"/outages/{outage}/facts", data=again | csrf(second) | {"place": "Oak Street"}
    )
    assert answer.status_code == HTTPStatus.SEE_OTHER
    after = now_of(town, outage)
    assert (after.cause, after.place) == (Cause.ANIMAL, "Oak Street")
    same = second.post(f"/outages/{outage}/facts", data=again | csrf(second))
    assert same.status_code == HTTPStatus.CONFLICT  # the same form twice is done once


def test_a_merge_of_what_has_changed_is_none(town: Database, console: Desk, outage: str) -> None:
    tab = browser(console)
    other = declare(town, place="Oak Street").id
    seen = version(tab, outage)
    done(tab, outage, "update", note="Wait")
    assert post(tab, outage, "merge", seen=seen, into=other).status_code == HTTPStatus.CONFLICT
    assert now_of(town, outage).status is Status.CONFIRMED
    assert post(tab, outage, "merge", into=other).status_code == HTTPStatus.SEE_OTHER
    assert now_of(town, outage).status is Status.CLOSED
    assert f'It goes on under <a href="/outages/{other}">' in shown(tab, outage)
    refused = post(tab, outage, "cancel", seen=str(now_of(town, outage).version))
    assert f"it goes on under {other}" in refused.text


def test_an_outage_goes_through_its_life_by_forms(
    town: Database, console: Desk, outage: str
) -> None:
    tab = browser(console)
    done(tab, outage, "restore")
    drain(town)
    assert now_of(town, outage).status is Status.RESTORED
    done(tab, outage, "reopen", seen=str(now_of(town, outage).version), reason="stillOut")
    drain(town)
    done(tab, outage, "restore")
    drain(town)
    done(tab, outage, "close", seen=str(now_of(town, outage).version))
    assert now_of(town, outage).status is Status.CLOSED
    real = declare(town, predicted=True).id
    done(tab, real, "confirm")
    assert now_of(town, real).status is Status.CONFIRMED
    wrong = declare(town, predicted=True).id
    done(tab, wrong, "reject", reason="wrongArea")
    start = datetime(2036, 1, 1, tzinfo=UTC)
    planned = declare(town, kind=Kind.PLANNED, planned_start=start).id
    assert "It has begun" in shown(tab, planned)
    done(tab, planned, "start")
    done(tab, planned, "cancel")
    assert [now_of(town, name).status for name in (wrong, planned)] == [Status.CANCELLED] * 2
    page = shown(tab, outage)
    for words in ("Service is back.", "Reopened: still out.", "Closed: done."):
        assert words in page


def test_the_last_change_is_taken_back_and_what_waits_is_said(
    town: Database, console: Desk, outage: str
) -> None:
    tab = browser(console)
    done(tab, outage, "facts", cause="wind", place="Elm Street")
    with town.write() as conn:
        key = register.load(conn, outage).key
        at = business_now(conn)
        conn.execute(
            t.endpoints.insert().values(key=1, kind="phone", address="+15125550101", language="en")
        )
        message = {
            "number": 1,
            "outage_key": key,
            "endpoint_key": 1,
            "channel": "sms",
            "kind": "detected",
            "state": "pending",
            "priority": 1,
            "planned_at": at,
            "send_after": at + timedelta(seconds=100),
        }
        conn.execute(t.messages.insert().values(**message))
    page = shown(tab, outage)
    assert "Changed the cause, by the-dispatcher" in page
    assert re.search(r"1 messages wait; the first goes in (9\d|100) seconds", page)
    done(tab, outage, "take-back")
    assert now_of(town, outage).cause is Cause.TREE
    with town.write() as conn:
        conn.execute(t.messages.update().values(state="failed", provider_code="30006"))
    assert "1: 30006 1" in shown(tab, outage)


def test_a_crew_s_words_wait_for_a_dispatcher(town: Database, console: Desk, outage: str) -> None:
    crew, tab = browser(console, Role.CREW), browser(console)
    page = shown(crew, outage)
    assert "Send the update" in page
    assert "Cancel it" not in page
    done(crew, outage, "update", public="A pole is broken.", seen=version(crew, outage))
    assert now_of(town, outage).public_message_key is None
    assert "Show it to the public" not in shown(crew, outage)
    found = re.search(r'name="message" value="(\d+)"', shown(tab, outage))
    assert found
    assert post(crew, outage, "approve", message=found[1]).status_code == HTTPStatus.FORBIDDEN
    assert post(tab, outage, "approve", message="x").status_code == 422
    done(tab, outage, "approve", message=found[1])
    assert now_of(town, outage).public_message_key == int(found[1])
    assert "The public reads" in shown(tab, outage)


def test_what_a_page_asks_for_by_itself_has_no_forms(
    town: Database, console: Desk, outage: str
) -> None:
    tab = browser(console)
    answer = tab.get(f"/outages/{outage}/now")
    assert answer.status_code == HTTPStatus.OK
    assert "How it stands" in answer.text
    assert "<form" not in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    with town.write() as conn:
        desk.cancel(conn, outage, actor=DISPATCHER)
    assert "cancelled" in tab.get(f"/outages/{outage}/now").text
