"""Shelf: the folder in which a host keeps its index, built by one process for all."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from gis.errors import IndexBeingBuilt
from gis.search import index_file
from gis.search.index_file import Edition, IndexDamaged
from gis.search.layout import Layout

log = logging.getLogger(__name__)
_REFUSED = (IndexDamaged, OSError)
_ANEW = "the index %s is refused and built anew: %s"
_IN_MEMORY = "the index of premises cannot be kept (%s); it stays in memory"
_LOOK_S = 0.05
_KEPT = 2
"""The current index, and the one before it: somebody may be about to open that."""
_UNUSED_S = 86_400.0
"""After this long the files go of a database that nobody opens any more, like a restored one."""


class Shelf:
    """Index files of one database's premises."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, edition: Edition, build: Callable[[], Layout], patience_s: float = -1) -> Layout:
        """Open the index of an edition; where there is none to be trusted, build it first.

        One process of the host builds at a time, and who waited opens what was built. Where
        nothing can be written the index stays in memory.

        Raises `IndexBeingBuilt` if another process has not finished it after so many seconds.
        """
        path = self._path(edition)
        with suppress(*_REFUSED):
            return _used(path, index_file.read(path, edition))
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            turn = self._folder / "building.lock"
            turn.touch(mode=0o600)
            lock = turn.open("w")
        except OSError as error:
            log.warning(_IN_MEMORY, error)
            return build()
        with lock:
            _wait_for(lock, patience_s)
            return _open(path, edition) or self._build(edition, build)

    def check(self, edition: Edition) -> bool:
        """Read an index through; whether it is whole. A damaged one is thrown away."""
        path = self._path(edition)
        try:
            index_file.check(path)
        except FileNotFoundError:
            return True  # a newer one has taken its place
        except _REFUSED as problem:
            log.warning(_ANEW, path.name, problem)
            path.unlink(missing_ok=True)
            return False
        return True

    def _build(self, edition: Edition, build: Callable[[], Layout]) -> Layout:
        began = time.monotonic()
        layout = build()
        path = self._path(edition)
        log.info("built %s in %.1f s", path.name, time.monotonic() - began)
        try:
            index_file.write(path, layout, edition)
            self._clear(edition)
        except OSError as error:
            log.warning(_IN_MEMORY, error)
            return layout
        # Mapped like everybody's: the copy in memory can go.
        return _open(path, edition) or layout

    def _path(self, edition: Edition) -> Path:
        return self._folder / f"premises-{edition.database}-{edition.version}.index"

    def _clear(self, edition: Edition) -> None:
        """Throw away what no process will open again; who has it mapped keeps it.

        Another database may be served from this folder as well, and a newer index may have been
        built while this one waited for its turn: both stay.
        """
        for path in self._folder.glob("premises-*"):
            database, version = _named(path)
            if database == edition.database:
                done = version <= edition.version - _KEPT
            else:
                done = _unused(path)
            if done or path.suffix != ".index":
                path.unlink(missing_ok=True)


def _wait_for(lock: IO[str], patience_s: float) -> None:
    if patience_s < 0:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return
    until = time.monotonic() + patience_s
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if time.monotonic() > until:
            raise IndexBeingBuilt
        time.sleep(_LOOK_S)


def _unused(path: Path) -> bool:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime < time.time() - _UNUSED_S
    return True


def _named(path: Path) -> tuple[str, int]:
    """Of which database and version a file says that it is."""
    _, _, words = path.stem.partition("-")
    database, _, version = words.rpartition("-")
    return database, int(version) if version.isdigit() else -1


def _used(path: Path, layout: Layout) -> Layout:
    """Mark a file as one that somebody opens."""
    with suppress(OSError):
        os.utime(path)
    return layout


def _open(path: Path, edition: Edition) -> Layout | None:
    try:
        return index_file.read(path, edition)
    except FileNotFoundError:
        return None
    except _REFUSED as problem:
        log.warning(_ANEW, path.name, problem)
        return None
