"""PremiseIndex: which premises lie in an area, an edge point counting as inside."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

Keys = NDArray[np.int64]
_ALL_SERVICES = 0xFF


class PremiseIndex:
    """Points of one premises version, sorted by longitude.

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
        placed = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
        order = placed[np.argsort(lon[placed], kind="stable")]
        self.version = version
        self._keys = keys[order]
        self._lon, self._lat = lon[order], lat[order]
        self._services = services[order]

    def __len__(self) -> int:
        return len(self._keys)

    def match(self, wkb: bytes, service: int = _ALL_SERVICES) -> Keys:
        """Give the sorted keys of the premises with the service that the area covers.

        The area may be invalid: each of its parts is then read by the even-odd rule, and a
        premise is inside if it is inside any part.
        """
        area = shapely.from_wkb(wkb)
        parts = [area] if area.is_valid else list(shapely.get_parts(area))
        inside = [self._inside(part, service) for part in parts]
        return np.unique(np.concatenate(inside)) if inside else np.empty(0, np.int64)

    def _inside(self, area: shapely.Geometry, service: int) -> Keys:
        west, south, east, north = shapely.bounds(area)
        first = int(np.searchsorted(self._lon, west, side="left"))
        last = int(np.searchsorted(self._lon, east, side="right"))
        band = slice(first, last)
        lat = self._lat[band]
        near = first + np.flatnonzero(
            (lat >= south) & (lat <= north) & ((self._services[band] & service) != 0)
        )
        shapely.prepare(area)
        hit = shapely.intersects_xy(area, self._lon[near], self._lat[near])
        keys: Keys = self._keys[near[hit]]
        return keys


def difference(old: Keys, new: Keys) -> tuple[Keys, Keys, Keys]:
    """Give (added, removed, kept) between two sorted sets of keys of one premises version."""
    return (
        np.setdiff1d(new, old, assume_unique=True),
        np.setdiff1d(old, new, assume_unique=True),
        np.intersect1d(old, new, assume_unique=True),
    )
