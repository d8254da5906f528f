"""The board lists what is open by urgency, and what waits for somebody."""

import html
import re
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from starlette.testclient import TestClient

from console import medical
from outage import commands as c
from outage import desk, register, sessions
from outage import tables as t
from outage.clock import business_now
from outage.columns import EPOCH
from outage.database import Database
from outage.model import Actor, Status
from outage.rights import Role
from tests.unit.console.conftest import NEW, Client
from tests.unit.console.staffed import Desk, csrf
from tests.unit.outage.town import DISPATCHER, declare
from tests.unit.workers.desk import drain


@pytest.fixture
def console(town: Database) -> Desk:
    return Desk.of(town)


def browser(console: Desk, role: Role = Role.DISPATCHER) -> TestClient:
    member, _ = console.member(f"the-{role}", role)
    return console.browser(console.session(member))


def shown(tab: TestClient, path: str = "/") -> str:
    answer = tab.get(path)
    assert answer.status_code == HTTPStatus.OK, answer.text
    return html.unescape(answer.text)


def listed(page: str) -> list[str]:
    """Ids of the rows, in their order."""
    return re.findall(r'<th scope="row"><a href="/outages/(O-\w+)"', page)


def reported(db: Database, name: str, **facts: Any) -> None:  # noqa: ANN401  # columns
    with db.write() as conn:
        conn.execute(t.outages.update().where(t.outages.c.id == name).values(**facts))


def test_an_empty_board_says_so(console: Desk) -> None:
    page = shown(browser(console))
    assert "There is no open outage." in page
    assert "<strong>0</strong> open outages" in page
    assert "Waits for you" not in page
    assert "Danger" not in page


def test_people_and_medical_customers_who_are_out_are_counted(
    town: Database, client: Client, console: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(medical, "GOOD_FOR_S", 0)
    with town.write() as conn:
        conn.execute(t.accounts.update().where(t.accounts.c.key.in_([2, 8])).values(medical=True))
    name = client(Role.DISPATCHER).post("/api/v1/outages", json=NEW).json()["id"]
    drain(town)
    page = shown(browser(console))
    assert listed(page) == [name]
    assert "<strong>5</strong> customers out" in page
    assert "<strong>1</strong> of them medical" in page
    assert "Elm Street" in page
    others = shown(browser(console, Role.VIEWER))
    assert "<strong>5</strong> customers out" in others
    assert "medical" not in others.lower()
    with town.write() as conn:
        desk.restore(conn, name, actor=DISPATCHER)
    drain(town)
    tab = browser(console, Role.SUPERVISOR)
    assert listed(shown(tab)) == []
    assert listed(shown(tab, "/?show=over")) == [name]
    assert "<strong>0</strong> of them medical" in shown(tab)


def test_what_is_late_stands_before_what_is_large(town: Database, console: Desk) -> None:
    with town.read() as conn:
        now = business_now(conn)
    small, large, near, plain = (declare(town, place=f"{n} Town").id for n in range(4))
    minute = timedelta(minutes=1)
    reported(town, large, reported_customers=9_000)
    reported(town, small, reported_customers=3, next_update_by=now - minute)
    reported(
        town, near, etr_version=1, etr_latest=now + 9 * minute, etr_published=True, etr_count=1
    )
    reported(town, plain, reported_customers=4)
    tab = browser(console)
    page = shown(tab)
    assert listed(page) == [small, near, large, plain]
    assert "<strong>1</strong> promise passed" in page
    assert "<strong>1</strong> due within half an hour" in page
    assert listed(shown(tab, "/?by=people"))[:2] == [large, plain]
    assert listed(shown(tab, "/?by=etr"))[0] == near
    assert listed(shown(tab, "/?by=update"))[0] == small
    assert listed(shown(tab, "/?q=3+town")) == [plain]
    assert "None is like that." in shown(tab, "/?q=100%25")
    assert tab.get(f"/?q={large.lower()}").headers["location"] == f"/outages/{large}"
    for wrong in ("by=x", "page=0", "page=x", "page=" + "9" * 40, "q=" + "x" * 99, "q=%00"):
        assert tab.get(f"/?{wrong}").status_code == HTTPStatus.BAD_REQUEST, wrong


def test_a_long_list_comes_in_pages(town: Database, console: Desk) -> None:
    names = {declare(town).id for _ in range(53)}
    tab = browser(console)
    first, second = listed(shown(tab)), listed(shown(tab, "/?page=2"))
    assert (len(first), len(second)) == (50, 3)
    assert {*first, *second} == names
    assert "There are no more." in shown(tab, "/?page=3")


def test_what_waits_for_a_dispatcher_is_shown_to_one(
    town: Database, client: Client, console: Desk
) -> None:
    crew = client(Role.CREW)
    predicted = declare(town, predicted=True, place="Mill Lane").id
    real = declare(town).id
    words = {"public_message": "A <b>pole</b> is broken."}
    assert crew.post(f"/api/v1/outages/{real}/updates", json=words).status_code == HTTPStatus.OK
    with town.write() as conn:
        now = business_now(conn)
        report = {
            "once": "a",
            "wrong": "hazard",
            "service": "electric",
            "premise_key": 1,
            "danger": "wire",
            "note": "It <i>sparks</i>",
            "callback": "+15125550101",
            "at": now,
        }
        conn.execute(t.public_reports.insert().values(**report))
        reply = {
            "provider": "twilio",
            "provider_id": "SM1",
            "address": "+15125550102",
            "body": "gas smell",
            "received_at": now,
            "intent": "danger",
            "applied_at": now,
            "for_staff": True,
        }
        conn.execute(t.replies.insert().values(**reply))
        conn.execute(
            t.approvals.insert().values(
                number=7,
                outage_key=1,
                messages=50_000,
                asked_by="cli:anna",
                asked_at=EPOCH,
                state="waiting",
            )
        )
    raw = browser(console, Role.ADMIN).get("/").text
    assert "<b>pole</b>" not in raw
    assert "<i>sparks</i>" not in raw
    tab = browser(console)
    page = shown(tab)
    assert page.index("Danger is reported") < page.index("Waits for you") < page.index(real)
    for said in ("gas smell", "Call back: +15125550101", "50,000 messages", "Mill Lane", predicted):
        assert said in page
    others = shown(browser(console, Role.VIEWER))
    for kept in ("gas smell", "+1512", "A <b>pole</b>", "Waits for you", "Stop all sending"):
        assert kept not in others
    assert tab.post("/replies/1/seen", data=csrf(tab)).headers["location"] == "/"
    assert "gas smell" not in shown(tab)
    with town.read() as conn:
        (row,) = conn.execute(t.replies.select()).all()
        last = conn.execute(t.audit.select().order_by(t.audit.c.number.desc())).first()
    assert row.handled_by.startswith("staff:")
    assert last is not None
    assert (last.action, last.about) == ("reply seen", "reply:1")


def test_sending_is_stopped_with_a_reason_and_goes_on(town: Database, console: Desk) -> None:
    tab = browser(console)
    answer = tab.post("/sending/stop", data=csrf(tab) | {"why": " "})
    assert answer.status_code == HTTPStatus.CONFLICT
    assert 'role="alert"' in answer.text
    assert tab.post("/sending/stop", data=csrf(tab) | {"why": "wrong texts"}).status_code == 303
    page = shown(tab)
    assert "Sending is stopped" in page
    assert "the-dispatcher" in page
    assert "wrong texts" in page
    with town.write() as conn:
        conn.execute(t.sessions.update().values(fresh_at=EPOCH))
    again = tab.post("/sending/resume", data=csrf(tab))
    assert again.headers["location"] == "/again?to=sending"
    with town.write() as conn:
        member = conn.execute(t.sessions.select()).first()
        assert member is not None
        sessions.refresh(conn, member.key)
    assert tab.post("/sending/resume", data=csrf(tab)).headers["location"] == "/"
    assert "Sending is stopped" not in shown(tab)


def test_feeds_that_are_silent_are_named(town: Database, console: Desk) -> None:
    with town.write() as conn:
        now = business_now(conn)
        for source, at in (("fresh", now), ("stale", now - timedelta(hours=2)), ("new", None)):
            conn.execute(t.feeds.insert().values(source=source, mapping="m", last_good_at=at))
    page = shown(browser(console))
    assert 'class="wrong">Feed stale: last good list 2 h ago' in page
    assert 'class="wrong">Feed new: no good list yet' in page
    assert "<p>Feed fresh" in page


def test_a_page_that_looks_by_itself_keeps_no_session_alive(town: Database, console: Desk) -> None:
    tab = browser(console)
    with town.write() as conn:
        long_ago = business_now(conn) - timedelta(minutes=30)
        conn.execute(t.sessions.update().values(seen_at=long_ago))
    assert "open outage" in shown(tab, "/now")
    with town.read() as conn:
        (row,) = conn.execute(t.sessions.select()).all()
    assert row.seen_at == long_ago
    shown(tab)
    with town.read() as conn:
        (row,) = conn.execute(t.sessions.select()).all()
    assert row.seen_at > long_ago


def test_a_predicted_outage_interrupts_nobody(town: Database, console: Desk) -> None:
    name = declare(town, predicted=True).id
    reported(town, name, reported_customers=70)
    page = shown(browser(console))
    assert listed(page) == [name]
    assert "<strong>0</strong> customers out" in page
    with town.write() as conn:
        desk.confirm(conn, name, actor=Actor(kind="staff", name="1"))
        assert register.load(conn, name).status is Status.CONFIRMED
        desk.revise(conn, name, c.Revise(place="Oak Street"), actor=DISPATCHER)
    assert "<strong>70</strong> customers out" in shown(browser(console, Role.ADMIN))
