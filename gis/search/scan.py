"""Which premises of a block lie in each part: whole stretches at once, the rest point by point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gis.search.edges import Edges
from gis.search.spans import Spans, cut
from gis.search.strips import SHIFT, Floats, Ints, Truths, expand

ERROR = 3.4e-16
"""Shewchuk's bound for the rounding of an orientation, times its two terms."""
TINY = 1e-290
"""Below this a product may have lost bits that the bound does not know of."""
_PAIRS = 1 << 15
"""Tests done at once: few enough for the processor's own memory."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Placed premises with the same services, sorted by place.

    Attributes:
        start: the position of the first in the index.
        places, lon, lat: of each, shape (n,).
    """

    start: int
    places: Ints
    lon: Floats
    lat: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What lies inside, by part.

    Attributes:
        part, start, stop: ranges of positions that lie inside a part.
        doubtful_part, doubtful: positions that stand on an edge, or too near to be sure.
    """

    part: Ints
    start: Ints
    stop: Ints
    doubtful_part: Ints
    doubtful: Ints


def scan(edges: Edges, blocks: Sequence[Block]) -> list[Found]:
    """Find what lies in each part, block by block."""
    full = [block for block in blocks if len(block.places)]
    if not full or not len(edges.part):
        return []
    lowest = min(int(block.places[0]) for block in full) >> SHIFT
    highest = max(int(block.places[-1]) for block in full) >> SHIFT
    spans = cut(edges, lowest, highest)
    return [_along(edges, spans, block) for block in full]


def _along(edges: Edges, spans: Spans, block: Block) -> Found:
    # One after the other, as they lie: the second search finds the memory of the first at hand.
    both = np.column_stack([spans.west, spans.east + 1]).ravel()
    west, east = np.searchsorted(block.places, both).reshape(-1, 2).T
    whole = np.flatnonzero(spans.inside[:-1] & (east[:-1] < west[1:]))
    near = np.flatnonzero(west < east)
    count = east[near] - west[near]
    at, span = expand(west[near], count), np.repeat(near, count)
    inside, doubtful = _judge(edges, spans, span, block.lon[at], block.lat[at])
    part, start, stop = runs(spans.part[span[inside]], at[inside])
    return Found(
        part=np.concatenate([spans.part[whole], part]),
        start=np.concatenate([east[whole], start]) + block.start,
        stop=np.concatenate([west[whole + 1], stop]) + block.start,
        doubtful_part=spans.part[span[doubtful]],
        doubtful=at[doubtful] + block.start,
    )


def runs(part: Ints, at: Ints) -> tuple[Ints, Ints, Ints]:
    """Join neighbouring positions of one part, ascending, into ranges: part, start, stop."""
    begins = np.ones(len(at), bool)
    begins[1:] = (np.diff(at) != 1) | (np.diff(part) != 0)
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(at))[: len(first)] - 1
    return part[first], at[first], at[last] + 1


def _judge(
    edges: Edges, spans: Spans, span: Ints, lon: Floats, lat: Floats
) -> tuple[Truths, Truths]:
    """Hold points against the edges of their span: (inside, too near an edge to say)."""
    many = np.diff(spans.first)[span]
    inside, doubtful = np.empty(len(span), bool), np.empty(len(span), bool)
    before = np.concatenate([[False], spans.inside[:-1]])[span]
    done = np.cumsum(many)
    at = 0
    while at < len(span):
        full = np.searchsorted(done, (done[at - 1] if at else 0) + _PAIRS, side="right")
        some = slice(at, max(at + 1, int(full)))
        edge = spans.edge[expand(spans.first[span[some]], many[some])]
        point = np.repeat(np.arange(some.stop - some.start), many[some])
        crossed, unsure = _cross(edges, edge, point, lon[some], lat[some])
        inside[some], doubtful[some] = before[some] ^ crossed, unsure
        at = some.stop
    return inside & ~doubtful, doubtful


def _cross(
    edges: Edges, edge: Ints, point: Ints, lon: Floats, lat: Floats
) -> tuple[Truths, Truths]:
    """Whether an odd number of edges pass west of each point, and whether any is too near."""
    y1, y2, y = edges.y1[edge], edges.y2[edge], lat[point]
    # An edge owns its lower end and not its upper one, so that a vertex is passed once.
    beside = (y1 <= y) != (y2 <= y)
    passes = np.flatnonzero(beside)
    west, unsure = _side(edges, edge[passes], lon[point[passes]], y[passes])
    points = point[passes]
    odd = np.bincount(points[west], minlength=len(lon)) & 1
    doubtful = np.zeros(len(lon), bool)
    doubtful[points[unsure]] = True
    # On a vertex that it only touches, or on a level edge.
    level = np.flatnonzero(~beside & (np.maximum(y1, y2) == y))
    if len(level):
        x1, x2, x = edges.x1[edge[level]], edges.x2[edge[level]], lon[point[level]]
        doubtful[point[level[(np.minimum(x1, x2) <= x) & (x <= np.maximum(x1, x2))]]] = True
    return odd.astype(bool), doubtful


def _side(edges: Edges, edge: Ints, x: Floats, y: Floats) -> tuple[Truths, Truths]:
    """Whether each edge passes west of the point beside it, and whether that is too close."""
    x1, y1, x2, y2 = (values[edge] for values in (edges.x1, edges.y1, edges.x2, edges.y2))
    left, right = (x2 - x1) * (y - y1), (x - x1) * (y2 - y1)
    unsure = np.abs(left - right) <= ERROR * (np.abs(left) + np.abs(right)) + TINY
    return (left < right) == (y1 < y2), unsure
