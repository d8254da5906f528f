"""The crew's page on a telephone: without a line, by keyboard, at night, axe-clean."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from counter.app import create_app
from outage import commands as c
from outage import crew_links, desk, register, summary
from outage import tables as t
from outage.clock import business_now
from outage.columns import EPOCH
from outage.database import Database
from outage.model import CrewStatus, Outage
from outage.rights import Role
from outage.settings import load
from outage.site import Site
from tests.integration.notifier.world import ACTOR
from tests.migrated import migrated
from tests.unit.console.conftest import NEW, clients
from tests.unit.outage.town import settle
from tests.unit.workers.desk import drain

pytestmark = pytest.mark.browser
NOT_SENT = "Not sent yet"


@dataclass(kw_only=True)
class BadLine:
    """Lets what is tapped reach the desk, and loses the answer, as often as it is told to."""

    app: ASGIApp
    loses: int = 0
    lost: list[int] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/crew/say" or not self.loses:
            await self.app(scope, receive, send)
            return
        self.loses -= 1

        async def nowhere(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.lost.append(message["status"])

        await self.app(scope, receive, nowhere)
        # Whatever a proxy says of itself, the desk has not said it.
        status = 404 if self.loses else 502
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"<html>a proxy's own</html>"})


@dataclass(frozen=True, kw_only=True)
class Job:
    """One outage of five homes, and a counter that its crew reaches."""

    db: Database
    id: str
    token: str
    base: str
    line: BadLine

    def outage(self) -> Outage:
        with self.db.read() as conn:
            return register.load(conn, self.id)

    def mine(self) -> list[Any]:
        """What the journal has of the crew."""
        with self.db.read() as conn:
            statement = t.journal.select().where(t.journal.c.actor == "crew:link-1")
            return list(conn.execute(statement.order_by(t.journal.c.number)))

    def dispatch(self, **facts: Any) -> None:  # noqa: ANN401  # those of a `c.Report`
        with self.db.write() as conn:
            report = c.Report(observed_at=business_now(conn), **facts)
            desk.report_progress(conn, self.id, report, actor=ACTOR)
        drain(self.db)


@pytest.fixture
def job(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Job]:
    db = migrated(tmp_path / "outage.db")
    settle(db, 8)
    with db.write() as conn:
        for key in range(1, 9):
            place = {"longitude": -97.95 + key / 1e4, "latitude": 29.05 if key <= 5 else 29.5}
            where = {"street": "elm street" if key <= 2 else "oak street", "address": f"{key} Elm"}
            premise = t.premises.c.key == key
            conn.execute(t.premises.update().where(premise).values(**place, **where))
        conn.execute(
            t.premises_versions.insert().values(
                version=1, at=EPOCH, premises=8, unplaced=0, digest="x"
            )
        )
    name = clients(db)(Role.DISPATCHER).post("/api/v1/outages", json=NEW).json()["id"]
    drain(db)
    with db.write() as conn:
        token, _ = crew_links.make(conn, name, lasts=timedelta(hours=8), label="truck-7")
    line, port = BadLine(app=create_app(load({}), db, Site.neutral())), free_port()
    config = uvicorn.Config(line, host="127.0.0.1", port=port, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Job(db=db, id=name, token=token, base=f"http://127.0.0.1:{port}", line=line)
    server.should_exit = True
    thread.join(10)
    db.close()


@dataclass(frozen=True, kw_only=True)
class Telephone:
    """A browser of a telephone's size."""

    context: BrowserContext
    tab: Page
    errors: list[str]

    @classmethod
    def of(cls, browser: Browser, **more: Any) -> "Telephone":  # noqa: ANN401  # Playwright's
        context = browser.new_context(viewport={"width": 360, "height": 740}, **more)
        tab, errors = context.new_page(), []
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on(
            "console",
            lambda said: errors.append(said.text) if "Content Security" in said.text else None,
        )
        return cls(context=context, tab=tab, errors=errors)

    def tap(self, name: str) -> None:
        self.tab.get_by_role("button", name=name, exact=True).click()

    def taps(self) -> list[str]:
        """What stands under "Tapped here", the newest first."""
        return self.tab.locator("#taps li").all_inner_texts()

    def is_kept(self, *, still: bool = True) -> None:
        """Wait until the page opens without a line, or does so no more."""
        self.tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
        kept = "caches.match('/crew').then((found) => found !== undefined)"
        for _ in range(100):
            if self.tab.evaluate(kept) is still:
                return
            time.sleep(0.05)
        pytest.fail("the page was not kept" if still else "the page is still kept")

    def looked_at(self, axe: Axe) -> None:
        """Nothing is cut off at 320 px, all is large enough for a glove, and axe finds nothing."""
        self.tab.set_viewport_size({"width": 320, "height": 640})
        assert self.tab.evaluate("document.documentElement.scrollWidth") <= 320
        for control in self.tab.locator("button:visible, label.tick, select").all():
            box = control.bounding_box()
            assert box is not None
            assert box["height"] >= 48
        self.tab.set_viewport_size({"width": 360, "height": 740})
        found = axe.run(self.tab)
        assert found.violations_count == 0, found.generate_report()


def test_what_is_tapped_without_a_line_is_sent_once_when_there_is_one(
    job: Job, browser: Browser
) -> None:
    phone, axe = Telephone.of(browser), Axe()
    tab = phone.tab
    tab.goto(f"{job.base}/crew/{job.token}")
    expect(tab).to_have_url(f"{job.base}/crew")
    phone.is_kept()
    phone.looked_at(axe)

    # No line: two taps wait, also when the page is closed and opened again.
    phone.context.set_offline(True)
    phone.tap("Arrived, at work")
    phone.tap("2 h")
    line = tab.locator("#line")
    expect(line).to_have_text("No line. 2 not sent yet.")
    expect(line).to_be_in_viewport()
    tab.close()
    tab = phone.context.new_page()
    phone = Telephone(context=phone.context, tab=tab, errors=phone.errors)
    tab.goto(f"{job.base}/crew")
    expect(tab.locator("#line")).to_have_text("No line. 2 not sent yet.")
    assert [tapped.startswith(NOT_SENT) for tapped in phone.taps()] == [True, True]
    phone.looked_at(axe)
    assert job.mine() == []
    assert job.outage().crew_status is None

    # A line that loses the first answers: what was sent is sent again, and done once.
    job.line.loses = 2
    phone.context.set_offline(False)
    expect(tab.locator("#taps .waits")).to_have_count(0, timeout=20_000)
    assert job.line.lost == [200, 200]
    assert all("On record." in tapped for tapped in phone.taps())
    outage = job.outage()
    assert outage.crew_status is CrewStatus.ARRIVED
    assert outage.etr is not None
    assert outage.etr.source == "crew"
    assert len(job.mine()) == 2
    with job.db.read() as conn:
        assert len(conn.execute(t.etrs.select()).all()) == 1
    # The page shows it without being loaded anew.
    known = tab.locator('[data-fresh="known"]')
    expect(known).to_contain_text("Crew on site")
    expect(known).not_to_contain_text("No time yet")
    arrived = tab.get_by_role("button", name="Arrived, at work")
    expect(arrived).to_have_attribute("aria-pressed", "true")

    assert phone.errors == []
    phone.context.close()


def test_a_time_that_waited_while_the_dispatcher_gave_one_changes_only_the_history(
    job: Job, browser: Browser
) -> None:
    phone, axe = Telephone.of(browser), Axe()
    tab = phone.tab
    tab.goto(f"{job.base}/crew/{job.token}")
    phone.is_kept()
    phone.context.set_offline(True)
    phone.tap("30 min")
    expect(tab.locator("#line")).to_have_text("No line. 1 not sent yet.")
    time.sleep(0.3)
    latest = job.outage().declared_at.replace(microsecond=0) + timedelta(hours=5)
    job.dispatch(etr=c.GivenEtr(latest=latest))
    phone.context.set_offline(False)
    expect(tab.locator("#taps li").first).to_contain_text("Recorded, not applied: something newer")
    expect(tab.locator('[data-fresh="known"]')).to_contain_text("Recorded, not applied")
    given = job.outage().etr
    assert given is not None
    assert given.latest == latest
    with job.db.read() as conn:
        (late,) = summary.history(conn, job.id)["recorded"]
    assert late["actor"] == "crew:link-1"
    phone.looked_at(axe)
    assert phone.errors == []
    phone.context.close()


def test_taps_outlive_a_link_and_go_by_the_next(job: Job, browser: Browser) -> None:
    phone = Telephone.of(browser)
    tab = phone.tab
    tab.goto(f"{job.base}/crew/{job.token}")
    phone.is_kept()
    phone.context.set_offline(True)
    tab.get_by_label("For colleagues").fill("Pole 12 is split.")
    phone.tap("Write it down")
    expect(tab.locator("#line")).to_have_text("No line. 1 not sent yet.")
    with job.db.write() as conn:
        crew_links.revoke(conn, 1)
    phone.context.set_offline(False)
    expect(tab.locator("#taps li")).to_contain_text("Not sent yet. This link has ended")
    # The page that was kept goes with the link, also where nobody loads it anew.
    phone.is_kept(still=False)
    tab.goto(f"{job.base}/crew")
    expect(tab.get_by_role("heading", name="No link")).to_be_visible()
    assert job.mine() == []
    with job.db.write() as conn:
        token, _ = crew_links.make(conn, job.id, lasts=timedelta(hours=1))
    tab.goto(f"{job.base}/crew/{token}")
    expect(tab.locator("#taps li")).to_contain_text("On record.")
    with job.db.read() as conn:
        (note,) = summary.history(conn, job.id)["notes"]
    assert (note["text"], note["actor"]) == ("Pole 12 is split.", "crew:link-2")
    assert phone.errors == []
    phone.context.close()


def test_the_page_can_be_installed_and_works_at_night_by_keyboard(
    job: Job, browser: Browser
) -> None:
    phone, axe = Telephone.of(browser, color_scheme="light"), Axe()
    tab = phone.tab
    tab.goto(f"{job.base}/crew/{job.token}")
    phone.is_kept()
    session = phone.context.new_cdp_session(tab)
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"] == f"{job.base}/crew/app.webmanifest"
    found = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {each["errorId"] for each in found} <= {"in-incognito"}  # as all tests' browsers are
    # Night, by keyboard, and it stays.
    ground = "getComputedStyle(document.body).backgroundColor"
    day = tab.evaluate(ground)
    tab.get_by_role("button", name="Night").focus()
    tab.keyboard.press("Enter")
    assert tab.evaluate(ground) != day
    tab.reload()
    assert tab.evaluate(ground) != day
    phone.looked_at(axe)
    tab.get_by_role("button", name="On the way").focus()
    tab.keyboard.press("Enter")
    expect(tab.locator("#line")).to_have_text(re.compile("On the way: On record"))
    expect(tab.get_by_role("button", name="On the way")).to_be_focused()
    # What cannot be used is said, and does not wait for ever.
    tab.evaluate("document.querySelector('select[name=cause] option').value = 'martians'")
    tab.locator("select[name=cause]").select_option("martians")
    phone.tap("Give this cause")
    expect(tab.locator("#taps li").first).to_contain_text("Choose one from the list.")
    expect(tab.locator("#taps .waits")).to_have_count(0)
    assert job.outage().crew_status is CrewStatus.ENROUTE
    assert phone.errors == []
    phone.context.close()


def test_without_script_a_part_is_said_to_be_back(job: Job, browser: Browser) -> None:
    phone = Telephone.of(browser, java_script_enabled=False, color_scheme="dark")
    tab = phone.tab
    tab.goto(f"{job.base}/crew/{job.token}")
    tab.get_by_label("Elm Street (2)").check()
    phone.tap("These are back")
    expect(tab.get_by_text("On record.")).to_be_visible()
    drain(job.db)
    tab.reload()
    expect(tab.get_by_text("Back in part")).to_be_visible()
    expect(tab.get_by_text("3 homes and businesses")).to_be_visible()
    phone.context.close()
