"""The board and the page of an outage in a real browser: live, by keyboard, axe-clean."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from outage import commands as c
from outage import desk, register
from outage.database import Database
from outage.model import Cause, CrewStatus
from outage.rights import Role
from tests.integration.console.looking import come_in, looked_at, serving
from tests.migrated import migrated
from tests.unit.outage.town import DISPATCHER, declare, settle

pytestmark = pytest.mark.browser


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    db = migrated(tmp_path / "outage.db")
    settle(db, 8)
    yield db
    db.close()


@pytest.fixture
def base(db: Database, free_port: Callable[[], int]) -> Iterator[str]:
    with serving(db, free_port()) as base:
        yield base


def tab_to(tab: Page, name: str) -> None:
    """Go on by the Tab key until what is reached bears a name."""
    wanted = tab.get_by_label(name, exact=True).or_(tab.get_by_role("button", name=name)).first
    for _ in range(80):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        tab.keyboard.press("Tab")
    pytest.fail(f"no key leads to {name}")


def test_a_dispatcher_watches_and_updates_by_keyboard_alone(
    browser: Browser, base: str, db: Database
) -> None:
    first = declare(db, place="Elm Street", cause=Cause.TREE)
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    come_in(context, db, "dana", Role.DISPATCHER)
    seen: list[str] = []
    tab = context.new_page()
    tab.on("console", lambda said: seen.append(said.text) if said.type == "error" else None)
    axe = Axe()
    tab.goto(f"{base}/")
    expect(tab.get_by_text("This page keeps itself up to date.")).to_be_visible()
    tab.get_by_label("Id or place").focus()
    second = declare(db, place="Oak Street", predicted=True)
    expect(tab.get_by_text("There is news.")).to_be_visible()  # nothing is pulled from under a hand
    tab.keyboard.press("Shift+Tab")
    expect(tab.get_by_role("link", name=second.id).first).to_be_visible()
    looked_at(tab, axe)
    tab.get_by_role("rowheader").get_by_role("link", name=first.id).focus()
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", name=f"{first.id}, Elm Street")).to_be_visible()
    expect(tab.get_by_text("How it stands is kept up to date.")).to_be_visible()
    looked_at(tab, axe)
    tab_to(tab, "Crew")
    tab.keyboard.type("arr")
    tab_to(tab, "Note for colleagues")
    tab.keyboard.type("A tree lies on it")
    with db.write() as conn:
        desk.revise(conn, first.id, c.Revise(cause=Cause.WIND), actor=DISPATCHER)
    expect(tab.get_by_text("It has changed since you opened this page")).to_be_visible()
    tab_to(tab, "Send the update")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", name=f"{first.id} has changed meanwhile")).to_be_visible()
    expect(tab.get_by_role("cell", name="wind")).to_be_visible()
    looked_at(tab, axe)
    tab_to(tab, "Do it all the same")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("Done.", exact=True)).to_be_visible()
    expect(tab.get_by_text("Note: A tree lies on it")).to_be_visible()
    with db.read() as conn:
        after = register.load(conn, first.id)
    assert (after.crew_status, after.cause) == (CrewStatus.ARRIVED, Cause.WIND)
    assert seen == ["Failed to load resource: the server responded with a status of 409 (Conflict)"]
    context.close()
    without = browser.new_context(java_script_enabled=False, color_scheme="dark")
    come_in(without, db, "dora", Role.DISPATCHER)
    tab = without.new_page()
    tab.goto(f"{base}/outages/{second.id}")
    looked_at(tab)
    tab.get_by_role("button", name="Confirm it").click()
    expect(tab.get_by_text("Done.", exact=True)).to_be_visible()
    without.close()
