"""GDAL, held to three drivers and off the network."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gis.errors import FileRefused, GdalNotHeld, LayerUnclear, LayerUnknown
from gis.formats.files import Format, GisFile

DRIVERS = {
    Format.SHAPEFILE: "ESRI Shapefile",
    Format.GEOPACKAGE: "GPKG",
    Format.FILEGDB: "OpenFileGDB",
}
"""The only drivers of GDAL that ever open a file; the other formats do not go through it."""

SKIPPED = (
    "MEM,PCIDSK,PDS4,VICAR,PDF,MBTiles,EEDA,OGCAPI,GDALG,MapInfo File,LVBAG,S57,DGN,OGR_VRT,CSV,"
    "GML,GPX,LIBKML,KML,GeoJSON,GeoJSONSeq,ESRIJSON,TopoJSON,OGR_GMT,SQLite,WAsP,DXF,FlatGeobuf,"
    "GeoRSS,VFK,PGDUMP,OSM,GPSBabel,OGR_PDS,WFS,OAPIF,EDIGEO,Idrisi,ODS,XLSX,Elasticsearch,Carto,"
    "AmigoCloud,SXF,Selafin,JML,PLSCENES,CSW,VDV,MVT,NGW,MapML,GTFS,PMTiles,JSONFG,MiraMonVector,"
    "ADBC,AVCBin,AVCE00,AIVector,HTTP"
)
"""Every other driver that comes with pyogrio: some fetch, some run SQL, some open further files."""
_OPTIONS = {
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GDAL_HTTP_MAX_RETRY": "0",
    "OGR_SQLITE_ALLOW_EXTERNAL_ACCESS": "NO",
    "OGR_SQLITE_LOAD_EXTENSIONS": None,
    # No function of GDAL's own runs from a view or a trigger: some of them fetch and read files.
    "OGR_SQLITE_PRAGMA": "trusted_schema=0",
    "SHAPE_RESTORE_SHX": "YES",
}
_FEW, _MOST, _LONGEST = 5, 50, 60  # names in a message, and letters in a name


@functools.cache
def load() -> Any:  # noqa: ANN401 pyogrio has no types
    """Give pyogrio, with GDAL held to the drivers above and off the network.

    GDAL reads ``OGR_SKIP`` once, when it is loaded, so that only a process that was started with
    `SKIPPED` there can be held (`gis.formats.apart`).

    Raises:
        GdalNotHeld: in any other process.
    """
    # Brings GDAL along: a second that text need not wait for.
    import pyogrio  # noqa: PLC0415

    if more := set(pyogrio.list_drivers()) - set(DRIVERS.values()):
        raise GdalNotHeld(drivers=", ".join(sorted(more)[:_FEW]))
    pyogrio.set_gdal_config_options(_OPTIONS)
    return pyogrio


def choose_layer(file: GisFile, wanted: str | None, *, areas: bool = False) -> tuple[Path, str]:
    """Give the path to open and the layer in it.

    Args:
        file: a Shapefile, GeoPackage or FileGDB.
        wanted: the layer's name; needed when there are several.
        areas: whether layers of points and lines are passed over when none is named.

    Raises:
        LayerUnclear: when there are several and none is named.
        LayerUnknown: when there is none of that name.
        FileRefused: when GDAL cannot open the file, or with another driver only.
    """
    found = {
        name if file.format is Format.SHAPEFILE else inner: (path, inner, kind)
        for name, path in file.paths.items()
        for inner, kind in _inside(file, path)
    }
    fitting = [
        name
        for name, (_, _, kind) in found.items()
        if kind is not None and not (areas and ("Point" in kind or "Line" in kind))
    ]
    # A single layer without geometry is a table.
    choices = fitting or list(found)
    if wanted is None and len(choices) != 1:
        raise LayerUnclear(file=file.name, layers=_names(choices))
    chosen = choices[0] if wanted is None else wanted
    if chosen not in found:
        raise LayerUnknown(file=file.name, layer=chosen[:_LONGEST], layers=_names(list(found)))
    path, inner, _ = found[chosen]
    return path, inner


def _names(layers: Sequence[str]) -> str:
    return ", ".join(name[:_LONGEST] for name in layers[:_MOST])


def _inside(file: GisFile, path: Path) -> list[tuple[str, str | None]]:
    pyogrio = load()
    try:
        layers = [(str(name), kind) for name, kind in pyogrio.list_layers(path)]
        driver = pyogrio.read_info(path, layer=layers[0][0])["driver"] if layers else None
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError):
        raise _damaged(file) from None
    if driver is None:
        raise FileRefused(file=file.name, problem=f"the {file.format} has no layer")
    if driver != DRIVERS[file.format]:
        raise FileRefused(file=file.name, problem=f"it is no {file.format}")
    return layers


def _damaged(file: GisFile) -> FileRefused:
    return FileRefused(file=file.name, problem=f"the {file.format} is damaged")


def read_areas(file: GisFile, wanted: str | None) -> tuple[list[bytes | None], str | None]:
    """Read the geometries of a layer as WKB, and the name of its coordinate system.

    Raises:
        LayerUnclear, LayerUnknown: when it is not clear which layer is meant.
        FileRefused: when GDAL cannot read it.
    """
    path, layer = choose_layer(file, wanted, areas=True)
    pyogrio = load()
    try:
        meta, _, geometries, _ = pyogrio.raw.read(path, layer=layer, columns=[])
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError):
        raise _damaged(file) from None
    if geometries is None:
        raise FileRefused(file=file.name, problem=f"layer {layer} has no geometry")
    return geometries.tolist(), meta["crs"]
