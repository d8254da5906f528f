"""Coordinate systems: a name, and the move from it to longitude and latitude (WGS 84)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from gis.errors import CrsOfDegrees, CrsUnknown, FileCrsOfDegrees

Move = Callable[[NDArray[np.float64]], NDArray[np.float64]]
_MAX_NAME, _MAX_DEFINITION = 100, 20_000
# What a definition can name besides figures: files and addresses, which PROJ would open.
_ELSEWHERE = re.compile(
    r"grids\s*[=\"',:](?!\s*@null)|\binit\s*=|parameterfile|difference file|boundcrs|pipeline",
    re.IGNORECASE,
)


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
    shown = name if len(name) <= _MAX_NAME else f"{name[:40]}…"
    if _leads_elsewhere(name):
        raise CrsUnknown(crs=shown)
    try:
        crs = CRS.from_user_input(name)
    except (CRSError, ValueError):
        raise CrsUnknown(crs=shown) from None
    if crs.to_epsg() == 4326 or crs.to_authority() == ("OGC", "CRS84"):  # noqa: PLR2004 - WGS 84
        return None
    flat = crs.is_projected
    if not (flat or crs.is_geographic):
        # Heights, ship's decks and the earth's middle: not two numbers that make a place.
        raise CrsUnknown(crs=shown)
    try:
        transformer = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    except ProjError:
        raise CrsUnknown(crs=shown) from None

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        if flat and _are_degrees(xy):
            raise CrsOfDegrees(crs=shown)
        lon, lat = transformer.transform(xy[:, 0], xy[:, 1])
        return np.column_stack([lon, lat])

    return move


@contextmanager
def own_words(option: str | None) -> Iterator[None]:
    """Say of a system that nobody gave as an option that the file has it.

    Raises `FileCrsOfDegrees` for `CrsOfDegrees`.
    """
    try:
        yield
    except CrsOfDegrees as refused:
        if option is not None:
            raise
        raise FileCrsOfDegrees(**refused.facts) from None


def name_of(crs: object) -> str | None:
    """Say a system that a file defines as authority and number, where it has one: the rest is long.

    What nobody can read comes out as it is, and so does what `placer` refuses unread.
    """
    if crs is None:
        return None
    if isinstance(crs, str) and _leads_elsewhere(crs):
        return crs
    try:
        found = CRS.from_user_input(crs)
    except CRSError:
        return str(crs)
    authority = found.to_authority()
    return ":".join(authority) if authority else found.to_wkt()


def _leads_elsewhere(definition: str) -> bool:
    return len(definition) > _MAX_DEFINITION or _ELSEWHERE.search(definition) is not None


def _are_degrees(xy: NDArray[np.float64]) -> bool:
    """Whether every pair could be a longitude and a latitude: as metres, all would be one spot."""
    known = np.abs(xy[np.isfinite(xy).all(axis=1)])
    return len(known) > 0 and bool((known <= (180.0, 90.0)).all())
