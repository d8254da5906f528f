"""A drawing of where an outage is, as SVG: it needs no script, no tiles and no line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gis.sketch import Ring, Sketch

WIDTH, MARGIN = 320.0, 16.0
"""Units of the drawing."""
_M_PER_DEGREE = 111_320.0
_LEAST_M = 120.0
"""Nobody is helped by a single house as large as the screen."""
_STEPS_M = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What a template draws."""

    height: float
    area: str
    """The path of the shape, empty for none."""
    dots: tuple[tuple[str, str], ...]
    scale: float
    """How long the scale is, in units."""
    scale_m: int


def drawn(sketch: Sketch) -> Drawing:
    """Lay a sketch out, north up."""
    across = math.cos(math.radians(sketch.middle[1])) * _M_PER_DEGREE
    every = [*sketch.points, *(spot for ring in sketch.rings for spot in ring), sketch.middle]
    west, east = _span((lon for lon, _ in every), _LEAST_M / across)
    south, north = _span((lat for _, lat in every), _LEAST_M / _M_PER_DEGREE)
    wide_m, high_m = (east - west) * across, (north - south) * _M_PER_DEGREE
    # Neither a strip nor a tower.
    whole_m = max(wide_m, high_m / 1.2)
    per_m = (WIDTH - 2 * MARGIN) / whole_m
    height = max(high_m * per_m, WIDTH / 2) + 2 * MARGIN
    left = (WIDTH - wide_m * per_m) / 2
    top = (height - high_m * per_m) / 2

    def at(lon: float, lat: float) -> tuple[str, str]:
        x = left + (lon - west) * across * per_m
        y = top + (north - lat) * _M_PER_DEGREE * per_m
        return f"{x:.1f}", f"{y:.1f}"

    scale_m = max((step for step in _STEPS_M if step * per_m <= WIDTH / 3), default=_STEPS_M[0])
    return Drawing(
        height=round(height, 1),
        area=" ".join(_path(ring, at) for ring in sketch.rings),
        dots=tuple(dict.fromkeys(at(*spot) for spot in sketch.points)),
        scale=round(scale_m * per_m, 1),
        scale_m=scale_m,
    )


def _span(values: Iterable[float], least: float) -> tuple[float, float]:
    known = list(values)
    low, high = min(known), max(known)
    more = max(0.0, least - (high - low)) / 2
    return low - more, high + more


def _path(ring: Ring, at: Callable[[float, float], tuple[str, str]]) -> str:
    return "M" + "L".join(",".join(at(*spot)) for spot in ring) + "Z"
