"""Encoded polylines (Google's algorithm), named by their precision: polyline5: or polyline6:."""

from __future__ import annotations

import re

import numpy as np

from gis.errors import ShapeUnreadable
from gis.formats.rings import Coordinates, Written, assemble

_NAMED = re.compile(r"\s*polyline([0-9]):(.*)", re.DOTALL | re.IGNORECASE)
_PRECISIONS = {"5": 1e5, "6": 1e6}
_FIRST, _LAST = 63, 126
_BITS, _MORE = 5, 0x20
_LONGEST = 7  # pieces of five bits in a number; real ones have six at most
_CORNERS = 3


def is_polyline(text: str) -> bool:
    """Whether the text says that it is one."""
    return _NAMED.match(text) is not None


def could_be_polyline(text: str) -> bool:
    """Whether a text that does not say what it is could be read as one with a corner or more."""
    try:
        return len(_decode(text.strip(), 1e5)) >= _CORNERS
    except ShapeUnreadable:
        return False


def read_polyline(text: str) -> Written:
    """Read one ring, latitude before longitude as the algorithm has it; it closes itself."""
    named = _NAMED.match(text)
    # Never guessed: the same letters are a place in either, and ten times as far from 0, 0.
    if named is None or named[1] not in _PRECISIONS:
        raise ShapeUnreadable(problem="write polyline5: or polyline6: before an encoded polyline")
    latlon = _decode(named[2].strip(), _PRECISIONS[named[1]])
    return Written(areas=assemble([[[latlon[:, ::-1]]]], lambda ring, _: ring))


def _decode(text: str, factor: float) -> Coordinates:
    codes = np.frombuffer(text.encode("ascii", "replace"), dtype=np.uint8).astype(np.int64)
    strange = (codes < _FIRST) | (codes > _LAST)
    if strange.any():
        at = int(np.argmax(strange))
        raise ShapeUnreadable(problem=f"letter {at + 1} of the polyline is {text[at]!r}")
    pieces = codes - _FIRST
    ends = np.flatnonzero(pieces < _MORE)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if not len(ends) or ends[-1] != len(pieces) - 1 or len(ends) % 2 or lengths.max() > _LONGEST:
        raise ShapeUnreadable(problem="the polyline ends in the middle of a position")
    shifts = np.arange(len(pieces)) - np.repeat(starts, lengths)
    numbers = np.add.reduceat((pieces & (_MORE - 1)) << (_BITS * shifts), starts)
    steps = np.where(numbers & 1, ~(numbers >> 1), numbers >> 1).reshape(-1, 2)
    return np.cumsum(steps, axis=0) / factor
