"""The console in a real browser: from the first link on, without script, by keyboard, axe-clean."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from outage import names, staff
from outage import tables as t
from outage.columns import EPOCH
from outage.database import Database
from outage.rights import Role
from tests.integration.console.looking import looked_at, serving
from tests.migrated import migrated

pytestmark = pytest.mark.browser
PATHS = ("/", "/start", "/accounts", "/sends", "/staff", "/tokens", "/audit", "/me")
PASSWORD = "four words that differ"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    db = migrated(tmp_path / "outage.db")
    yield db
    db.close()


@pytest.fixture
def base(db: Database, free_port: Callable[[], int]) -> Iterator[str]:
    with serving(db, free_port()) as base:
        yield base


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
        for path in (
            "/",
            "/start",
            "/accounts",
            "/sends",
            "/staff",
            "/tokens",
            "/audit",
            "/me",
            "/again",
        ):
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
