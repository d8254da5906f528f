"""GeoParquet of premises, read row group by row group."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from gis.formats.crs import name_of
from gis.importing.layers import of_batches
from gis.importing.rows import AT_ONCE, DEGREES, ID, Done, Rows, Wanted

_LONGITUDE_LATITUDE = "OGC:CRS84"
_BUFFER = 1 << 20


class Parquet:
    """Rows of a GeoParquet 1.0 or 1.1 file; a Parquet file without geometry is read as a table."""

    def __init__(self, path: Path, wanted: Wanted, max_bytes: int) -> None:
        self._wanted = wanted
        with self._whole():
            # One thread, no read-ahead: what is read is gone again before more is.
            self._file = pa.parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False)
            about = self._file.metadata
            groups = [about.row_group(at) for at in range(about.num_row_groups)]
            if sum(group.total_byte_size for group in groups) > max_bytes:
                raise wanted.refused(f"it unpacks to more than {max_bytes:,} bytes")
            schema = self._file.schema_arrow
            self._names = list(schema.names)
            self._geometry, self.crs = self._columns(schema.metadata or {})
        self.size = about.num_rows

    def read(self, done: Done) -> Iterator[Rows]:
        """Give the rows. Raises `SheetRefusedError` when the file as a whole cannot be read."""
        names = [name for name in self._names if name != self._geometry]
        needed = ID if self._geometry else (*ID, *DEGREES)
        chosen = self._wanted.choose_attributes(names, needed)
        fields = {field: names[at] for field, at in chosen.items()}
        columns = [*dict.fromkeys(fields.values()), *([self._geometry] if self._geometry else [])]
        with self._whole(), self._file:
            batches = self._file.iter_batches(AT_ONCE, columns=columns, use_threads=False)
            yield from of_batches(batches, fields, self._geometry, self._wanted, done)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError, KeyError, IndexError, RecursionError):
            raise self._wanted.refused("the GeoParquet is damaged") from None

    def _columns(self, metadata: Mapping[bytes, bytes]) -> tuple[str | None, str | None]:
        """Give the geometry column and its coordinate system."""
        if b"geo" not in metadata:
            return None, None
        try:
            geo: dict[str, Any] = json.loads(metadata[b"geo"])
            name: str = geo["primary_column"]
            column: dict[str, Any] = geo["columns"][name]
            encoding = column["encoding"]
        except (ValueError, KeyError, TypeError):
            raise self._wanted.refused("the GeoParquet is damaged") from None
        if encoding != "WKB":
            problem = f"its geometry is written as {str(encoding)[:40]!r}; write it as WKB"
            raise self._wanted.refused(problem)
        # Left out, it is longitude and latitude; null is a system nobody knows.
        crs = column.get("crs", _LONGITUDE_LATITUDE)
        return name, name_of(json.dumps(crs) if isinstance(crs, Mapping) else crs)
