"""The console in a real browser: from the first link on, without script, by keyboard, axe-clean."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyotp
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from console.app import create_app
from outage import names, settings, staff
from outage import tables as t
from outage.columns import EPOCH
from outage.database import Database
from outage.rights import Role
from outage.site import Site
from tests.migrated import migrated

pytestmark = pytest.mark.browser
PASSWORD = "four words that differ"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    db = migrated(tmp_path / "outage.db")
    yield db
    db.close()


@pytest.fixture
def base(db: Database, free_port: Callable[[], int]) -> Iterator[str]:
    port = free_port()
    config = uvicorn.Config(
        create_app(db, settings.load({"OUTAGE_WEB_PORT": str(port)}), Site.neutral()),
        host="127.0.0.1",
        port=port,
        log_level="error",
        access_log=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def looked_at(tab: Page, axe: Axe | None = None) -> None:
    """Nothing is cut off at 320 px, all can be tapped, and axe finds nothing."""
    wide = tab.viewport_size
    tab.set_viewport_size({"width": 320, "height": 640})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 320, tab.url
    for button in tab.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44, tab.url
    assert wide is not None
    tab.set_viewport_size(wide)
    if axe is not None:
        found = axe.run(tab)
        assert found.violations_count == 0, (tab.url, found.generate_report())


def people(db: Database) -> None:
    with db.write() as conn:
        called = dict.fromkeys(range(1, 31), "Anna Núñez")
        accounts = [{"key": key, "id": f"A{key}", "name": name} for key, name in called.items()]
        conn.execute(t.accounts.insert(), accounts)
        names.keep(conn, called)


def found_by_name(tab: Page, base: str, axe: Axe | None) -> None:
    """Thirty people of one name are found by keyboard, a page at a time; no address says whom."""
    tab.goto(f"{base}/accounts")
    tab.get_by_label("Whose account").focus()
    tab.keyboard.type("ann nun")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("Anna Núñez").first).to_be_visible()
    expect(tab).to_have_url(f"{base}/accounts")
    looked_at(tab, axe)
    tab.get_by_role("button", name="More that fit").click()
    expect(tab.get_by_role("button", name="More that fit")).to_have_count(0)
    expect(tab.get_by_role("row", name="A30", exact=False)).to_be_visible()


def test_the_first_link_leads_to_a_console_that_works_by_keyboard(
    browser: Browser, base: str, db: Database
) -> None:
    people(db)
    with db.write() as conn:
        found = staff.first(conn)
        assert found is not None
        words = found[1]
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
    seen: list[str] = []
    for scheme, script in (("light", False), ("dark", True)):
        context = browser.new_context(
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=script,
            viewport={"width": 1000, "height": 800},
        )
        tab = context.new_page()
        tab.on("console", lambda said: seen.append(said.text) if said.type == "error" else None)
        axe = Axe() if script else None
        name = "admin" if not script else "zoe"
        if script:
            with db.write() as conn:
                _, words = staff.add(conn, name="zoe", role=Role.ADMIN)
        tab.goto(f"{base}/")
        expect(tab).to_have_url(f"{base}/sign-in")
        looked_at(tab, axe)
        tab.goto(f"{base}/welcome/{words}")
        expect(tab.locator("svg.square")).to_be_visible()
        looked_at(tab, axe)
        secret = tab.locator("code.secret").inner_text().replace(" ", "")
        tab.get_by_label("New password").focus()
        for typed in (PASSWORD, PASSWORD, pyotp.TOTP(secret).now()):
            tab.keyboard.type(typed)
            tab.keyboard.press("Tab")
        tab.keyboard.press("Enter")
        expect(tab.get_by_role("heading", name="Your recovery codes")).to_be_visible()
        looked_at(tab, axe)
        for path in ("/", "/accounts", "/sends", "/staff", "/tokens", "/audit", "/me", "/again"):
            tab.goto(base + path)
            expect(tab.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
            looked_at(tab, axe)
        tab.goto(f"{base}/sends")
        expect(tab.get_by_text("50,000 messages")).to_be_visible()
        found_by_name(tab, base, axe)
        tab.goto(f"{base}/staff")
        tab.get_by_label("Name to sign in with").fill(f"new-{name}")
        tab.keyboard.press("Tab")
        tab.keyboard.press("Tab")
        tab.keyboard.press("Enter")
        expect(tab.get_by_text(f"A link for new-{name}")).to_be_visible()
        looked_at(tab, axe)
        tab.get_by_role("button", name="Sign out", exact=True).click()
        expect(tab).to_have_url(f"{base}/sign-in")
        context.close()
    assert seen == []
