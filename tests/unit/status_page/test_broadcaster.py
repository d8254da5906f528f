import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from status_page.broadcaster import Broadcaster
from status_page.crowd import Client
from status_page.frames import EVERYTHING, Change, Wanted
from tests.unit.status_page.storm import Publication, outage, status


class Connection(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data


async def listener(broadcaster: Broadcaster) -> Connection:
    """Somebody who listens and has been greeted."""
    connection = Connection()
    over = asyncio.get_running_loop().create_future()
    client = Client(transport=connection, origin="203.0.113.9", over=over)
    broadcaster.crowd.join(client)
    await broadcaster.greet(client, "", "en", EVERYTHING)
    return connection


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  what is waited for is no event
            await asyncio.sleep(0.02)


def test_what_could_not_be_passed_on_is_passed_on_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(outage(1)))

    async def spoil_and_repair() -> bytes:
        broadcaster = Broadcaster(tmp_path, most_streams=9, most_from_one=9)
        await broadcaster.look()
        connection = await listener(broadcaster)
        pointer = publication.publish(status(outage(1, matched=7))).pointer
        delta = tmp_path / pointer.delta("en")
        good = delta.read_bytes()
        spoilt = (
            b'{"id": "e1-2", "base": "e1-1", "removed": [], "changed": [{"id": "a", "facts": 1}]}'
        )
        delta.write_bytes(spoilt)
        watch = asyncio.create_task(broadcaster.run())
        await until(lambda: "could not be passed on" in caplog.text)
        assert b"generation" not in connection.written
        delta.write_bytes(good)
        await until(lambda: b"event: generation" in connection.written)
        watch.cancel()
        return connection.written

    assert b"7 homes" in asyncio.run(spoil_and_repair())


def test_a_frame_that_could_not_be_made_is_made_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(outage(1)))
    made, fails = Change.frame_for, [True]

    def fail_once(change: Change, wanted: Wanted, most: int) -> bytes | None:
        if fails.pop() if fails else False:
            raise MemoryError
        return made(change, wanted, most)

    monkeypatch.setattr(Change, "frame_for", fail_once)

    async def watch() -> bytes:
        broadcaster = Broadcaster(tmp_path, most_streams=9, most_from_one=9)
        await broadcaster.look()
        connection = await listener(broadcaster)
        publication.publish(status(outage(1, matched=7)))
        watch = asyncio.create_task(broadcaster.run())
        await until(lambda: b"event: generation" in connection.written)
        watch.cancel()
        return connection.written

    assert b"7 homes" in asyncio.run(watch())
    assert caplog.text.count("could not be passed on") == 1
