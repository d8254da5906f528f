"""The process apart, as it is itself: little memory, little time, no other file to write.

What goes between it and the one that asks are values with their length in front, and whatever
bytes they announce behind them.
"""

from __future__ import annotations

import ctypes
import json
import resource
import signal
import struct
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from gis.errors import FileRefused, GisError
from gis.formats.files import Format, GisFile

MEMORY_BYTES = 1_200_000_000
"""Addresses, not pages: the libraries alone take a third of it, most of which is never touched.

With less than 2**30 of them GDAL reads a GeoPackage by one thread only, which is slower.
"""
LENGTH = struct.Struct("<Q")
_WRITTEN_BYTES = 100_000_000
_PR_SET_PDEATHSIG = 1
_UNUSED = {"geopandas", "pandas", "pyproj", "shapely"}


class _Absent:
    """Says that some packages are not installed.

    pyogrio and Arrow look for them, a second's work, and read as well without.
    """

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname in _UNUSED:
            raise ModuleNotFoundError(fullname, name=fullname)


def serve(answer: Callable[[GisFile, Mapping[str, Any]], None]) -> None:
    """Hear one request, give up what could do harm, and answer by `say` and ``sys.stdout``."""
    request = hear()
    _confine(request["cpu_s"])
    told = request["file"]
    paths = {name: Path(path) for name, path in told["paths"].items()}
    file = GisFile(name=told["name"], format=Format(told["format"]), paths=paths)
    try:
        answer(file, request)
    except GisError as refused:
        _refuse(refused)
    except MemoryError:
        problem = f"reading it takes more than {MEMORY_BYTES:,} bytes of memory"
        _refuse(FileRefused(file=file.name, problem=problem))


def hear() -> dict[str, Any]:
    """Wait for what is asked next."""
    (length,) = LENGTH.unpack(sys.stdin.buffer.read(LENGTH.size))
    value: dict[str, Any] = json.loads(sys.stdin.buffer.read(length))
    return value


def say(value: Mapping[str, Any]) -> None:
    """Answer with a value."""
    write(sys.stdout.buffer, value)


def write(pipe: IO[bytes], value: Mapping[str, Any]) -> None:
    """Put a value into a pipe. Raises `OSError` when nobody reads it."""
    words = json.dumps(value).encode()
    pipe.write(LENGTH.pack(len(words)) + words)
    pipe.flush()


def _refuse(refused: GisError) -> None:
    facts = {name: str(value) for name, value in refused.facts.items()}
    say({"refused": type(refused).__name__, "facts": facts})


def _confine(cpu_s: int) -> None:
    if sys.platform == "linux":
        # Without it a loop without end would outlive whoever waits for the answer.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for what, limit in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, _WRITTEN_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, allowed = resource.getrlimit(what)
        most = limit if allowed == resource.RLIM_INFINITY else min(limit, allowed)
        resource.setrlimit(what, (most, most))
    sys.meta_path.insert(0, _Absent())
