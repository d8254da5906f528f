"""Selection: premises of one index as ranges of positions, counted without being listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.int64]
Positions = NDArray[np.int64]
_Rows = NDArray[np.bool_]
_Rule = Callable[[_Rows, _Rows], _Rows]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Selection:
    """Some premises of one index.

    Attributes:
        keys_at: premise key per position of the index, shape (n,).
        version: the premises version of the index.
        starts, stops: half-open ranges of positions, ascending, disjoint and not touching.
    """

    keys_at: Keys
    version: int
    starts: Positions
    stops: Positions

    @classmethod
    def of(cls, keys_at: Keys, version: int, positions: Positions) -> Selection:
        """The premises at these positions, in any order, doubled or not."""
        there = np.sort(positions)
        gaps = np.flatnonzero(np.diff(there) > 1) + 1
        first = np.concatenate([[0], gaps]) if len(there) else gaps
        last = np.concatenate([gaps, [len(there)]]) if len(there) else gaps
        return cls(keys_at=keys_at, version=version, starts=there[first], stops=there[last - 1] + 1)

    def __len__(self) -> int:
        return int((self.stops - self.starts).sum())

    def positions(self) -> Positions:
        """Every position, ascending."""
        sizes = self.stops - self.starts
        offsets = np.repeat(self.starts - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
        return np.arange(sizes.sum(), dtype=np.int64) + offsets if len(sizes) else self.starts

    def keys(self) -> Keys:
        """Premise keys, sorted."""
        return np.sort(self.keys_at[self.positions()])

    def __or__(self, other: Selection) -> Selection:
        return self._combined(other, lambda one, two: one | two)

    def __and__(self, other: Selection) -> Selection:
        return self._combined(other, lambda one, two: one & two)

    def __sub__(self, other: Selection) -> Selection:
        return self._combined(other, lambda one, two: one & ~two)

    def _combined(self, other: Selection, rule: _Rule) -> Selection:
        """Go along all borders of both and keep the stretches that the rule wants."""
        if self.version != other.version or len(self.keys_at) != len(other.keys_at):
            raise ValueError("selections of different indexes cannot be compared")
        borders = np.unique(np.concatenate([self.starts, self.stops, other.starts, other.stops]))
        inside = rule(self._covers(borders), other._covers(borders))
        edge = np.flatnonzero(np.diff(np.concatenate([[0], inside.astype(np.int8)])))
        return Selection(
            keys_at=self.keys_at,
            version=self.version,
            starts=borders[edge[0::2]],
            stops=borders[edge[1::2]],
        )

    def _covers(self, positions: Positions) -> NDArray[np.bool_]:
        started = np.searchsorted(self.starts, positions, side="right")
        stopped = np.searchsorted(self.stops, positions, side="right")
        return np.asarray(started > stopped)


def difference(old: Keys, new: Keys) -> tuple[Keys, Keys, Keys]:
    """Give (added, removed, kept) between two sorted sets of keys of one premises version."""
    return (
        np.setdiff1d(new, old, assume_unique=True),
        np.setdiff1d(old, new, assume_unique=True),
        np.intersect1d(old, new, assume_unique=True),
    )
