"""The forms and the personal page in a real browser, without script and by keyboard alone."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from counter.app import create_app
from outage.model import CrewStatus
from outage.settings import Settings
from tests.integration.counter.test_arabic import PAGES
from tests.integration.counter.test_personal import ME, OTHER, link, settings
from tests.integration.notifier.talk import Talk
from tests.integration.notifier.world import World, etr
from tests.migrated import migrated

__all__ = ["settings"]
pytestmark = pytest.mark.browser
_MOST_TABS = 60


@pytest.fixture
def world(tmp_path: Path, settings: Settings) -> World:
    world = World(migrated(tmp_path / "outage.db"), settings)
    world.account("4711-1", ["P1"], ME)
    world.account("4711-2", ["P2"], OTHER)
    Talk(world).address("P1", "12 Elm Street", postal_code="62701")
    Talk(world).address("P2", "7 Oak Way", postal_code="62701")
    outage = world.declare("P1", cause="tree")
    world.report(outage, crew_status=CrewStatus.ARRIVED, etr=etr(5))
    return world


@pytest.fixture
def base(world: World, free_port: Callable[[], int]) -> Iterator[str]:
    port = free_port()
    app = create_app(world.settings, world.db, PAGES)
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def reach(tab: Page, what: str) -> None:
    """Go on with the tabulator until something has the focus, and can be seen to have it."""
    for _ in range(_MOST_TABS):
        tab.keyboard.press("Tab")
        if tab.locator(f"{what}:focus").count():
            outline = tab.locator(what).evaluate("at => getComputedStyle(at).outlineStyle")
            assert outline != "none"
            return
    pytest.fail(f"{what} is not reached by keyboard")


def fits(tab: Page, width: int) -> None:
    """Nothing is cut off, and what is tapped is large enough for a finger."""
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    for button in tab.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


@pytest.mark.parametrize(
    "look",
    [(360, "dark", "ar"), (1440, "light", "en")],
    ids=["phone-arabic", "desk-english"],
)
def test_a_place_is_looked_up_added_and_taken_away_by_keyboard_without_script(
    world: World,
    base: str,
    browser: Browser,
    look: tuple[int, Literal["light", "dark"], str],
) -> None:
    width, light, lang = look
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": width, "height": 800}, color_scheme=light
    )
    tab = context.new_page()
    for path in ("/report", "/subscribe", "/lookup"):
        tab.goto(f"{base}{path}?lang={lang}")
        fits(tab, width)
    reach(tab, "#place")
    tab.keyboard.type("4711-1")
    reach(tab, "#postal_code")
    tab.keyboard.type("62701")
    tab.keyboard.press("Enter")
    expect(tab.locator(".is-out")).to_have_count(1)
    fits(tab, width)
    tab.goto(f"{base}{link(world)}?lang={lang}")
    fits(tab, width)
    reach(tab, "#place")
    tab.keyboard.type("4711-2")
    reach(tab, "#postal_code")
    tab.keyboard.type("62701")
    tab.keyboard.press("Enter")
    for button, places in (("remove", 2), ("undo", 1), ("remove", 2)):
        expect(tab.locator("section.place")).to_have_count(places)
        expect(tab.get_by_role("status")).to_have_count(1)
        fits(tab, width)
        reach(tab, f"button[value={button}]")
        tab.keyboard.press("Enter")
    expect(tab.locator("html")).to_have_attribute("lang", lang)
    context.close()
