"""How the earth is cut for the index: strips of latitude, and cells of longitude along them.

Both numberings only ever rise with the coordinate, whatever the rounding: what lies between two
points lies between their numbers, too. All exactness of the index rests on that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Truths = NDArray[np.bool_]

STRIPS = 400_000  # from pole to pole, 50 m each
CELLS = 1 << 32  # around the earth, under 1 cm each
SHIFT = 32
"""A place, by which premises are sorted, is `strip << SHIFT | cell`."""
CELL = CELLS - 1
"""The bits of a place that say the cell."""
DOUBT = 1e-9
"""Degrees by which a stretch is widened: far above any rounding, far below any distance."""
STRIPS_PER_DEGREE = STRIPS / 180.0
CELLS_PER_DEGREE = CELLS / 360.0


def strip_of(lat: Floats) -> Ints:
    """Number the strip of each latitude; beyond the poles, the last strip."""
    return np.clip((lat + 90.0) * STRIPS_PER_DEGREE, 0, STRIPS - 1).astype(np.int64)


def cell_of(lon: Floats) -> Ints:
    """Number the cell of each longitude; beyond the date line, the last cell."""
    return np.clip((lon + 180.0) * CELLS_PER_DEGREE, 0, CELLS - 1).astype(np.int64)


def place_of(lon: Floats, lat: Floats) -> Ints:
    """Number the place of each point."""
    return strip_of(lat) << SHIFT | cell_of(lon)


def south_of(strip: Ints) -> Floats:
    """A latitude below every point of the strip."""
    south: Floats = np.where(strip <= 0, -np.inf, strip / STRIPS_PER_DEGREE - 90.0 - DOUBT)
    return south


def north_of(strip: Ints) -> Floats:
    """A latitude above every point of the strip."""
    border: Floats = (strip + 1) / STRIPS_PER_DEGREE - 90.0 + DOUBT
    north: Floats = np.where(strip >= STRIPS - 1, np.inf, border)
    return north


def middle_of(strip: Ints) -> Floats:
    """A latitude inside the strip."""
    middle: Floats = np.asarray((strip + 0.5) / STRIPS_PER_DEGREE - 90.0, np.float64)
    return middle


def expand(starts: Ints, counts: Ints) -> Ints:
    """Write out the ranges that begin at `starts` and are `counts` long, one after the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + counts, counts)
