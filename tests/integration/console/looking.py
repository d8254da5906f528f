"""The console as a server of its own, and what each of its pages has to hold in a browser."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

from console.access import COOKIE
from console.app import create_app
from outage import sessions, settings, staff
from outage.database import Database
from outage.rights import Role
from outage.site import Site


@contextmanager
def serving(db: Database, port: int) -> Iterator[str]:
    """Serve the console, and say where."""
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


def come_in(context: BrowserContext, db: Database, name: str, role: Role) -> None:
    """Sign somebody new in without the door, which has tests of its own."""
    with db.write() as conn:
        member, _ = staff.add(conn, name=name, role=role)
        words = sessions.begin(conn, member, "")
    context.add_cookies(
        [{"name": COOKIE, "value": words, "domain": "127.0.0.1", "path": "/", "secure": True}]
    )


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
