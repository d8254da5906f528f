"""Layers of a Shapefile, GeoPackage or FileGDB as rows; GDAL gives them as Arrow batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from gis.formats import gdal
from gis.formats.crs import name_of
from gis.formats.files import Format, GisFile
from gis.importing.columns import Column, NotTextError, as_text
from gis.importing.points import of_wkb
from gis.importing.rows import AT_ONCE, DEGREES, ID, Done, Rows, Wanted, of_degrees


class Layer:
    """Features of one layer, each with its number."""

    def __init__(self, file: GisFile, wanted: Wanted, layer: str | None) -> None:
        self._path, self._layer = gdal.choose_layer(file, layer)
        self._format = file.format
        with self._whole(wanted):
            info = gdal.load().read_info(self._path, layer=self._layer)
        self._names = [str(name) for name in info["fields"]]
        self._flat = info["geometry_type"] is None
        self._wanted = wanted.cut(self._names) if file.format is Format.SHAPEFILE else wanted
        self.crs = name_of(info["crs"])
        self.size = max(int(info["features"]), 0)

    def read(self, done: Done) -> Iterator[Rows]:
        """Give the rows. Raises `SheetRefusedError` when the layer as a whole cannot be read."""
        # A layer without geometry may hold its places as a table does.
        needed = (*ID, *DEGREES) if self._flat else ID
        chosen = self._wanted.choose_attributes(self._names, needed)
        fields = {field: self._names[at] for field, at in chosen.items()}
        with (
            self._whole(self._wanted),
            gdal.load().open_arrow(
                self._path,
                layer=self._layer,
                columns=list(dict.fromkeys(fields.values())),
                read_geometry=not self._flat,
                batch_size=AT_ONCE,
                use_pyarrow=True,
            ) as (about, batches),
        ):
            geometry = None if self._flat else about["geometry_name"] or "wkb_geometry"
            yield from of_batches(batches, fields, geometry, self._wanted, done)

    @contextmanager
    def _whole(self, wanted: Wanted) -> Iterator[None]:
        pyogrio = gdal.load()
        try:
            yield
        except (
            pa.ArrowException,
            OSError,
            RuntimeError,
            pyogrio.errors.DataSourceError,
            pyogrio.errors.DataLayerError,
        ):
            raise wanted.refused(f"the {self._format} is damaged") from None


def of_batches(
    batches: Iterable[Any],
    fields: Mapping[str, str],
    geometry: str | None,
    wanted: Wanted,
    done: Done,
) -> Iterator[Rows]:
    """Read Arrow batches, whose rows are numbered from 1.

    Args:
        batches: record batches.
        fields: field → name of its column.
        geometry: name of the column of WKB, None where the fields have longitude and latitude.
        wanted: what to call the file.
        done: hears how many rows have been read.
    """
    number = 1
    for batch in batches:
        columns = {field: _text(batch, name, wanted) for field, name in fields.items()}
        x, y = (columns.pop(name, None) for name in DEGREES)
        places = of_degrees(x, y) if geometry is None else of_wkb(_plain(batch.column(geometry)))
        lines = np.arange(number, number + len(batch), dtype=np.int64)
        yield Rows(columns=columns, places=places, lines=lines)
        number += len(batch)
        done(number - 1)


def _text(batch: Any, name: str, wanted: Wanted) -> Column:  # noqa: ANN401 a record batch
    try:
        return as_text(batch.column(name))
    except NotTextError as error:
        raise wanted.refused(f"the column {name!r} holds {error}") from None


def _plain(column: Column) -> Column:
    return column.storage if isinstance(column, pa.ExtensionArray) else column
