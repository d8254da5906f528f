"""Processes beside the one that measures, and what they spend."""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable
from dataclasses import dataclass, field

PROCESSES = multiprocessing.get_context("spawn")


@dataclass(kw_only=True)
class Spent:
    """What a process used between two moments."""

    cpu_s: float = 0.0
    peak_mb: float = 0.0
    times_s: list[float] = field(default_factory=list)
    held_s: list[float] = field(default_factory=list)


def used() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


class Running:
    """A process beside this one that can be asked what it has spent since it was asked last."""

    def __init__(self, target: Callable[..., None], *args: str) -> None:
        self._pipe, theirs = PROCESSES.Pipe()
        self._process = PROCESSES.Process(target=target, args=(*args, theirs), daemon=True)
        self._process.start()

    def ask(self, word: str = "so far") -> Spent:
        self._pipe.send(word)
        spent: Spent = self._pipe.recv()
        if word == "stop":
            self._process.join()
        return spent

    def ready(self) -> None:
        """Wait until it says that it could begin."""
        self._pipe.recv()

    def begin(self) -> None:
        self._pipe.send("begin")

    def ended(self) -> Spent:
        """Wait for its end, and for what it says there."""
        spent: Spent = self._pipe.recv()
        self._process.join()
        return spent
