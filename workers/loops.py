"""Loops: work that is looked for each second, and at once when the bell rings."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from outage.bell import JOURNAL, Bell

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 10.0
STOP_S = 1.5
"""What a loop gets to finish its turn in; one that needs longer is cut off and resumed later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """One kind of work. `turn` does a little of it and says whether there may be more.

    A loop that is `woken` looks when the bell rings; every loop looks each `every_s` seconds.
    `close` is called after the last turn, if that turn came to its end. After failures it waits
    ever longer, but no longer than `longest_wait_s`.
    """

    name: str
    turn: Callable[[], bool]
    every_s: float = 1.0
    woken: bool = True
    longest_wait_s: float = LONGEST_WAIT_S
    close: Callable[[], None] | None = None


def follow(loop: Loop, wake: threading.Event, stop: threading.Event) -> None:
    """Take turns until told to stop. A turn that fails is logged and tried again, ever slower."""
    wait_s = FIRST_WAIT_S
    while not stop.is_set():
        # Cleared before looking: a ring during the turn means another look after it.
        wake.clear()
        try:
            more = loop.turn()
        except Exception:  # a loop outlives whatever one turn runs into
            log.exception("%s failed; trying again in %.1f s", loop.name, wait_s)
            stop.wait(wait_s)
            wait_s = min(wait_s * 2, loop.longest_wait_s)
            continue
        wait_s = FIRST_WAIT_S
        if not more:
            wake.wait(loop.every_s)
    if loop.close is not None:
        loop.close()


def run(loops: Sequence[Loop], bell: Bell, stop: threading.Event | None = None) -> None:
    """Run every loop in a thread of its own until SIGINT or SIGTERM; then end the process.

    `stop` is set by those signals, for turns that ask in the middle of their work.
    """
    stop = stop or threading.Event()
    wakes = {loop.name: threading.Event() for loop in loops}

    def wake() -> None:
        for loop in loops:
            if loop.woken:
                wakes[loop.name].set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    threads = [
        threading.Thread(
            target=follow, args=(loop, wakes[loop.name], stop), name=loop.name, daemon=True
        )
        for loop in loops
    ]
    ear = threading.Thread(target=bell.listen, args=(wake, stop, JOURNAL), name="bell", daemon=True)
    for thread in (*threads, ear):
        thread.start()
    stop.wait()
    for event in wakes.values():
        event.set()
    _end(threads)


def _end(threads: Sequence[threading.Thread]) -> None:
    deadline = time.monotonic() + STOP_S
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        # Every step is resumable, so cutting one off is as good as waiting for it; leaving
        # Python the usual way would wait for native code that such a thread is in.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
