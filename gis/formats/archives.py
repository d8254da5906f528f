"""Zip archives, unpacked by us under limits and under names of ours; GDAL never sees one."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gis.errors import FileRefused

_CHUNK = 1 << 16
# Real GIS files shrink 2 to 30 times; a bomb a thousand times.
_RATIO, _ALWAYS = 200, 1_000_000
_PLAIN = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1


@dataclass(slots=True, kw_only=True)
class Room:
    """How much may still be unpacked."""

    name: str
    bytes_left: int

    def take(self, size: int) -> None:
        """Use some of it. Raises `FileRefused`."""
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise FileRefused(file=self.name, problem="the archive unpacks to more than the limit")


class Members:
    """Files in an archive, by name."""

    def __init__(self, name: str, archive: zipfile.ZipFile, max_members: int) -> None:
        self._name = name
        self._archive = archive
        infos = [info for info in archive.infolist() if not info.is_dir()]
        if len(infos) > max_members:
            raise FileRefused(
                file=name, problem=f"the archive holds {len(infos):,} files, limit {max_members:,}"
            )
        for info in infos:
            self._check(info)
        self._infos = {info.filename: info for info in infos if not _is_litter(info.filename)}

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos)

    def unpack(self, member: str, target: Path, room: Room) -> None:
        """Write one file. Raises `FileRefused`."""
        info = self._infos[member]
        room.take(info.file_size)
        try:
            # Reading ends at the size that is declared, whatever the bytes would unpack to.
            with self._archive.open(info) as packed, target.open("wb") as file:
                while chunk := packed.read(_CHUNK):
                    file.write(chunk)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError):
            raise FileRefused(file=self._name, problem="the archive is damaged") from None

    def _check(self, info: zipfile.ZipInfo) -> None:
        if info.header_offset < 0:
            # Of an end that says where all begins, and is wrong; nobody can seek there.
            raise FileRefused(file=self._name, problem="the archive is damaged")
        problem = _problem(info)
        if problem is not None:
            raise FileRefused(file=self._name, problem=f"{problem} in the archive")


@contextmanager
def opened(path: Path, *, name: str, max_members: int) -> Iterator[Members]:
    """Open an archive. Raises `FileRefused` when a member is not a plain file in a plain place."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError):
        raise FileRefused(file=name, problem="the archive is damaged") from None
    with archive:
        yield Members(name, archive, max_members)


def _problem(info: zipfile.ZipInfo) -> str | None:
    named = f"{info.filename[:60]!r}"
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        return f"{named} is a link or a device"
    parts = info.filename.split("/")
    if info.filename.startswith("/") or ".." in parts or "\\" in info.filename or ":" in parts[0]:
        return f"{named} is no name for a file"
    if info.flag_bits & _ENCRYPTED:
        return f"{named} is locked with a password"
    if info.compress_type not in _PLAIN:
        return f"{named} is packed in another way than deflate"
    if info.file_size > max(_ALWAYS, _RATIO * info.compress_size):
        return f"{named} is packed more than {_RATIO} times"
    return None


def _is_litter(name: str) -> bool:
    """Whether a Mac's Finder put it there."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith("._")
