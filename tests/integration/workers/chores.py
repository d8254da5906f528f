"""Jobs for a worker under test."""

import os
import time
from pathlib import Path

from workers import sender


def note(path: str) -> None:
    """Write down who did it."""
    Path(path).write_text(str(os.getpid()))


def work_until_told(path: str) -> None:
    """A long batch that asks, before every call, whether it should end."""
    Path(path).write_text("busy")
    while not sender.stopping.is_set():
        time.sleep(0.01)
    Path(path).write_text("stopped")


def work_until_let_go(path: str) -> None:
    """A batch that ends when a file beside its mark says so."""
    Path(path).write_text("busy")
    while not Path(f"{path}.go").exists():
        time.sleep(0.01)
