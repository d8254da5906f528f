"""`outage up` as a process of its own, that can be killed in parts and as a whole."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from workers import roster
from workers.child import Child, die_with_parent, of_ours
from workers.errors import DemoError

VALKEY_DATA = "valkey-data"
"""Killing this means: Valkey, with everything it had on disk."""
NAMES = (
    "page",
    "counter",
    "web",
    "relay",
    "worker",
    "clock",
    "carrier",
    "valkey",
    VALKEY_DATA,
    roster.SUPERVISOR,
)
STOP_S = 10.0


class House:
    """The running processes of one demo home; their output goes to ``up.log`` there.

    ``child`` is the supervisor, if it is not `outage up`.
    """

    def __init__(
        self, home: Path, environment: Mapping[str, str], child: Child | None = None
    ) -> None:
        self._home = home
        self._child = child or of_ours("up", name="up", environment=environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = (home / "up.log").open("ab")

    def start(self) -> None:
        """Start everything; returns before it all listens."""
        self._process = subprocess.Popen(
            self._child.command,
            env=dict(self._child.environment),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
            # Safe here: this process has one thread, so no lock can be held across the fork.
            preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509
        )

    def keep(self) -> None:
        """Start the supervisor again if it is gone; nothing else restarts that one."""
        if self._process is None or self._process.poll() is not None:
            self.start()

    def kill(self, name: str) -> None:
        """Kill a process with -9, wherever it is; of several workers all, or one by its lane."""
        if name == VALKEY_DATA:
            data = self._home / "valkey"
            if data.exists():
                # Moved first: what it still writes goes with it, and the next finds nothing.
                gone = data.with_name(f"valkey-gone-{time.monotonic_ns()}")
                data.rename(gone)
                shutil.rmtree(gone, ignore_errors=True)
            name = "valkey"
        deadline = time.monotonic() + STOP_S
        while time.monotonic() < deadline:
            running = roster.pids(self._home)
            pids = [pid for who, pid in running.items() if name in _names(who)]
            if pids:
                for pid in pids:
                    os.kill(pid, signal.SIGKILL)
                return
            time.sleep(0.05)
        raise DemoError(f"there is no process {name} to kill")

    def stop(self) -> list[int]:
        """Stop everything as Ctrl+C does; return the process ids that are still alive."""
        running = roster.pids(self._home)
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()
        deadline = time.monotonic() + STOP_S
        while alive := [pid for pid in running.values() if is_alive(pid)]:
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        return alive


def _names(who: str) -> tuple[str, str]:
    return who, who.partition("-")[0]


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie that nobody has reaped yet does not."""
    if sys.platform != "linux":
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}
