"""A file of premises in any format, opened: what it is, is said by its bytes and not its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from gis.formats.files import FileLimits, Format, GisFile, opened
from gis.importing.batches import opened_apart
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
        named = _NAMED.get(path.suffix.lower(), file.format)
        if named is not file.format:
            raise wanted.refused(f"not a {named}")
        file.check_layer(layer)
        if file.format in {Format.KML, Format.TEXT}:
            yield _text(path, file, wanted)
        else:
            with opened_apart(file, wanted, layer=layer, max_bytes=max_bytes) as read:
                yield read


def _text(path: Path, file: GisFile, wanted: Wanted) -> Source:
    if file.format is Format.KML:
        return Placemarks(file.path, wanted)
    if path.suffix.lower() in _JSON or _is_json(file.path):
        return Features(file.path, wanted)
    return Table(file.path, wanted)


def _is_json(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\x1e").startswith((b"{", b"["))
