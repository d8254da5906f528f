"""Declaring in a real browser: drawn by mouse, counted while it is dragged; without script too."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect

from console.access import COOKIE
from console.app import create_app
from outage import sessions, settings, staff
from outage import tables as t
from outage.columns import EPOCH
from outage.database import Database
from outage.rights import Role
from outage.site import Site
from tests.migrated import migrated
from tests.unit.outage.town import settle

pytestmark = pytest.mark.browser
ACROSS = 30
"""Homes in a row and in a column, a thousandth of a degree apart."""
WEST, SOUTH, STEP = -98.0, 29.0, 0.001


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    db = migrated(tmp_path / "outage.db")
    settle(db, ACROSS * ACROSS)
    with db.write() as conn:
        for key in range(1, ACROSS * ACROSS + 1):
            row, column = divmod(key - 1, ACROSS)
            place = {"longitude": WEST + column * STEP, "latitude": SOUTH + row * STEP}
            conn.execute(t.premises.update().where(t.premises.c.key == key).values(**place))
        conn.execute(
            t.premises_versions.insert().values(
                version=1, at=EPOCH, premises=ACROSS**2, unplaced=0, digest="x"
            )
        )
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


def signed_in(browser: Browser, db: Database, *, script: bool, dark: bool) -> BrowserContext:
    with db.write() as conn:
        member, _ = staff.add(conn, name="dana" if script else "dan", role=Role.DISPATCHER)
        cookie = sessions.begin(conn, member, "")
    context = browser.new_context(
        java_script_enabled=script,
        color_scheme="dark" if dark else "light",
        viewport={"width": 1200, "height": 1100},
    )
    context.add_cookies(
        [
            {
                "name": COOKIE,
                "value": cookie,
                "domain": "127.0.0.1",
                "path": "/",
                "secure": True,
                "httpOnly": True,
                "sameSite": "Lax",
            }
        ]
    )
    return context


def fits(tab: Page) -> None:
    """Nothing is cut off at 320 px."""
    tab.set_viewport_size({"width": 320, "height": 640})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 320, tab.url
    tab.set_viewport_size({"width": 1200, "height": 1100})


def looked_at(tab: Page) -> None:
    fits(tab)
    found = Axe().run(tab)
    assert found.violations_count == 0, (tab.url, found.generate_report())


def premises(tab: Page) -> int:
    shown = tab.locator('[data-count="premises"]').inner_text().replace(",", "")
    return int(shown) if shown.isdecimal() else 0


def counted(tab: Page, is_right: Callable[[int], bool]) -> int:
    """How many are counted, once it is what is waited for."""
    until = time.monotonic() + 20
    while not is_right(found := premises(tab)):
        state = tab.locator("#map-state, #counts-said, #shape").evaluate_all(
            "all => all.map((each) => each.value ?? each.textContent)"
        )
        assert time.monotonic() < until, (found, state)
        tab.wait_for_timeout(20)
    return found


def settled(tab: Page) -> int:
    """How many are counted once that stays."""
    counted(tab, lambda number: number > 0)
    last = -1
    while (now := premises(tab)) != last:
        last = now
        tab.wait_for_timeout(700)
    return last


def is_amiss(got: Response) -> bool:
    """Whether something was missing or failed, but for the icon that browsers ask for."""
    return got.status >= 400 and not got.url.endswith("/favicon.ico")


def drawn(tab: Page) -> None:
    tab.locator("#map-ground[data-drawn]").wait_for(timeout=60_000)
    tab.locator("#map-ground").scroll_into_view_if_needed()


def click_corners(tab: Page, corners: list[tuple[float, float]]) -> None:
    for x, y in corners:
        tab.mouse.move(x, y)
        tab.wait_for_timeout(60)  # two clicks of a moment would be a double one
        tab.mouse.click(x, y)
        tab.wait_for_timeout(60)
    tab.keyboard.press("Enter")


def area_with_a_hole(tab: Page) -> int:
    """Draw an area by mouse, drag a corner of it, cut a hole; return how many are inside then."""
    tab.locator("#map-ground").scroll_into_view_if_needed()
    box = tab.locator("#map-ground").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    click_corners(tab, [(x - 90, y - 90), (x + 90, y - 90), (x + 90, y + 90), (x - 90, y + 90)])
    expect(tab.get_by_role("button", name="Edit")).to_have_attribute("aria-pressed", "true")
    before = settled(tab)
    tab.mouse.move(x + 90, y + 90)
    tab.mouse.down()
    for step in range(1, 9):
        tab.mouse.move(x + 90 + 10 * step, y + 90 + 10 * step)
        tab.wait_for_timeout(40)
    counted(tab, lambda number: number > before)  # the button is still down
    tab.mouse.up()
    larger = settled(tab)
    tab.get_by_role("button", name="Cut a hole").click()
    click_corners(tab, [(x - 30, y - 30), (x + 30, y - 30), (x + 30, y + 30), (x - 30, y + 30)])
    counted(tab, lambda number: 0 < number < larger)
    return settled(tab)


def test_an_area_is_drawn_counted_while_it_is_dragged_declared_and_taken_back(
    browser: Browser, base: str, db: Database
) -> None:
    context = signed_in(browser, db, script=True, dark=True)
    tab = context.new_page()
    seen: list[str] = []
    hosts: set[str] = set()
    tab.on("pageerror", lambda error: seen.append(str(error)))
    tab.on("console", lambda said: seen.append(said.text) if "Policy" in said.text else None)
    tab.on("response", lambda got: seen.append(got.url) if is_amiss(got) else None)
    tab.on("request", lambda request: hosts.add("/".join(request.url.split("/")[:3])))
    tab.goto(f"{base}/declare")
    drawn(tab)
    looked_at(tab)
    inside = area_with_a_hole(tab)
    shape = json.loads(tab.locator("#shape").input_value())
    assert len(shape["coordinates"]) == 2
    in_words = tab.get_by_label("Where it is, in words for the public")
    in_words.fill("Elm Street")
    tab.reload()
    drawn(tab)
    assert json.loads(tab.locator("#shape").input_value()) == shape
    expect(in_words).to_have_value("Elm Street")
    counted(tab, lambda number: number == inside)
    tab.get_by_role("button", name="Review").click()
    looked_at(tab)
    tab.get_by_role("button", name="Change it").click()
    drawn(tab)
    counted(tab, lambda number: number == inside)
    tab.get_by_role("button", name="Review").click()
    tab.get_by_role("button", name=f"Declare for {inside} premises").click()
    expect(tab.locator("#left")).to_contain_text("seconds")
    looked_at(tab)
    tab.get_by_role("button", name="Take it back").click()
    expect(tab.get_by_role("heading", level=1)).to_contain_text("is cancelled")
    looked_at(tab)
    tab.goto(f"{base}/declare")
    expect(tab.locator("#shape")).to_have_value("")
    assert hosts == {base}
    assert seen == []
    context.close()


def test_all_of_it_works_without_script(browser: Browser, base: str, db: Database) -> None:
    context = signed_in(browser, db, script=False, dark=False)
    tab = context.new_page()
    tab.goto(f"{base}/declare")
    expect(tab.locator("#map")).to_be_hidden()
    expect(tab.locator("#counts")).to_be_hidden()
    tab.get_by_label("A list of premises").check()
    expect(tab.get_by_label("Its corners, pasted")).to_be_hidden()
    tab.get_by_label("Ids", exact=True).fill("P1, P2\nP3 nobody")
    tab.get_by_role("button", name="Review").click()
    expect(tab.get_by_role("alert")).to_contain_text("tick to go on without them")
    expect(tab.get_by_label("Ids", exact=True)).to_have_value("P1, P2\nP3 nobody")
    tab.get_by_label("Go on without ids").check()
    tab.get_by_role("button", name="Review").click()
    fits(tab)
    tab.get_by_role("button", name="Declare for 3 premises").click()
    fits(tab)
    tab.get_by_role("button", name="Take it back").click()
    expect(tab.get_by_role("heading", level=1)).to_contain_text("is cancelled")
    context.close()
