"""Keeps a set of processes running, and takes all of them along when it ends."""

import math
import os
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from workers import roster
from workers.child import Child
from workers.errors import NotTheMainThread
from workers.post import Post

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ONE_WISH_S = 1.0  # signals this close together are one wish
_IMPATIENT = 2  # a second Ctrl+C: whoever has not ended by now is killed

Say = Callable[[str, str], None]


class Printer:
    """Writes `name | line` to standard output, and goes on when nobody reads it any more."""

    def __init__(self, names: Sequence[str]) -> None:
        self._width = max(map(len, names), default=0)

    def __call__(self, name: str, line: str) -> None:
        try:
            sys.stdout.write(f"{name:<{self._width}} | {line}\n")
            sys.stdout.flush()
        except OSError:
            # The terminal or the pipe is gone. The processes matter more than their output.
            sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 lives on


class Supervisor:
    """Runs `children` until SIGINT, SIGTERM or SIGHUP, starting again what dies.

    It has one thread: spawning, reading their output and waiting all happen in `run`, so
    that the parent-death signal is tied to a thread that lives as long as the process.
    Process ids by name are in the roster of `home` (`roster.pids`). All children get
    `stop_s` seconds to end by themselves; a second signal ends the wait.
    """

    def __init__(
        self,
        children: Sequence[Child],
        home: Path,
        *,
        say: Say | None = None,
        stop_s: float = 5.0,
    ) -> None:
        self._home = home
        self._say = say or Printer([roster.SUPERVISOR, *(child.name for child in children)])
        self._stop_s = stop_s
        self._selector = selectors.DefaultSelector()
        self._posts = [Post(child, self._selector, self._say) for child in children]
        self._signals = 0
        self._signalled_at = -math.inf

    def run(self) -> None:
        """Start every child and keep it; return when all have ended after a stop signal.

        Raises:
            AlreadyRunning: another supervisor keeps this home.
            NotTheMainThread: signals only reach the main thread.
        """
        if threading.current_thread() is not threading.main_thread():
            raise NotTheMainThread
        with roster.hold(self._home) as held, self._listening():
            try:
                while not self._signals:
                    if self._keep():
                        held.write(self._pids())
                    now = time.monotonic()
                    self._wait(min((post.wait_s(now) for post in self._posts), default=1.0))
            finally:
                self._stop()

    def _keep(self) -> bool:
        """Look after every child; True if any of them has another process id now."""
        now = time.monotonic()
        return any([post.keep(now) for post in self._posts])  # noqa: C419 all of them, always

    def _pids(self) -> dict[str, int]:
        return {post.child.name: post.pid for post in self._posts if post.pid is not None}

    def _wait(self, seconds: float) -> None:
        for key, _ in self._selector.select(max(0.0, seconds)):
            key.data()

    def _stop(self) -> None:
        self._say(roster.SUPERVISOR, "stopping")
        deadline = time.monotonic() + self._stop_s
        for outlives in (False, True):
            posts = [post for post in self._posts if post.child.outlives is outlives]
            for post in posts:
                post.stop()
            # Whoever has to outlive the rest still gets a second to end by itself.
            self._wait_for_end(posts, deadline + outlives)
            for post in posts:
                post.kill()

    def _wait_for_end(self, posts: Sequence[Post], deadline: float) -> None:
        while self._signals < _IMPATIENT and not all(post.ended() for post in posts):
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._wait(left)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Make signals, a child's death among them, wake the loop."""
        bell, ear = socket.socketpair()
        bell.setblocking(False)
        ear.setblocking(False)
        self._selector.register(ear, selectors.EVENT_READ, lambda: ear.recv(4096))
        before = {number: signal.getsignal(number) for number in (*_STOP_SIGNALS, signal.SIGCHLD)}
        old_bell = signal.set_wakeup_fd(bell.fileno(), warn_on_full_buffer=False)
        for number in _STOP_SIGNALS:
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(old_bell)
            self._selector.unregister(ear)
            bell.close()
            ear.close()

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        # A terminal signals the whole group, and whoever started us may pass the same on.
        now = time.monotonic()
        if now - self._signalled_at > _ONE_WISH_S:
            self._signals += 1
            self._signalled_at = now
