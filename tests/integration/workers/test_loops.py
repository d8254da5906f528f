import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from outage import tables as t
from outage.database import Database
from workers.heartbeat import Heartbeat
from workers.loops import Loop, follow


def _followed(loop: Loop) -> tuple[threading.Thread, threading.Event, threading.Event]:
    wake, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=follow, args=(loop, wake, stop))
    thread.start()
    return thread, wake, stop


def test_a_loop_looks_at_once_when_it_is_woken() -> None:
    looked = threading.Semaphore(0)

    def turn() -> bool:
        looked.release()
        return False

    thread, wake, stop = _followed(Loop(name="test", turn=turn, every_s=60))
    assert looked.acquire(timeout=5)

    wake.set()

    assert looked.acquire(timeout=5)
    stop.set()
    wake.set()
    thread.join(5)
    assert not thread.is_alive()


def test_a_loop_with_more_to_do_does_not_wait() -> None:
    turns: list[int] = []

    def turn() -> bool:
        turns.append(1)
        return len(turns) < 100

    thread, wake, stop = _followed(Loop(name="test", turn=turn, every_s=60))
    deadline = time.monotonic() + 5
    while len(turns) < 100 and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    wake.set()
    thread.join(5)

    assert len(turns) >= 100


def test_a_loop_outlives_a_turn_that_fails() -> None:
    looked = threading.Semaphore(0)

    def turn() -> bool:
        looked.release()
        raise ZeroDivisionError

    thread, _, stop = _followed(Loop(name="test", turn=turn, every_s=60))
    assert looked.acquire(timeout=5)
    assert looked.acquire(timeout=5)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_a_heartbeat_is_one_row_that_stays_fresh(database: Database) -> None:
    heart = Heartbeat(database, "relay", detail=lambda: {"turns": 3})

    heart.beat()
    with database.read() as conn:
        first = conn.execute(sa.select(t.processes)).one()
    heart.beat()

    with database.read() as conn:
        second = conn.execute(sa.select(t.processes)).one()
    assert second.pid == os.getpid()
    assert second.started_at == first.started_at
    assert second.seen_at >= first.seen_at
    assert second.detail == '{"turns": 3}'


def test_a_process_that_has_long_been_silent_is_forgotten(database: Database) -> None:
    Heartbeat(database, "relay").beat()
    with database.write() as conn:
        conn.execute(t.processes.update().values(pid=0, seen_at=t.processes.c.seen_at - 61_000))
    Heartbeat(database, "clock").beat()

    Heartbeat(database, "relay").beat()

    with database.read() as conn:
        rows = conn.execute(sa.select(t.processes.c.name, t.processes.c.pid)).all()
    assert sorted(row.name for row in rows) == ["clock", "relay"]
    assert {row.pid for row in rows} == {os.getpid()}


_PROGRAM = """
import sys, time
from pathlib import Path
from outage.bell import Bell
from workers import loops

def stuck():
    Path(sys.argv[1]).touch()
    time.sleep(600)
    return False

loops.run([loops.Loop(name="stuck", turn=stuck)], Bell(""))
"""


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_loop_in_the_middle_of_long_work_does_not_hold_up_the_end(
    tmp_path: Path, number: signal.Signals
) -> None:
    mark = tmp_path / "started"
    process = subprocess.Popen([sys.executable, "-c", _PROGRAM, str(mark)])
    try:
        deadline = time.monotonic() + 20
        while not mark.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(10) == 0
        assert time.monotonic() - began < 5
    finally:
        process.kill()
        process.wait()
