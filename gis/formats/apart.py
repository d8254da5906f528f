"""A process apart for other people's C code, as the one that asks sees it.

A hostile file can make GDAL or Arrow crash, hang or ask for all the memory there is: then that
process ends, and the one that asked says so in a sentence. It gets no settings, hence no secrets.
"""

from __future__ import annotations

import fcntl
import json
import math
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from gis import errors
from gis.errors import FileRefused, GisError
from gis.formats import gdal
from gis.formats.confined import LENGTH, write
from gis.formats.files import GisFile

if TYPE_CHECKING:
    from io import FileIO

STALL_S = 60.0
_CPU_S, _BYTES_PER_CPU_S = 10.0, 5_000_000
"""Processor time for any file, and for its size: ten times what premises take."""
_LONGEST = 100_000_000
_PIPE_BYTES = 1 << 20
_ENVIRONMENT = {
    # GDAL reads this once, when it is loaded.
    "OGR_SKIP": gdal.SKIPPED,
    "PROJ_NETWORK": "OFF",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # Other allocators reserve a thousand million bytes before they are asked for any.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "2",
}


class Apart:
    """The process: values to and from it, and a stream of bytes that Arrow can read.

    Args:
        process: one that runs `gis.formats.confined.serve`.
        file: what it reads.
        stall_s: how long nothing may come from it.
    """

    closed = False

    def __init__(self, process: subprocess.Popen[bytes], file: GisFile, stall_s: float) -> None:
        # Pipes without buffers.
        self._in, self._out = cast("FileIO", process.stdin), cast("FileIO", process.stdout)
        self._file = file
        self._stall_ms = math.ceil(stall_s * 1_000)
        self._ready = select.poll()
        self._ready.register(self._out, select.POLLIN)
        if sys.platform == "linux":
            # It goes on while what it has said is worked on; a small pipe is only slower.
            with suppress(OSError):
                fcntl.fcntl(self._out, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def say(self, value: Mapping[str, Any]) -> None:
        """Tell it something. Raises `FileRefused` when it has ended."""
        try:
            write(self._in, value)
        except OSError:
            raise self.ended() from None

    def hear(self) -> dict[str, Any]:
        """Wait for a value. Raises the `GisError` by which it refuses, or that it has ended."""
        (length,) = LENGTH.unpack(self.exactly(LENGTH.size))
        value: dict[str, Any] = json.loads(bytes(self.exactly(length)))
        if "refused" in value:
            refusal: type[GisError] = getattr(errors, value["refused"])
            raise refusal(**value["facts"])
        return value

    def exactly(self, size: int) -> memoryview:
        """Read so many bytes. Raises `FileRefused` when fewer come."""
        found = self.read(size)
        if len(found) < size:
            raise self.ended()
        return found

    def read(self, size: int) -> memoryview:
        """Read so many bytes, fewer at the end. Raises `FileRefused` when none come for long."""
        if size > _LONGEST:
            raise self.ended()
        # Unlike a bytearray it is not filled with zeros first.
        found = np.empty(size, np.uint8).data
        at = 0
        while at < size and (more := self._some(found[at:])):
            at += more
        return found[:at]

    def ended(self) -> FileRefused:
        """Give the refusal of a file over which the process has ended."""
        problem = f"the {self._file.format} is damaged, or reading it takes too much memory or time"
        return FileRefused(file=self._file.name, problem=problem)

    def _some(self, room: memoryview) -> int:
        if not self._ready.poll(self._stall_ms):
            raise FileRefused(file=self._file.name, problem="reading it takes too long")
        return self._out.readinto(room) or 0


@contextmanager
def started(
    module: str, file: GisFile, request: Mapping[str, Any], *, stall_s: float = STALL_S
) -> Iterator[Apart]:
    """Start a module that serves requests for a file; its process ends with the context."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        cwd=file.path.parent,
        env=_ENVIRONMENT,
    )
    with process:
        try:
            apart = Apart(process, file, stall_s)
            apart.say({**request, "file": _told(file), "cpu_s": _cpu_s(file)})
            yield apart
        finally:
            process.kill()


def _told(file: GisFile) -> dict[str, Any]:
    return {
        "name": file.name,
        "format": file.format,
        "paths": {name: str(path) for name, path in file.paths.items()},
    }


def _cpu_s(file: GisFile) -> int:
    return math.ceil(_CPU_S + file.bytes / _BYTES_PER_CPU_S)
