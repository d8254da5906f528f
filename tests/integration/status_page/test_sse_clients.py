"""Clients that others wrote read the stream as they come, without a word of ours."""

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiosseclient
import httpx
import httpx_sse
import pytest
import requests
import sseclient
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from status_page.store import POINTER
from tests.integration.status_page.server import Page
from tests.unit.status_page.storm import Publication, outage, sample, status

Told = tuple[str, str, Any]
"""Name, id and data of an event as the client hands it on."""
Last = tuple[str, str]
"""Name and id of the event after which a client has read enough."""
Reads = Callable[[str, str, Last], list[Told]]

BREAKS = "first\u2028second\u2029third\u0085fourth"
"""Characters at which a line ends for `str.splitlines`, and not in a stream of events."""


def with_httpx_sse(url: str, last_id: str, last: Last) -> list[Told]:
    found: list[Told] = []
    headers = {"Last-Event-ID": last_id}
    with (
        httpx.Client(timeout=60, trust_env=False) as client,
        httpx_sse.connect_sse(client, "GET", url, headers=headers) as source,
    ):
        for event in source.iter_sse():
            found.append((event.event, event.id or "", json.loads(event.data)))
            if found[-1][:2] == last:
                break
    return found


def with_sseclient_py(url: str, last_id: str, last: Last) -> list[Told]:
    headers = {"Accept": "text/event-stream", "Last-Event-ID": last_id}
    found: list[Told] = []
    with (
        requests.Session() as session,
        session.get(url, headers=headers, stream=True, timeout=60) as answer,
    ):
        for event in sseclient.SSEClient(answer.iter_content(4096)).events():
            found.append((event.event, event.id or "", json.loads(event.data)))
            if found[-1][:2] == last:
                break
    return found


def with_aiosseclient(url: str, last_id: str, last: Last) -> list[Told]:
    async def read() -> list[Told]:
        found: list[Told] = []
        events = aiosseclient.aiosseclient(url, last_id=last_id, timeout_total=60)
        async for event in events:
            found.append((event.event, event.id or "", json.loads(event.data)))
            if found[-1][:2] == last:
                break
        await events.aclose()
        return found

    return asyncio.run(read())


@pytest.fixture
def publication(tmp_path: Path) -> Publication:
    publication = Publication(tmp_path / "published")
    publication.publish(status(*sample()))
    for matched in (33, 44):
        publication.publish(status(*sample()[1:], outage(1, matched=matched, message=BREAKS)))
    return publication


@pytest.fixture
def page(publication: Publication, free_port: Callable[[], int]) -> Iterator[Page]:
    page = Page.serving(publication.folder, free_port())
    yield page
    page.end()


@pytest.mark.processes
@pytest.mark.parametrize("reads", [with_httpx_sse, with_sseclient_py, with_aiosseclient])
def test_a_client_of_others_reads_every_event_as_it_was_published(
    page: Page, publication: Publication, reads: Reads
) -> None:
    """From an id on: what it has missed, whatever people wrote in it, then the heartbeat."""
    *missed, hello = reads(
        f"{page.url}/stream?lang=en&outage=O-7K3M1", "e1-1", ("heartbeat", "e1-3")
    )
    assert [(name, id_) for name, id_, _ in missed] == [
        ("generation", "e1-2"),
        ("generation", "e1-3"),
    ]
    facts = [data["changed"][0]["facts"] for _, _, data in missed]
    assert [(each["matched"], each["message"]) for each in facts] == [(33, BREAKS), (44, BREAKS)]
    pointer = json.loads((publication.folder / POINTER).read_bytes())
    assert hello[:2] == ("heartbeat", "e1-3")
    assert hello[2]["as_of"] == pointer["as_of"]


NPM = ("eventsource@4.1.1", "eventsource-client@1.2.0")
NODE = """
import { EventSource } from "eventsource";
import { createEventSource } from "eventsource-client";

const [client, url, name, id] = process.argv.slice(2);
const told = (event, id_, data) => {
  console.log(JSON.stringify([event, id_, JSON.parse(data)]));
  if (event === name && id_ === id) process.exit(0);
};
setTimeout(() => process.exit(1), 60_000);
if (client === "eventsource") {
  const source = new EventSource(url);
  for (const kind of ["generation", "heartbeat", "reset", "message"]) {
    source.addEventListener(kind, (event) => told(kind, event.lastEventId, event.data));
  }
} else {
  createEventSource({ url, onMessage: ({ event, id: id_, data }) => told(event, id_, data) });
}
"""
CHROMIUM = """
([url, name, id]) => new Promise((done) => {
  const found = [];
  const source = new EventSource(url);
  for (const kind of ["generation", "heartbeat", "reset", "message"]) {
    source.addEventListener(kind, (event) => {
      found.push([kind, event.lastEventId, JSON.parse(event.data)]);
      if (kind === name && event.lastEventId === id) { source.close(); done(found); }
    });
  }
})
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the clients from npm, and a script that reads with either of them."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed; install Debian's npm to try its clients")
    folder = tmp_path_factory.mktemp("node")
    plain = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
    command = ["npm", "install", *plain, *NPM]
    subprocess.run(command, check=True, capture_output=True, timeout=120, cwd=folder)
    (folder / "read.mjs").write_text(NODE)
    return folder


def with_node(folder: Path, client: str, url: str, last: Last) -> list[Told]:
    command = ["node", "read.mjs", client, url, *last]
    answer = subprocess.run(command, check=True, capture_output=True, timeout=90, cwd=folder)
    return [(name, id_, data) for name, id_, data in map(json.loads, answer.stdout.splitlines())]


def with_chromium(tab: Tab, url: str, last: Last) -> list[Told]:
    return [(name, id_, data) for name, id_, data in tab.evaluate(CHROMIUM, [url, *last])]


@pytest.mark.processes
@pytest.mark.browser
def test_six_clients_at_once_are_each_told_every_change_once(
    page: Page, publication: Publication, browser: Browser, node: Path
) -> None:
    """What they have missed, then what is published while they listen."""
    url, last = f"{page.url}/stream?lang=en&from=e1-1", ("generation", "e1-5")
    readers: dict[str, Callable[[], list[Told]]] = {
        "httpx-sse": lambda: with_httpx_sse(url, "", last),
        "sseclient-py": lambda: with_sseclient_py(url, "", last),
        "aiosseclient": lambda: with_aiosseclient(url, "", last),
        "eventsource": lambda: with_node(node, "eventsource", url, last),
        "eventsource-client": lambda: with_node(node, "eventsource-client", url, last),
    }

    def publish_once_all_listen() -> None:
        deadline = time.monotonic() + 45
        while "outage_page_streams 6" not in page.get("/metrics").splitlines():
            assert time.monotonic() < deadline, page.get("/metrics")
            time.sleep(0.1)
        for matched in (55, 66):
            publication.publish(status(*sample()[1:], outage(1, matched=matched)))

    tab = browser.new_page()
    # No page of ours: it would open a stream of its own.
    tab.goto(f"{page.url}/healthz")
    with ThreadPoolExecutor(len(readers) + 1) as beside:
        published = beside.submit(publish_once_all_listen)
        reading = {name: beside.submit(read) for name, read in readers.items()}
        told = {"chromium": with_chromium(tab, url, last)}
        told |= {name: each.result() for name, each in reading.items()}
        published.result()
    tab.close()
    for name, events in told.items():
        changes = [
            (id_, data["changed"][0]["facts"]["matched"])
            for event, id_, data in events
            if event == "generation"
        ]
        assert changes == [("e1-2", 33), ("e1-3", 44), ("e1-4", 55), ("e1-5", 66)], name
        assert {event for event, _, _ in events} == {"generation", "heartbeat"}, name
