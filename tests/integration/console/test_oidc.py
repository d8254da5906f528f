"""Signing in through a real identity provider on loopback."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import requests
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from console import oidc
from console.access import COOKIE
from console.app import create_app
from console.guests import COOKIE as UNDER_WAY
from outage import audit, sessions, settings, staff
from outage.errors import GuestError
from outage.site import Site
from tests.integration.console.provider import CLIENT, SECRET, Provider
from tests.migrated import migrated
from tests.unit.console.staffed import Desk, csrf

LOGOUT: dict[str, Any] = {
    "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    "jti": "1",
}


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.end()


@pytest.fixture
def desk(tmp_path: Path, provider: Provider) -> Iterator[Desk]:
    db = migrated(tmp_path / "outage.db")
    told = settings.load(
        {
            "OUTAGE_OIDC_ISSUER": provider.issuer,
            "OUTAGE_OIDC_CLIENT_ID": CLIENT,
            "OUTAGE_OIDC_CLIENT_SECRET": SECRET,
            "OUTAGE_OIDC_ROLES": "it=admin, desk=dispatcher",
        }
    )
    yield Desk(db=db, app=create_app(db, told, Site.neutral()))
    db.close()


def arrive(browser: TestClient, *, anew: bool = False) -> httpx2.Response:
    """Go to the provider and come back, as a browser does."""
    there = browser.get("/oidc/start" + ("?anew=1" if anew else "")).headers["location"]
    back = requests.get(there, allow_redirects=False, timeout=10).headers["location"]
    return browser.get(f"/oidc/back?{back.partition('?')[2]}")


def test_somebody_comes_in_as_what_their_groups_make_them(desk: Desk, provider: Provider) -> None:
    browser = desk.browser()
    assert "Sign in with 127.0.0.1" in browser.get("/sign-in").text
    assert arrive(browser).headers["location"] == "/"
    assert "ann.ray (dispatcher)" in browser.get("/").text
    assert browser.get("/staff").status_code == 403
    provider.person["groups"] = ["desk", "it"]
    again = desk.browser()
    arrive(again)
    assert "ann.ray (admin)" in again.get("/").text
    with desk.db.read() as conn:
        entries = audit.newest(conn)
        assert [each.action for each in entries] == ["sign in", "user role", "sign in"]
        assert (entries[1].actor, entries[1].about) == ("oidc", "staff:1")
        assert entries[1].detail == {"before": "dispatcher", "role": "admin"}
        assert len(staff.every(conn)) == 1


def test_who_has_left_the_group_is_out_and_their_sessions_end(
    desk: Desk, provider: Provider
) -> None:
    browser = desk.browser()
    arrive(browser)
    (session,) = _sessions(desk)
    assert session.until - session.made_at == timedelta(hours=1)
    provider.person["groups"] = ["gardeners"]
    refused = arrive(desk.browser())
    assert refused.status_code == 403
    assert "no group" in refused.text
    assert browser.get("/").headers["location"] == "/sign-in"
    with desk.db.read() as conn:
        assert audit.newest(conn)[0].action == "sign in refused"


def test_an_administrator_can_keep_somebody_out_whom_the_provider_lets_in(desk: Desk) -> None:
    browser = desk.browser()
    arrive(browser)
    with desk.db.write() as conn:
        staff.disable(conn, 1)
    assert browser.get("/").headers["location"] == "/sign-in"
    assert arrive(desk.browser()).status_code == 403


def test_whom_the_provider_vouches_for_gets_no_password_here(desk: Desk) -> None:
    arrive(desk.browser())
    with desk.db.write() as conn, pytest.raises(GuestError):
        staff.link(conn, 1)


def test_the_provider_signs_somebody_out(desk: Desk, provider: Provider) -> None:
    browser, other = desk.browser(), RSAKey.generate_key(2048, {"kid": "one"})
    arrive(browser)
    for words in (
        "made-up",
        provider.signed(sub="u-1"),
        provider.signed(sub="u-1", nonce="x", **LOGOUT),
        provider.signed(sub="u-1", **(LOGOUT | {"aud": "another"})),
        provider.signed(sub="u-1", **(LOGOUT | {"iat": int(time.time()) - 3600})),
        provider.signed(other, sub="u-1", **LOGOUT),
    ):
        answer = desk.browser().post("/oidc/logout", data={"logout_token": words})
        assert answer.status_code == 400
    assert browser.get("/").status_code == 200
    words = provider.signed(sub="u-1", **LOGOUT)
    assert desk.browser().post("/oidc/logout", data={"logout_token": words}).status_code == 200
    assert browser.get("/").headers["location"] == "/sign-in"
    with desk.db.read() as conn:
        assert audit.newest(conn)[0].actor == "oidc"


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": "another"},
        {"aud": "another"},
        {"iss": "https://evil.example"},
        {"exp": 1_700_000_000},
        {"iat": 1_700_000_000},
        {"sub": None},
        {"sub": ["u-1"]},
        {"groups": [{"id": "desk"}]},
        {"auth_time": "now"},
        {"auth_time": 1e30},
    ],
)
def test_what_the_provider_did_not_say_to_us_now_lets_nobody_in(
    desk: Desk, provider: Provider, change: dict[str, object]
) -> None:
    provider.changes = change
    browser = desk.browser()
    assert arrive(browser).status_code == 400
    assert COOKIE not in browser.cookies


def test_a_code_of_another_browser_or_used_before_lets_nobody_in(desk: Desk) -> None:
    victim, attacker = desk.browser(), desk.browser()
    there = attacker.get("/oidc/start").headers["location"]
    back = requests.get(there, allow_redirects=False, timeout=10).headers["location"]
    query = back.partition("?")[2]
    assert victim.get(f"/oidc/back?{query}").status_code == 400
    victim.get("/oidc/start")
    assert victim.get(f"/oidc/back?{query}").status_code == 400
    under_way = attacker.cookies[UNDER_WAY]
    assert attacker.get(f"/oidc/back?{query}").status_code == 303
    attacker.cookies.set(UNDER_WAY, under_way)
    assert attacker.get(f"/oidc/back?{query}").status_code == 400


def test_what_is_grave_needs_a_proof_of_now_from_the_provider(
    desk: Desk, provider: Provider
) -> None:
    provider.person |= {"groups": ["it"], "auth_time": int(time.time()) - 3600}
    browser = desk.browser()
    arrive(browser)
    form = csrf(browser) | {"name": "bob", "role": "viewer"}
    assert browser.post("/staff", data=form).headers["location"] == "/again?to=staff"
    assert "/oidc/start?anew=1" in browser.get("/again?to=staff").text
    there = browser.get("/oidc/start?anew=1").headers["location"]
    assert "prompt=login" in there
    assert "max_age=0" in there
    provider.person["auth_time"] = int(time.time())
    arrive(browser, anew=True)
    assert "A link for bob" in browser.post("/staff", data=form | csrf(browser)).text


def test_while_the_provider_is_away_people_read_a_sentence(desk: Desk, provider: Provider) -> None:
    provider.end()
    answer = desk.browser().get("/oidc/start")
    assert answer.status_code == 503
    assert "sealed account" in answer.text


def test_a_provider_that_is_away_is_not_asked_for_a_while_and_keeps_nobody_from_working(
    desk: Desk, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = desk.browser()
    arrive(browser)
    desk.app.state.provider = oidc.Provider(desk.app.state.settings)
    provider.about_waits = threading.Event()
    with desk.browser(browser.cookies[COOKIE]) as tab, ThreadPoolExecutor(8) as clicks:
        waiting = [clicks.submit(tab.get, "/oidc/start") for _ in range(8)]
        while desk.app.state.doors.provider.statistics().tasks_waiting < 4:
            time.sleep(0.01)
        assert tab.get("/").status_code == 200
        assert not any(one.done() for one in waiting)
        provider.broken = True
        provider.about_waits.set()
        assert {one.result().status_code for one in waiting} == {503}
    assert provider.asked == 2
    provider.broken = False
    assert desk.browser().get("/oidc/start").status_code == 503
    monkeypatch.setattr(oidc, "AGAIN_S", 0)
    assert desk.browser().get("/oidc/start").status_code == 303


def test_a_new_key_of_the_provider_is_fetched_once_it_signs_with_it(
    desk: Desk, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "AGAIN_S", 0)
    arrive(desk.browser())
    provider.key = RSAKey.generate_key(2048, {"kid": "two", "use": "sig", "alg": "RS256"})
    assert arrive(desk.browser()).status_code == 303


def _sessions(desk: Desk) -> list[sessions.Session]:
    with desk.db.read() as conn:
        return sessions.of(conn, staff.get(conn, 1))
