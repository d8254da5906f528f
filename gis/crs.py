"""Coordinate systems: a name, and the move from it to longitude and latitude (WGS 84)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from gis.errors import CrsOfDegrees, CrsUnknown

Move = Callable[[NDArray[np.float64]], NDArray[np.float64]]
_MAX_NAME = 100


@lru_cache(maxsize=64)
def placer(name: str | None) -> Move | None:
    """Give the function that moves rows (x, y) to (longitude, latitude); None if there is none.

    Axes are always x first, as GeoJSON and GIS files write them, whatever the authority says.

    Raises:
        CrsUnknown: when the name means nothing. The function itself raises `CrsOfDegrees` when
            the system counts in metres or feet, and what it is given are degrees.
    """
    if name is None:
        return None
    if len(name) > _MAX_NAME:
        raise CrsUnknown(crs=f"{name[:40]}…")
    try:
        crs = CRS.from_user_input(name)
    except CRSError:
        raise CrsUnknown(crs=name) from None
    if crs.to_epsg() == 4326 or crs.to_authority() == ("OGC", "CRS84"):  # noqa: PLR2004 - WGS 84
        return None
    flat = crs.is_projected
    transformer = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        if flat and _are_degrees(xy):
            raise CrsOfDegrees(crs=name)
        lon, lat = transformer.transform(xy[:, 0], xy[:, 1])
        return np.column_stack([lon, lat])

    return move


def _are_degrees(xy: NDArray[np.float64]) -> bool:
    """Whether every pair could be a longitude and a latitude: as metres, all would be one spot."""
    known = np.abs(xy[np.isfinite(xy).all(axis=1)])
    return len(known) > 0 and bool((known <= (180.0, 90.0)).all())
