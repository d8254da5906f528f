"""Clients that others wrote read the stream as they come, without a word of ours."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiosseclient
import httpx
import httpx_sse
import pytest
import requests
import sseclient

from status_page.store import POINTER
from tests.integration.status_page.server import Page
from tests.unit.status_page.storm import Publication, outage, sample, status

Told = tuple[str, str, Any]
"""Name, id and data of an event as the client hands it on."""
Reads = Callable[[str, str, int], list[Told]]

BREAKS = "first\u2028second\u2029third\u0085fourth"
"""Characters at which a line ends for `str.splitlines`, and not in a stream of events."""


def with_httpx_sse(url: str, last_id: str, count: int) -> list[Told]:
    found: list[Told] = []
    headers = {"Last-Event-ID": last_id}
    with (
        httpx.Client(timeout=10, trust_env=False) as client,
        httpx_sse.connect_sse(client, "GET", url, headers=headers) as source,
    ):
        for event in source.iter_sse():
            found.append((event.event, event.id or "", json.loads(event.data)))
            if len(found) == count:
                break
    return found


def with_sseclient_py(url: str, last_id: str, count: int) -> list[Told]:
    headers = {"Accept": "text/event-stream", "Last-Event-ID": last_id}
    found: list[Told] = []
    with (
        requests.Session() as session,
        session.get(url, headers=headers, stream=True, timeout=10) as answer,
    ):
        for event in sseclient.SSEClient(answer.iter_content(4096)).events():
            found.append((event.event, event.id or "", json.loads(event.data)))
            if len(found) == count:
                break
    return found


def with_aiosseclient(url: str, last_id: str, count: int) -> list[Told]:
    async def read() -> list[Told]:
        found: list[Told] = []
        events = aiosseclient.aiosseclient(url, last_id=last_id, timeout_total=10)
        async for event in events:
            found.append((event.event, event.id or "", json.loads(event.data)))
            if len(found) == count:
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
    *missed, hello = reads(f"{page.url}/stream?lang=en&outage=O-7K3M1", "e1-1", 3)
    assert [(name, id_) for name, id_, _ in missed] == [
        ("generation", "e1-2"),
        ("generation", "e1-3"),
    ]
    facts = [data["changed"][0]["facts"] for _, _, data in missed]
    assert [(each["matched"], each["message"]) for each in facts] == [(33, BREAKS), (44, BREAKS)]
    pointer = json.loads((publication.folder / POINTER).read_bytes())
    assert hello[:2] == ("heartbeat", "e1-3")
    assert hello[2]["as_of"] == pointer["as_of"]
