"""Geometry of any kind as one place each; points in well-known binary without making shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from gis.formats.wkb import is_deep
from gis.importing.text import Column

Places = NDArray[np.float64]
"""Shape (n, 2): x and y; NaN where there is no place, infinite where it cannot be read."""

# Little-endian: byte order, type, x, y. Types: plain; ISO Z, M, ZM; the older flags for the same.
_KIND, _XY = slice(1, 5), slice(5, 21)
_SHORTEST = 21
_SHALLOW = 50_000
"""Bytes that cannot hold collections so deep in one another that reading them is dangerous."""
_POINTS = (1, 1001, 2001, 3001, 0x80000001, 0x40000001, 0xC0000001)


def of_wkb(column: Column) -> Places:
    """Read a column of WKB; what is no point is placed on its surface."""
    values = column.cast(pa.binary())
    places = np.full((len(values), 2), np.nan)
    there = np.asarray(values.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)
    points = _points(values, there, places)
    others = there & ~points
    if others.any():
        wkb = np.array(values.filter(pa.array(others)).to_pylist(), dtype=object)
        for at, one in enumerate(wkb):
            if len(one) > _SHALLOW and is_deep(one):
                wkb[at] = b""
        places[others] = on_surface(shapely.from_wkb(wkb, on_invalid="ignore"))
    return places


def on_surface(shapes: NDArray[Any]) -> Places:
    """Give a place on each shape: one that is missing cannot be read, an empty one is nowhere."""
    places = np.full((len(shapes), 2), np.nan)
    missing = shapely.is_missing(shapes)
    places[missing] = np.inf
    there = np.flatnonzero(~missing & ~shapely.is_empty(shapes))
    found = shapes[there]
    plain = shapely.get_type_id(found) == int(shapely.GeometryType.POINT)
    found[~plain] = _surfaces(found[~plain])
    places[there] = np.column_stack([shapely.get_x(found), shapely.get_y(found)])
    places[there[~are_finite(places[there])]] = np.inf
    return places


def are_finite(places: Places) -> NDArray[np.bool_]:
    """Tell where both numbers of a place are known."""
    # Asking for all along an axis of two is far slower.
    x, y = places.T
    return np.asarray(np.isfinite(x) & np.isfinite(y))


def _surfaces(shapes: NDArray[Any]) -> NDArray[Any]:
    try:
        return np.asarray(shapely.point_on_surface(shapes))
    except shapely.errors.GEOSException:
        return np.array([_surface(shape) for shape in shapes], dtype=object)


def _surface(shape: shapely.Geometry) -> shapely.Geometry | None:
    try:
        return shapely.point_on_surface(shape)
    except shapely.errors.GEOSException:
        return None


def _points(values: Column, there: NDArray[np.bool_], places: Places) -> NDArray[np.bool_]:
    """Fill in the places of all that are points, and tell which are."""
    _, offsets, buffer = values.buffers()
    within = slice(values.offset, values.offset + len(values) + 1)
    ends = np.frombuffer(offsets, np.int32)[within].astype(np.int64)
    data = np.frombuffer(buffer if buffer is not None else b"", np.uint8)
    lengths = np.diff(ends)
    rows = np.flatnonzero(there & (lengths >= _SHORTEST))
    heads = _cut(data, ends[:-1][rows], lengths[rows])
    kinds = heads[:, _KIND].copy().view("<u4")[:, 0]
    plain = (heads[:, 0] == 1) & _are_points(kinds)
    if not plain.all():
        rows, heads = rows[plain], heads[plain]
    xy = heads[:, _XY].copy().view("<f8")
    # An empty point is two NaN; one number without the other cannot be read.
    x_missing, y_missing = np.isnan(xy).T
    xy[x_missing != y_missing] = np.inf
    places[rows] = xy
    points = np.zeros(len(values), dtype=np.bool_)
    points[rows] = True
    return points


def _are_points(kinds: NDArray[np.uint32]) -> NDArray[np.bool_]:
    plain = kinds == _POINTS[0]
    return np.asarray(plain if plain.all() else np.isin(kinds, _POINTS))


def _cut(
    data: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Cut the beginning out of each value."""
    if len(starts) and (lengths == _SHORTEST).all() and (np.diff(starts) == _SHORTEST).all():
        # One behind the other, as most files have them: nothing has to be copied.
        return data[starts[0] : starts[-1] + _SHORTEST].reshape(-1, _SHORTEST)
    return np.asarray(data[starts[:, None] + np.arange(_SHORTEST)])
