"""Who is running in a home: one supervisor at a time, and the process ids by name."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from workers.errors import AlreadyRunning

SUPERVISOR = "supervisor"


def run_folder(home: Path) -> Path:
    """The folder for what lives only as long as the processes do; made when missing."""
    folder = home / "run"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


class Roster:
    """The list of process ids in a home, kept by the supervisor that holds its lock."""

    def __init__(self, home: Path) -> None:
        self._path = run_folder(home) / "processes.json"

    def write(self, children: Mapping[str, int]) -> None:
        """Replace the list; a reader sees the old one or the new one, never half."""
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps({SUPERVISOR: os.getpid(), **children}))
        fresh.replace(self._path)


@contextmanager
def hold(home: Path) -> Iterator[Roster]:
    """Be the one supervisor of `home`; the kernel gives the lock back however this ends.

    Raises:
        AlreadyRunning: another process holds it.
    """
    roster = Roster(home)
    with (run_folder(home) / "supervisor.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(home, _read(home).get(SUPERVISOR)) from None
        # What a killed supervisor left behind must not pass for the list of this one.
        (run_folder(home) / "processes.json").unlink(missing_ok=True)
        try:
            yield roster
        finally:
            (run_folder(home) / "processes.json").unlink(missing_ok=True)


def pids(home: Path) -> dict[str, int]:
    """Process ids by name (`supervisor` among them) of what runs in `home`; empty if none."""
    try:
        lock = (home / "run" / "supervisor.lock").open("rb")
    except FileNotFoundError:
        return {}
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(home)
    return {}  # nobody holds the lock: the list is what a killed supervisor left behind


def _read(home: Path) -> dict[str, int]:
    try:
        found = json.loads((home / "run" / "processes.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return {str(name): int(pid) for name, pid in found.items()}
