"""Layers of a Shapefile, GeoPackage or FileGDB as Arrow batches of GDAL, in the process apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from gis.errors import FileRefused
from gis.formats import gdal
from gis.formats.files import Format, GisFile

_AT_ONCE = 16_384
_COLUMN_BYTES = 16_000_000


class Layer:
    """Features of one layer.

    Attributes:
        names: its columns but the geometry.
        geometry: the name of that one, None if there is none.
        crs: its coordinate system in any words, None if it names none.
        size: how many rows it says it has, 0 if it does not.
    """

    def __init__(self, file: GisFile, layer: str | None) -> None:
        self._file = file
        self._path, self._layer = gdal.choose_layer(file, layer)
        if file.format is Format.SHAPEFILE and not self._path.with_suffix(".dbf").exists():
            problem = "its .dbf is missing, which holds the attributes; put it beside the .shp"
            raise FileRefused(file=file.name, problem=problem)
        with self._whole():
            info = gdal.load().read_info(self._path, layer=self._layer)
        self.names = [str(name) for name in info["fields"]]
        self.geometry = None if info["geometry_type"] is None else info["geometry_name"] or "wkb"
        self.crs: str | None = info["crs"]
        self.size = max(int(info["features"]), 0)

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Give record batches of these columns, the geometry behind them."""
        # Rows that are long come fewer at a time.
        gdal.load().set_gdal_config_options({"OGR_ARROW_MEM_LIMIT": str(_COLUMN_BYTES)})
        with (
            self._whole(),
            gdal.load().open_arrow(
                self._path,
                layer=self._layer,
                columns=list(columns),
                read_geometry=self.geometry is not None,
                batch_size=_AT_ONCE,
                use_pyarrow=True,
            ) as (about, batches),
        ):
            self.geometry = self.geometry and (about["geometry_name"] or "wkb_geometry")
            yield from batches

    @contextmanager
    def _whole(self) -> Iterator[None]:
        errors = gdal.load().errors
        try:
            yield
        except MemoryError:
            raise
        except (
            pa.ArrowException,
            OSError,
            RuntimeError,
            errors.DataSourceError,
            errors.DataLayerError,
        ):
            problem = f"the {self._file.format} is damaged"
            raise FileRefused(file=self._file.name, problem=problem) from None
