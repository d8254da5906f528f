"""The temporary page in a real browser, without script: on phone and desk, light and dark."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
import uvicorn
from playwright.sync_api import Browser, expect

from counter.app import create_app
from outage.model import CrewStatus
from tests.integration.counter.test_personal import SITE
from tests.integration.counter.test_temporary import ACCOUNT, HOUSE, asked, settings, talk, world
from tests.integration.notifier.talk import Talk
from tests.integration.notifier.world import etr

__all__ = ["settings", "talk", "world"]
pytestmark = pytest.mark.browser


@pytest.fixture
def base(talk: Talk, free_port: Callable[[], int]) -> Iterator[str]:
    port = free_port()
    app = create_app(talk.world.settings, talk.world.db, SITE)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.mark.parametrize(
    "screen", [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")], ids=str
)
def test_a_tap_without_script_says_that_it_is_noted_and_nothing_is_cut_off(
    talk: Talk,
    base: str,
    browser: Browser,
    tmp_path: Path,
    screen: tuple[int, Literal["light", "dark"]],
) -> None:
    width, light = screen
    outage = talk.world.declare("P1", cause="tree")
    talk.world.report(outage, crew_status=CrewStatus.ARRIVED, etr=etr(5))
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": width, "height": 800}, color_scheme=light
    )
    tab = context.new_page()
    for name, text in (("house", HOUSE), ("account", ACCOUNT)):
        path = asked(talk, text)
        tab.goto(base + path)
        tab.screenshot(path=tmp_path / f"{name}-{width}-{light}.png", full_page=True)
        page = tab.locator("html")
        assert page.bounding_box()["width"] <= width  # type: ignore[index]  # it has one
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        for button in tab.get_by_role("button").all():
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= 44
            assert box["x"] + box["width"] <= width
    tab.goto(base + asked(talk, "STATUS 7 77003"))
    tab.get_by_role("button").first.click()
    expect(tab.get_by_role("status")).to_contain_text("We have noted that it is out")
    assert len(talk.reports()) == 1
    tab.screenshot(path=tmp_path / f"noted-{width}-{light}.png", full_page=True)
    talk.world.pass_time(hours=100)
    talk.end(outage, "P1")
    talk.world.pass_time(hours=30)
    tab.reload()
    expect(tab.get_by_role("heading", level=1)).to_contain_text("This page has ended")
    tab.screenshot(path=tmp_path / f"over-{width}-{light}.png", full_page=True)
    context.close()
