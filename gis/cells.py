"""Cells: the premises of one service and version, cut into groups of at least k.

The ground is laid out in squares of 1/1024 degree. A group of squares is cut in two along the
roundest meridian or parallel that leaves at least k premises on either side, and so on with both
halves, until none does: what is left is a cell. No cell is ever short of k, no premise is left
over, and as the roundest line is taken, one premise more or less hardly ever moves any. (In a
quadtree, whose lines are fixed, a lonely house beside a town keeps the town from being cut at
all, or belongs nowhere.)

A *node* is a cell or anything that was cut on the way; nodes are numbered breadth first, the
root is 0. A node's ground is the rectangle around its squares: it holds its own premises and
nobody else's.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gis import cutting
from gis.cutting import Flags, Numbers

Degrees = NDArray[np.float64]

PER_DEGREE = 1024
"""Squares per degree: about 110 m tall. A power of two, so that no rounding moves a border."""
_WEST, _SOUTH = 180 * PER_DEGREE, 90 * PER_DEGREE


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """A partition.

    Attributes:
        squares: codes of the squares that hold premises, sorted, shape (n,).
        cell: node number of the cell that each of them belongs to, shape (n,).
        cut: of each node, whether it was cut in two, shape (nodes,).
    """

    squares: Numbers
    cell: Numbers
    cut: Flags

    @classmethod
    def of(cls, lon: Degrees, lat: Degrees, *, least: int) -> Self:
        """Cut the premises at these places; fewer than ``least`` in all make no cell."""
        squares, premises = np.unique(_codes(lon, lat), return_counts=True)
        if premises.sum() < least:
            squares, premises = squares[:0], premises[:0]
        cell, cut = cutting.cut_up(squares, premises, least)
        return cls(squares=squares, cell=cell, cut=cut)

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Take up what `to_bytes` has written."""
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            return cls(
                squares=np.cumsum(found["squares"]),
                cell=found["cell"].astype(np.int64),
                cut=np.unpackbits(found["cut"], count=int(found["nodes"])).astype(np.bool_),
            )

    def to_bytes(self) -> bytes:
        """Return the partition as one compact value."""
        content = io.BytesIO()
        np.savez_compressed(
            content,
            squares=np.diff(self.squares, prepend=np.int64(0)),
            cell=self.cell.astype(np.int32),
            cut=np.packbits(self.cut),
            nodes=np.int64(len(self.cut)),
        )
        return content.getvalue()

    def at(self, lon: Degrees, lat: Degrees) -> Numbers:
        """Return the cell of each place that lies in one, in no particular order."""
        # Sorted: a search that jumps about in large arrays takes several times as long.
        codes = np.sort(_codes(lon, lat))
        if not len(self.squares):
            return codes[:0]
        found = np.minimum(np.searchsorted(self.squares, codes), len(self.squares) - 1)
        cells: Numbers = self.cell[found[self.squares[found] == codes]]
        return cells

    def levels(self, cells: Numbers) -> list[Numbers]:
        """Return the nodes that hold the cells, ever finer: first the root, last the cells."""
        nodes = _distinct(cells)
        found = [nodes]
        for depth in range(int(self.depth[nodes].max(initial=0)) - 1, -1, -1):
            nodes = _distinct(np.where(self.depth[nodes] > depth, self.parent[nodes], nodes))
            found.append(nodes)
        return found[::-1]

    def whole(self, nodes: Numbers) -> Numbers:
        """Return the fewest nodes over just the same cells: both halves make their parent.

        So whatever nodes are given, the same cells come out as the same ground.
        """
        nodes = _distinct(nodes)
        done = []
        for depth in range(int(self.depth[nodes].max(initial=0)), 0, -1):
            deep = self.depth[nodes] == depth
            here, nodes = nodes[deep], nodes[~deep]
            parents, halves = np.unique(self.parent[here], return_counts=True)
            full = parents[halves > 1]
            done.append(here[~np.isin(self.parent[here], full)])
            nodes = np.concatenate([nodes, full])
        return np.sort(np.concatenate([*done, nodes]))

    def boxes(self, nodes: Numbers) -> Degrees:
        """Return the ground of nodes: west, south, east, north in degrees, shape (nodes, 4)."""
        origin = np.array([_WEST, _SOUTH, _WEST, _SOUTH])
        degrees: Degrees = (self._ground[nodes] - origin) / PER_DEGREE
        return degrees

    @cached_property
    def parent(self) -> Numbers:
        """The node that each was cut from; the root is its own."""
        return np.concatenate([[0], np.repeat(np.flatnonzero(self.cut), 2)])

    @cached_property
    def depth(self) -> Numbers:
        """How many cuts lead to each node."""
        return np.repeat(np.arange(len(self._first) - 1), np.diff(self._first))

    @cached_property
    def _first(self) -> list[int]:
        """Number of the first node of each depth, and one past the last."""
        first = [0, 1]
        while len(self.cut) > first[-1]:
            first.append(first[-1] + 2 * int(self.cut[first[-2] : first[-1]].sum()))
        return first

    @cached_property
    def _ground(self) -> Numbers:
        """Rectangles around the squares of each node, in squares, shape (nodes, 4)."""
        ground = np.zeros((len(self.cut), 4), dtype=np.int64)
        if not len(self.squares):
            return ground
        by_cell = np.argsort(self.cell, kind="stable")
        cells, starts = np.unique(self.cell[by_cell], return_index=True)
        for axis, places in enumerate(cutting.axes(self.squares[by_cell])):
            ground[cells, axis] = np.minimum.reduceat(places, starts)
            ground[cells, axis + 2] = np.maximum.reduceat(places, starts) + 1
        for first, end in reversed(list(zip(self._first[1:-1], self._first[2:], strict=True))):
            halves = ground[first:end].reshape(-1, 2, 4)
            parents = self.parent[first:end:2]
            ground[parents, :2] = halves[:, :, :2].min(axis=1)
            ground[parents, 2:] = halves[:, :, 2:].max(axis=1)
        return ground


def _distinct(nodes: Numbers) -> Numbers:
    """Sort, and leave out what is doubled: for numbers as dense as these faster than np.unique."""
    there: Numbers = np.sort(nodes)
    return there[np.diff(there, prepend=-1) > 0]


def _codes(lon: Degrees, lat: Degrees) -> Numbers:
    x = np.floor(lon * PER_DEGREE).astype(np.int64) + _WEST
    y = np.floor(lat * PER_DEGREE).astype(np.int64) + _SOUTH
    # The last square reaches up to and over 180° and the pole.
    return cutting.codes(np.minimum(x, 2 * _WEST - 1), np.minimum(y, 2 * _SOUTH - 1))
