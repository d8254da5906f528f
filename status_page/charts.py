"""Bars by day, as the numbers that an inline SVG is drawn with. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720, 160
_GAP = 2
_LEAST = 3
"""Height of the smallest bar that is one: nothing and little have to look different."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle within `WIDTH` by `HEIGHT`, the origin at the top."""

    x: float
    y: float
    width: float
    height: float


def bars(values: Sequence[int], *, from_right: bool = False) -> list[Bar]:
    """Return a bar for each value, none for zero; the largest is as tall as the chart.

    Args:
        values: In order of time.
        from_right: Time runs from right to left, as the language is read.
    """
    most = max(values, default=0)
    step = WIDTH / max(len(values), 1)
    found = []
    for number, value in enumerate(values):
        if value:
            height = max(_LEAST, round(HEIGHT * value / most, 1))
            left = len(values) - 1 - number if from_right else number
            found.append(
                Bar(
                    x=round(left * step, 1),
                    y=round(HEIGHT - height, 1),
                    width=round(step - _GAP, 1),
                    height=height,
                )
            )
    return found
