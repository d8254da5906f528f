"""Made-up premises for the cells: a few towns, lonely houses between them, towers of flats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from gis.cells import PER_DEGREE, Cells, Degrees
from gis.cutting import Flags
from outage.privacy import MIN_PREMISES


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Premises, and what cells they make."""

    lon: Degrees
    lat: Degrees

    @property
    def cells(self) -> Cells:
        return Cells.of(self.lon, self.lat, least=MIN_PREMISES)

    def of(self, which: Flags) -> tuple[Degrees, Degrees]:
        return self.lon[which], self.lat[which]

    @property
    def centres(self) -> tuple[Degrees, Degrees]:
        """Middle of the square that each lies in: on no border of any cell."""
        half = 0.5 / PER_DEGREE
        lon, lat = (np.floor(axis * PER_DEGREE) / PER_DEGREE for axis in (self.lon, self.lat))
        return lon + half, lat + half


def made(seed: int, premises: int) -> Ground:
    rng = np.random.default_rng(seed)
    towns = np.array([-123.1, 49.2]) + rng.normal(0, 0.3, (rng.integers(1, 6), 2))
    town = towns[rng.integers(0, len(towns), premises)]
    spread = rng.choice([0.0, 0.002, 0.01, 0.05, 1.5], (premises, 1), p=[0.1, 0.3, 0.3, 0.2, 0.1])
    places = town + spread * rng.normal(0, 1, (premises, 2))
    # Some stand exactly on the lines that cells are cut along.
    on_line = rng.random((premises, 2)) < 0.1
    places[on_line] = np.floor(places[on_line] * 64) / 64
    return Ground(lon=places[:, 0], lat=places[:, 1])


def grounds(least: int = 0, most: int = 400) -> st.SearchStrategy[Ground]:
    seeds = st.integers(0, 2**32 - 1)
    return st.builds(made, seeds, st.integers(least, most))


def some(seed: int, ground: Ground) -> Flags:
    """Some of the premises, as outages have them: those near a place, or here and there."""
    rng = np.random.default_rng(seed)
    count = len(ground.lon)
    if not count:
        return np.zeros(0, dtype=np.bool_)
    middle = rng.integers(0, count)
    far = np.hypot(ground.lon - ground.lon[middle], ground.lat - ground.lat[middle])
    near = far <= np.sort(far)[rng.integers(0, count)]
    chosen: Flags = near & (rng.random(count) < rng.choice([0.2, 0.9, 1.0]))
    return chosen


subsets = st.integers(0, 2**32 - 1)
