"""GeoParquet 1.0 and 1.1 as Arrow batches, in the process apart; without geometry it is a table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from gis.errors import FileRefused
from gis.formats.files import GisFile

_LONGITUDE_LATITUDE = "OGC:CRS84"
_BUFFER = 1 << 20
_AT_ONCE, _BATCH_BYTES = 16_384, 32_000_000


class Parquet:
    """Rows of a Parquet file, row group by row group; it has what a `Layer` has."""

    def __init__(self, file: GisFile) -> None:
        self._name = file.name
        with self._whole():
            # One thread, no read-ahead: what is read is gone again before more is.
            self._file = pa.parquet.ParquetFile(file.path, buffer_size=_BUFFER, pre_buffer=False)
            about = self._file.metadata
            groups = [about.row_group(at) for at in range(about.num_row_groups)]
            schema = self._file.schema_arrow
            self.geometry, self.crs = self._columns(schema.metadata or {})
        self.unpacked_bytes = sum(group.total_byte_size for group in groups)
        self.names = [name for name in schema.names if name != self.geometry]
        self.size = about.num_rows

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Give record batches of these columns, the geometry behind them."""
        names = [*columns, *([self.geometry] if self.geometry else [])]
        fitting = _BATCH_BYTES * self.size // max(self.unpacked_bytes, 1)
        at_once = max(1, min(_AT_ONCE, fitting))
        with self._whole(), self._file:
            yield from self._file.iter_batches(at_once, columns=names, use_threads=False)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        try:
            yield
        except MemoryError:
            raise
        except (pa.ArrowException, OSError, KeyError, IndexError, RecursionError):
            raise self._refused("the GeoParquet is damaged") from None

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
            raise self._refused("the GeoParquet is damaged") from None
        if encoding != "WKB":
            problem = f"its geometry is written as {str(encoding)[:40]!r}; write it as WKB"
            raise self._refused(problem)
        # Left out, it is longitude and latitude; null is a system nobody knows.
        crs = column.get("crs", _LONGITUDE_LATITUDE)
        return name, json.dumps(crs) if isinstance(crs, Mapping) else crs and str(crs)

    def _refused(self, problem: str) -> FileRefused:
        return FileRefused(file=self._name, problem=problem)
