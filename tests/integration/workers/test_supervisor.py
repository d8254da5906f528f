import os
import signal
import time

import pytest

from tests.integration.workers.conftest import Start, eventually, is_alive

pytestmark = pytest.mark.processes


def test_a_child_that_is_killed_is_started_again(start: Start) -> None:
    crew = start()
    before = crew.wait_for("one", "two")

    os.kill(before["one"], signal.SIGKILL)

    eventually(lambda: crew.pids.get("one") not in {None, before["one"]})
    assert crew.pids["two"] == before["two"]
    assert crew.pids["supervisor"] == before["supervisor"] == crew.process.pid
    assert "one was ended by SIGKILL; again in 0.1 s" in crew.output


def test_a_supervisor_killed_with_9_takes_every_process_along(start: Start) -> None:
    crew = start("broker", "stubborn")
    everybody = crew.wait_for("one", "two", "stubborn", "valkey")

    crew.process.kill()
    crew.process.wait()

    eventually(lambda: not any(map(is_alive, everybody.values())), within_s=2)
    assert crew.pids == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_and_promptly(start: Start, number: signal.Signals) -> None:
    crew = start("broker")
    everybody = crew.wait_for("one", "two", "valkey")
    began = time.monotonic()

    crew.process.send_signal(number)

    assert crew.process.wait(10) == 0
    assert time.monotonic() - began < 10
    assert not any(map(is_alive, everybody.values()))


def test_a_child_that_will_not_end_is_killed(start: Start) -> None:
    crew = start("stubborn")
    everybody = crew.wait_for("stubborn")
    eventually(lambda: "stubborn   | awake" in crew.output)

    crew.process.send_signal(signal.SIGINT)

    assert crew.process.wait(10) == 0
    assert not any(map(is_alive, everybody.values()))
    assert "stubborn does not end; killing it" in crew.output


def test_a_second_supervisor_on_the_same_home_says_who_is_there(start: Start) -> None:
    first = start()
    first.wait_for("one")

    second = start()

    assert second.process.wait(10) == 1
    assert f"already running on {first.home} (process {first.process.pid})" in second.output
    assert is_alive(first.pids["one"])


def test_the_next_start_after_a_kill_is_not_in_the_way_of_the_last(start: Start) -> None:
    first = start("broker")
    first.wait_for("valkey")
    first.process.kill()
    first.process.wait()

    second = start("broker")

    assert second.wait_for("one", "valkey")["supervisor"] == second.process.pid


def test_output_carries_the_name_of_who_said_it_and_loses_no_last_line(start: Start) -> None:
    crew = start("brief")

    eventually(lambda: "brief ended with 0; again in" in crew.output)

    assert "one        | awake\n" in crew.output
    assert "brief      | no newline at the end\n" in crew.output


def test_a_child_that_keeps_dying_is_tried_ever_more_slowly(start: Start) -> None:
    crew = start("brief")

    eventually(lambda: "brief ended with 0; again in 0.4 s" in crew.output)
    assert crew.output.index("in 0.1 s") < crew.output.index("in 0.2 s")


def test_a_second_ctrl_c_ends_the_wait_but_not_one_that_was_only_passed_on(start: Start) -> None:
    crew = start("stubborn", "patient")
    crew.wait_for("stubborn")
    eventually(lambda: "stubborn   | awake" in crew.output)
    began = time.monotonic()

    crew.process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    crew.process.send_signal(signal.SIGTERM)
    time.sleep(1.0)
    assert crew.process.poll() is None
    crew.process.send_signal(signal.SIGINT)

    assert crew.process.wait(10) == 0
    assert time.monotonic() - began < 10
