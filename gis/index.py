"""PremiseIndex: which premises lie in an area, an edge point counting as inside."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.selection import Keys, Positions, Selection

_ALL_SERVICES = 0xFF


class PremiseIndex:
    """Points of one premises version, sorted by longitude; unplaced premises stand at the end.

    Args:
        version: the premises version the points belong to.
        keys: premise keys, shape (n,); each once.
        lon: degrees east, shape (n,); NaN where a premise is unplaced.
        lat: degrees north, shape (n,); NaN where a premise is unplaced.
        services: service bits, shape (n,).
    """

    def __init__(
        self,
        *,
        version: int,
        keys: Keys,
        lon: NDArray[np.float64],
        lat: NDArray[np.float64],
        services: NDArray[np.uint8],
    ) -> None:
        order = np.argsort(np.where(np.isfinite(lat), lon, np.nan), kind="stable")
        self.version = version
        self._keys = keys[order]
        self._lon, self._lat = lon[order], lat[order]
        self._services = services[order]
        self._placed = int((np.isfinite(lon) & np.isfinite(lat)).sum())
        self._by_key = np.argsort(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def match(self, wkb: bytes, service: int = _ALL_SERVICES) -> Selection:
        """Select the premises with the service that the area covers.

        The area may be invalid: each of its parts is then read by the even-odd rule, and a
        premise is inside if it is inside any part.
        """
        area = shapely.from_wkb(wkb)
        parts = [area] if area.is_valid else list(shapely.get_parts(area))
        inside = [self._inside(part, service) for part in parts]
        return self._select(np.concatenate(inside) if inside else np.empty(0, np.int64))

    def everything(self, service: int = _ALL_SERVICES) -> Selection:
        """Select all premises with the service, unplaced ones included."""
        return self._select(np.flatnonzero((self._services & service) != 0))

    def unplaced(self, service: int = _ALL_SERVICES) -> Selection:
        """Select the premises with the service that no shape can reach."""
        tail = np.arange(self._placed, len(self._keys))
        return self._select(tail[(self._services[tail] & service) != 0])

    def locate(self, keys: Keys) -> Selection:
        """Select the premises with these keys; keys this version does not have are left out."""
        if not len(self._keys):
            return self._select(np.empty(0, np.int64))
        at = np.searchsorted(self._keys, keys, sorter=self._by_key)
        found = self._by_key[np.minimum(at, len(self._keys) - 1)]
        return self._select(found[self._keys[found] == keys])

    def xy(self, chosen: Selection) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return longitudes and latitudes of those of the premises that are placed."""
        at = chosen.positions()
        at = at[at < self._placed]
        return self._lon[at], self._lat[at]

    def _select(self, positions: Positions) -> Selection:
        return Selection.of(self._keys, self.version, positions)

    def _inside(self, area: shapely.Geometry, service: int) -> Positions:
        west, south, east, north = shapely.bounds(area)
        lon = self._lon[: self._placed]
        first = int(np.searchsorted(lon, west, side="left"))
        last = int(np.searchsorted(lon, east, side="right"))
        band = slice(first, last)
        lat = self._lat[band]
        near = first + np.flatnonzero(
            (lat >= south) & (lat <= north) & ((self._services[band] & service) != 0)
        )
        shapely.prepare(area)
        hit = shapely.intersects_xy(area, self._lon[near], self._lat[near])
        return np.asarray(near[hit])
