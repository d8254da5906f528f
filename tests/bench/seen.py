"""From an update's commit to the text that changes in a real browser, in a storm and with others.

    python -m tests.bench.seen [--outages N] [--streams N] [--updates N]

Makes up a storm in a record of its own (SQLite), publishes it, serves it as `outage page` does and
opens so many streams to it (the C client of `tests.bench.page`). Then headless Chromium (Debian's,
with Playwright) opens the list, and at random moments the outage that stands first on it is updated
as the desk does it, with the publisher in a loop of its own, woken as the bell wakes it. The time
is from just before the transaction to when the browser's own script has put another text into the
row, by the clock that both read. Prints figures as JSON, with the machine's load before and after.
"""

import json
import os
import random
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import redis
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect, sync_playwright

from outage import commands, desk
from outage.bell import PUBLISHED
from outage.database import wall_now
from outage.model import OutageId
from status_page.publisher import Publisher
from tests.bench.page import _bell, _free_port
from tests.bench.page_client import Streams, compiled
from tests.bench.page_servers import running, words_for
from tests.bench.publish import SITE, SOMEBODY, Town
from tests.conftest import CHROMIUM, QUIET
from workers.commands.page import raise_file_limit
from workers.loops import Loop, follow

PATIENCE_S = 60.0
_WATCH = """(id) => {
    const text = () => document.getElementById(id)?.textContent ?? "";
    let last = text();
    window.seen = [];
    new MutationObserver(() => {
        if (text() === last) return;
        last = text();
        window.seen.push(Date.now());
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


@contextmanager
def publishing(publisher: Publisher) -> Iterator[threading.Event]:
    """Let a publisher follow the journal; gives what wakes it."""
    wake, stop = threading.Event(), threading.Event()
    loop = Loop(name="publisher", turn=publisher.turn, close=publisher.close)
    thread = threading.Thread(target=follow, args=(loop, wake, stop))
    thread.start()
    try:
        yield wake
    finally:
        stop.set()
        wake.set()
        thread.join()


def update(town: Town, outage: str, number: int) -> None:
    """Change when an outage is over, each time to another minute."""
    with town.db.write() as conn:
        now = wall_now(conn)
        later = timedelta(hours=2, minutes=7 * number)
        command = commands.Report(observed_at=now, etr=commands.GivenEtr(latest=now + later))
        desk.report_progress(conn, OutageId(outage), command, actor=SOMEBODY)


def seen(tab: Tab, count: int) -> float:
    """Wait until the text has changed so often; return when that was, in seconds of the clock."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        times: list[int] = tab.evaluate("window.seen")
        if len(times) >= count:
            return times[count - 1] / 1e3
        time.sleep(0.02)
    raise SystemExit("An update has not reached the browser.")


def measure(tab: Tab, town: Town, url: str, wake: threading.Event, updates: int) -> list[float]:
    """Return how long each update took, in seconds."""
    tab.goto(url)
    expect(tab.locator("#live-state")).to_contain_text("Live", timeout=PATIENCE_S * 1e3)
    first = tab.locator("li[id^='o-']").first.get_attribute("id") or ""
    tab.evaluate(_WATCH, first)
    chance, took = random.Random(1), []
    for number in range(updates):
        time.sleep(chance.uniform(0.2, 2.0))
        before = len(tab.evaluate("window.seen"))
        began = time.time()
        update(town, first.removeprefix("o-"), number)
        wake.set()
        took.append(seen(tab, before + 1) - began)
    return took


def run(outages: int, streams: int, updates: int) -> dict[str, Any]:
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        raise SystemExit("No Chromium is installed; install Debian's chromium.")
    raise_file_limit()
    load = os.getloadavg()[0]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="outage-bench-")))
        town = Town(folder, outages)
        stack.callback(town.db.close)
        url = stack.enter_context(_bell(folder))
        bell = redis.Redis.from_url(url)

        def ring() -> None:
            bell.publish(PUBLISHED, b"")

        publisher = Publisher(
            town.db,
            town.store,
            SITE,
            send_mode="live",
            ring=ring,
        )
        publisher.turn()
        wake = stack.enter_context(publishing(publisher))
        port = _free_port()
        words = words_for("ours", port, str(town.store.folder), url)
        stack.enter_context(running(words, port))
        clients = stack.enter_context(Streams(compiled(folder), port, streams))
        opened = clients.opened().open
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        stack.callback(browser.close)
        took = measure(browser.new_page(), town, f"http://127.0.0.1:{port}/", wake, updates)
    ordered = sorted(took)
    return {
        "outages": outages,
        "streams": opened,
        "updates": updates,
        "median_s": round(statistics.median(took), 3),
        "p95_s": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 3),
        "most_s": round(ordered[-1], 3),
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
    }


@click.command()
@click.option("--outages", default=2_000, help="Open at once.")
@click.option("--streams", default=5_000, help="Beside the browser's own.")
@click.option("--updates", default=40, help="Of the outage that stands first.")
def main(outages: int, streams: int, updates: int) -> None:
    """Measure how long an update takes to be read in a browser."""
    click.echo(json.dumps(run(outages, streams, updates)))


if __name__ == "__main__":
    main()
