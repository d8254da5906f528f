"""Rows of the formats that are read in a process apart, as it sends them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from gis.errors import FileRefused
from gis.formats.apart import STALL_S, Apart, started
from gis.formats.crs import name_of
from gis.formats.files import Format, GisFile
from gis.importing.columns import are_few, numbered, stripped
from gis.importing.given import of_columns
from gis.importing.points import of_wkb
from gis.importing.rows import DEGREES, ID, Done, Rows, Wanted, of_degrees
from gis.importing.streaming import schema

_RATIO, _ALWAYS = 50, 100_000_000
"""Text and places of real files are up to ten times what they are compressed to."""


class Batches:
    """Features of a Shapefile, GeoPackage, FileGDB or GeoParquet, each with its number."""

    def __init__(self, apart: Apart, file: GisFile, wanted: Wanted) -> None:
        facts = apart.hear()
        self._apart = apart
        self._file = file
        self._names: list[str] = facts["names"]
        self._has_geometry: bool = facts["has_geometry"]
        self._wanted = wanted.cut(self._names) if file.format is Format.SHAPEFILE else wanted
        self.crs = name_of(facts["crs"])
        self.size: int = facts["size"]

    def read(self, done: Done) -> Iterator[Rows]:
        """Give the rows. Raises `FileRefused` when the layer as a whole cannot be read."""
        # A layer without geometry may hold its places as a table does.
        needed = ID if self._has_geometry else (*ID, *DEGREES)
        chosen = self._wanted.choose_attributes(self._names, needed)
        fields = {field: self._names[at] for field, at in chosen.items()}
        read, few = 0, None
        for batch in self._batches(list(dict.fromkeys(fields.values()))):
            if few is None:
                few = {name for name in fields.values() if are_few(batch.column(name))}
                few -= {fields[name] for name in DEGREES if name in fields}
            yield _rows(batch, fields, few, read)
            read += len(batch)
            done(read)

    def _batches(self, columns: list[str]) -> Iterator[Any]:
        self._apart.say({"columns": columns})
        expected = schema(columns, geometry=self._has_geometry)
        try:
            with pa.ipc.open_stream(pa.PythonFile(self._apart, mode="r")) as stream:
                if stream.schema != expected:
                    raise self._apart.ended()
                for batch in stream:
                    self._check(batch)
                    yield batch
        except (pa.ArrowException, OSError):
            raise self._apart.ended() from None
        # Whether that was all, or why there is no more.
        self._apart.hear()

    def _check(self, batch: Any) -> None:  # noqa: ANN401 a record batch
        """Believe nothing that came through the pipe."""
        for field, column in zip(batch.schema, batch.columns, strict=True):
            try:
                column.validate(full=True)
            except pa.ArrowInvalid:
                problem = f"the column {field.name!r} holds text that is not UTF-8"
                raise FileRefused(file=self._file.name, problem=problem) from None


def _rows(
    batch: Any,  # noqa: ANN401 a record batch
    fields: Mapping[str, str],
    few: Collection[str],
    before: int,
) -> Rows:
    columns = {
        field: (numbered if name in few else stripped)(batch.column(name))
        for field, name in fields.items()
    }
    x, y = (columns.pop(name, None) for name in DEGREES)
    wkb = batch.num_columns - 1
    has_geometry = pa.types.is_binary(batch.schema.types[wkb])
    lines = np.arange(before + 1, before + 1 + len(batch), dtype=np.int64)
    if has_geometry:
        return Rows(columns=columns, places=of_wkb(batch.column(wkb)), lines=lines)
    places = of_degrees(x, y)
    given = of_columns(lines, x, y, np.isinf(places[:, 0]))
    return Rows(columns=columns, places=places, lines=lines, given=given)


@contextmanager
def opened_apart(
    file: GisFile,
    wanted: Wanted,
    *,
    layer: str | None,
    max_bytes: int,
    stall_s: float = STALL_S,
) -> Iterator[Batches]:
    """Open a layer in a process apart, which ends with the context. Raises `GisError`."""
    most = min(max_bytes, _ALWAYS + _RATIO * file.bytes)
    request = {"layer": layer, "max_bytes": most}
    with started("gis.importing.streaming", file, request, stall_s=stall_s) as apart:
        yield Batches(apart, file, wanted)
