"""The public page in a real browser."""

import dataclasses
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Route, expect
from playwright.sync_api import Page as Tab

from outage.model import Status
from status_page.view import PublicEtr, PublicOutage
from tests.integration.status_page.server import Page
from tests.unit.status_page.storm import NOW, Publication, etr, outage, sample, status

pytestmark = pytest.mark.browser

SOON_MS = 2_000
TEN_MINUTES = timedelta(minutes=10)
LIVE = "Live: changes appear by themselves."


class Visit:
    """A published storm, the process that serves it, and a browser that reads it."""

    def __init__(self, publication: Publication, page: Page, browser: Browser) -> None:
        self.publication = publication
        self.page = page
        self.browser = browser
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def open(
        self, path: str = "/", *, script: bool = True, width: int = 1280, says: str = LIVE
    ) -> Tab:
        context = self.browser.new_context(
            java_script_enabled=script, viewport={"width": width, "height": 800}
        )
        self._contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda said: self._note(said.type, said.text))
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.goto(self.page.url + path)
        if script:
            expect(live_state(tab)).to_contain_text(says)
        return tab

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    def publish(self, *outages: PublicOutage, **more: object) -> None:
        self.publication.publish(status(*outages, **more))  # type: ignore[arg-type]  # as there

    def metrics(self) -> str:
        return self.page.get("/metrics")

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def visit(tmp_path: Path, browser: Browser, free_port: Callable[[], int]) -> Iterator[Visit]:
    publication = Publication(tmp_path / "published")
    publication.publish(status(*sample()))
    page = Page.serving(publication.folder, free_port())
    visit = Visit(publication, page, browser)
    yield visit
    visit.close()
    page.end()


def live_state(tab: Tab) -> Locator:
    return tab.locator("#live-state")


def card(tab: Tab, number: int) -> Locator:
    return tab.locator(f"#o-O-7K3M{number}")


def with_change(number: int, **facts: object) -> list[PublicOutage]:
    return [
        dataclasses.replace(each, **facts) if each.id == f"O-7K3M{number}" else each  # type: ignore[arg-type]  # as there
        for each in sample()
    ]


def test_a_change_appears_within_two_seconds_without_a_reload(visit: Visit) -> None:
    tab = visit.open()
    tab.evaluate("window.stays = 'the same document'")
    visit.publish(*with_change(5, matched=3210, etr=etr(4)))
    expect(card(tab, 5)).to_contain_text("3,210 homes and businesses out", timeout=SOON_MS)
    expect(tab.locator("#now > ol > li").first).to_have_id("o-O-7K3M5")
    expect(tab.locator("#summary")).to_contain_text("5,635")
    expect(tab.locator("#announcement")).to_contain_text("Outages changed: 1.")
    assert tab.evaluate("window.stays") == "the same document"
    assert visit.complaints == []


def test_what_ends_moves_to_its_section_and_what_is_gone_goes(visit: Visit) -> None:
    tab = visit.open()
    rest = with_change(2, status=Status.RESTORED, matched=0, restored_count=812, restored=NOW)
    visit.publish(*(each for each in rest if each.id not in {"O-7K3M1", "O-7K3M10"}))
    expect(tab.locator("#over")).to_contain_text("Downtown Eastside", timeout=SOON_MS)
    expect(card(tab, 1)).to_have_count(0)
    expect(tab.locator("#planned")).to_be_hidden()
    visit.publish(*sample())
    expect(card(tab, 1)).to_be_visible(timeout=SOON_MS)
    expect(tab.locator("#planned")).to_be_visible()
    visit.publish()
    expect(tab.locator("#now .none")).to_be_visible(timeout=SOON_MS)
    assert visit.complaints == []


def test_an_outages_own_page_updates_and_says_when_it_has_left_the_list(visit: Visit) -> None:
    tab = visit.open("/outages/O-7K3M5")
    visit.publish(*with_change(5, message="Crews have found the fault."))
    expect(tab.locator("#outage")).to_contain_text("Crews have found the fault.", timeout=SOON_MS)
    visit.publish(*(each for each in sample() if each.id != "O-7K3M5"))
    expect(tab.locator("#outage .gone")).to_be_visible(timeout=SOON_MS)
    expect(tab.locator("#announcement")).to_contain_text("no longer on the list", timeout=25_000)
    assert visit.complaints == []
    visit.publish(*sample())
    expect(tab.locator("#outage .gone")).to_have_count(0, timeout=SOON_MS)


@pytest.mark.parametrize("script", [True, False])
def test_the_page_of_an_outage_that_was_merged_leads_on(visit: Visit, *, script: bool) -> None:
    tab = visit.open("/es/outages/O-7K3M5", script=script, says="En vivo")
    rest = (each for each in sample() if each.id != "O-7K3M5")
    visit.publish(*rest, moved={"O-7K3M5": "O-7K3M2"})
    if not script:
        tab.reload()
    expect(tab.locator("#outage h1")).to_contain_text("ahora es parte de otra", timeout=SOON_MS)
    tab.get_by_role("link", name="Ver la interrupción O-7K3M2").click()
    expect(tab.locator("#outage h1")).to_contain_text("Downtown Eastside")
    assert visit.complaints == []


def test_an_outages_old_page_is_loaded_once_when_what_happened_since_cannot_be_replayed(
    visit: Visit,
) -> None:
    for matched in (7, 8):
        visit.publish(*with_change(1, matched=matched))
    # As after two hours: what lies between is gone, and the page itself is as old as ever.
    visit.page.stop()
    shutil.rmtree(visit.publication.folder / "generations" / "e1-2")
    visit.page.start()
    tab = visit.open("/outages/O-7K3M5")
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    time.sleep(8)
    assert len(asked) <= 4, asked
    visit.publish(*with_change(5, matched=9))
    expect(tab.locator("#outage")).to_contain_text("9 homes", timeout=SOON_MS)


def test_a_page_whose_outage_is_gone_after_a_reset_says_so_and_asks_no_more(visit: Visit) -> None:
    tab = visit.open("/outages/O-7K3M5")
    visit.publication.epoch = "e2"
    visit.publish(outage(1))
    expect(tab.locator("#outage .gone")).to_be_visible(timeout=8_000)
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    time.sleep(6)
    assert len(asked) <= 3, asked


def test_two_updates_of_one_outage_are_both_told_to_those_who_listen(visit: Visit) -> None:
    tab = visit.open("/outages/O-7K3M5")
    tab.evaluate(
        """() => {
            window.said = [];
            new MutationObserver(() => window.said.push(announcement.textContent))
                .observe(announcement, {childList: true});
        }"""
    )
    for matched in (7, 8):
        visit.publish(*with_change(5, matched=matched))
        expect(tab.locator("#outage")).to_contain_text(f"{matched} homes", timeout=SOON_MS)
        time.sleep(1)
    said = "This outage has been updated."
    tab.wait_for_timeout(21_000)
    assert tab.evaluate("window.said").count(said) == 2


def test_where_no_stream_is_to_be_had_tabs_ask_for_one_ever_more_seldom(visit: Visit) -> None:
    tab = visit.browser.new_page()
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=503)

    tab.route("**/stream*", refuse)
    tab.clock.install()
    tab.goto(visit.page.url)
    for _ in range(120):
        tab.clock.run_for(1_000)
        tab.wait_for_timeout(30)
    tab.close()
    assert 3 <= len(asked) <= 12


def test_spanish_stays_spanish(visit: Visit) -> None:
    tab = visit.open(script=False)
    tab.get_by_role("link", name="Español").click()
    expect(tab.locator("h1")).to_have_text("Interrupciones")
    live = visit.open("/es/", says="En vivo")
    visit.publish(*with_change(5, matched=3210))
    expect(card(live, 5)).to_contain_text("3,210 hogares", timeout=SOON_MS)


def test_without_script_everything_is_there_but_the_live_update(visit: Visit) -> None:
    tab = visit.open(script=False)
    expect(live_state(tab)).to_have_text("Reload the page for the latest.")
    expect(tab.locator("#now > ol > li")).to_have_count(10)
    tab.get_by_role("link", name="Downtown Eastside").click()
    expect(tab.locator("#outage")).to_contain_text("Sunday 22 Nov, 6:15 PM to 8:15 PM PST")
    tab.get_by_role("link", name="All outages").click()
    expect(tab.locator("h1")).to_have_text("Outages")


def test_by_keyboard_alone_one_gets_to_an_outage_and_keeps_the_place(visit: Visit) -> None:
    tab = visit.open()
    tab.keyboard.press("Tab")
    expect(tab.get_by_text("Skip to the outages")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.locator("#main")).to_be_focused()
    tab.keyboard.press("Tab")
    expect(tab.get_by_label("Address or account number")).to_be_focused()
    first = card(tab, 1).get_by_role("link")
    for _ in range(7):
        tab.keyboard.press("Tab")
    expect(first).to_be_focused()
    visit.publish(*with_change(1, matched=1244))
    expect(card(tab, 1)).to_contain_text("1,244", timeout=SOON_MS)
    expect(first).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.locator("h1")).to_contain_text("North of Roseglen Court")


def test_the_browser_adds_how_long_it_is_until_then(visit: Visit) -> None:
    now = datetime.now(UTC)
    later = dataclasses.replace(etr(1), latest=now + timedelta(hours=2, minutes=3))
    visit.publish(outage(1, etr=later), as_of=now)
    tab = visit.open()
    expect(card(tab, 1).locator(".about")).to_have_text("in about two hours")
    assert "in about" not in visit.page.get("/").split('id="words"')[0]


def test_many_changes_are_announced_together(visit: Visit) -> None:
    tab = visit.open()
    tab.evaluate(
        """() => {
            window.said = [];
            new MutationObserver(() => window.said.push(announcement.textContent))
                .observe(announcement, {childList: true});
        }"""
    )
    for matched in range(10, 20):
        visit.publish(*with_change(5, matched=matched))
    expect(card(tab, 5)).to_contain_text("9 homes", timeout=SOON_MS)
    time.sleep(1.5)
    assert len(tab.evaluate("window.said")) <= 2


def test_a_page_that_is_cut_off_says_so_and_catches_up_by_itself(visit: Visit) -> None:
    tab = visit.open()
    visit.page.stop()
    expect(live_state(tab)).not_to_have_text(LIVE, timeout=20_000)
    visit.publish(*with_change(5, matched=77))
    visit.page.start()
    expect(card(tab, 5)).to_contain_text("77 homes", timeout=30_000)
    expect(live_state(tab)).to_have_text(LIVE, timeout=30_000)


def test_after_another_database_took_over_the_page_loads_the_state_without_a_reload(
    visit: Visit,
) -> None:
    tab = visit.open()
    tab.evaluate("window.stays = 'the same document'")
    visit.publication.epoch = "e2"
    visit.publish(outage(99, matched=4321), drill=True)
    expect(card(tab, 99)).to_contain_text("4,321", timeout=8_000)
    expect(tab.locator("#now > ol > li")).to_have_count(1)
    expect(tab.locator("#notices")).to_contain_text("Drill or replay.")
    assert tab.evaluate("window.stays") == "the same document"
    visit.publish(outage(99, matched=5), drill=True)
    expect(card(tab, 99)).to_contain_text("5 homes", timeout=SOON_MS)


def test_tabs_of_one_browser_share_one_stream(visit: Visit) -> None:
    first = visit.open()
    second = first.context.new_page()
    second.goto(visit.page.url)
    expect(live_state(second)).to_have_text(LIVE)
    assert "outage_page_streams 1\n" in visit.metrics()
    visit.publish(*with_change(5, matched=78))
    for tab in (first, second):
        expect(card(tab, 5)).to_contain_text("78 homes", timeout=SOON_MS)
    first.close()
    visit.publish(*with_change(5, matched=79))
    expect(card(second, 5)).to_contain_text("79 homes", timeout=5_000)
    assert "outage_page_streams 1\n" in visit.metrics()
    assert visit.complaints == []


def test_a_publisher_that_has_stopped_is_noticed_and_said(visit: Visit) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    press = visit.publication.press
    press.confirm(status(*sample(), as_of=now), now - TEN_MINUTES, with_lists=False)
    while (
        "_checked_timestamp_seconds " + str((now - TEN_MINUTES).timestamp()) not in visit.metrics()
    ):
        time.sleep(0.05)
    visit.open(says="may be out of date: it was last confirmed")


def test_a_browser_whose_clock_is_wrong_believes_what_it_sees_move(visit: Visit) -> None:
    now = datetime.now(UTC)
    tab = visit.browser.new_page()
    tab.clock.set_fixed_time(now + TEN_MINUTES)
    tab.goto(visit.page.url)
    expect(live_state(tab)).to_contain_text("may be out of date")
    visit.publish(*with_change(5, matched=6), as_of=now)
    expect(live_state(tab)).to_have_text(LIVE, timeout=SOON_MS)
    tab.close()


@pytest.mark.parametrize("width", [320, 360, 768, 1440])
def test_nothing_is_cut_off_at_any_width(visit: Visit, width: int) -> None:
    now = datetime.now(UTC)
    soon = [
        dataclasses.replace(each, etr=PublicEtr(earliest=now, latest=now + timedelta(minutes=30)))
        for each in sample()
    ]
    visit.publish(*soon, as_of=now)
    for path, says in (
        ("/", LIVE),
        ("/es/", "En vivo"),
        ("/outages/O-7K3M1", LIVE),
        ("/es/outages/O-7K3M10", "En vivo"),
    ):
        tab = visit.open(path, width=width, says=says)
        rights = tab.locator("main *").evaluate_all(
            "(all) => all.map((each) => each.getBoundingClientRect().right)"
        )
        assert max(rights) <= width, path
