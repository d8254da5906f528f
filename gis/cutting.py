"""Cuts squares that hold premises into groups: the arrays under `gis.cells`.

Squares are numbered along a Z (Morton codes): two bits less give the square four times as large.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_BITS = 19
"""Bits that number a square along either axis."""
_SHIFTS = (16, 8, 4, 2, 1)
_MASKS = (
    0x00000000FFFFFFFF,
    0x0000FFFF0000FFFF,
    0x00FF00FF00FF00FF,
    0x0F0F0F0F0F0F0F0F,
    0x3333333333333333,
    0x5555555555555555,
)


def codes(x: Numbers, y: Numbers) -> Numbers:
    """Number the squares in these columns and rows."""
    return _spread(x) | _spread(y) << 1


def axes(squares: Numbers) -> tuple[Numbers, Numbers]:
    """Return the columns and the rows of squares."""
    return _gather(squares), _gather(squares >> 1)


def cut_up(squares: Numbers, premises: Numbers, least: int) -> tuple[Numbers, Flags]:
    """Cut all squares until no group can be cut without falling below ``least`` premises.

    Rounder lines come first: a line is as round as the power of two that divides it, and of two
    lines equally round the meridian.

    Args:
        squares: their codes, sorted, shape (n,).
        premises: how many each holds, at least 1, shape (n,).
        least: premises that every group must keep.

    Returns:
        The node of each square, shape (n,), and of each node whether it was cut; nodes are
        numbered breadth first.
    """
    node = np.zeros(len(squares), dtype=np.int64)
    cuts: list[Numbers] = []
    nodes = 1
    for bit in range(_BITS - 1, -1, -1) if len(squares) else ():
        # No line this round parts a square of this size, so these are all there is to look at.
        large = squares >> 2 * bit
        first = np.flatnonzero(np.diff(large, prepend=-1))
        here, weight = node[first], np.add.reduceat(premises, first)
        for places in axes(large[first]):
            parents = _cut(here, places, weight, least, nodes)
            cuts.append(parents)
            nodes += 2 * len(parents)
        node = np.repeat(here, np.diff(first, append=len(squares)))
    return _renumber(node, np.concatenate([np.empty(0, dtype=np.int64), *cuts]))


def _cut(node: Numbers, places: Numbers, premises: Numbers, least: int, unused: int) -> Numbers:
    """Cut every node that can be, between two places; write the halves' numbers into ``node``.

    A node has at most one such line: between two there would be a rounder one, and it would have
    been cut there.

    Args:
        node: node of each square, shape (n,); changed.
        places: column or row of each.
        premises: how many each holds.
        least: premises that either half must keep.
        unused: the first number that no node has.

    Returns:
        Nodes that were cut; the halves of the first have the first two unused numbers, and so on.
    """
    big = np.flatnonzero(np.bincount(node, premises)[node] >= 2 * least)
    order = big[np.argsort(node[big] << _BITS | places[big], kind="stable")]
    if not len(order):
        return order
    starts = np.flatnonzero(np.diff(node[order], prepend=-1))
    group = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(order)))
    so_far = np.cumsum(premises[order])
    before = so_far[starts] - premises[order[starts]]
    # The first line with enough premises before it; if any has enough beyond as well, this has.
    enough = places[order[np.searchsorted(so_far, before + least)]]
    beyond = places[order] > enough[group]
    cut = np.add.reduceat(premises[order] * beyond, starts) >= least
    parents = node[order[starts[cut]]]
    going = cut[group]
    node[order[going]] = unused + 2 * (np.cumsum(cut) - 1)[group[going]] + beyond[going]
    return parents


def _renumber(node: Numbers, parents: Numbers) -> tuple[Numbers, Flags]:
    """Number nodes breadth first that were numbered as they were made, pair by pair."""
    number = np.zeros(1 + 2 * len(parents), dtype=np.int64)
    cut = np.zeros(len(number), dtype=np.bool_)
    made = np.argsort(parents, kind="stable")
    level = np.zeros(1, dtype=np.int64)
    used = 1
    while len(level):
        at = np.searchsorted(parents, level, sorter=made)
        at = made[np.minimum(at, len(made) - 1)] if len(made) else at
        halved = parents[at] == level if len(made) else np.zeros(1, dtype=np.bool_)
        cut[number[level]] = halved
        level = (1 + 2 * at[halved, None] + np.arange(2)).ravel()
        number[level] = used + np.arange(len(level))
        used += len(level)
    return number[node], cut


def _spread(places: Numbers) -> Numbers:
    """Put a zero before every bit."""
    for shift, mask in zip(_SHIFTS, _MASKS[1:], strict=True):
        places = (places | places << shift) & mask
    return places


def _gather(places: Numbers) -> Numbers:
    """Take every other bit, from the first on."""
    places = places & _MASKS[-1]
    for shift, mask in zip(reversed(_SHIFTS), reversed(_MASKS[:-1]), strict=True):
        places = (places | places >> shift) & mask
    return places
