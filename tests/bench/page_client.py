"""Drives `page_client.c`, which the bench compiles: a client that is not what is measured."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_ACCEPT = "Accept: text/event-stream"  # as every browser says; Nchan gives it to nobody else
_SOURCE = Path(__file__).with_suffix(".c")


def compiled(folder: Path) -> Path:
    """Compile the client with the system's `cc`; raises SystemExit where there is none."""
    program = folder / "page-client"
    try:
        subprocess.run(["cc", "-O2", "-o", str(program), str(_SOURCE)], check=True)
    except FileNotFoundError:
        raise SystemExit("The load test's client is written in C; install a compiler.") from None
    return program


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the clients have seen so far; ``last_at`` is when the last of them had it."""

    open: int
    reached: int
    deltas: int
    doubled: int
    missed: int
    refused: int
    errors: int
    ended: int
    last_at: float
    cpu_s: float


class Streams:
    """So many open event streams in one process of their own."""

    def __init__(self, program: Path, port: int, count: int, path: str = "/stream") -> None:
        words = [str(program), "stream", str(port), str(count), path, _ACCEPT]
        self.count = count
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def opened(self) -> Seen:
        """Wait until all are open, four minutes at most."""
        return self.heard()

    def ask(self, words: str) -> None:
        """Say what to wait for; `page_client.c` lists the commands."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{words}\n")
        self._process.stdin.flush()

    def heard(self) -> Seen:
        """Wait for the next line."""
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        del found["what"]
        return Seen(**found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Answers to page fetches, by their sort."""

    seconds: float
    requests: int
    ok: int
    unchanged: int
    failed: int
    cpu_s: float


def fetch(
    program: Path, port: int, path: str, headers: Sequence[str], *, connections: int, requests: int
) -> Fetched:
    """Ask for the same page again and again over some connections that stay open."""
    words = [str(program), "fetch", str(port), str(connections), str(requests), path, *headers]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True)
    return Fetched(**json.loads(done.stdout))
