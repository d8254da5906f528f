"""The same search as `gis.search.scan`, compiled: part by part and strip by strip.

Needs numba, which the extra `fast` brings. Its answers are those of `gis.search.scan`, by test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np

from gis.search.edges import Edges
from gis.search.scan import ERROR, TINY, Block, Found
from gis.search.strips import (
    CELLS,
    CELLS_PER_DEGREE,
    DOUBT,
    SHIFT,
    STRIPS,
    STRIPS_PER_DEGREE,
    Floats,
    Ints,
    expand,
)

_Function = TypeVar("_Function", bound=Callable[..., Any])
_FEW = 32
_UNSURE = 2


class _Ends(NamedTuple):
    x1: Floats
    y1: Floats
    x2: Floats
    y2: Floats


class _Points(NamedTuple):
    places: Ints
    lon: Floats
    lat: Floats


def _compiled(function: _Function) -> _Function:
    """Compile at the first call; kept on disk, so that later processes only load it.

    What is kept knows the constants of `gis.search.strips` and `gis.search.scan` by value: when
    they change, so must this file.
    """
    return cast("_Function", numba.njit(cache=True, nogil=True)(function))


def kept_in() -> Path:
    """Folder in which numba keeps what it has compiled of this module."""
    return Path(cast("Any", _search).stats.cache_path)


def forget() -> None:
    """Remove what is kept on disk of this module.

    numba reads what names our types before it sees that another release has written it, and fails
    where this one has no such type.
    """
    for path in kept_in().glob(f"{Path(__file__).stem}.*.nb[ic]"):
        path.unlink(missing_ok=True)


def scan(edges: Edges, blocks: Sequence[Block]) -> list[Found]:
    """Find what lies in each part, block by block."""
    ends = _Ends(edges.x1, edges.y1, edges.x2, edges.y2)
    first = np.searchsorted(edges.part, np.arange(len(edges.parts) + 1))
    return [
        _found(block, *_search(ends, first, _Points(block.places, block.lon, block.lat)))
        for block in blocks
        if len(block.places)
    ]


def _found(block: Block, inside: Ints, doubtful: Ints) -> Found:
    many = doubtful[:, 2] - doubtful[:, 1]
    return Found(
        part=inside[:, 0],
        start=inside[:, 1] + block.start,
        stop=inside[:, 2] + block.start,
        doubtful_part=np.repeat(doubtful[:, 0], many),
        doubtful=expand(doubtful[:, 1], many) + block.start,
    )


@_compiled
def _search(edges: _Ends, first: Ints, points: _Points) -> tuple[Ints, Ints]:
    """All parts against one block: what is inside and what is doubtful, as rows of `_add`."""
    low, high = points.places[0] >> SHIFT, points.places[-1] >> SHIFT
    inside, doubtful = np.empty((1024, 3), np.int64), np.empty((64, 3), np.int64)
    found, doubted = 0, 0
    for part in range(len(first) - 1):
        bottom, starts, rows = _cut(edges, first[part], first[part + 1], low, high)
        at = 0
        for level in range(len(starts) - 1):
            cuts = rows[starts[level] : starts[level + 1]]
            _sort(cuts)
            west_end = (bottom + level) << SHIFT
            at = _seek(points.places, west_end, at)
            odd, begin = 0, 0
            while begin < len(cuts):
                end, reach, crossed = _span(edges, cuts, begin, bottom + level)
                west = _seek(points.places, west_end | cuts[begin, 0], at)
                if odd:
                    inside, found = _add(inside, found, part, at, west)
                east = _seek(points.places, (west_end | reach) + 1, west)
                for point in range(west, east):
                    side = _judge(edges, cuts[begin:end], points.lon[point], points.lat[point])
                    if side == _UNSURE:
                        doubtful, doubted = _add(doubtful, doubted, part, point, point + 1)
                    elif side != odd:
                        inside, found = _add(inside, found, part, point, point + 1)
                odd, at, begin = odd ^ crossed, east, end
    return inside[:found], doubtful[:doubted]


@_compiled
def _add(rows: Ints, count: int, part: int, start: int, stop: int) -> tuple[Ints, int]:
    """Add a range to rows of part, start, stop; what follows on the last one lengthens it."""
    if start >= stop:
        return rows, count
    if count and rows[count - 1, 0] == part and rows[count - 1, 2] == start:
        rows[count - 1, 2] = stop
        return rows, count
    if count == len(rows):
        more = np.empty((2 * count, 3), np.int64)
        more[:count] = rows
        rows = more
    rows[count, 0], rows[count, 1], rows[count, 2] = part, start, stop
    return rows, count + 1


@_compiled
def _seek(places: Ints, place: int, low: int) -> int:
    """The first position from low on that is not west of the place."""
    step, high = 1, len(places)
    # It is often near: look close by before halving.
    while low + step < high and places[low + step] < place:
        low += step
        step *= 2
    high = min(high, low + step)
    while low < high:
        middle = (low + high) >> 1
        if places[middle] < place:
            low = middle + 1
        else:
            high = middle
    return low


@_compiled
def _cut(edges: _Ends, begin: int, end: int, low: int, high: int) -> tuple[int, Ints, Ints]:
    """Cut the edges of one part: (lowest strip, where each strip's rows begin, rows).

    A row is western cell, eastern cell, edge.
    """
    bottom, top = high + 1, low - 1
    for e in range(begin, end):
        first, last = _strips(edges, e, low, high)
        if first <= last:
            bottom, top = min(bottom, first), max(top, last)
    starts = np.zeros(max(top - bottom, -1) + 2, np.int64)
    for e in range(begin, end):
        first, last = _strips(edges, e, low, high)
        for strip in range(first, last + 1):
            starts[strip - bottom + 1] += 1
    starts = np.cumsum(starts)
    free, rows = starts.copy(), np.empty((starts[-1], 3), np.int64)
    for e in range(begin, end):
        first, last = _strips(edges, e, low, high)
        for strip in range(first, last + 1):
            row = free[strip - bottom]
            free[strip - bottom] += 1
            rows[row, 0], rows[row, 1] = _reach(edges, e, strip)
            rows[row, 2] = e
    return bottom, starts, rows


@_compiled
def _strips(edges: _Ends, e: int, low: int, high: int) -> tuple[int, int]:
    """First and last strip of an edge between two strips."""
    y1, y2 = edges.y1[e], edges.y2[e]
    return max(_strip(min(y1, y2)), low), min(_strip(max(y1, y2)), high)


@_compiled
def _reach(edges: _Ends, e: int, strip: int) -> tuple[int, int]:
    """The cells that an edge can touch inside a strip, never too few."""
    x1, y1, x2, y2 = edges.x1[e], edges.y1[e], edges.x2[e], edges.y2[e]
    west, east = min(x1, x2), max(x1, x2)
    if y1 > y2:
        x1, y1, x2, y2 = x2, y2, x1, y1
    if _strip(y1) != _strip(y2):
        south, north = y1, y2
        if strip > 0:
            south = max(south, strip / STRIPS_PER_DEGREE - 90.0 - DOUBT)
        if strip < STRIPS - 1:
            north = min(north, (strip + 1) / STRIPS_PER_DEGREE - 90.0 + DOUBT)
        enters = x1 + (x2 - x1) * ((south - y1) / (y2 - y1))
        leaves = x1 + (x2 - x1) * ((north - y1) / (y2 - y1))
        doubt = DOUBT + 1e-12 * (abs(x1) + abs(x2))
        west = max(west, min(enters, leaves) - doubt)
        east = min(east, max(enters, leaves) + doubt)
    return _cell(west), _cell(east)


@_compiled
def _strip(lat: float) -> int:
    return int(min(max((lat + 90.0) * STRIPS_PER_DEGREE, 0), STRIPS - 1))


@_compiled
def _cell(lon: float) -> int:
    return int(min(max((lon + 180.0) * CELLS_PER_DEGREE, 0), CELLS - 1))


@_compiled
def _sort(cuts: Ints) -> None:
    """Sort the edges of one strip by their western cell."""
    if len(cuts) > _FEW:
        cuts[:] = cuts[np.argsort(cuts[:, 0])]
        return
    for i in range(1, len(cuts)):
        west, east, edge = cuts[i, 0], cuts[i, 1], cuts[i, 2]
        j = i
        while j > 0 and cuts[j - 1, 0] > west:
            cuts[j, 0], cuts[j, 1], cuts[j, 2] = cuts[j - 1, 0], cuts[j - 1, 1], cuts[j - 1, 2]
            j -= 1
        cuts[j, 0], cuts[j, 1], cuts[j, 2] = west, east, edge


@_compiled
def _span(edges: _Ends, cuts: Ints, begin: int, strip: int) -> tuple[int, int, int]:
    """Join the edges that overlap: (end of the span, its eastern cell, 1 if crossed oddly)."""
    middle = (strip + 0.5) / STRIPS_PER_DEGREE - 90.0
    end, reach, crossed = begin, cuts[begin, 1], 0
    while end < len(cuts) and cuts[end, 0] <= reach:
        reach, e = max(reach, cuts[end, 1]), cuts[end, 2]
        crossed ^= (edges.y1[e] <= middle) != (edges.y2[e] <= middle)
        end += 1
    return end, reach, crossed


@_compiled
def _judge(edges: _Ends, cuts: Ints, x: float, y: float) -> int:
    """0 or 1: edges that pass west of the point, even or odd; 2 if one is too near to say."""
    odd = 0
    for row in range(len(cuts)):
        e = cuts[row, 2]
        x1, y1, x2, y2 = edges.x1[e], edges.y1[e], edges.x2[e], edges.y2[e]
        if (y1 <= y) != (y2 <= y):
            left, right = (x2 - x1) * (y - y1), (x - x1) * (y2 - y1)
            if abs(left - right) <= ERROR * (abs(left) + abs(right)) + TINY:
                return _UNSURE
            if (left < right) == (y1 < y2):
                odd ^= 1
        elif max(y1, y2) == y and min(x1, x2) <= x <= max(x1, x2):
            return _UNSURE
    return odd
