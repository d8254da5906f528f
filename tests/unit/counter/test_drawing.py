"""A drawing of where an outage is fits a telephone, with north up."""

import re

import pytest

from counter.crew.drawing import MARGIN, WIDTH, drawn
from gis.sketch import Ring, Sketch

MIDDLE = (-98.0, 29.0)
ZOO: dict[str, Ring] = {
    "one house": [MIDDLE],
    "a street that runs east": [(-98.1, 29.0), (-97.9, 29.0)],
    "a street that runs north": [(-98.0, 28.0), (-98.0, 30.0)],
    "a county": [(-99.0, 28.0), (-97.0, 30.0)],
    "the far north": [(25.0, 78.0), (25.1, 78.01)],
}


@pytest.mark.parametrize("points", ZOO.values(), ids=ZOO)
def test_everything_is_inside_and_the_scale_fits(points: Ring) -> None:
    made = drawn(Sketch(rings=[points], points=points, middle=points[0]))
    spots = [(float(x), float(y)) for x, y in made.dots]
    spots += [(float(x), float(y)) for x, y in re.findall(r"([\d.]+),([\d.]+)", made.area)]
    assert spots
    for x, y in spots:
        assert MARGIN - 0.1 <= x <= WIDTH - MARGIN + 0.1
        assert 0 <= y <= made.height
    assert WIDTH / 2 <= made.height <= 1.3 * WIDTH
    assert 0 < made.scale <= WIDTH / 3


def test_north_is_up_and_east_is_right() -> None:
    south_west, north_east = (-98.01, 29.0), (-98.0, 29.01)
    points = [south_west, north_east]
    made = drawn(Sketch(rings=[], points=points, middle=MIDDLE))
    (x1, y1), (x2, y2) = [(float(x), float(y)) for x, y in made.dots]
    assert x1 < x2
    assert y1 > y2
    assert made.area == ""


def test_the_scale_is_as_long_as_it_says() -> None:
    degree_m = 111_320
    points = [(0.0, 0.0), (0.0, 5_000 / degree_m)]
    made = drawn(Sketch(rings=[], points=points, middle=points[0]))
    (_, y1), (_, y2) = made.dots
    per_m = abs(float(y1) - float(y2)) / 5_000
    assert made.scale == pytest.approx(made.scale_m * per_m, rel=0.01)
