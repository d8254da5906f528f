"""GIS files (GeoJSON, GeoPackage) as rows with a point each; GDAL never sees a user's path."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from outage.sheet import Sheet, SheetRefusedError, check_file, columns_of

_GEOPACKAGE = b"SQLite format 3\0"
_APPLICATION = slice(68, 72)
_HEADER = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Rows of a GIS file.

    Attributes:
        sheet: attributes as text; a row's line is its feature number, from 1.
        xy: one point per row, shape (n, 2), NaN where a feature has no geometry.
        crs: the coordinate system the file names, None if it names none.
    """

    sheet: Sheet
    xy: NDArray[np.float64]
    crs: str | None


def is_layer(path: Path) -> bool:
    """Whether a file's name says that it is a GIS file and not a table of text."""
    return path.suffix.lower() in {".geojson", ".json", ".gpkg"}


def read_layer(
    path: Path,
    *,
    fields: Collection[str],
    required: Collection[str],
    mapping: Mapping[str, str],
    max_bytes: int,
    layer: str | None = None,
) -> Layer:
    """Read points and attributes; a feature that is no point is placed on its surface.

    Raises:
        SheetRefusedError: one sentence; nothing has been read then.
    """
    check_file(path, max_bytes)
    table, crs = _geopackage(path, layer) if path.suffix.lower() == ".gpkg" else _geojson(path)
    geometry = table.pop("geometry")
    names = columns_of(path.name, list(table), fields, required, mapping)
    values = list(table.values())
    columns = {field: [_text(value) for value in values[at]] for field, at in names.items()}
    sheet = Sheet(
        file=path.name, columns=columns, lines=list(range(1, len(geometry) + 1)), rejected=[]
    )
    return Layer(sheet=sheet, xy=_points(geometry), crs=crs)


def _geopackage(path: Path, layer: str | None) -> tuple[dict[str, Any], str | None]:
    # Brings geopandas along: a second that a table of text need not wait for.
    import pyogrio  # noqa: PLC0415

    with path.open("rb") as file:
        head = file.read(_HEADER)
    if not head.startswith(_GEOPACKAGE) or head[_APPLICATION] not in {b"GPKG", b"GP10", b"GP11"}:
        raise SheetRefusedError(file=path.name, problem="not a GeoPackage")
    with tempfile.TemporaryDirectory(prefix="outage-import-") as folder:
        # A name of our own: GDAL would read a scheme, a /vsi prefix or an archive into theirs.
        link = Path(folder) / "layer.gpkg"
        link.symlink_to(path.resolve(strict=True))
        try:
            names = [str(name) for name, _ in pyogrio.list_layers(str(link))]
            frame = pyogrio.read_dataframe(str(link), layer=_layer(names, path, layer))
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
            raise SheetRefusedError(
                file=path.name, problem=f"the GeoPackage cannot be read ({type(error).__name__})"
            ) from None
    if not hasattr(frame, "geometry"):
        raise SheetRefusedError(file=path.name, problem="the layer has no geometry")
    table: dict[str, Any] = {
        str(name): frame[name].tolist() for name in frame.columns if name != frame.geometry.name
    }
    table["geometry"] = frame.geometry.to_numpy()
    return table, None if frame.crs is None else frame.crs.to_string()


def _layer(names: list[str], path: Path, wanted: str | None) -> str:
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted not in names:
        raise SheetRefusedError(
            file=path.name, problem=f"say which layer with --layer: {', '.join(names) or 'none'}"
        )
    return wanted


def _geojson(path: Path) -> tuple[dict[str, Any], str | None]:
    try:
        source = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise SheetRefusedError(file=path.name, problem="not JSON") from None
    features = source.get("features") if isinstance(source, dict) else None
    if not isinstance(features, list) or not all(isinstance(f, dict) for f in features):
        raise SheetRefusedError(file=path.name, problem="not a GeoJSON FeatureCollection")
    rows = [_attributes(feature) for feature in features]
    names = dict.fromkeys(name for row in rows for name in row)
    table: dict[str, Any] = {name: [row.get(name) for row in rows] for name in names}
    given = [feature.get("geometry") for feature in features]
    shapes = shapely.from_geojson([json.dumps(one) for one in given], on_invalid="ignore")
    # What is written and cannot be read is a bad row, not one without a place.
    broken = np.array([one is not None for one in given], dtype=bool) & shapely.is_missing(shapes)
    shapes[broken] = shapely.Point(np.inf, np.inf)
    table["geometry"] = shapes
    return table, _crs(source.get("crs"))


def _attributes(feature: dict[str, Any]) -> dict[str, Any]:
    properties = feature.get("properties")
    return properties if isinstance(properties, dict) else {}


def _crs(member: object) -> str | None:
    properties = member.get("properties") if isinstance(member, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    return name if isinstance(name, str) else None


def _points(geometry: NDArray[Any]) -> NDArray[np.float64]:
    there = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    plain = shapely.get_type_id(geometry) == int(shapely.GeometryType.POINT)
    points = geometry.copy()
    points[there & ~plain] = shapely.point_on_surface(geometry[there & ~plain])
    return np.column_stack([shapely.get_x(points), shapely.get_y(points)])


def _text(value: object) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN is what is not itself
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return " ".join(_text(item) for item in value)
    return str(value).strip()
