"""A child's post: what runs there now, what it says, and when to try again."""

import os
import selectors
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress

from workers.child import Child, spawn
from workers.roster import SUPERVISOR

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 10.0
STEADY_S = 10.0  # one that ran this long had a good start; its next death is a first one
_LONGEST_LINE = 64 * 1024


def wait_after(deaths: int) -> float:
    """Seconds to wait before starting again after so many deaths in a row."""
    return min(FIRST_WAIT_S * 2.0 ** min(deaths - 1, 20), LONGEST_WAIT_S)


class Post:
    """One child of a supervisor, over all its lives."""

    def __init__(
        self, child: Child, selector: selectors.BaseSelector, say: Callable[[str, str], None]
    ) -> None:
        self.child = child
        self._selector = selector
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._due = 0.0
        self._deaths = 0
        self._unfinished = b""
        self._end = ""

    @property
    def pid(self) -> int | None:
        """Its process id, if it runs."""
        return self._process.pid if self._process else None

    def keep(self, now: float) -> bool:
        """Notice a death, start when it is time; True if its process id changed."""
        before = self.pid
        if self._process and self.ended():
            self._deaths = 1 if now - self._started >= STEADY_S else self._deaths + 1
            wait_s = wait_after(self._deaths)
            self._due = now + wait_s
            self._say(SUPERVISOR, f"{self.child.name} {self._end}; again in {wait_s:g} s")
        if not self._process and now >= self._due:
            self._start(now)
        return self.pid != before

    def wait_s(self, now: float) -> float:
        """Seconds until it wants to be looked at, if nothing happens before."""
        return LONGEST_WAIT_S if self._process else self._due - now

    def ended(self) -> bool:
        """Whether nothing runs here; what the process last said is handed on first."""
        if self._process and self._process.poll() is not None:
            self._end = _how(self._process.returncode)
            self._drain()
            self._process = None
        return self._process is None

    def stop(self) -> None:
        """Ask it to end."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it, and whatever it started, now."""
        if self._process and not self.ended():
            self._say(SUPERVISOR, f"{self.child.name} does not end; killing it")
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self.ended()

    def _start(self, now: float) -> None:
        self._started = now
        try:
            self._process = spawn(self.child)
        except OSError as error:
            self._deaths += 1
            self._due = now + wait_after(self._deaths)
            self._say(SUPERVISOR, f"{self.child.name} cannot be started: {error.strerror}")
            return
        pipe = self._process.stdout
        assert pipe is not None  # noqa: S101 spawn asks for a pipe
        os.set_blocking(pipe.fileno(), False)
        self._selector.register(pipe, selectors.EVENT_READ, self._read)

    def _read(self) -> bool:
        """Hand on what it said; False when there is nothing to read at this moment."""
        pipe = self._process.stdout if self._process else None
        if pipe is None or pipe.closed:
            return False
        try:
            said = os.read(pipe.fileno(), _LONGEST_LINE)
        except BlockingIOError:
            return False
        if not said:
            self._selector.unregister(pipe)
            pipe.close()
            return False
        *lines, self._unfinished = (self._unfinished + said).split(b"\n")
        if len(self._unfinished) > _LONGEST_LINE:
            lines, self._unfinished = [*lines, self._unfinished], b""
        for line in lines:
            self._say(self.child.name, line.decode(errors="replace").rstrip("\r"))
        return True

    def _drain(self) -> None:
        while self._read():
            pass
        if self._unfinished:
            self._say(self.child.name, self._unfinished.decode(errors="replace"))
            self._unfinished = b""
        pipe = self._process.stdout if self._process else None
        if pipe is not None and not pipe.closed:
            # A process it left behind still holds the other end; that one may talk to itself.
            self._selector.unregister(pipe)
            pipe.close()


def _how(returncode: int) -> str:
    if returncode < 0:
        return f"was ended by {signal.Signals(-returncode).name}"
    return f"ended with {returncode}"
