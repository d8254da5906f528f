"""A crew's link and its page over a small utility that gis really counts, on both databases."""

import html
import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from console.access import COOKIE as STAFFS
from counter.app import create_app
from counter.crew.asking import LONGEST_NOTE
from counter.crew.routes import COOKIE
from outage import audit, clock, crew_links, crew_proposals, desk, register, sessions, summary
from outage import commands as c
from outage import tables as t
from outage.columns import EPOCH
from outage.database import Database, wall_now
from outage.errors import DecidedAlreadyError, LinkNotNowError, NotALabelError, NotAllowedNowError
from outage.model import Cause, CrewStatus, Outage, Status
from outage.rights import Role
from outage.settings import load
from outage.site import Site
from tests.integration.notifier.world import ACTOR, START, etr
from tests.unit.console.conftest import NEW, clients
from tests.unit.outage.town import settle
from tests.unit.workers.desk import drain
from workers.retention import Retention

DAY = timedelta(hours=24)
LIMITS = {"OUTAGE_CREW_RESTORES": "3", "OUTAGE_CREW_ETR": "5"}


@dataclass(frozen=True, kw_only=True)
class Job:
    """One outage, its crew's browser, and what stands behind them."""

    db: Database
    app: Any
    id: str
    token: str
    browser: TestClient

    def another(self, cookie: str = "") -> TestClient:
        """Somebody else's browser."""
        return TestClient(
            self.app,
            base_url="https://testserver",
            cookies={COOKIE: cookie} if cookie else None,
            follow_redirects=False,
        )

    def open(self, token: str = "") -> httpx2.Response:
        return self.browser.get(f"/crew/{token or self.token}")

    def page(self) -> str:
        answer = self.browser.get("/crew")
        assert answer.status_code == HTTPStatus.OK, answer.text
        return html.unescape(answer.text)

    def form(self, do: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401  # several streets
        """What a form of the page holds, as the page has made it."""
        shown = self.page()
        part = "part" in fields
        forms = [
            each
            for each in re.findall(r"<form.*?</form>", shown, re.DOTALL)
            if f'name="do" value="{do}"' in each and (not part or 'name="part"' in each)
        ]
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', forms[0]))
        return {**hidden, **fields}

    def say(self, do: str, *, ago: timedelta = timedelta(), **fields: Any) -> str:  # noqa: ANN401
        """Tap something, ``ago`` before there was a line; return what became of it."""
        waited = int(ago.total_seconds() * 1000)
        answer = self.post(
            {**self.form(do, **fields), "tapped": "1000", "sent": str(1000 + waited)}
        )
        assert answer.status_code == HTTPStatus.SEE_OTHER, answer.text
        drain(self.db)
        return answer.headers["location"].removeprefix("/crew?said=")

    def post(self, form: dict[str, Any]) -> httpx2.Response:
        return self.browser.post("/crew/say", data=form)

    def outage(self) -> Outage:
        with self.db.read() as conn:
            return register.load(conn, self.id)

    def dispatch(self, command: Callable[..., object], *args: object, **facts: object) -> None:
        """What a dispatcher does meanwhile."""
        with self.db.write() as conn:
            command(conn, self.id, *args, actor=ACTOR, **facts)
        drain(self.db)

    def pass_time(self, **more: float) -> None:
        with self.db.write() as conn:
            clock.move_to(conn, clock.business_now(conn) + timedelta(**more))

    def waiting(self) -> list[crew_proposals.Proposal]:
        with self.db.read() as conn:
            return crew_proposals.waiting(conn, limit=9)

    def entries(self) -> list[Any]:
        with self.db.read() as conn:
            return list(conn.execute(t.journal.select().where(t.journal.c.actor == "crew:link-1")))


@pytest.fixture
def job(database: Database) -> Job:
    """Five homes are out, two of them in Elm Street and three in Oak Street."""
    settle(database, 8)
    premises = t.premises.c
    with database.write() as conn:
        clock.hold(conn, START)
        for key in range(1, 9):
            street = "elm street" if key <= 2 else "oak street"
            place = {"longitude": -97.95 + key / 1e4, "latitude": 29.05 if key <= 5 else 29.5}
            where = {"street": street, "address": f"{key} {street}", "city": "Hill"}
            conn.execute(t.premises.update().where(premises.key == key).values(**place, **where))
        conn.execute(
            t.premises_versions.insert().values(
                version=1, at=EPOCH, premises=8, unplaced=0, digest="x"
            )
        )
    dispatcher = clients(database)(Role.DISPATCHER)
    declared = dispatcher.post("/api/v1/outages", json=NEW)
    assert declared.status_code == HTTPStatus.CREATED, declared.text
    drain(database)
    with database.write() as conn:
        token, _ = crew_links.make(conn, declared.json()["id"], lasts=DAY, label="truck-7")
    app = create_app(load(LIMITS), database, Site.neutral())
    browser = TestClient(app, base_url="https://testserver", follow_redirects=False)
    made = Job(db=database, app=app, id=declared.json()["id"], token=token, browser=browser)
    made.pass_time(hours=1)
    return made


@pytest.fixture
def opened(job: Job) -> Job:
    """The link is open on the crew's telephone."""
    assert job.open().status_code == HTTPStatus.SEE_OTHER
    return job


def test_a_link_is_traded_for_a_cookie_and_its_address_shows_nothing(
    job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert job.browser.get("/crew").status_code == HTTPStatus.UNAUTHORIZED
    answer = job.open()
    assert (answer.status_code, answer.headers["location"]) == (HTTPStatus.SEE_OTHER, "/crew")
    set_ = answer.headers["set-cookie"].lower()
    assert set_.startswith("__host-crew=")
    for word in ("secure", "httponly", "samesite=lax", "path=/", "max-age=86"):
        assert word in set_
    assert "domain" not in set_
    page = job.page()
    assert job.token not in page
    assert job.browser.cookies[COOKIE] not in page
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "Elm Street" in page  # where it is, as the dispatcher said it
    assert "5 homes and businesses" in page
    assert "<svg" in page
    assert re.search(r"geo:29\.0\d+,-97\.9\d+", page)
    assert re.findall(r"Customer \d|\bA\d\b", page) == []  # nobody's name or account
    with job.db.read() as conn:
        kept = str(list(conn.execute(t.crew_links.select())))
        kept += str(list(conn.execute(t.crew_sessions.select())))
    ours = [each for each in caplog.records if not each.name.startswith("httpx2")]
    logged = "\n".join(each.getMessage() for each in ours)
    assert job.token not in kept + logged
    assert job.browser.cookies[COOKIE] not in kept


def test_a_link_opens_on_several_telephones_and_its_first_opening_is_on_the_log(job: Job) -> None:
    for browser in (job.browser, job.another(), job.another()):
        assert browser.get(f"/crew/{job.token}").status_code == HTTPStatus.SEE_OTHER
        assert browser.get("/crew").status_code == HTTPStatus.OK
    with job.db.read() as conn:
        actions = [
            row.action for row in conn.execute(t.audit.select()) if row.action.startswith("crew")
        ]
    assert actions == ["crew open"]


def test_a_program_that_only_looks_at_a_link_is_let_in_by_none(job: Job) -> None:
    answer = job.browser.head(f"/crew/{job.token}")
    assert answer.status_code == HTTPStatus.SEE_OTHER
    assert "set-cookie" not in answer.headers


def test_a_made_up_token_opens_nothing(job: Job) -> None:
    for token in ("x", "a" * 5_000, "%00", "..%2f..", "<script>", "%ff%fe", "é"):
        answer = job.browser.get(f"/crew/{token}")
        assert answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND}, token
        assert "set-cookie" not in answer.headers
        assert "<script>" not in answer.text
    assert job.another(cookie="x").get("/crew").status_code == HTTPStatus.UNAUTHORIZED


def test_a_link_that_is_over_opens_nothing_and_lets_nothing_be_said(opened: Job) -> None:
    form = opened.form("status", status="arrived")

    def end_by_time() -> None:
        with opened.db.write() as conn:
            conn.execute(t.crew_links.update().values(until=wall_now(conn)))

    def end_by_hand() -> None:
        with opened.db.write() as conn:
            conn.execute(t.crew_links.update().values(until=wall_now(conn) + DAY))
            assert crew_links.revoke(conn, 1).revoked_at is not None

    def end_with_the_outage() -> None:
        with opened.db.write() as conn:
            conn.execute(t.crew_links.update().values(revoked_at=None))
        opened.dispatch(desk.cancel)

    for end in (end_by_time, end_by_hand, end_with_the_outage):
        end()
        assert opened.open().status_code == HTTPStatus.UNAUTHORIZED
        assert opened.browser.get("/crew").status_code == HTTPStatus.UNAUTHORIZED
        answer = opened.post(form)
        assert answer.status_code == HTTPStatus.UNAUTHORIZED
        assert "This link has ended" in html.unescape(answer.text)
    assert opened.entries() == []
    with opened.db.write() as conn, pytest.raises(LinkNotNowError):
        crew_links.make(conn, opened.id, lasts=DAY)


def test_a_label_is_one_short_line(job: Job) -> None:
    for label in ("x" * 41, "a\x00b"):
        with job.db.write() as conn, pytest.raises(NotALabelError):
            crew_links.make(conn, job.id, lasts=DAY, label=label)


def test_a_form_that_is_not_the_page_s_own_does_nothing(opened: Job) -> None:
    good = opened.form("status", status="arrived")
    stranger = opened.another()
    stranger.get(f"/crew/{opened.token}")
    theirs = sessions.csrf(stranger.cookies[COOKIE])
    for csrf in ("", "x", "é", theirs):
        answer = opened.post({**good, "csrf": csrf})
        assert answer.status_code == HTTPStatus.FORBIDDEN
    for site in ("cross-site", "same-site"):
        answer = opened.browser.post("/crew/say", data=good, headers={"sec-fetch-site": site})
        assert answer.status_code == HTTPStatus.FORBIDDEN
    assert opened.post({**good, "job": "O-AAAAA"}).status_code == HTTPStatus.FORBIDDEN
    nobody = opened.another().post("/crew/say", data=good)
    assert nobody.status_code == HTTPStatus.UNAUTHORIZED
    assert opened.entries() == []
    assert opened.post(good).status_code == HTTPStatus.SEE_OTHER


def test_nobody_of_the_staff_is_let_in_by_who_they_are(job: Job) -> None:
    headers = {"cookie": f"{STAFFS}=made-up; {COOKIE}=made-up", "authorization": "Bearer made-up"}
    for method, path in (("GET", "/crew"), ("POST", "/crew/say"), ("GET", "/crew/made-up")):
        answer = job.another().request(method, path, headers=headers)
        assert answer.status_code == HTTPStatus.UNAUTHORIZED


def test_a_form_is_done_once_however_often_it_is_sent(opened: Job) -> None:
    form = opened.form("note", note="Pole 12 is split.\r\nSend a bucket truck.")
    for _ in range(3):
        assert opened.post(form).headers["location"] == "/crew?said=done"
    changed = opened.post({**form, "note": "something else"})
    assert changed.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "sent before, with something else in it" in html.unescape(changed.text)
    assert len(opened.entries()) == 1
    # Who was given a new link sends the same taps by it, and they are still the same.
    with opened.db.write() as conn:
        crew_links.revoke(conn, 1)
        token, _ = crew_links.make(conn, opened.id, lasts=DAY)
    opened.open(token)
    again = {**form, "csrf": sessions.csrf(opened.browser.cookies[COOKIE])}
    assert opened.post(again).headers["location"] == "/crew?said=done"
    assert len(opened.entries()) == 1
    assert "Pole 12 is split.\nSend a bucket truck." in opened.page()


def test_what_a_crew_says_is_on_record_as_its_own(opened: Job) -> None:
    assert opened.say("status", status="arrived") == "done"
    assert opened.say("status", status="arrived") == "known"
    assert opened.say("etr", minutes="120", reason="parts") == "done"
    assert opened.say("cause", cause="poleDown") == "done"
    outage = opened.outage()
    assert outage.crew_status is CrewStatus.ARRIVED
    assert outage.cause is Cause.POLE_DOWN
    assert outage.etr is not None
    assert outage.etr.latest == START + timedelta(hours=3)
    assert outage.etr.source == "crew"
    assert outage.etr.reason == "parts"
    with opened.db.read() as conn:
        rows = [row for row in conn.execute(t.audit.select()) if row.action.startswith("crew ")]
        held = audit.verify(conn)
    assert [row.action for row in rows][1:] == [
        "crew status",
        "crew status",
        "crew etr",
        "crew cause",
    ]
    assert [json.loads(row.detail)["outcome"] for row in rows[1:]] == [
        "done",
        "known",
        "done",
        "done",
    ]
    assert held.broken is None


def test_a_program_is_answered_in_its_own_way(opened: Job) -> None:
    headers = {"accept": "application/json"}
    form = opened.form("etr", minutes="60")
    said = opened.browser.post("/crew/say", data=form, headers=headers).json()
    assert said == {"outcome": "done", "sentence": "On record."}
    wrong = opened.browser.post("/crew/say", data={**form, "csrf": ""}, headers=headers)
    assert (wrong.status_code, wrong.json()["outcome"]) == (HTTPStatus.FORBIDDEN, "refused")


USELESS: list[tuple[str, dict[str, Any]]] = [
    ("status", {"status": "lunch"}),
    ("etr", {"minutes": "-5"}),
    ("etr", {"minutes": "000001" + "0" * 5_000}),
    ("etr", {"minutes": "٣٠"}),
    ("etr", {"latest": "tomorrow"}),
    ("etr", {"latest": "9999-12-31T23:59"}),
    ("etr", {"latest": "0001-01-01T00:00"}),
    ("etr", {"latest": "2026-01-05T03:00", "earliest": "0001-01-01T00:00"}),
    ("etr", {"latest": "2026-01-05T03:00", "earliest": "2026-01-05T04:00"}),
    ("etr", {"latest": ""}),
    ("cause", {"cause": "'; DROP TABLE outages; --"}),
    ("note", {"note": " \x00\n "}),
    ("note", {"note": "x" * 2_001}),
    ("back", {}),
    ("back", {"part": "yes"}),
    ("back", {"part": "yes", "street": "elm\x00street"}),
    ("back", {"part": "yes", "street": "no such street"}),
]


def test_what_cannot_be_used_gets_a_sentence_and_leaves_nothing(opened: Job) -> None:
    before = opened.outage()
    for do, fields in USELESS:
        answer = opened.post(opened.form(do, **fields))
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, (do, fields)
        assert len(re.findall(r'role="alert">[^<]+\.<', answer.text)) == 1, (do, fields)
    assert opened.entries() == []
    assert opened.outage() == before


def test_hostile_forms_are_refused_before_they_are_read(opened: Job) -> None:
    good = opened.form("status", status="arrived")
    many = [("street", str(number)) for number in range(200)]
    for body in (dict(many) | {f"x{n}": "y" for n in range(200)}, good | {"key": "../../etc"}):
        assert opened.post(body).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    large = opened.post(good | {"note": "x" * 40_000})
    assert large.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert opened.browser.post("/crew/say", content=b"\xff\x00&&==%zz").status_code in {403, 422}
    assert opened.entries() == []


def test_a_note_is_shown_as_it_was_written_and_never_to_the_public(opened: Job) -> None:
    opened.say("note", note="<script>alert(1)</script> mind the dog")
    raw = opened.browser.get("/crew").text
    assert "<script>alert" not in raw
    assert "&lt;script&gt;alert(1)" in raw
    assert opened.outage().public_message_key is None


def test_a_note_may_be_as_long_in_any_language(opened: Job) -> None:
    """A sign of Punjabi is nine bytes of a form."""
    words = "\u0a2c" * LONGEST_NOTE
    assert opened.post(opened.form("note", note=words)).status_code == HTTPStatus.SEE_OTHER
    assert words in opened.page()


def test_what_was_seen_before_the_dispatcher_s_word_changes_only_the_history(opened: Job) -> None:
    opened.pass_time(minutes=30)
    given = c.Report(observed_at=START + timedelta(minutes=90), etr=etr(6))
    opened.dispatch(desk.report_progress, given)
    ago = timedelta(minutes=20)
    assert opened.say("etr", ago=ago, minutes="60") == "newer"
    outage = opened.outage()
    assert outage.etr is not None
    assert outage.etr.latest == START + timedelta(hours=6)
    with opened.db.read() as conn:
        (late,) = summary.history(conn, opened.id)["recorded"]
    assert late["actor"] == "crew:link-1"
    assert datetime.fromisoformat(late["observed_at"]) == START + timedelta(minutes=70)
    page = opened.page()
    assert "Recorded, not applied" in page
    assert "estimated time:" in page
    assert "something newer is known" in opened.browser.get("/crew?said=newer").text
    # The same of what has no time of its own in the outage.
    opened.dispatch(desk.revise, c.Revise(cause=Cause.ANIMAL))
    assert opened.say("cause", ago=ago, cause="vehicle") == "newer"
    assert opened.outage().cause is Cause.ANIMAL
    assert "Recorded, not applied: something newer is known." in opened.page()


def test_taps_that_waited_are_taken_in_the_order_of_what_was_seen(opened: Job) -> None:
    opened.pass_time(minutes=30)
    for cause, minutes in (("tree", 25), ("animal", 20), ("wind", 10)):
        ago = timedelta(minutes=minutes)
        assert opened.say("cause", ago=ago, cause=cause) in {"done", "known"}
    assert opened.say("cause", ago=timedelta(minutes=15), cause="fire") == "newer"
    assert opened.outage().cause is Cause.WIND


def test_of_what_is_over_nobody_reads_that_something_newer_is_known(opened: Job) -> None:
    opened.dispatch(desk.restore)
    assert opened.say("status", status="fieldComplete") == "over"
    shown = opened.page()
    assert "crew: Work is done (tapped" in shown
    assert "something newer" not in shown


def test_a_time_that_has_passed_while_it_waited_is_recorded_and_not_told(opened: Job) -> None:
    opened.pass_time(hours=3)
    assert opened.say("etr", ago=timedelta(hours=2), minutes="30") == "passed"
    assert opened.outage().etr is None
    assert "Recorded, not applied: that time was past when this came." in opened.page()


def test_a_part_is_restored_and_then_the_rest(opened: Job) -> None:
    page = opened.page()
    assert "Elm Street (2)" in page
    assert "Oak Street (3)" in page
    assert opened.say("back", part="yes", street="elm street") == "done"
    assert opened.outage().status is Status.PARTIALLY_RESTORED
    page = opened.page()
    assert "3 homes and businesses" in page
    assert "Elm Street (2)" not in page
    # Many small parts are one large one: three more would be five by this crew's word alone.
    assert opened.say("back", part="yes", street="oak street") == "asked"
    (waits,) = opened.waiting()
    assert (waits.premises, waits.label) == (3, "truck-7")
    with opened.db.write() as conn:
        crew_proposals.agree(conn, waits.key, actor=ACTOR)
    drain(opened.db)
    assert opened.outage().status is Status.RESTORED
    assert opened.say("back", sure="yes") == "known"


def test_a_large_restoration_waits_for_a_dispatcher(opened: Job) -> None:
    assert opened.say("back", sure="yes") == "asked"
    assert opened.outage().status is Status.CONFIRMED
    page = opened.page()
    assert "Waits for a dispatcher: service back for 5 homes and businesses." in page
    # Said again it is one proposal, and a part beside it another.
    opened.pass_time(minutes=1)
    assert opened.say("back", sure="yes") == "asked"
    (waits,) = opened.waiting()
    with opened.db.write() as conn:
        agreed = crew_proposals.agree(conn, waits.key, actor=ACTOR)
    drain(opened.db)
    outage = opened.outage()
    assert outage.status is Status.RESTORED
    assert outage.restored_at == agreed.observed_at
    with opened.db.write() as conn, pytest.raises(DecidedAlreadyError):
        crew_proposals.refuse(conn, waits.key, actor=ACTOR)


def test_parts_wait_beside_each_other(opened: Job, database: Database) -> None:
    app = create_app(load({"OUTAGE_CREW_RESTORES": "0"}), database, Site.neutral())
    strict = Job(
        db=database,
        app=app,
        id=opened.id,
        token=opened.token,
        browser=TestClient(app, base_url="https://testserver", follow_redirects=False),
    )
    strict.open()
    for street in ("elm street", "oak street", "elm street"):
        assert strict.say("back", part="yes", street=street) == "asked"
    assert sorted(each.premises for each in strict.waiting()) == [2, 3]
    key = strict.waiting()[0].key
    with database.write() as conn:
        crew_proposals.refuse(conn, key, actor=ACTOR)
    assert [each.key == key for each in strict.waiting()] == [False]
    assert strict.outage().status is Status.CONFIRMED


def test_a_restoration_that_was_seen_before_a_reopening_waits(opened: Job) -> None:
    opened.pass_time(minutes=10)
    opened.dispatch(desk.restore)
    opened.pass_time(minutes=10)
    opened.dispatch(desk.reopen)
    opened.pass_time(minutes=10)
    waited = timedelta(minutes=25)
    assert opened.say("back", ago=waited, part="yes", street="elm street") == "changed"
    (waits,) = opened.waiting()
    with opened.db.write() as conn:
        crew_proposals.agree(conn, waits.key, actor=ACTOR)
    drain(opened.db)
    with opened.db.read() as conn:
        newest = sa.select(t.restorations.c.at).order_by(t.restorations.c.key.desc())
        at = conn.execute(newest).scalars().first()
    assert at == START + timedelta(minutes=90)  # now, and not before the reopening


def test_what_waits_cannot_bring_back_what_is_over(opened: Job) -> None:
    opened.say("back", sure="yes")
    (waits,) = opened.waiting()
    opened.dispatch(desk.restore)
    assert opened.waiting() == []
    with opened.db.write() as conn, pytest.raises(NotAllowedNowError):
        crew_proposals.agree(conn, waits.key, actor=ACTOR)
    assert opened.say("status", ago=timedelta(minutes=5), status="enroute") == "over"
    assert opened.say("cause", cause="tree") == "over"


def test_a_time_for_many_waits_for_a_dispatcher(opened: Job, database: Database) -> None:
    app = create_app(load({"OUTAGE_CREW_ETR": "4"}), database, Site.neutral())
    strict = Job(
        db=database,
        app=app,
        id=opened.id,
        token=opened.token,
        browser=TestClient(app, base_url="https://testserver", follow_redirects=False),
    )
    strict.open()
    assert strict.say("etr", minutes="60") == "asked"
    assert strict.outage().etr is None
    assert strict.say("etr", minutes="240") == "asked"
    (waits,) = strict.waiting()
    with database.write() as conn:
        crew_proposals.agree(conn, waits.key, actor=ACTOR)
    given = strict.outage().etr
    assert given is not None
    assert given.latest == START + timedelta(hours=5)


def test_nobody_can_try_links_without_end(job: Job) -> None:
    headers = {"x-forwarded-for": "203.0.113.9"}
    app = create_app(load({"OUTAGE_TRUSTED_PROXIES": "127.0.0.1/32"}), job.db, Site.neutral())
    with TestClient(app, base_url="https://testserver", client=("127.0.0.1", 1)) as guesser:
        found = {guesser.get(f"/crew/guess-{n}", headers=headers).status_code for n in range(25)}
        assert found == {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}


def test_browsers_of_links_of_long_ago_are_forgotten(opened: Job) -> None:
    def kept() -> int:
        with opened.db.read() as conn:
            count = sa.select(sa.func.count()).select_from(t.crew_sessions)
            return int(conn.execute(count).scalar_one())

    retention = Retention.of(opened.db, load({}))
    retention.turn()
    assert kept() == 1
    with opened.db.write() as conn:
        long_ago = wall_now(conn) - timedelta(days=31)
        conn.execute(t.crew_links.update().values(until=long_ago))
    retention.turn()
    assert kept() == 0
