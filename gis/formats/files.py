"""GIS files, opened so that GDAL sees only names and formats of ours."""

from __future__ import annotations

import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gis.errors import FileRefused, LayerNotThere
from gis.formats import archives


class Format(StrEnum):
    """What a file is, by its first bytes."""

    SHAPEFILE = "Shapefile"
    GEOPACKAGE = "GeoPackage"
    FILEGDB = "FileGDB"
    GEOPARQUET = "GeoParquet"
    KML = "KML"
    ARCHIVE = "zip archive"
    TEXT = "text"


_LAYERLESS = {Format.GEOPARQUET, Format.KML, Format.TEXT}
_HEAD = 100
_GEOPACKAGE_ID = slice(68, 72)
_SIBLINGS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_GDB_FILE = re.compile(r"a[0-9a-f]{8}(\.[A-Za-z0-9_]{1,64}){1,2}|gdb|timestamps")
_GDB_MARK = "a00000001.gdbtable"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLimits:
    """What a file may take at most.

    Attributes:
        max_bytes: as it lies there; all files of a folder or a Shapefile together.
        max_unpacked_bytes: what comes out of an archive.
        max_members: files in an archive or a folder.
    """

    max_bytes: int
    max_unpacked_bytes: int
    max_members: int = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GisFile:
    """A file in a folder of ours, which is gone when the context ends.

    Attributes:
        name: what messages call it.
        format: never `Format.ARCHIVE`: what was in it.
        paths: what to open, by name; a Shapefile is one layer, and an archive may hold several.
    """

    name: str
    format: Format
    paths: Mapping[str, Path]

    @property
    def path(self) -> Path:
        """The one thing to open of every format but Shapefile."""
        return next(iter(self.paths.values()))

    def check_layer(self, layer: str | None) -> None:
        """Refuse the name of a layer where there are none. Raises `LayerNotThere`."""
        if layer is not None and self.format in _LAYERLESS:
            raise LayerNotThere(file=self.name)

    @property
    def bytes(self) -> int:
        """What all of it takes, unpacked."""
        inside = self.path.parent.rglob("*")
        return sum(one.stat().st_size for one in inside if one.is_file())


def format_of(head: bytes) -> Format | None:
    """Say what a file is from its first hundred bytes; None is text, or nothing we know."""
    if head.startswith(b"PK\x03\x04"):
        return Format.ARCHIVE
    if head.startswith(b"SQLite format 3\0") and head[_GEOPACKAGE_ID] in {
        b"GPKG",
        b"GP10",
        b"GP11",
    }:
        return Format.GEOPACKAGE
    if head.startswith(b"PAR1"):
        return Format.GEOPARQUET
    if head.startswith(b"\x00\x00\x27\x0a"):
        return Format.SHAPEFILE
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return Format.KML if text.startswith(b"<") else None


@contextmanager
def opened(source: Path | bytes, limits: FileLimits) -> Iterator[GisFile]:
    """Put a file, a FileGDB folder or the bytes of a file where GDAL may open it.

    What lies on the disk is linked, not copied; what is in an archive is unpacked under limits.

    Raises:
        FileRefused: one sentence; nothing is left behind then.
    """
    with tempfile.TemporaryDirectory(prefix="outage-gis-") as made:
        folder = Path(made)
        if isinstance(source, bytes):
            yield _from_bytes(source, folder, limits)
        else:
            yield _from_path(source, folder, limits)


def _from_bytes(source: bytes, folder: Path, limits: FileLimits) -> GisFile:
    name = "The file"
    _fits(name, len(source), limits)
    format_ = format_of(source[:_HEAD])
    if format_ is Format.SHAPEFILE:
        raise FileRefused(
            file=name, problem="a .shp alone is not a whole Shapefile; zip it with .shx and .prj"
        )
    path = folder / f"layer.{_suffix(format_)}"
    path.write_bytes(source)
    return _settled(name, format_, path, folder, limits)


def _from_path(source: Path, folder: Path, limits: FileLimits) -> GisFile:
    try:
        real = source.resolve(strict=True)
        mode = real.stat().st_mode
        if stat.S_ISDIR(mode):
            return _from_folder(source.name, real, folder, limits)
        if not stat.S_ISREG(mode):
            # Reading a pipe or a device could wait for ever.
            raise FileRefused(file=source.name, problem="it is neither a file nor a FileGDB folder")
        with real.open("rb") as file:
            head = file.read(_HEAD)
        _fits(source.name, real.stat().st_size, limits)
    except OSError as error:
        raise FileRefused(file=source.name, problem=error.strerror or "cannot be read") from None
    format_ = format_of(head)
    if format_ is Format.SHAPEFILE:
        return _shapefile(source.name, real, folder, limits)
    link = folder / f"layer.{_suffix(format_)}"
    link.symlink_to(real)
    return _settled(source.name, format_, link, folder, limits)


def _settled(
    name: str, format_: Format | None, path: Path, folder: Path, limits: FileLimits
) -> GisFile:
    if format_ is Format.ARCHIVE:
        return _from_archive(name, path, folder, limits)
    return GisFile(name=name, format=format_ or Format.TEXT, paths={name: path})


def _suffix(format_: Format | None) -> str:
    return {
        Format.GEOPACKAGE: "gpkg",
        Format.GEOPARQUET: "parquet",
        Format.KML: "kml",
        Format.ARCHIVE: "archive",
    }.get(format_ or Format.TEXT, "text")


def _shapefile(name: str, path: Path, folder: Path, limits: FileLimits) -> GisFile:
    siblings = {
        found.suffix.lower(): found
        for found in path.parent.glob(f"{_literal(path.stem)}.*")
        if found.suffix.lower() in _SIBLINGS and _is_plain(found)
    }
    _fits(name, sum(found.stat().st_size for found in siblings.values()), limits)
    for suffix, found in siblings.items():
        (folder / f"layer{suffix}").symlink_to(found)
    return GisFile(name=name, format=Format.SHAPEFILE, paths={path.stem: folder / "layer.shp"})


def _literal(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _from_folder(name: str, real: Path, folder: Path, limits: FileLimits) -> GisFile:
    found = [entry for entry in real.iterdir() if _GDB_FILE.fullmatch(entry.name)]
    if not any(entry.name == _GDB_MARK for entry in found):
        raise FileRefused(file=name, problem="the folder is no FileGDB")
    if len(found) > limits.max_members:
        raise FileRefused(file=name, problem=f"it has more than {limits.max_members:,} files")
    plain = [entry for entry in found if _is_plain(entry)]
    _fits(name, sum(entry.stat().st_size for entry in plain), limits)
    inside = folder / "layer.gdb"
    inside.mkdir()
    for entry in plain:
        (inside / entry.name).symlink_to(entry)
    return GisFile(name=name, format=Format.FILEGDB, paths={name: inside})


def _is_plain(path: Path) -> bool:
    """Whether it is a file itself: a link in somebody's folder may lead anywhere."""
    return stat.S_ISREG(path.lstat().st_mode)


def _from_archive(name: str, path: Path, folder: Path, limits: FileLimits) -> GisFile:
    with archives.opened(path, name=name, max_members=limits.max_members) as archive:
        room = archives.Room(name=name, bytes_left=limits.max_unpacked_bytes)
        stems = [member for member in archive if member.lower().endswith(".shp")]
        if stems:
            return _shapefiles(name, archive, stems, folder, room)
        geodatabases = {
            member.rpartition("/")[0]
            for member in archive
            if member.rpartition("/")[2] == _GDB_MARK
        }
        if geodatabases:
            return _geodatabase(name, archive, geodatabases, folder, room)
        return _kmz(name, archive, folder, room)


def _shapefiles(
    name: str, archive: archives.Members, stems: list[str], folder: Path, room: archives.Room
) -> GisFile:
    paths: dict[str, Path] = {}
    lower = {member.lower(): member for member in archive}
    for number, shp in enumerate(stems, 1):
        for suffix in _SIBLINGS:
            member = lower.get(f"{shp[:-4].lower()}{suffix}")
            if member is not None:
                archive.unpack(member, folder / f"layer{number}{suffix}", room)
        layer = shp[:-4].rpartition("/")[2]
        paths[layer if layer not in paths else shp[:-4]] = folder / f"layer{number}.shp"
    return GisFile(name=name, format=Format.SHAPEFILE, paths=paths)


def _geodatabase(
    name: str, archive: archives.Members, found: set[str], folder: Path, room: archives.Room
) -> GisFile:
    if len(found) > 1:
        raise FileRefused(file=name, problem=f"it holds {len(found)} FileGDBs; send one")
    (inside,) = found
    (folder / "layer.gdb").mkdir()
    for member in archive:
        parent, _, file = member.rpartition("/")
        if parent == inside and _GDB_FILE.fullmatch(file):
            archive.unpack(member, folder / "layer.gdb" / file, room)
    return GisFile(name=name, format=Format.FILEGDB, paths={name: folder / "layer.gdb"})


def _kmz(name: str, archive: archives.Members, folder: Path, room: archives.Room) -> GisFile:
    found = [member for member in archive if member.lower().endswith(".kml")]
    # The first at the top is the document, wherever there are several (KML 2.3, C.2).
    main = next(iter([member for member in found if "/" not in member] or found), None)
    if main is None:
        raise FileRefused(file=name, problem="the archive holds no Shapefile, FileGDB or KML")
    archive.unpack(main, folder / "layer.kml", room)
    return GisFile(name=name, format=Format.KML, paths={name: folder / "layer.kml"})


def _fits(name: str, size: int, limits: FileLimits) -> None:
    if size > limits.max_bytes:
        raise FileRefused(
            file=name, problem=f"it has {size:,} bytes, the limit is {limits.max_bytes:,}"
        )
