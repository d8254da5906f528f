import os
import shutil
import signal
import stat
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisAway
from redis.retry import Retry

from tests.integration.workers.conftest import Crew, Start, eventually
from workers import broker

pytestmark = pytest.mark.processes


def _bell(home: Path) -> Redis:
    return Redis.from_url(broker.url(home), retry=Retry(NoBackoff(), 0))


def _answers(home: Path) -> bool:
    try:
        with _bell(home) as bell:
            return bool(bell.ping())
    except RedisAway:
        return False


def _kill(crew: Crew) -> None:
    before = crew.pids["valkey"]
    os.kill(before, signal.SIGKILL)
    eventually(lambda: crew.pids.get("valkey") not in {None, before})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "a home with spaces"


def test_it_keeps_what_it_was_given_and_evicts_nothing(start: Start, home: Path) -> None:
    crew = start("broker", home=home)
    eventually(lambda: _answers(home))

    with _bell(home) as bell:
        bell.set("kept", 1)
        assert bell.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert bell.config_get("appendonly") == {"appendonly": "yes"}
        assert bell.config_get("port") == {"port": "0"}
    crew.process.send_signal(signal.SIGINT)
    assert crew.process.wait(10) == 0
    start("broker", home=home)
    eventually(lambda: _answers(home))

    with _bell(home) as bell:
        assert bell.get("kept") == b"1"


def test_only_its_owner_can_open_the_socket(start: Start, home: Path) -> None:
    start("broker", home=home)
    eventually(lambda: _answers(home))

    socket = broker.socket_path(home)
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700


def test_it_comes_back_after_a_kill(start: Start, home: Path) -> None:
    crew = start("broker", home=home)
    eventually(lambda: _answers(home))

    _kill(crew)

    eventually(lambda: _answers(home))


def test_it_comes_back_empty_after_a_kill_and_the_loss_of_its_data(
    start: Start, home: Path
) -> None:
    crew = start("broker", home=home)
    eventually(lambda: _answers(home))

    shutil.rmtree(home / "valkey")
    _kill(crew)

    eventually(lambda: _answers(home))
    with _bell(home) as bell:
        bell.set("works", 1)


def test_damaged_files_do_not_keep_it_from_coming_back(start: Start, home: Path) -> None:
    crew = start("broker", home=home)
    eventually(lambda: _answers(home))

    for part in (home / "valkey" / "appendonlydir").glob("*.incr.aof"):
        part.unlink()
    _kill(crew)

    eventually(lambda: _answers(home))
    assert "the queue's files are damaged" in crew.output


def test_a_home_too_long_for_a_socket_works_all_the_same(start: Start, tmp_path: Path) -> None:
    home = tmp_path / ("a-very-long-name-" * 8)
    start("broker", home=home)

    eventually(lambda: _answers(home))
    shutil.rmtree(broker.socket_path(home).parent)
