"""The map of the public page in a real browser, drawn in software."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect
from playwright.sync_api import Page as Tab

from status_page.view import PublicOutage
from tests.acceptance import tiles
from tests.acceptance.test_page_accessible import AXE, violations
from tests.integration.status_page.server import Page
from tests.unit.status_page.storm import SITE, Publication, outage, sample, status, storm

pytestmark = pytest.mark.browser

DRAWN_MS = 60_000
SOON_MS = 10_000
WHERE = (-123.1, 49.25)


def square(east: float, north: float, half: float = 0.01) -> str:
    """The ground of an outage, so many degrees from the middle of the town."""
    x, y = WHERE[0] + east, WHERE[1] + north
    corners = [(-half, -half), (half, -half), (half, half), (-half, half), (-half, -half)]
    ring = [[round(x + right, 5), round(y + up, 5)] for right, up in corners]
    return json.dumps({"type": "Polygon", "coordinates": [ring]})


def town() -> list[PublicOutage]:
    """Two far apart, six on one heap, planned work, and some that nobody has drawn."""
    first, second, *_ = sample()
    planned, advisory = sample()[9], sample()[10]
    return [
        dataclasses.replace(first, outline=square(-0.4, 0.1, 0.03)),
        dataclasses.replace(second, outline=square(0.4, -0.1)),
        dataclasses.replace(planned, outline=square(0.1, 0.2)),
        dataclasses.replace(advisory, outline=square(-0.1, -0.2)),
        *(
            dataclasses.replace(each, outline=square(at / 100, 0, 0.002))
            for at, each in enumerate(storm(6))
        ),
        outage(30, area="Nowhere drawn"),
    ]


class Visit:
    """A published town, the process that serves it, and all that a browser asks and complains."""

    def __init__(self, folder: Path, port: int, browser: Browser, own_map: str = "") -> None:
        site = dataclasses.replace(SITE, languages=("en", "ar"), tiles=own_map)
        self.publication = Publication(folder, site)
        self.publication.publish(status(*town()))
        self.page = Page.serving(folder, port)
        self.browser = browser
        self.asked: list[str] = []
        self.complaints: list[str] = []

    def open(self, path: str = "/", *, script: bool = True, before: str = "") -> Tab:
        context = self.browser.new_context(
            viewport={"width": 900, "height": 800},
            reduced_motion="reduce",
            java_script_enabled=script,
        )
        tab = context.new_page()
        tab.on("request", lambda request: self.asked.append(request.url))
        tab.on("console", lambda said: self._note(said.type, said.text))
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        if before:
            tab.add_init_script(before)
        tab.goto(self.page.url + path)
        return tab

    def _note(self, kind: str, text: str) -> None:
        # Software is slow, and the browser says so.
        if kind in {"error", "warning"} and "GPU stall" not in text:
            self.complaints.append(text)


@pytest.fixture
def visit(tmp_path: Path, browser: Browser, free_port: Callable[[], int]) -> Iterator[Visit]:
    visit = Visit(tmp_path / "published", free_port(), browser)
    yield visit
    for context in browser.contexts:
        context.close()
    visit.page.end()


def press_until(tab: Tab, wanted: Locator, key: str = "Tab") -> None:
    for _ in range(80):
        if wanted.evaluate("(each) => each === document.activeElement"):
            return
        tab.keyboard.press(key)
    raise AssertionError(f"{wanted} is out of reach of the keyboard")


def open_by_keyboard(tab: Tab, link: str = "Show the map") -> Locator:
    press_until(tab, tab.get_by_role("link", name=link))
    tab.keyboard.press("Enter")
    expect(tab.locator("#map summary")).to_be_focused()
    expect(tab.locator("#map-ground[data-drawn]")).to_be_visible(timeout=DRAWN_MS)
    return tab.locator("#map-ground")


def test_by_keyboard_alone_the_map_opens_leads_to_an_outage_and_follows_its_changes(
    visit: Visit,
) -> None:
    tab = visit.open()
    expect(tab.locator("#live-state")).to_contain_text("Live", timeout=SOON_MS)
    before = list(visit.asked)
    assert not any("maplibre" in each or "geojson" in each for each in before)
    ground = open_by_keyboard(tab)

    # What lies on one heap is told as a number; to press it takes it apart.
    heap = ground.get_by_role("button", name="Outages here: 6. Zoom in")
    expect(heap).to_have_text("6", timeout=SOON_MS)
    link = ground.get_by_role("link", name="Power outage: North of Roseglen Court")
    expect(link).to_have_attribute("href", "/outages/O-7K3M1")
    press_until(tab, link)
    expect(tab.locator("#map-caption")).to_contain_text("Expected back: Sunday 22 Nov, 5:15 PM")
    expect(tab.locator("#map-undrawn li")).to_have_text(["Power outage: Nowhere drawn"])
    tab.evaluate(AXE)
    wrong = violations(tab)
    tab.emulate_media(color_scheme="dark")
    assert [*wrong, *violations(tab, "color-contrast")] == []

    # A click on its ground, well beside the mark, finds the shape.
    link.evaluate("(each) => each.blur()")
    box = link.bounding_box()
    assert box is not None
    tab.mouse.click(box["x"] + box["width"] / 2 + 16, box["y"] + box["height"] / 2 + 1)
    expect(link).to_be_focused(timeout=SOON_MS)

    # The map follows what the stream says and asks for nothing more.
    asked = len(visit.asked)
    moved, gone, *rest = town()
    drawn = dataclasses.replace(rest.pop(), outline=square(0.3, 0.25))
    visit.publication.publish(status(dataclasses.replace(moved, area="Marine Drive"), *rest, drawn))
    expect(ground.get_by_role("link", name="Power outage: Nowhere drawn")).to_be_visible(
        timeout=SOON_MS
    )
    expect(ground.get_by_role("link", name="Marine Drive")).to_be_focused()
    expect(ground.get_by_role("link", name=gone.area)).to_have_count(0)
    expect(tab.locator("#map-undrawn")).to_be_hidden()
    assert visit.asked[asked:] == []

    press_until(tab, heap, "Shift+Tab")
    tab.keyboard.press("Enter")
    expect(ground.locator("a.mark").first).to_be_visible(timeout=SOON_MS)
    expect(heap).to_have_count(0, timeout=SOON_MS)
    expect(tab.locator("#map-ground canvas")).to_be_focused()
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.matches('#map-ground .mark')")

    # Another database: what it holds is loaded anew.
    visit.publication.epoch = "e2"
    visit.publication.publish(status(outage(77, area="A new town", outline=square(0, 0))))
    expect(ground.get_by_role("link", name="A new town")).to_be_attached(timeout=SOON_MS)
    expect(ground.locator(".mark")).to_have_count(1)

    assert all(each.startswith(visit.page.url) for each in visit.asked)
    assert visit.complaints == []


def test_a_file_of_shapes_that_is_older_than_the_page_is_brought_up_to_it(visit: Visit) -> None:
    name = "feeds/outages.geojson"
    file = visit.publication.folder / name
    gone, stays, new = (outage(n, area=area) for n, area in enumerate("ABC", start=50))
    visit.publication.publish(status(gone, stays))
    old = file.read_bytes()
    tab = visit.open()
    expect(tab.locator("#live-state")).to_contain_text("Live", timeout=SOON_MS)
    visit.publication.publish(status(stays, new))
    now = file.read_bytes()
    # In a storm the file follows by some seconds.
    visit.publication.store.write([(name, old)])
    expect(tab.locator(f"#o-{new.id}")).to_be_visible(timeout=SOON_MS)
    tab.locator("#map summary").click()
    shown = tab.locator("#map-undrawn li")
    expect(shown).to_have_text(["Power outage: C", "Power outage: B"], timeout=SOON_MS)

    # Whoever has come just now has not seen what lies between.
    late = visit.open()
    late.locator("#map summary").click()
    shown = late.locator("#map-undrawn li")
    expect(shown).to_have_text(["Power outage: B", "Power outage: A"], timeout=SOON_MS)
    visit.publication.store.write([(name, now)])
    expect(shown).to_have_text(["Power outage: C", "Power outage: B"], timeout=SOON_MS)
    assert visit.complaints == []


def test_from_right_to_left_the_map_stands_on_the_utilitys_own_tiles(
    browser: Browser, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    tiles.write(tmp_path / "published/tiles/town.pmtiles")
    visit = Visit(tmp_path / "published", free_port(), browser, "town.pmtiles")
    tab = visit.open("/ar/")
    try:
        ground = open_by_keyboard(tab, "أظهر الخريطة")
        expect(ground.locator("a.mark")).to_have_count(4, timeout=SOON_MS)
        expect(ground.locator("a.mark").first).to_have_attribute("href", "/ar/outages/O-7K3M1")
        expect(tab.locator("#map-source")).to_have_text("Made-up Survey")
        assert f"{visit.page.url}/tiles/town.pmtiles" in visit.asked
        assert not any("world" in each or "states" in each for each in visit.asked)
        width = tab.evaluate("document.documentElement.scrollWidth")
        assert width <= tab.evaluate("document.documentElement.clientWidth")
        assert all(each.startswith(visit.page.url) for each in visit.asked)
        assert visit.complaints == []
    finally:
        tab.context.close()
        visit.page.end()


def test_where_no_map_can_be_drawn_one_sentence_says_so(visit: Visit) -> None:
    plain = visit.open(script=False)
    plain.get_by_role("link", name="Show the map").click()
    plain.locator("#map summary").click()
    expect(plain.locator("#map")).to_contain_text("The map needs script, which is off")
    expect(plain.locator("#map-shown")).to_be_hidden()
    none = visit.open(before="HTMLCanvasElement.prototype.getContext = () => null")
    none.locator("#map summary").click()
    expect(none.locator("#map-state")).to_contain_text("This browser cannot draw the map.")
    expect(none.locator("#map-shown")).to_be_hidden()
    assert not any("maplibre" in each for each in visit.asked)
    assert visit.complaints == []
    cut = visit.open()
    cut.route("**/*.geojson", lambda route: route.abort())
    cut.locator("#map summary").click()
    expect(cut.locator("#map-state")).to_contain_text("The map could not be loaded.")
    cut.unroute("**/*.geojson")
    cut.locator("#map summary").click()
    cut.locator("#map summary").click()
    expect(cut.locator("#map-ground .mark").first).to_be_visible(timeout=DRAWN_MS)
    expect(cut.locator("#map-state")).to_be_empty()
