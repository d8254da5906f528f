"""GeoParquet 1.0 and 1.1: the geometry column as WKB, and its coordinate system."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gis.errors import FileRefused
from gis.formats.files import GisFile


def read_geometries(file: GisFile) -> tuple[list[bytes | None], str | None]:
    """Read the primary column; nothing else of the file is looked at.

    Raises:
        FileRefused: when it is damaged, or its geometries are not written as WKB.
    """
    import pyarrow as pa  # noqa: PLC0415 - half a second
    import pyarrow.parquet  # noqa: PLC0415

    try:
        with pa.parquet.ParquetFile(file.path) as parquet:
            name, crs = _column(file, parquet.schema_arrow.metadata or {})
            column = parquet.read(columns=[name], use_threads=False).column(name)
            kind = column.type
            if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
                raise FileRefused(file=file.name, problem="its geometry column is no WKB")
            return column.to_pylist(), crs
    except (pa.ArrowException, OSError, KeyError, RecursionError):
        raise FileRefused(file=file.name, problem="the GeoParquet is damaged") from None


def _column(file: GisFile, metadata: Mapping[bytes, bytes]) -> tuple[str, str | None]:
    if b"geo" not in metadata:
        raise FileRefused(file=file.name, problem="the Parquet file has no geometry (GeoParquet)")
    try:
        geo: dict[str, Any] = json.loads(metadata[b"geo"])
        name = geo["primary_column"]
        column: dict[str, Any] = geo["columns"][name]
        encoding = column["encoding"]
        # Left out, it is longitude and latitude; null is a system nobody knows.
        crs = column.get("crs", "OGC:CRS84")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FileRefused(file=file.name, problem="the GeoParquet is damaged") from None
    if encoding != "WKB":
        problem = f"its geometries are written as {str(encoding)[:40]!r}; write them as WKB"
        raise FileRefused(file=file.name, problem=problem)
    return name, _name_of(crs)


def _name_of(crs: object) -> str | None:
    """Say a PROJJSON's own name where it has one: it may be longer than a name can be."""
    if not isinstance(crs, Mapping):
        return crs if isinstance(crs, str) else None
    known = crs.get("id")
    if isinstance(known, Mapping) and {"authority", "code"} <= set(known):
        return f"{known['authority']}:{known['code']}"
    return json.dumps(crs)
