"""Pages that keep themselves up to date hear of what changes, as long as they may."""

import asyncio
import contextlib
import http.client
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from console import news
from console.access import COOKIE
from console.errors import TooManyLook
from console.news import News
from outage import sessions
from outage.bell import Bell
from outage.database import Database, open_database
from outage.errors import OutageError
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


def test_a_database_that_is_away_ends_no_stream(
    database: Database,
    desk: Desk,
    port: int,
    free_port: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(news, "BEATS_S", 0.3)
    member, _ = desk.member("dana", Role.DISPATCHER)
    away = open_database(f"postgresql://nobody@127.0.0.1:{free_port()}/none", pool_size=1)
    with contextlib.closing(away), listening(port, desk.session(member)) as answer:
        heard = events(answer)
        assert next(heard) == "beat"
        desk.app.state.db = away
        assert [next(heard) for _ in range(3)] == ["beat"] * 3
        desk.app.state.db = database
        with database.write() as conn:
            sessions.end_others(conn, member.key)
        assert list(heard)[-1] == "ended"


def test_two_who_come_at_once_are_looked_for_by_one_task(database: Database) -> None:
    async def watch() -> None:
        found = News(database, Bell(""))

        async def come() -> None:
            async with found.listening():
                await asyncio.sleep(0.1)

        await asyncio.gather(come(), come())
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(watch())


def test_who_came_while_the_database_was_away_takes_nobodys_place(
    free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "MOST", 1)

    async def watch() -> None:
        away = open_database(f"postgresql://nobody@127.0.0.1:{free_port()}/none", pool_size=1)
        with contextlib.closing(away):
            found = News(away, Bell(""))
            with pytest.raises((OutageError, SQLAlchemyError)):
                async with found.listening():
                    pass
            assert not found.is_full

    asyncio.run(watch())


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
