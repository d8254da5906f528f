"""Dispatchers make crews' links, revoke them, and decide what crews propose."""

import html
import re
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from starlette.testclient import TestClient

from console.access import COOKIE
from outage import crew_links, crew_words, register
from outage import tables as t
from outage.clock import business_now
from outage.crew_words import Limits, Outcome
from outage.database import Database
from outage.errors import UnknownLinkError
from outage.model import Status
from outage.rights import Role
from tests.unit.console.conftest import NEW, Client
from tests.unit.console.staffed import Desk, csrf
from tests.unit.workers.desk import drain

NOBODY = Limits(restores=0, etr=0)


@pytest.fixture
def outage(town: Database, client: Client) -> str:
    """Five homes are out, and gis has counted them."""
    name: str = client(Role.DISPATCHER).post("/api/v1/outages", json=NEW).json()["id"]
    drain(town)
    return name


@pytest.fixture
def browser(town: Database, outage: str) -> TestClient:
    """That of a dispatcher who is signed in."""
    desk = Desk.of(town)
    member, _ = desk.member("dana", Role.DISPATCHER)
    return desk.browser(desk.session(member))


def post(browser: TestClient, path: str, **fields: str) -> Any:  # noqa: ANN401  # httpx2's answer
    return browser.post(path, data=csrf(browser) | fields)


def text(answer: Any) -> str:  # noqa: ANN401  # httpx2's answer
    return html.unescape(answer.text)


def token(shown: str) -> str:
    (found,) = re.findall(r'class="secret">\S+/crew/([\w-]{43})<', shown)
    return str(found)


def propose(db: Database, word: crew_words.Word) -> None:
    """What a crew says that it may not do by itself."""
    with db.write() as conn:
        link = crew_links.get(conn, 1)
        now = business_now(conn)
        assert crew_words.say(conn, link, word, observed_at=now, limits=NOBODY) is Outcome.ASKED


def test_a_link_is_made_shown_once_and_revoked(
    town: Database, browser: TestClient, outage: str
) -> None:
    assert "There are none." in text(browser.get("/crews"))
    made = post(browser, "/crews", outage=outage, label=" truck  7 ", hours="12")
    words = token(text(made))
    assert 'class="square"' in made.text
    with town.read() as conn:
        link = crew_links.of_token(conn, words)
        assert link is not None
        assert (link.label, link.outage_id) == ("truck 7", outage)
        assert link.until - link.made_at == timedelta(hours=12)
    shown = text(browser.get("/crews"))
    assert "truck 7" in shown
    assert words not in shown
    for _ in range(2):
        assert post(browser, "/crews/1/revoke").headers["location"] == "/crews"
    with town.read() as conn:
        assert crew_links.of_token(conn, words) is None
        log = [(row.action, row.about) for row in conn.execute(t.audit.select())]
        details = " ".join(str(row.detail) for row in conn.execute(t.audit.select()))
    assert ("crew link", outage) in log
    assert ("crew revoke", outage) in log
    assert words not in details
    assert "There are none." in text(browser.get("/crews"))


def test_what_cannot_be_a_link_gets_a_sentence(
    town: Database, browser: TestClient, outage: str
) -> None:
    for fields in (
        {"outage": "O-AAAAA", "label": "", "hours": "4"},
        {"outage": outage, "label": "", "hours": "0"},
        {"outage": outage, "label": "", "hours": "9999"},
        {"outage": outage, "label": "", "hours": "٤"},
        {"outage": outage, "label": "x" * 41, "hours": "4"},
        {"outage": outage, "label": "a\x00b", "hours": "4"},
    ):
        answer = post(browser, "/crews", **fields)
        assert HTTPStatus.BAD_REQUEST <= answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
        assert 'role="alert"' in answer.text or "<h1>" in answer.text
    assert post(browser, "/crews/99/revoke").status_code == HTTPStatus.NOT_FOUND
    with town.read() as conn:
        assert crew_links.every(conn, limit=9) == []
        with pytest.raises(UnknownLinkError):
            crew_links.get(conn, 1)


def test_a_dispatcher_decides_what_a_crew_proposes(
    town: Database, browser: TestClient, outage: str
) -> None:
    post(browser, "/crews", outage=outage, label="truck-7", hours="4")
    with town.read() as conn:
        latest = business_now(conn) + timedelta(hours=3)
    propose(town, crew_words.Estimate(latest=latest))
    propose(town, crew_words.Back())
    shown = text(browser.get("/crews"))
    assert "back by" in shown
    assert "all is back" in shown
    assert post(browser, "/crews/proposals/1", do="dance").status_code == 422
    assert post(browser, "/crews/proposals/9", do="agree").status_code == 422
    assert post(browser, "/crews/proposals/1", do="refuse").status_code == HTTPStatus.SEE_OTHER
    again = post(browser, "/crews/proposals/1", do="agree")
    assert again.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "decided" in text(again)
    assert post(browser, "/crews/proposals/2", do="agree").status_code == HTTPStatus.SEE_OTHER
    drain(town)
    with town.read() as conn:
        now = register.load(conn, outage)
        actions = [row.action for row in conn.execute(t.audit.select())]
    assert now.etr is None
    assert now.status is Status.RESTORED
    assert actions[-2:] == ["crew refuse", "crew agree"]
    assert "Nothing waits." in text(browser.get("/crews"))


def test_the_api_shows_a_link_once_even_to_the_same_request(
    town: Database, client: Client, outage: str
) -> None:
    dispatcher = client(Role.DISPATCHER)
    path, key = f"/api/v1/outages/{outage}/crew-links", {"Idempotency-Key": "one-and-the-same"}
    made = dispatcher.post(path, json={"label": "truck-7"}, headers=key)
    assert made.status_code == HTTPStatus.OK, made.text
    words = made.json()["link"].rpartition("/")[2]
    with town.read() as conn:
        link = crew_links.of_token(conn, words)
        assert link is not None
        assert link.until - link.made_at == timedelta(hours=24)
        kept = str([tuple(row) for row in conn.execute(t.idempotency.select())])
    assert words not in kept
    again = dispatcher.post(path, json={"label": "truck-7"}, headers=key)
    assert (again.status_code, again.json()["link"]) == (HTTPStatus.OK, "")
    (listed,) = dispatcher.get("/api/v1/crew-links").json()["links"]
    assert (listed["outage"], listed["label"], listed["revoked_at"]) == (outage, "truck-7", None)
    gone = dispatcher.post(f"{path}/1/revoke", json={})
    assert gone.json()["revoked_at"] is not None
    for bad in ({"hours": 0}, {"hours": 400}, {"label": "x" * 41}, {"token": "mine"}):
        assert dispatcher.post(path, json=bad).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    other = dispatcher.post("/api/v1/outages", json=NEW).json()["id"]
    for wrong in (f"{path}/9/revoke", f"/api/v1/outages/{other}/crew-links/1/revoke"):
        assert dispatcher.post(wrong, json={}).status_code == HTTPStatus.NOT_FOUND
    dispatcher.post(f"/api/v1/outages/{outage}/cancel", json={})
    assert dispatcher.post(path, json={}).status_code == HTTPStatus.CONFLICT
    # A feed's token can be revoked, and a link that it had made would go on.
    for role in (Role.CREW, Role.FEED):
        assert client(role).get("/api/v1/crew-links").status_code == HTTPStatus.FORBIDDEN
        assert client(role).post(path, json={}).status_code == HTTPStatus.FORBIDDEN


def test_a_session_of_the_staff_is_no_crew_s(browser: TestClient) -> None:
    assert COOKIE != "__Host-crew"
    assert browser.get("/crew").status_code == HTTPStatus.NOT_FOUND
