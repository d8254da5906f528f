import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisAway
from rq import Callback, Queue
from rq.serializers import JSONSerializer

from tests.integration.workers import chores
from tests.integration.workers.conftest import Start, eventually
from workers import broker, queues

pytestmark = pytest.mark.processes

StartSender = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def start_sender() -> Iterator[StartSender]:
    started: list[subprocess.Popen[bytes]] = []

    def _start(url: str) -> "subprocess.Popen[bytes]":
        code = (
            "import sys; from workers import sender; "
            "sender.Sender.runs = {f'tests.integration.workers.chores.{name}'"
            " for name in ('note', 'work_until_told', 'work_until_let_go')}; "
            "sender.run('sms', sys.argv[1])"
        )
        started.append(subprocess.Popen([sys.executable, "-c", code, url]))
        return started[-1]

    yield _start
    for process in started:
        process.kill()
        process.wait()


def _ask(url: str, chore: Callable[[str], None], path: Path) -> None:
    with queues.connect(url) as client:
        queue = Queue("sms", connection=client, serializer=JSONSerializer)
        queue.enqueue_call(chore, args=(str(path),), result_ttl=0)


def test_a_batch_is_worked_in_the_worker_itself(
    valkey: str, start_sender: StartSender, tmp_path: Path
) -> None:
    worker = start_sender(valkey)

    _ask(valkey, chores.note, tmp_path / "note")

    eventually((tmp_path / "note").exists)
    eventually(lambda: (tmp_path / "note").read_text() == str(worker.pid))


def test_whoever_can_write_to_redis_cannot_have_other_code_called(
    valkey: str, start_sender: StartSender, tmp_path: Path
) -> None:
    worker = start_sender(valkey)
    with queues.connect(valkey) as client:
        queue = Queue("sms", connection=client, serializer=JSONSerializer)
        queue.enqueue_call("os.mkdir", args=(str(tmp_path / "called"),))
        queue.enqueue_call(
            chores.note, args=(str(tmp_path / "hooked"),), on_success=Callback("os.getpid")
        )

    _ask(valkey, chores.note, tmp_path / "note")

    eventually((tmp_path / "note").exists)
    assert not (tmp_path / "called").exists()
    assert not (tmp_path / "hooked").exists()
    assert worker.poll() is None
    with queues.connect(valkey) as client:
        eventually(lambda: not list(client.scan_iter("rq:job:*")))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_with_nothing_to_do_ends_at_once(
    valkey: str, start_sender: StartSender, tmp_path: Path, number: signal.Signals
) -> None:
    worker = start_sender(valkey)
    _ask(valkey, chores.note, tmp_path / "note")
    eventually((tmp_path / "note").exists)
    began = time.monotonic()

    worker.send_signal(number)

    assert worker.wait(10) == 0
    assert time.monotonic() - began < 3


def test_a_worker_in_the_middle_of_a_batch_ends_after_the_call_it_is_in(
    valkey: str, start_sender: StartSender, tmp_path: Path
) -> None:
    worker = start_sender(valkey)
    mark = tmp_path / "mark"
    _ask(valkey, chores.work_until_told, mark)
    eventually(lambda: mark.exists() and mark.read_text() == "busy")

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(10) == 0
    assert mark.read_text() == "stopped"


def test_a_worker_waits_for_a_redis_that_is_not_there_yet(
    start: Start, start_sender: StartSender, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    worker = start_sender(broker.url(home))
    time.sleep(1)
    assert worker.poll() is None

    start("broker", home=home)
    eventually(lambda: broker.socket_path(home).exists())
    eventually(lambda: _asked(home, tmp_path / "note"))

    eventually((tmp_path / "note").exists)


def _asked(home: Path, path: Path) -> bool:
    try:
        _ask(broker.url(home), chores.note, path)
    except RedisAway:
        return False
    return True


def test_a_worker_goes_on_after_redis_was_killed(
    start: Start, start_sender: StartSender, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    crew = start("broker", home=home)
    worker = start_sender(broker.url(home))
    eventually(lambda: _asked(home, tmp_path / "before"))
    eventually((tmp_path / "before").exists)

    os.kill(crew.pids["valkey"], signal.SIGKILL)
    eventually(lambda: _asked(home, tmp_path / "after"))

    eventually((tmp_path / "after").exists)
    assert worker.poll() is None


def test_a_worker_goes_on_after_redis_was_killed_in_the_middle_of_a_batch(
    start: Start, start_sender: StartSender, tmp_path: Path
) -> None:
    home, mark = tmp_path / "home", tmp_path / "mark"
    crew = start("broker", home=home)
    worker = start_sender(broker.url(home))
    eventually(lambda: _asked(home, tmp_path / "before"))
    eventually((tmp_path / "before").exists)
    _ask(broker.url(home), chores.work_until_let_go, mark)
    eventually(mark.exists)

    os.kill(crew.pids["supervisor"], signal.SIGSTOP)
    os.kill(crew.pids["valkey"], signal.SIGKILL)
    (tmp_path / "mark.go").touch()
    time.sleep(0.5)
    os.kill(crew.pids["supervisor"], signal.SIGCONT)

    eventually(lambda: _asked(home, tmp_path / "after"))
    eventually((tmp_path / "after").exists)
    assert worker.poll() is None
