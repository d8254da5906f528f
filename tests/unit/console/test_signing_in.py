"""Signing in, what keeps guessers out, sessions that end, and what is said when it is not right."""

import logging
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from console import visits
from console.access import COOKIE
from outage import audit, passwords, sessions, signing_in, staff
from outage import tables as t
from outage.database import wall_now
from outage.errors import LastAdminError
from outage.passwords import STEP_S
from outage.rights import Role
from tests.migrated import migrated
from tests.unit.console.staffed import PASSWORD, Desk, csrf


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    db = migrated(tmp_path / "outage.db")
    yield Desk.of(db)
    db.close()


def code(desk: Desk, name: str, secret: str) -> str:
    """The authenticator's next code: as if the last one had been used a while ago."""
    with desk.db.write() as conn:
        s = t.staff
        conn.execute(s.update().where(s.c.name == name).values(totp_step=0))
    return pyotp.TOTP(secret).now()


def sign_in(browser: TestClient, name: str, words: str, given: str) -> int:
    form = {"name": name, "password": words, "code": given}
    return browser.post("/sign-in", data=form).status_code


def actions(desk: Desk) -> list[str]:
    with desk.db.read() as conn:
        return [each.action for each in reversed(audit.newest(conn))]


def test_a_link_lets_somebody_in_once_and_what_they_set_lets_them_in_again(desk: Desk) -> None:
    browser, secret = desk.arrive("ann", Role.ADMIN)
    assert "Staff" in browser.get("/").text
    with desk.db.read() as conn:
        (link,) = conn.execute(sa.select(t.staff_links.c.used_at)).scalars()
    assert link is not None
    other = desk.browser()
    assert sign_in(other, "Ann ", PASSWORD, code(desk, "ann", secret)) == 303
    assert "ann (admin)" in other.get("/").text
    assert actions(desk) == ["open link", "use link", "sign in"]
    cookie = next(c for c in other.cookies.jar if c.name == COOKIE)
    assert cookie.secure
    assert cookie.path == "/"
    assert not cookie.domain_specified
    assert cookie.has_nonstandard_attr("HttpOnly")
    with desk.db.read() as conn:
        assert str(cookie.value) not in str(conn.execute(t.sessions.select()).all())
        assert PASSWORD not in str(conn.execute(t.staff.select()).all())


def test_a_link_that_is_used_replaced_old_or_made_up_opens_nothing(desk: Desk) -> None:
    member, first = desk.member("ann", Role.VIEWER)
    assert "opened before" not in desk.browser().get(f"/welcome/{first}").text
    assert "opened before, at" in desk.browser().get(f"/welcome/{first}").text
    assert actions(desk) == ["open link"]
    with desk.db.read() as conn:
        opened = staff.welcome(conn, first)
    assert opened is not None
    with desk.db.write() as conn:
        second = staff.link(conn, member.key)
    assert desk.browser().get(f"/welcome/{first}").status_code == 410
    assert desk.browser().get("/welcome/made-up").status_code == 410
    assert desk.browser().get(f"/welcome/{second}").status_code == 200
    with desk.db.write() as conn:
        # Two who used it at the same moment: the second has read it before the first was done.
        assert staff.settle(conn, opened, password_hash="x", step=1) is None
        assert staff.named(conn, "ann").ready is False
        secrets = conn.execute(sa.select(t.staff_links.c.totp_secret)).scalars().all()
    assert secrets[0] == ""
    assert secrets[1] != ""
    with desk.db.write() as conn:
        conn.execute(t.staff_links.update().values(until=wall_now(conn)))
    assert desk.browser().get(f"/welcome/{second}").status_code == 410


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("short", "short", "12 to 200"),
        ("ann and some more words", "ann and some more words", "Leave your name out"),
        ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "few different"),
        (PASSWORD, "another", "differ"),
        (PASSWORD, PASSWORD, "code is not right"),
    ],
)
def test_what_will_not_do_is_said_and_the_link_still_opens(
    desk: Desk, password: str, again: str, said: str
) -> None:
    _, words = desk.member("ann", Role.VIEWER)
    form = {"password": password, "password_again": again, "code": "000000"}
    answer = desk.browser().post(f"/welcome/{words}", data=form)
    assert answer.status_code == 422
    assert said in answer.text
    assert desk.browser().get(f"/welcome/{words}").status_code == 200


def test_whoever_is_refused_does_not_learn_what_was_wrong(desk: Desk) -> None:
    _, secret = desk.arrive("ann", Role.VIEWER)
    now = pyotp.TOTP(secret).now()
    answers = {
        desk.browser().post("/sign-in", data=form).text
        for form in (
            {"name": "nobody", "password": PASSWORD, "code": now},
            {"name": "ann", "password": "not the password", "code": now},
            {"name": "ann", "password": PASSWORD, "code": "000000"},
            {"name": "ann", "password": PASSWORD, "code": now},  # used by the link
            {},
        )
    }
    assert len(answers) == 1
    assert "That was not right" in answers.pop()


def test_a_code_and_a_recovery_code_count_once(desk: Desk) -> None:
    browser, secret = desk.arrive("ann", Role.VIEWER)
    now = code(desk, "ann", secret)
    assert sign_in(desk.browser(), "ann", PASSWORD, now) == 303
    assert sign_in(desk.browser(), "ann", PASSWORD, now) == 403
    page = browser.post("/me/codes", data=csrf(browser)).text
    recovery = re.findall(r"<li>([A-Z2-9-]{19})</li>", page)
    assert len(recovery) == 10
    assert sign_in(desk.browser(), "ann", PASSWORD, recovery[0].lower()) == 303
    assert sign_in(desk.browser(), "ann", PASSWORD, recovery[0]) == 403
    assert "9 of yours are left" in browser.get("/me").text


def test_a_guesser_is_stopped_and_keeps_the_owner_out_of_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_in, "PER_NAME", 3)
    browser, secret = desk.arrive("ann", Role.ADMIN)
    guesser = desk.browser()
    assert [sign_in(guesser, "ann", "wrong", "1") for _ in range(5)] == [403, 403, 403, 429, 429]
    right = code(desk, "ann", secret)
    assert sign_in(guesser, "ann", PASSWORD, right) == 429
    browser.cookies.delete(COOKIE)
    assert sign_in(browser, "ann", PASSWORD, right) == 303
    with desk.db.write() as conn:
        later = t.sign_in_tries.c.at - int(signing_in.WITHIN.total_seconds() * 1000)
        conn.execute(t.sign_in_tries.update().values(at=later))
    assert sign_in(guesser, "ann", PASSWORD, code(desk, "ann", secret)) == 303
    with desk.db.write() as conn:
        assert signing_in.sweep(conn, 100) == 3


def test_a_flood_at_the_door_keeps_nobody_inside_from_working(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, secret = desk.arrive("ann", Role.ADMIN)
    form = csrf(browser) | {"password": PASSWORD, "code": code(desk, "ann", secret), "to": "me"}
    monkeypatch.setattr(visits, "WAITING", 4)
    fits, open_ = passwords.fits, threading.Event()

    def slow(given: str, kept: str | None) -> bool:
        return (given == PASSWORD or open_.wait(20)) and fits(given, kept)

    monkeypatch.setattr(passwords, "fits", slow)
    with TestClient(desk.app, base_url="https://testserver") as door, ThreadPoolExecutor(8) as many:
        door.headers["user-agent"] = "a stranger"
        wrong = {"name": "eve", "password": "wrong", "code": "1"}
        try:
            flood = [many.submit(door.post, "/sign-in", data=wrong) for _ in range(8)]
            doors = desk.app.state.doors
            while doors.strangers.statistics().tasks_waiting < 4:
                time.sleep(0.01)
            assert door.post("/sign-in", data=wrong).status_code == 503
            door.cookies = browser.cookies
            began = time.monotonic()
            assert door.get("/").status_code == 200
            again = door.post("/again", data=form, follow_redirects=False)
            took_s = time.monotonic() - began
            assert again.headers["location"] == "/me"
            assert not any(one.done() for one in flood)
            assert took_s < 10
        finally:
            open_.set()
        assert {one.result().status_code for one in flood} == {403}


def test_an_address_is_stopped_whatever_names_it_tries(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_in, "PER_ADDRESS", 3)
    guesser = desk.browser()
    tries = [sign_in(guesser, f"name-{n}", "wrong", "1") for n in range(4)]
    assert tries == [403, 403, 403, 429]


def test_a_known_browser_is_bounded_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_in, "PER_BROWSER", 2)
    browser, _ = desk.arrive("ann", Role.ADMIN)
    assert [sign_in(browser, "ann", "wrong", "1") for _ in range(3)] == [403, 403, 429]


def test_sessions_end_idle_at_the_latest_and_when_revoked(desk: Desk) -> None:
    browser, _ = desk.arrive("ann", Role.VIEWER)
    words = browser.cookies[COOKIE]
    for column, gone in (("seen_at", sessions.IDLE), ("until", timedelta(0))):
        with desk.db.write() as conn:
            conn.execute(t.sessions.update().values({column: wall_now(conn) - gone}))
            assert sessions.find(conn, words) is None
            now = wall_now(conn)
            conn.execute(t.sessions.update().values(seen_at=now, until=now + sessions.MOST))
            assert sessions.find(conn, words) is not None
    second = desk.browser(desk.session(staff_of(desk, "ann")))
    assert second.get("/").status_code == 200
    assert browser.post("/me/sessions/end", data=csrf(browser)).status_code == 303
    assert second.get("/").headers["location"] == "/sign-in"
    assert browser.get("/").status_code == 200
    assert browser.post("/sign-out", data=csrf(browser)).status_code == 303
    assert desk.browser(words).get("/").headers["location"] == "/sign-in"


def test_nobody_ends_the_session_of_somebody_else(desk: Desk) -> None:
    ann, _ = desk.arrive("ann", Role.VIEWER)
    bob, _ = desk.arrive("bob", Role.VIEWER)
    with desk.db.read() as conn:
        (theirs,) = sessions.of(conn, staff_of(desk, "bob"))
    ann.post(f"/me/sessions/{theirs.key}/end", data=csrf(ann))
    assert bob.get("/").status_code == 200


def test_another_password_ends_every_other_session(desk: Desk) -> None:
    browser, secret = desk.arrive("ann", Role.VIEWER)
    second = desk.browser(desk.session(staff_of(desk, "ann")))
    new = "five other words than before"
    form = csrf(browser) | {"old": PASSWORD, "password": new, "password_again": new}
    assert browser.post("/me/password", data=form | {"old": "wrong"}).status_code == 422
    assert second.get("/").status_code == 200
    assert browser.post("/me/password", data=form).status_code == 303
    assert second.get("/").headers["location"] == "/sign-in"
    assert browser.get("/").status_code == 200
    assert sign_in(desk.browser(), "ann", PASSWORD, code(desk, "ann", secret)) == 403
    assert sign_in(desk.browser(), "ann", new, code(desk, "ann", secret)) == 303


def test_who_is_disabled_is_out_at_once_and_the_last_admin_stays(desk: Desk) -> None:
    admin, _ = desk.arrive("ann", Role.ADMIN)
    viewer, secret = desk.arrive("bob", Role.VIEWER)
    bob, ann = staff_of(desk, "bob"), staff_of(desk, "ann")
    assert admin.post(f"/staff/{bob.key}/disable", data=csrf(admin)).status_code == 303
    assert viewer.get("/").headers["location"] == "/sign-in"
    assert sign_in(desk.browser(), "bob", PASSWORD, code(desk, "bob", secret)) == 403
    refused = admin.post(f"/staff/{ann.key}/disable", data=csrf(admin))
    assert refused.status_code == 422
    assert "last administrator" in refused.text
    refused = admin.post(f"/staff/{ann.key}/role", data=csrf(admin) | {"role": "viewer"})
    assert "last administrator" in refused.text
    assert admin.post(f"/staff/{bob.key}/enable", data=csrf(admin)).status_code == 303
    assert sign_in(desk.browser(), "bob", PASSWORD, code(desk, "bob", secret)) == 303


def test_another_role_counts_from_the_next_request_on(desk: Desk) -> None:
    admin, _ = desk.arrive("ann", Role.ADMIN)
    viewer, _ = desk.arrive("bob", Role.VIEWER)
    assert viewer.get("/sends").status_code == 403
    form = csrf(admin) | {"role": "dispatcher"}
    admin.post(f"/staff/{staff_of(desk, 'bob').key}/role", data=form)
    assert viewer.get("/sends").status_code == 200


def test_what_is_grave_asks_for_password_and_code_again(desk: Desk) -> None:
    browser, secret = desk.arrive("ann", Role.ADMIN)
    with desk.db.write() as conn:
        conn.execute(t.sessions.update().values(fresh_at=wall_now(conn) - sessions.FRESH))
    form = csrf(browser) | {"name": "bob", "role": "viewer"}
    answer = browser.post("/staff", data=form)
    assert answer.headers["location"] == "/again?to=staff"
    with desk.db.read() as conn:
        assert len(staff.every(conn)) == 1
    proof = csrf(browser) | {"to": "staff", "password": PASSWORD}
    assert browser.post("/again", data=proof | {"code": "000000"}).status_code == 403
    again = browser.post("/again", data=proof | {"code": code(desk, "ann", secret)})
    assert again.headers["location"] == "/staff"
    assert "A link for bob" in browser.post("/staff", data=form).text
    assert actions(desk)[-2:] == ["sign in again", "user add"]


def test_a_large_send_is_let_go_by_the_api_only_after_a_fresh_proof(desk: Desk) -> None:
    browser, _ = desk.arrive("ann", Role.DISPATCHER)
    header = {"x-csrf-token": csrf(browser)["csrf"]}
    send = "/api/v1/approvals/7/approve"
    assert browser.post(send, json={}, headers=header).status_code == 404
    with desk.db.write() as conn:
        conn.execute(t.sessions.update().values(fresh_at=wall_now(conn) - sessions.FRESH))
    refused = browser.post(send, json={}, headers=header)
    assert refused.status_code == 403
    assert "password and code again" in refused.json()["detail"]


def test_a_session_that_is_used_goes_on(desk: Desk) -> None:
    browser, _ = desk.arrive("ann", Role.VIEWER)
    before = sessions.IDLE - timedelta(minutes=1)
    with desk.db.write() as conn:
        conn.execute(t.sessions.update().values(seen_at=wall_now(conn) - before))
    assert browser.get("/").status_code == 200
    with desk.db.read() as conn:
        (session,) = sessions.of(conn, staff_of(desk, "ann"))
    assert session.now - session.seen_at < sessions.NOTED


def test_the_sealed_account_is_loud(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with desk.db.write() as conn:
        before, found = staff.first(conn), staff.first(conn)
        assert before is not None
        assert found is not None
        assert staff.welcome(conn, before[1]) is None
        words = found[1]
        opened = staff.welcome(conn, words)
        assert opened is not None
    now = pyotp.TOTP(opened.totp_secret).now()
    form = {"password": PASSWORD, "password_again": PASSWORD, "code": now}
    with caplog.at_level(logging.ERROR):
        assert desk.browser().post(f"/welcome/{words}", data=form).status_code == 200
    assert "sealed account admin was used" in caplog.text
    with desk.db.write() as conn:
        assert audit.newest(conn)[0].detail == {"sealed": True}
        assert staff.first(conn) is None


def test_a_token_is_shown_once_and_revoked(desk: Desk) -> None:
    admin, _ = desk.arrive("ann", Role.ADMIN)
    form = csrf(admin) | {"name": "truck-7", "role": "crew", "days": "30"}
    found = re.search(r'class="secret">(outage_[\w-]+)<', admin.post("/tokens", data=form).text)
    assert found
    machine = TestClient(desk.app, headers={"Authorization": f"Bearer {found[1]}"})
    assert machine.get("/api/v1/outages").status_code == 200
    assert found[1] not in admin.get("/tokens").text
    assert admin.post("/tokens/1/revoke", data=csrf(admin)).status_code == 303
    assert machine.get("/api/v1/outages").status_code == 401
    assert actions(desk)[-2:] == ["token add", "token revoke"]
    page = admin.get("/audit").text
    assert "token revoke" in page
    assert "ann" in page


@pytest.mark.parametrize(
    "form",
    [
        {"name": "x", "role": "admin", "days": "1"},
        {"name": "x", "role": "crew", "days": "0"},
        {"name": " ", "role": "crew", "days": "1"},
        {"name": "x" * 81, "role": "crew", "days": "1"},
        {"name": "x\n", "role": "crew", "days": "1"},
    ],
)
def test_a_bad_form_is_refused_with_a_sentence(desk: Desk, form: dict[str, str]) -> None:
    admin, _ = desk.arrive("ann", Role.ADMIN)
    answer = admin.post("/tokens", data=csrf(admin) | form)
    assert answer.status_code == 422
    assert "The form cannot be used" in answer.text
    with desk.db.read() as conn:
        assert conn.execute(sa.select(t.tokens.c.key)).first() is None


def test_names_with_script_in_them_are_no_names_and_are_shown_harmless(desk: Desk) -> None:
    admin, _ = desk.arrive("ann", Role.ADMIN)
    form = csrf(admin) | {"name": "<script>alert(1)</script>", "role": "crew", "days": "1"}
    assert "<script>" not in admin.post("/tokens", data=form).text
    assert "&lt;script&gt;" in admin.get("/tokens").text
    form = csrf(admin) | {"name": "<script>", "role": "viewer"}
    assert admin.post("/staff", data=form).status_code == 422


def test_every_page_is_strict_and_kept_nowhere(desk: Desk) -> None:
    browser, _ = desk.arrive("ann", Role.ADMIN)
    still = ["/sign-in", "/start", "/me", "/staff", "/tokens", "/audit", "/sends", "/again", "/no"]
    # Two keep themselves up to date, or draw: by scripts of ours that are files, and no others.
    moving = ["/", "/declare"]
    for path in [*still, *moving]:
        answer = browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store", path
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        if path in still:
            assert "script-src" not in policy, path
            assert "<script" not in answer.text, path
        else:
            assert "script-src 'self';" in policy, path
            scripts = re.findall(r"<script([^>]*)>([^<]*)", answer.text)
            assert scripts, path
            assert all('src="/' in told and not inline for told, inline in scripts), path
        assert " style=" not in answer.text
        assert "http://" not in answer.text.replace("http://www.w3.org", "")


def staff_of(desk: Desk, name: str) -> staff.Member:
    with desk.db.read() as conn:
        return staff.named(conn, name)


def test_a_code_is_good_for_a_step_either_way_and_no_more() -> None:
    from outage import passwords

    secret, now = passwords.new_totp(), 1_800_000_000
    step, totp = now // STEP_S, pyotp.TOTP(secret)
    for off, right in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        given = totp.at((step + off) * STEP_S)
        assert (passwords.totp_step(secret, given, now, after=None) == step + off) is right
    assert passwords.totp_step(secret, totp.at(now), now, after=step) is None
    assert passwords.totp_step(secret, "١٢٣٤٥٦", now, after=None) is None


def test_tries_at_the_password_of_now_are_counted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_in, "PER_BROWSER", 2)
    browser, _ = desk.arrive("ann", Role.VIEWER)
    new = {"password": "another four words", "password_again": "another four words"}
    for said in ("is not right", "is not right", "too many tries"):
        form = csrf(browser) | new | {"old": "wrong"}
        assert said in browser.post("/me/password", data=form).text
    assert "too many tries" in browser.post("/me/password", data=form | {"old": PASSWORD}).text


def test_a_name_that_comes_to_wait_is_in_the_log_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(signing_in, "PER_NAME", 2)
    desk.member("ann", Role.VIEWER)
    with caplog.at_level(logging.WARNING, "outage.signing_in"):
        tries = [sign_in(desk.browser(), "ann", "wrong", "1") for _ in range(4)]
    assert tries == [403, 403, 429, 429]
    (said,) = caplog.records
    assert "staff:1" in said.getMessage()
    assert "ann" not in said.getMessage()


def test_where_no_session_would_be_kept_it_is_said_before_a_link_is_used(desk: Desk) -> None:
    _, words = desk.member("ann", Role.VIEWER)
    browser = TestClient(desk.app, base_url="http://desk.example.org", follow_redirects=False)
    origin = {"origin": "http://desk.example.org"}
    for path in ("/sign-in", f"/welcome/{words}"):
        for answer in (browser.get(path), browser.post(path, data={}, headers=origin)):
            assert answer.status_code == 403
            assert "over https only" in answer.text
    assert actions(desk) == []
    near = TestClient(desk.app, base_url="http://127.0.0.1:8001")
    assert near.get("/sign-in").status_code == 200
    assert near.get("/sign-in", headers={"host": "["}).status_code < 500


def test_a_proxy_that_names_another_host_keeps_nobody_out(desk: Desk) -> None:
    browser, _ = desk.arrive("ann", Role.VIEWER)
    console = desk.app.state.settings.console
    wanted = {console: 303, console.replace("http", "https"): 403, "http://[": 403}
    for origin, status in wanted.items():
        form, headers = csrf(browser), {"origin": origin}
        assert browser.post("/me/sessions/end", data=form, headers=headers).status_code == status


def test_who_signs_in_again_leaves_no_session_behind(desk: Desk) -> None:
    browser, secret = desk.arrive("ann", Role.VIEWER)
    before = browser.cookies[COOKIE]
    assert sign_in(browser, "ann", PASSWORD, code(desk, "ann", secret)) == 303
    assert desk.browser(before).get("/").headers["location"] == "/sign-in"


def test_the_first_link_is_made_until_an_administrator_comes_and_the_last_password_stays(
    desk: Desk,
) -> None:
    with desk.db.write() as conn:
        viewer = staff.guest(conn, subject="p u-1", name="admin", role=Role.VIEWER)
        found = staff.first(conn)
        assert viewer is not None
        assert found is not None
        assert (found[0].name, found[0].role) == ("admin-2", Role.ADMIN)
        again = staff.first(conn)
        assert again is not None
        assert again[0].key == found[0].key
        staff.guest(conn, subject="p u-1", name="admin", role=Role.ADMIN)
        assert staff.first(conn) is None
        staff.disable(conn, found[0].key)
        with pytest.raises(LastAdminError):
            staff.disable(conn, viewer.key)
    desk.arrive("bob", Role.ADMIN)
    with desk.db.write() as conn:
        with pytest.raises(LastAdminError):
            staff.disable(conn, staff.named(conn, "bob").key)
        staff.disable(conn, viewer.key)
