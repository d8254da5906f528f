"""The figures in a frame of somebody else's site, in a real browser."""

import http.server
import threading
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, FrameLocator, expect

from tests.integration.status_page.server import Page
from tests.unit.status_page.storm import Publication, outage, sample, status

pytestmark = [pytest.mark.browser, pytest.mark.processes]
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def publication(tmp_path: Path) -> Publication:
    publication = Publication(tmp_path / "published")
    publication.publish(status(*sample()))
    return publication


@pytest.fixture
def page(publication: Publication, free_port: Callable[[], int]) -> Iterator[Page]:
    page = Page.serving(publication.folder, free_port())
    yield page
    page.end()


@pytest.fixture
def elsewhere(page: Page) -> Iterator[str]:
    """Another site, on another origin, that shows the figures in a frame."""
    body = f'<!doctype html><title>x</title><iframe title="y" src="{page.url}/embed"></iframe>'

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/" else 204)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            if self.path == "/":
                self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


def figures(frame: FrameLocator) -> str:
    return " ".join(frame.locator("#summary").inner_text().split())


def test_in_a_frame_of_another_site_the_figures_are_there_and_follow(
    page: Page, publication: Publication, elsewhere: str, browser: Browser
) -> None:
    context = browser.new_context()
    tab = context.new_page()
    tab.clock.install()
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        said.append(message.text)

    tab.on("console", note)
    tab.on("pageerror", lambda error: said.append(str(error)))
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(elsewhere)
    frame = tab.frame_locator("iframe")
    expect(frame.locator("#total-outages")).to_have_text("9")
    expect(frame.locator("#live-state")).to_contain_text("Live")
    publication.publish(status(*sample(), outage(77, matched=100_000)))
    # It asks again every half minute.
    tab.clock.run_for(31_000)
    expect(frame.locator("#total-outages")).to_have_text("10")
    assert "102,486" in figures(frame)
    inside = next(each for each in tab.frames if each.url.startswith(page.url))
    inside.evaluate(AXE)
    wrong = inside.evaluate("async () => (await axe.run()).violations.map((each) => each.id)")
    assert wrong == []
    assert said == []
    assert all(each.startswith((page.url, elsewhere)) for each in asked)
    assert context.cookies() == []
    context.close()


def test_in_a_frame_without_script_the_figures_are_there_and_no_other_page_is(
    page: Page, elsewhere: str, browser: Browser
) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(elsewhere)
    frame = tab.frame_locator("iframe")
    expect(frame.locator("#total-outages")).to_have_text("9")
    expect(frame.get_by_text("As of")).to_be_visible()
    link = frame.get_by_role("link", name="See all outages")
    with context.expect_page() as opened:
        link.click()
    expect(opened.value.get_by_role("heading", name="Outages", exact=True)).to_be_visible()
    assert opened.value.url == f"{page.url}/"
    context.close()
