"""Starts supervised crews and leaves nothing of them behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import pytest

from workers import roster

Start = Callable[..., "Crew"]


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie that PID 1 has not fetched yet does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def eventually(true: Callable[[], object], within_s: float = 10.0) -> None:
    """Wait until something holds, and fail when it never does."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


class Crew:
    """A supervisor in a process of its own."""

    def __init__(self, home: Path, process: subprocess.Popen[str], output: Path) -> None:
        self.home = home
        self.process = process
        self._output = output

    @property
    def pids(self) -> dict[str, int]:
        return roster.pids(self.home)

    @property
    def output(self) -> str:
        return self._output.read_text()

    def wait_for(self, *names: str) -> dict[str, int]:
        eventually(lambda: set(names) <= set(self.pids))
        return self.pids


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a crew (or some of our own processes) on a home; kills what a test leaves running."""
    crews: list[Crew] = []
    seen: set[int] = set()

    def _start(
        *extra: str,
        home: Path = tmp_path / "home",
        module: str = "crew",
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> Crew:
        output = tmp_path / f"output-{len(crews)}"
        with output.open("wb") as target:
            process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.{module}", str(home), *extra],
                env={**os.environ, **settings},
                stdout=target,
                stderr=subprocess.STDOUT,
                text=True,
            )
        crews.append(Crew(home, process, output))
        return crews[-1]

    yield _start
    for crew in crews:
        seen |= set(crew.pids.values())
        crew.process.kill()
        crew.process.wait()
    for pid in filter(is_alive, seen):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
