"""PremiseIndex: which premises lie in an area, an edge point counting as inside."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gis.search.edges import Edges, settle
from gis.search.kernels import Scan, fastest
from gis.search.layout import Layout, Run, lay_out
from gis.search.scan import Found, runs
from gis.search.strips import Floats, Ints
from gis.selection import Keys, Positions, Selection

_ALL_SERVICES = 0xFF
_POSITION = 40
"""Bits for a position, in a number whose upper bits say the area."""


Box = tuple[float, float, float, float]
"""West, south, east, north, in degrees."""


class PremiseIndex:
    """Premises of one version, sorted by strips of latitude; unplaced ones stand at the end.

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
        lon: Floats,
        lat: Floats,
        services: NDArray[np.uint8],
    ) -> None:
        self.version = version
        self.layout = lay_out(version=version, keys=keys, lon=lon, lat=lat, services=services)
        self.scan: Scan | None = None

    @classmethod
    def over(cls, layout: Layout, scan: Scan | None = None) -> PremiseIndex:
        """An index over sorted premises; searched by the fastest scan there is, if not told."""
        index = cls.__new__(cls)
        index.version, index.layout, index.scan = layout.version, layout, scan
        return index

    def __len__(self) -> int:
        return len(self.layout.keys)

    def match(self, wkb: bytes, service: int = _ALL_SERVICES) -> Selection:
        """Select the premises with any of the services that the area covers.

        The area may be invalid: each of its parts is read by the even-odd rule, and a premise is
        inside if it is inside any part.
        """
        return self.match_many([wkb], service)[0]

    def match_many(self, wkbs: Sequence[bytes], service: int = _ALL_SERVICES) -> list[Selection]:
        """Do the same for many areas at once, which costs much less than one after the other."""
        edges = Edges.of(wkbs)
        scan = self.scan or fastest()
        found = [
            (edges.area[part], start, stop)
            for one in scan(edges, self.layout.blocks(service))
            for part, start, stop in (
                (one.part, one.start, one.stop),
                self._settled(edges, one),
            )
        ]
        return self._selections(edges.areas, found)

    def everything(self, service: int = _ALL_SERVICES) -> Selection:
        """Select all premises with any of the services, unplaced ones included."""
        return self._whole(self.layout.runs, service)

    def unplaced(self, service: int = _ALL_SERVICES) -> Selection:
        """Select the premises with any of the services that no shape can reach."""
        tail = [run for run in self.layout.runs if run.start >= self.layout.placed]
        return self._whole(tail, service)

    def locate(self, keys: Keys) -> Selection:
        """Select the premises with these keys; keys this version does not have are left out."""
        return Selection.of(self.layout.keys, self.version, self.layout.rank(keys))

    def xy(self, chosen: Selection) -> tuple[Floats, Floats]:
        """Return longitudes and latitudes of those of the premises that are placed."""
        at = chosen.positions()
        at = at[at < self.layout.placed]
        return self.layout.lon[at], self.layout.lat[at]

    def bounds(self) -> Box | None:
        """West, south, east and north of all placed premises; None where there are none."""
        lon, lat = self.layout.lon, self.layout.lat
        if not len(lon):
            return None
        return float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())

    def density(self, within: Box, across: int) -> list[tuple[float, float, int]]:
        """Count the placed premises in a grid: longitude and latitude of each cell's middle, count.

        The box is cut into ``across`` columns and as many rows; empty cells are left out.
        """
        west, south, east, north = within
        lon, lat = self.layout.lon, self.layout.lat
        seen = (lon >= west) & (lon < east) & (lat >= south) & (lat < north)
        width, height = (east - west) / across, (north - south) / across
        columns = ((lon[seen] - west) / width).astype(np.int64).clip(0, across - 1)
        rows = ((lat[seen] - south) / height).astype(np.int64).clip(0, across - 1)
        counts = np.bincount(rows * across + columns, minlength=across * across)
        return [
            (
                west + (int(cell) % across + 0.5) * width,
                south + (int(cell) // across + 0.5) * height,
                int(counts[cell]),
            )
            for cell in np.flatnonzero(counts)
        ]

    def _settled(self, edges: Edges, found: Found) -> tuple[Ints, Ints, Ints]:
        """Let shapely say of each doubtful premise whether it is inside."""
        at = found.doubtful
        lon, lat = self.layout.lon[at], self.layout.lat[at]
        inside = np.zeros(len(at), bool)
        # Not np.unique: at its first use numpy loads 0.1 s of modules for it.
        for part in sorted(set(found.doubtful_part.tolist())):
            these = np.flatnonzero(found.doubtful_part == part)
            inside[these] = settle(edges.parts[part], lon[these], lat[these])
        return runs(found.doubtful_part[inside], at[inside])

    def _whole(self, runs: Sequence[Run], service: int) -> Selection:
        ranges = [(run.start, run.stop) for run in runs if run.services & service]
        starts, stops = np.array(ranges, np.int64).reshape(-1, 2).T
        return self._selections(1, [(np.zeros_like(starts), starts, stops)])[0]

    def _selections(self, areas: int, found: list[tuple[Ints, Ints, Ints]]) -> list[Selection]:
        """Bring ranges (area, start, stop), in any order, overlapping or not, into selections."""
        none = np.empty(0, np.int64)
        area, start, stop = (
            np.concatenate(column) for column in zip(*found, (none,) * 3, strict=True)
        )
        first, last = _joined(area << _POSITION | start, area << _POSITION | stop)
        borders = np.searchsorted(first >> _POSITION, np.arange(areas + 1))
        starts, stops = (ends & ((1 << _POSITION) - 1) for ends in (first, last))
        return [self._select(starts[a:b], stops[a:b]) for a, b in pairwise(borders.tolist())]

    def _select(self, starts: Positions, stops: Positions) -> Selection:
        return Selection(keys_at=self.layout.keys, version=self.version, starts=starts, stops=stops)


def _joined(start: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """Sort ranges and join those that overlap or touch."""
    order = np.argsort(start)
    start, reached = start[order], np.maximum.accumulate(stop[order])
    begins = np.ones(len(order), bool)
    begins[1:] = start[1:] > reached[:-1]
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(order))[: len(first)] - 1
    return start[first], reached[last]
