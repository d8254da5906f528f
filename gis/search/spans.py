"""Spans: where, along a strip, the edges of a part run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gis.search.edges import Edges
from gis.search.strips import (
    CELL,
    DOUBT,
    SHIFT,
    Floats,
    Ints,
    Truths,
    cell_of,
    expand,
    middle_of,
    north_of,
    south_of,
    strip_of,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spans:
    """Stretches of a strip that edges of one part touch, by part, strip and longitude.

    Between two spans no edge runs anywhere in the strip's height, so all of that stretch lies
    inside the part or none of it.

    Attributes:
        part, strip: what each belongs to, shape (s,).
        west, east: the first and the last place that it touches.
        inside: whether the stretch east of it lies inside the part.
        first: where its edges begin in `edge`; one more at the end, shape (s + 1,).
        edge: the edges, span by span.
    """

    part: Ints
    strip: Ints
    west: Ints
    east: Ints
    inside: Truths
    first: Ints
    edge: Ints


def cut(edges: Edges, lowest: int, highest: int) -> Spans:
    """Cut the edges at the borders of strips, from the lowest strip to the highest."""
    low = np.minimum(edges.y1, edges.y2)
    high = np.maximum(edges.y1, edges.y2)
    begin = np.maximum(strip_of(low), lowest)
    heights = np.maximum(np.minimum(strip_of(high), highest) - begin + 1, 0)
    edge, strip = np.repeat(np.arange(len(heights)), heights), expand(begin, heights)
    west, east = _reach(edges, edge, strip, low, high)
    middle = middle_of(strip)
    crosses = (low[edge] <= middle) & (middle < high[edge])
    # One number for part and strip, above the cell: everything sorts and runs on by itself.
    row = _rows(edges.part, begin, heights)[edges.part[edge]] + strip
    return _merged(
        edge=edge,
        strip=strip,
        part=edges.part[edge],
        west=row << SHIFT | west,
        east=row << SHIFT | east,
        crosses=crosses,
    )


def _reach(edges: Edges, edge: Ints, strip: Ints, low: Floats, high: Floats) -> tuple[Ints, Ints]:
    """The cells that an edge can touch inside a strip, never too few."""
    west = np.minimum(edges.x1, edges.x2)[edge]
    east = np.maximum(edges.x1, edges.x2)[edge]
    # What lies in its strip with both ends needs no arithmetic.
    long = np.flatnonzero((strip_of(low) != strip_of(high))[edge])
    of, strip = edge[long], strip[long]
    rises = edges.y1[of] <= edges.y2[of]
    foot = np.where(rises, edges.x1[of], edges.x2[of])
    head = np.where(rises, edges.x2[of], edges.x1[of])
    bottom, height = low[of], high[of] - low[of]
    enters = foot + (head - foot) * ((np.maximum(south_of(strip), bottom) - bottom) / height)
    leaves = foot + (head - foot) * ((np.minimum(north_of(strip), high[of]) - bottom) / height)
    doubt = DOUBT + 1e-12 * (np.abs(foot) + np.abs(head))
    west[long] = np.maximum(west[long], np.minimum(enters, leaves) - doubt)
    east[long] = np.minimum(east[long], np.maximum(enters, leaves) + doubt)
    return cell_of(west), cell_of(east)


def _rows(part: Ints, begin: Ints, heights: Ints) -> Ints:
    """What to add to a strip, for each part, so that no two parts share a row."""
    touched = heights > 0
    parts = int(part[-1]) + 1 if len(part) else 0
    lowest, highest = np.full(parts, np.iinfo(np.int64).max), np.full(parts, -1)
    np.minimum.at(lowest, part[touched], begin[touched])
    np.maximum.at(highest, part[touched], (begin + heights)[touched])
    rows = np.where(highest > 0, highest - lowest, 0)
    return np.cumsum(rows) - rows - np.where(highest > 0, lowest, 0)


def _merged(
    *, edge: Ints, strip: Ints, part: Ints, west: Ints, east: Ints, crosses: Truths
) -> Spans:
    """Join what overlaps into spans, and count edges crossed from the west to know the inside."""
    order = np.argsort(west)
    west, reached = west[order], np.maximum.accumulate(east[order])
    begins = np.ones(len(order), bool)
    begins[1:] = west[1:] > reached[:-1]
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(order))[: len(first)] - 1
    strip = strip[order[first]]
    return Spans(
        part=part[order[first]],
        strip=strip,
        west=strip << SHIFT | west[first] & CELL,
        east=strip << SHIFT | reached[last] & CELL,
        # A strip's count ends even, since rings are closed: it need not begin anew.
        inside=(np.cumsum(crosses[order])[last] & 1).astype(bool),
        first=np.append(first, len(order)),
        edge=edge[order],
    )
