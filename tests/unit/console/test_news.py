"""Pages that keep themselves up to date hear of what changes, as long as they may."""

import asyncio
import contextlib
import http.client
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import uvicorn

from console import news
from console.access import COOKIE
from console.errors import TooManyLook
from console.news import News
from outage import sessions
from outage.bell import Bell
from outage.database import Database
from outage.rights import Role
from tests.unit.console.staffed import Desk
from tests.unit.outage.town import declare


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk.of(database)


@pytest.fixture
def port(desk: Desk, free_port: Callable[[], int]) -> Iterator[int]:
    chosen = free_port()
    config = uvicorn.Config(desk.app, host="127.0.0.1", port=chosen, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield chosen
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


@contextlib.contextmanager
def listening(port: int, cookie: str) -> Iterator[http.client.HTTPResponse]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as way:
        way.request("GET", "/news", headers={"cookie": f"{COOKIE}={cookie}"})
        with way.getresponse() as answer:
            yield answer


def status(port: int, cookie: str) -> int:
    with listening(port, cookie) as answer:
        return answer.status


def events(answer: http.client.HTTPResponse) -> Iterator[str]:
    for line in answer:
        name, _, said = line.decode().strip().partition(": ")
        if name == "event":
            yield said


def test_a_stream_tells_of_a_change_and_ends_with_the_session(
    database: Database, desk: Desk, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "BEATS_S", 0.3)
    member, _ = desk.member("dana", Role.DISPATCHER)
    cookie = desk.session(member)
    with listening(port, cookie) as answer:
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        heard = events(answer)
        assert next(heard) == "beat"
        declare(database)
        assert "changed" in {next(heard) for _ in range(12)}
        with database.write() as conn:
            sessions.end_others(conn, member.key)
        assert "ended" in list(heard)
    assert status(port, cookie) == 303


def test_no_more_streams_are_taken_than_the_process_bears(
    desk: Desk, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "MOST", 1)
    member, _ = desk.member("dana", Role.DISPATCHER)
    cookie = desk.session(member)
    with listening(port, cookie) as first:
        assert next(events(first)) == "beat"
        with listening(port, cookie) as second:
            assert second.status == 503
            assert str(TooManyLook()) in second.read().decode()
    deadline = time.monotonic() + 10
    while status(port, cookie) != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_nobody_looks_while_no_page_is_open(database: Database) -> None:
    async def watch() -> None:
        found = News(database, Bell(""))
        for _ in range(2):
            async with found.listening():
                before = found.mark
                await asyncio.to_thread(declare, database)
                assert await found.after(before) != before
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(watch())
