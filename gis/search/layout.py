"""How the premises of an index lie in its arrays, in memory or in a mapped file alike."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gis.search.scan import Block
from gis.search.strips import Floats, Ints, place_of
from gis.selection import Keys, Positions


class Run(NamedTuple):
    """Neighbouring positions of premises with the same services, all placed or all unplaced."""

    services: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """Premises of one version in the order of their positions.

    First the placed ones, services by services and each of these runs by place; then the unplaced
    ones, services by services.

    Attributes:
        version: the premises version.
        runs: the runs, ascending.
        placed: how many are placed.
        places, lon, lat: of the placed ones, shape (placed,).
        keys: premise keys, shape (n,).
        by_key: positions by ascending key, shape (n,).
    """

    version: int
    runs: tuple[Run, ...]
    placed: int
    places: Ints
    lon: Floats
    lat: Floats
    keys: Keys
    by_key: NDArray[np.int32]

    def blocks(self, service: int) -> list[Block]:
        """The runs of placed premises that have any of the services."""
        return [
            Block(
                start=run.start,
                places=self.places[run.start : run.stop],
                lon=self.lon[run.start : run.stop],
                lat=self.lat[run.start : run.stop],
            )
            for run in self.runs
            if run.services & service and run.start < self.placed
        ]

    def rank(self, keys: Keys) -> Positions:
        """Positions of those of the keys that are here, in the order of the keys."""
        if not len(self.keys):
            return np.empty(0, np.int64)
        least, most = self.keys[self.by_key[0]], self.keys[self.by_key[-1]]
        keys = keys[(keys >= least) & (keys <= most)]
        # Keys are different whole numbers: what lies below and above says nearly where each is.
        low = np.maximum(len(self.keys) - 1 - (most - keys), 0)
        high = np.minimum(keys - least, len(self.keys) - 1)
        while (low < high).any():
            middle = (low + high) >> 1
            less = self.keys[self.by_key[middle]] < keys
            low, high = np.where(less, middle + 1, low), np.where(less, high, middle)
        # What is not here may have run past its range.
        at = self.by_key[np.minimum(low, len(self.keys) - 1)].astype(np.int64)
        return np.asarray(at[self.keys[at] == keys])


def lay_out(
    *, version: int, keys: Keys, lon: Floats, lat: Floats, services: NDArray[np.uint8]
) -> Layout:
    """Sort premises, given in any order, into a layout."""
    known = np.isfinite(lon) & np.isfinite(lat)
    placed = int(known.sum())
    places = place_of(np.where(known, lon, 0.0), np.where(known, lat, 0.0))
    rows, runs = _sorted(known, services, places)
    found = keys[rows]
    return _frozen(
        Layout(
            version=version,
            runs=tuple(runs),
            placed=placed,
            places=places[rows[:placed]],
            lon=lon[rows[:placed]],
            lat=lat[rows[:placed]],
            keys=found,
            by_key=_by_key(keys, rows, found),
        )
    )


def _sorted(
    known: NDArray[np.bool_], services: NDArray[np.uint8], places: Ints
) -> tuple[Ints, list[Run]]:
    rows, runs, start = [np.empty(0, np.int64)], [], 0
    bits = np.flatnonzero(np.bincount(services)).tolist()
    for placed, one in product((True, False), bits):
        some = np.flatnonzero((known == placed) & (services == one))
        rows.append(some[np.argsort(places[some])] if placed else some)
        if len(some):
            runs.append(Run(one, start, start + len(some)))
        start += len(some)
    return np.concatenate(rows), runs


def _by_key(keys: Keys, rows: Ints, found: Keys) -> NDArray[np.int32]:
    if (keys[1:] > keys[:-1]).all():
        # As a database gives them: where each row went is the answer.
        by_key = np.empty(len(rows), np.int32)
        by_key[rows] = np.arange(len(rows), dtype=np.int32)
        return by_key
    return np.argsort(found).astype(np.int32)


def _frozen(layout: Layout) -> Layout:
    """Let nobody write to it: threads share it, and a mapped one is read-only, too."""
    for array in (layout.places, layout.lon, layout.lat, layout.keys, layout.by_key):
        array.setflags(write=False)
    return layout
