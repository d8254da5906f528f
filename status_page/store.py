"""Where the public page is published: plain files that any web server can hand out.

Layout (every name is relative to the folder or bucket)::

    status.json                        the pointer, written last
    generations/{id}/manifest.json     which parts make up this generation
    generations/{id}/delta.{lang}.json what changed since the generation named as its base
    generations/parts/{hash}.json|html content-hashed parts
    index.html, outages/{id}.html      stable-path pages, also below {lang}/
    feeds/…                            what other systems read
    static/{name}-{hash}.css|js        style and script

A file is replaced by writing beside it, fsync and rename, so that a reader sees the old or the
new one and never half of either; what may be compressed has its twins beside it.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from status_page.compressing import with_twins
from status_page.media import ENCODINGS, has_twins

POINTER = "status.json"
PARTS = "generations/parts"
FEEDS_FOLDER = "feeds"
KEEP_PARTS_S = 24 * 3600
KEEP_GENERATIONS_S = 2 * 3600
_ASIDE = ".new"


def _held() -> None:
    """Let a file be put in place: nobody else publishes here."""


class Store(Protocol):
    """Published files. Names use ``/`` and never leave the place."""

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, or None where there is none."""

    def write(
        self, files: Iterable[tuple[str, bytes]], still_held: Callable[[], None] = _held
    ) -> None:
        """Replace files, each atomically and with its twins; durable on return.

        The pointer is written alone. What the same call writes besides may appear in any order.

        Args:
            files: Name and content.
            still_held: Called just before each file is put in place; raises where it must not be.

        Raises:
            NewerPublication: Another publisher has written the pointer since it was read here.
        """

    def remove(self, names: Iterable[str]) -> None:
        """Take files away, with their compressed twins; a missing one is fine."""

    def generations(self) -> set[str]:
        """Ids of which a page may be in place, pointed to or not."""

    def names(self, folder: str) -> list[str]:
        """Names of all files below a folder, without their compressed twins."""

    def retire(self, parts: Iterable[str], generation: str | None, now_s: float) -> None:
        """Note that no current manifest names these parts; their 24 hours begin.

        So do the two hours of the generation that was in force, however long it was.
        """

    def sweep(self, current: str, named: set[str], now_s: float) -> int:
        """Delete what nobody needs any more and return how many files and folders that was.

        Args:
            current: Id of the generation in force; its folder stays whatever its age.
            named: Parts the current manifest names; they stay too.
            now_s: Wall time, seconds since the epoch.
        """


class FolderStore:
    """Published files in a folder. Names use ``/`` and never leave the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Another publisher may be at work in the same folder, one that has lost its lease.
        self._aside = f".{secrets.token_hex(4)}{_ASIDE}"
        self._is_tidy = False

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, or None where there is none."""
        try:
            return (self.folder / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def write(
        self, files: Iterable[tuple[str, bytes]], still_held: Callable[[], None] = _held
    ) -> None:
        """Replace files, in the order given."""
        self.put(with_twins(files), still_held)

    def put(
        self, files: Iterable[tuple[str, bytes]], still_held: Callable[[], None] = _held
    ) -> None:
        """Replace just these files, twins among them; durable on return."""
        written: list[Path] = []
        folders: dict[Path, None] = {}
        try:
            for name, content in files:
                still_held()
                written.append(self.folder / (name + self._aside))
                _put(written[-1], content)
            for path in written:
                _sync(path)
            for path in written:
                still_held()
                self._rename(path, path.with_name(path.name.removesuffix(self._aside)))
                folders[path.parent] = None
        except Exception:
            # A full disk above all: what nobody will read must not stay on it.
            for path in written:
                path.unlink(missing_ok=True)
            raise
        for folder in folders:
            _sync(folder)

    def remove(self, names: Iterable[str]) -> None:
        """Take files away, with their compressed twins; a missing one is fine."""
        for name in names:
            path = self.folder / name
            path.unlink(missing_ok=True)
            for end in ENCODINGS if has_twins(name) else ():
                path.with_name(path.name + end).unlink(missing_ok=True)

    def generations(self) -> set[str]:
        """Ids whose manifest is in place, pointed to or not.

        Of any other no page is: files are put in place in the order given.
        """
        entries = _entries(self.folder / "generations")
        return {each.name for each in entries if (Path(each.path) / "manifest.json").exists()}

    def names(self, folder: str) -> list[str]:
        """Names of all files below a folder, without their compressed twins."""
        ends = (*ENCODINGS, _ASIDE)
        # There are hundreds of thousands of them in a storm, so no file is asked what it is.
        return [
            (Path(place).relative_to(self.folder) / name).as_posix()
            for place, _, names in os.walk(self.folder / folder)
            for name in names
            if not name.endswith(ends)
        ]

    def retire(self, parts: Iterable[str], generation: str | None, now_s: float) -> None:
        """Note that no current manifest names these parts; their 24 hours begin.

        So do the two hours of the generation that was in force, however long it was.
        """
        names = [f"{PARTS}/{name}" for name in parts]
        for name in [*names, *([f"generations/{generation}"] if generation else [])]:
            try:
                os.utime(self.folder / name, (now_s, now_s))
            except FileNotFoundError:
                continue

    def sweep(self, current: str, named: set[str], now_s: float) -> int:
        """Delete what nobody needs any more and return how many files and folders that was.

        Args:
            current: Id of the generation in force; its folder stays whatever its age.
            named: Parts the current manifest names; they stay too.
            now_s: Wall time, seconds since the epoch.
        """
        gone = self._tidy_up()
        for entry in _entries(self.folder / PARTS):
            if entry.name not in named and now_s - entry.stat().st_mtime > KEEP_PARTS_S:
                Path(entry.path).unlink()
                gone += 1
        for entry in _entries(self.folder / "generations"):
            if entry.name in {current, "parts"}:
                continue
            if now_s - entry.stat().st_mtime > KEEP_GENERATIONS_S:
                shutil.rmtree(entry.path, ignore_errors=True)
                gone += 1
        return gone

    def _tidy_up(self) -> int:
        """Delete, once, what others have left half written; whoever writes it yet is too late."""
        if self._is_tidy:
            return 0
        left = [
            Path(place) / name
            for place, _, names in os.walk(self.folder)
            for name in names
            if name.endswith(_ASIDE) and not name.endswith(self._aside)
        ]
        for path in left:
            path.unlink(missing_ok=True)
        self._is_tidy = True
        return len(left)

    def _rename(self, old: Path, new: Path) -> None:
        old.replace(new)


def _put(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except FileNotFoundError:
        return []


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
