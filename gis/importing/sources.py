"""A file of premises in any format, opened: what it is, is said by its bytes and not its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from gis.formats.files import FileLimits, Format, GisFile, opened
from gis.importing.features import Features
from gis.importing.placemarks import Placemarks
from gis.importing.rows import Done, Rows, Wanted
from gis.importing.tables import Table
from outage.sheet import check_file

_NAMED = {
    ".gpkg": Format.GEOPACKAGE,
    ".shp": Format.SHAPEFILE,
    ".parquet": Format.GEOPARQUET,
    ".geoparquet": Format.GEOPARQUET,
    ".kml": Format.KML,
}
_JSON = {".json", ".geojson", ".geojsonl", ".geojsons", ".ndjson"}
_HEAD = 4_096


class Source(Protocol):
    """Premises as some file has them.

    Attributes:
        crs: the coordinate system that the file names; sure only after reading.
        size: what `read` will have told ``done`` at the end: bytes or rows, 0 if nobody knows.
    """

    crs: str | None
    size: int

    def read(self, done: Done) -> Iterator[Rows]:
        """Give the rows. Raises `SheetRefusedError` when the file as a whole cannot be read."""


@contextmanager
def source(path: Path, wanted: Wanted, *, layer: str | None, max_bytes: int) -> Iterator[Source]:
    """Open a file (or the folder of a FileGDB).

    Raises:
        SheetRefusedError: when it is not what it is called, or cannot be read.
        GisError: when it is an archive or a layer that cannot be opened.
    """
    if not path.is_dir():
        check_file(path, max_bytes)
    limits = FileLimits(max_bytes=max_bytes, max_unpacked_bytes=max_bytes)
    with opened(path, limits) as file:
        yield _source(path, file, wanted, layer, max_bytes)


def _source(path: Path, file: GisFile, wanted: Wanted, layer: str | None, max_bytes: int) -> Source:
    suffix = path.suffix.lower()
    named = _NAMED.get(suffix, file.format)
    if named is not file.format:
        raise wanted.refused(f"not a {named}")
    if file.format is Format.KML:
        return Placemarks(file.path, wanted)
    if file.format is Format.TEXT:
        if suffix in _JSON or _is_json(file.path):
            return Features(file.path, wanted)
        return Table(file.path, wanted)
    # GDAL and Arrow take a second that text need not wait for.
    if file.format is Format.GEOPARQUET:
        from gis.importing.parquet import Parquet  # noqa: PLC0415

        return Parquet(file.path, wanted, max_bytes)
    from gis.importing.layers import Layer  # noqa: PLC0415

    return Layer(file, wanted, layer)


def _is_json(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\x1e").startswith((b"{", b"["))
