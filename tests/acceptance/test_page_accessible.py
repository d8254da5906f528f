"""The public page for everybody: judged by axe-core, used by keyboard, with and without script."""

import dataclasses
import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as Tab
from pypdf import PdfReader

from outage.model import Service
from status_page.view import PublicArea, PublicDay, PublicResource, PublicSaid
from status_page.words import languages
from tests.integration.status_page.server import Page
from tests.unit.status_page.storm import NOW, SITE, Publication, hours, sample, status, storm

pytestmark = pytest.mark.browser

LANGUAGES = ("en", *(each for each in languages() if each != "en"))
SITE_IN_ALL = dataclasses.replace(
    SITE,
    languages=LANGUAGES,
    storm_outages=10,
    areas=(PublicArea(name="Kerrisdale", kind="zone", served=4100),),
    notices=((Service.WATER, "en", "BOIL THE WATER FOR ONE MINUTE."),),
    resources=(PublicResource(kind="warming", name="Library", address="12 Main Street"),),
)
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Of now, planned, an advisory, one that has moved, none; the list and a page of all of it.
PATHS = ("", "outages/O-7K3M2", "outages/O-7K3M10", "outages/O-7K3M11", "outages/O-GONE", "x/y")
SQUARE = [[[-123.2, 49.2], [-123.1, 49.2], [-123.1, 49.3], [-123.2, 49.3], [-123.2, 49.2]]]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, _port: Callable[[], int]) -> Iterator[Page]:
    publication = Publication(tmp_path_factory.mktemp("published"), SITE_IN_ALL)
    first, *rest = sample()
    square = json.dumps({"type": "Polygon", "coordinates": SQUARE})
    drawn = dataclasses.replace(
        first, outline=square, matched=9000, areas=(("zone", "Kerrisdale"),)
    )
    small = dataclasses.replace(rest.pop(1), outline=square)
    said = tuple(PublicSaid(at=NOW - hours(ago), latest=NOW + hours(3 - ago)) for ago in (2, 1))
    rest[0] = dataclasses.replace(rest[0], etrs=said)
    days = tuple(
        PublicDay(day=NOW.date() - timedelta(days=90 - each), outages=each % 7, affected=each * 9)
        for each in range(90)
    )
    state = status(drawn, small, *rest, *storm(6), send_mode="shadow", moved={"O-GONE": first.id})
    publication.publish(dataclasses.replace(state, days=days))
    page = Page.serving(publication.folder, _port())
    yield page
    page.end()


@pytest.fixture(scope="module")
def _port() -> Callable[[], int]:
    import socket

    def find() -> int:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port: int = listener.getsockname()[1]
            return port

    return find


def violations(tab: Tab, *rules: str) -> list[str]:
    """What axe-core finds wrong, with the elements it means."""
    only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": LEVELS}
    found: list[dict[str, Any]] = tab.evaluate(
        "async (only) => (await axe.run({ runOnly: only })).violations", only
    )
    return [
        f"{each['id']}: {each['help']}: {node['html'][:200]}"
        for each in found
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_wrong_in_light_or_dark(
    page: Page, browser: Browser, language: str
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 800})
    tab = context.new_page()
    prefix = "" if language == LANGUAGES[0] else f"{language}/"
    wrong = []
    names = ("list/{}/first", "print-{}", "days-{}")
    others = [f"feeds/{each.format(language)}.html" for each in names]
    for path in (*(prefix + each for each in PATHS), *others):
        tab.goto(f"{page.url}/{path}")
        tab.evaluate(AXE)
        tab.emulate_media(color_scheme="light")
        wrong += [f"/{path}: {each}" for each in violations(tab)]
        tab.emulate_media(color_scheme="dark")
        wrong += [f"/{path} (dark): {each}" for each in violations(tab, "color-contrast")]
    context.close()
    assert wrong == []


def test_what_is_printed_is_black_on_white_and_says_on_every_sheet_as_of_when(
    page: Page, browser: Browser
) -> None:
    tab = browser.new_page(color_scheme="dark")
    tab.goto(f"{page.url}/feeds/print-en.html")
    expect(tab.get_by_role("button", name="Print")).to_be_visible()
    sheets = [each.extract_text() for each in PdfReader(io.BytesIO(tab.pdf())).pages]
    assert len(sheets) > 1
    for number, text in enumerate(sheets, start=1):
        told = " ".join(text.split())
        assert "As of Sunday 22 Nov, 3:15 PM PST" in told
        assert f"{number} / {len(sheets)}" in told
    told = " ".join(" ".join(sheets).split())
    assert "BOIL THE WATER FOR ONE MINUTE." in told
    assert "https://roseglen.example.org" in told
    assert "604-555-0142" in told
    assert "See all outages" not in told
    tab.emulate_media(media="print")
    inks = tab.evaluate(
        """() => [...new Set([...document.querySelectorAll("body, body *")].flatMap((each) => {
            const style = getComputedStyle(each);
            return [style.color, style.backgroundColor];
        }))].sort()"""
    )
    assert inks == ["rgb(0, 0, 0)", "rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"]
    # The page of an advisory itself, the way somebody would print it from a phone.
    tab.goto(f"{page.url}/outages/O-7K3M11")
    own = " ".join(PdfReader(io.BytesIO(tab.pdf())).pages[0].extract_text().split())
    assert "BOIL THE WATER FOR ONE MINUTE." in own
    assert "/outages/O-7K3M11" in own
    assert "All outages" not in own
    tab.close()


def test_by_keyboard_alone_the_device_tells_that_its_place_is_out_and_when_it_is_back(
    page: Page, browser: Browser
) -> None:
    context = browser.new_context(
        geolocation={"longitude": -123.15, "latitude": 49.25}, permissions=["geolocation"]
    )
    tab = context.new_page()
    sent: list[str] = []
    tab.on("request", lambda request: sent.append(f"{request.url} {request.post_data or ''}"))
    tab.goto(page.url)
    # As where so many are larger that only the list has it.
    tab.locator("#o-O-7K3M3").evaluate("(each) => each.remove()")
    button = tab.get_by_role("button", name="Check where this device is")
    for _ in range(20):
        tab.keyboard.press("Tab")
        if button.evaluate("(each) => each === document.activeElement"):
            break
    expect(button).to_be_focused()
    tab.keyboard.press("Enter")
    said = tab.locator("#located")
    expect(said).to_contain_text("An outage is reported in your area:")
    expect(said).to_contain_text("Kerrisdale – Expected back: Sunday 22 Nov, 5:15 PM PST")
    expect(said).to_contain_text("Grandview–Woodland – Expected back: Sunday, Nov 22")
    expect(said.get_by_role("link")).to_have_count(2)
    assert not any("123.15" in each or "49.25" in each for each in sent)
    context.set_geolocation({"longitude": -100.0, "latitude": 49.25})
    tab.keyboard.press("Enter")
    expect(said).to_contain_text("None of the areas drawn here covers where this device is.")
    expect(said).to_contain_text("Outages without a drawn area, which could not be compared:")
    context.clear_permissions()
    context.close()


def test_a_change_of_figures_moves_nothing_that_is_seen(
    page: Page, browser: Browser, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    del page
    publication = Publication(tmp_path / "published", SITE_IN_ALL)
    outages = storm(30)
    publication.publish(status(*outages))
    own = Page.serving(publication.folder, free_port())
    tab = browser.new_page()
    try:
        tab.goto(own.url)
        tab.evaluate(
            """() => {
                window.moved = 0;
                new PerformanceObserver((list) => {
                    for (const each of list.getEntries()) window.moved += each.value;
                }).observe({ type: "layout-shift", buffered: true });
            }"""
        )
        expect(tab.locator("#live-state")).to_contain_text("Live")
        top = max(outages, key=lambda each: each.matched or 0)
        changed = [
            dataclasses.replace(each, matched=9999) if each is top else each for each in outages
        ]
        publication.publish(status(*changed))
        expect(tab.locator(f"#o-{top.id}")).to_contain_text("9,999 homes", timeout=10_000)
        tab.wait_for_timeout(300)
        assert tab.evaluate("window.moved") == 0
    finally:
        tab.close()
        own.end()


def test_at_twice_the_size_of_text_nothing_is_cut_off(page: Page, browser: Browser) -> None:
    tab = browser.new_page(viewport={"width": 640, "height": 800})
    for path in ("/", "/ar/", "/outages/O-7K3M2"):
        tab.goto(page.url + path)
        tab.evaluate("document.documentElement.style.fontSize = '200%'")
        assert tab.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        ), path
    tab.close()
