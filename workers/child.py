"""A process the supervisor keeps: a command line, an environment, and the way it dies."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One process to keep running.

    `name` is how people, the roster and the prefix of its output call it.
    `environment` is the whole environment it gets; nothing is inherited beside it.
    A child that `outlives` the others is stopped only when they have ended.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    outlives: bool = False


def of_ours(
    *arguments: str,
    name: str,
    environment: Mapping[str, str],
    module: str = "workers",
    outlives: bool = False,
) -> Child:
    """A child that runs an `outage` command (or a `module`) with the code this process runs."""
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join([root, *filter(None, [environment.get("PYTHONPATH")])])
    return Child(
        name=name,
        # -P: whatever lies in the folder somebody happens to stand in is not our code.
        command=(sys.executable, "-P", "-m", module, *arguments),
        environment={**environment, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
        outlives=outlives,
    )


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process with its `parent` (a pid), whatever ends that one.

    The kernel ties the signal to the thread that spawned; that must be one that lives as
    long as its process does. It is KILL because everything here goes on after one.
    """
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def spawn(child: Child) -> subprocess.Popen[bytes]:
    """Start `child` in a session of its own, its output in one pipe.

    Its own session keeps a terminal's Ctrl+C for the supervisor, which then stops
    everything in order.
    """
    return subprocess.Popen(
        child.command,
        env=dict(child.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        # Safe here: the supervisor has one thread, so no lock can be held across the fork.
        preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509
    )
