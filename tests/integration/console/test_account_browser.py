"""An account's screen in a real browser: without script, by keyboard, axe-clean."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from outage import names
from outage import tables as t
from outage.rights import Role
from tests.integration.console.lives import lived, settled
from tests.integration.console.looking import come_in, looked_at, serving
from tests.migrated import migrated

pytestmark = pytest.mark.browser


def test_an_agent_finds_an_account_reads_it_and_serves_by_keyboard(
    browser: Browser, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    world = settled(migrated(tmp_path / "outage.db"), tmp_path)
    with ThreadPoolExecutor(1) as apart:
        apart.submit(lived, world).result()  # it sends, which wants a loop where no browser has one
    with world.db.write() as conn:
        conn.execute(t.accounts.update().where(t.accounts.c.id == "one").values(name="Ann Lee"))
        names.keep(conn, {world.ids["account one"]: "Ann Lee"})
    seen: list[str] = []
    with serving(world.db, free_port()) as base:
        for scheme, script in (("light", False), ("dark", True)):
            context = browser.new_context(
                color_scheme="dark" if scheme == "dark" else "light",
                java_script_enabled=script,
                viewport={"width": 1000, "height": 800},
            )
            come_in(context, world.db, f"agent-{scheme}", Role.AGENT)
            tab = context.new_page()
            tab.on("console", lambda said: seen.append(said.text) if said.type == "error" else None)
            walk(tab, base, scheme, Axe() if script else None)
            context.close()
    world.db.close()
    assert seen == []


def walk(tab: Page, base: str, scheme: str, axe: Axe | None) -> None:
    tab.goto(f"{base}/accounts")
    tab.get_by_label("Whose account").fill("ann lee")
    enter(tab)
    tab.get_by_role("link", name="one", exact=True).focus()
    enter(tab)
    expect(tab).to_have_url(f"{base}/accounts/one")
    for summary in tab.locator("summary").all():
        summary.focus()
        tab.keyboard.press("Enter")
    expect(tab.get_by_text("pole down")).to_be_visible()
    press(tab, "Show whether they depend")
    expect(tab.get_by_role("status")).to_contain_text("depends on medical equipment")
    press(tab, "Report it")
    expect(tab.get_by_role("status")).to_contain_text("The report is on record")
    press(tab, "Not theirs")
    press(tab, "Theirs after all")
    expect(tab.get_by_role("status")).to_contain_text("theirs again")
    tab.get_by_label("A new note").fill(f"Called about {scheme}.")
    tab.keyboard.press("Tab")
    enter(tab)
    expect(tab).to_have_url(f"{base}/accounts/one#notes")
    expect(tab.get_by_text(f"Called about {scheme}.")).to_be_visible()
    for summary in tab.locator("summary").all():
        summary.click()
    looked_at(tab, axe)


def press(tab: Page, button: str) -> None:
    tab.get_by_role("button", name=button).first.focus()
    enter(tab)


def enter(tab: Page) -> None:
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
