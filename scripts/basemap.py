"""Make the coarse map small: coasts and borders of the world, states and counties of the US.

In and out is TopoJSON. A line between two corners is shared by what lies on both sides of it, so
each is made simpler by itself and everything still meets.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from shapely import LineString, Polygon
from shapely.ops import polylabel

Line = list[tuple[float, float]]
Topology = dict[str, Any]

STEP = 0.001
"""Degrees between two places that the small map can tell apart: about 100 m."""
UNITED_STATES = "840"
ICE = "010"
"""Antarctica: nobody is served there, and its coast is long."""


def small_world(content: bytes) -> bytes:
    """Return countries without the US, whose own map is finer, and the borders between them."""
    world = json.loads(content)
    lines = [_simpler(line, 0.015) for line in _lines(world)]
    countries = [
        each
        for each in world["objects"]["countries"]["geometries"]
        if each.get("id") not in {UNITED_STATES, ICE}
    ]
    bare = [_bare(each, lines) for each in countries]
    return _written({"land": bare, "borders": [_shared(bare)]}, lines)


def small_states(content: bytes) -> bytes:
    """Return the states of the US, the lines of states and counties, and names of counties."""
    nation = json.loads(content)
    exact = list(_lines(nation))
    lines = [_simpler(line, 0.004) for line in exact]
    counties = nation["objects"]["counties"]["geometries"]
    states = [_bare(each, lines) for each in nation["objects"]["states"]["geometries"]]
    names = [
        {
            "type": "Point",
            "coordinates": _middle(each, exact),
            "properties": {"name": each["properties"]["name"]},
        }
        for each in counties
    ]
    borders = _shared(states)
    within = {line for (line,) in _shared(counties)["arcs"]} - {line for (line,) in borders["arcs"]}
    kept = {"land": states, "borders": [borders], "lines": [_several(within)], "names": names}
    return _written(kept, lines)


def _shared(shapes: Iterable[Topology]) -> Topology:
    """Return the lines that two shapes have in common."""
    found = Counter(line for shape in shapes for line in _numbers(shape["arcs"]))
    return _several(line for line, count in found.items() if count > 1)


def _several(numbers: Iterable[int]) -> Topology:
    return {"type": "MultiLineString", "arcs": [[number] for number in sorted(numbers)]}


def _numbers(arcs: Any) -> Iterator[int]:  # noqa: ANN401  lists of lists as deep as the kind of shape
    if isinstance(arcs, int):
        yield arcs if arcs >= 0 else ~arcs
    else:
        for each in arcs:
            yield from _numbers(each)


def _lines(topology: Topology) -> Iterator[Line]:
    """Yield each line in degrees; in the file only its steps stand."""
    (scale_x, scale_y), (left, bottom) = topology["transform"].values()
    for arc in topology["arcs"]:
        x = y = 0
        line: Line = []
        for step_x, step_y in arc:
            x, y = x + step_x, y + step_y
            line.append((x * scale_x + left, y * scale_y + bottom))
        yield line


def _simpler(line: Line, degrees: float) -> Line:
    """Leave out what strays less than so many degrees; more towards the poles, where few live."""
    north = max(abs(y) for _, y in line)
    tolerance = degrees * (1 if north < 55 else 3 if north < 62 else 8)  # noqa: PLR2004  degrees of latitude
    simple = [(x, y) for x, y in LineString(line).simplify(tolerance).coords]
    # An island must not become a line.
    return line if line[0] == line[-1] and len(simple) < 4 else simple  # noqa: PLR2004  of a triangle


def _bare(shape: Topology, lines: list[Line]) -> Topology:
    """Return a shape without its facts and without rings too small to be seen."""
    polygons = [shape["arcs"]] if shape["type"] == "Polygon" else shape["arcs"]
    kept = [
        [ring for ring in rings if _is_seen(ring, lines)]
        for rings in polygons
        if _is_seen(rings[0], lines)
    ]
    return {"type": "MultiPolygon", "arcs": kept or polygons[:1]}


def _is_seen(ring: list[int], lines: list[Line]) -> bool:
    xs, ys = zip(*_ring(ring, lines), strict=True)
    across = max(max(xs) - min(xs), max(ys) - min(ys))
    # An island of 3 km stays; in the far north one of 24 km.
    return bool(across > 0.03 * (1 if max(map(abs, ys)) < 55 else 8))  # noqa: PLR2004  degrees of latitude


def _ring(ring: Iterable[int], lines: list[Line]) -> Line:
    """Return the corners of a ring; a line that is run backwards is written as its complement."""
    return [point for each in ring for point in (lines[each] if each >= 0 else lines[~each][::-1])]


def _middle(shape: Topology, lines: list[Line]) -> list[float]:
    """Return the place inside a shape's largest part that is farthest from its edge."""
    polygons = [shape["arcs"]] if shape["type"] == "Polygon" else shape["arcs"]
    outlines = [_ring(rings[0], lines) for rings in polygons]
    # In the package some islands are mere points.
    parts = [Polygon(each) for each in outlines if len(each) > 3]  # noqa: PLR2004  of a triangle
    place = polylabel(max(parts, key=lambda each: each.area), 0.02)
    return [place.x, place.y]


def _written(objects: dict[str, list[Topology]], lines: list[Line]) -> bytes:
    """Return a topology of these objects with the lines that they use and no other."""
    used: dict[int, int] = {}

    def renamed(arcs: Any) -> Any:  # noqa: ANN401  lists of lists as deep as the kind of shape
        if isinstance(arcs, int):
            number = used.setdefault(arcs if arcs >= 0 else ~arcs, len(used))
            return number if arcs >= 0 else ~number
        return [renamed(each) for each in arcs]

    made: dict[str, Topology] = {}
    for name, shapes in objects.items():
        geometries = []
        for shape in shapes:
            if "arcs" in shape:
                geometries.append(shape | {"arcs": renamed(shape["arcs"])})
            else:
                x, y = shape["coordinates"]
                geometries.append(shape | {"coordinates": [round(x / STEP), round(y / STEP)]})
        made[name] = {"type": "GeometryCollection", "geometries": geometries}
    topology = {
        "type": "Topology",
        "transform": {"scale": [STEP, STEP], "translate": [0, 0]},
        "objects": made,
        "arcs": [_steps(lines[number]) for number in used],
    }
    return json.dumps(topology, ensure_ascii=False, separators=(",", ":")).encode()


def _steps(line: Line) -> list[tuple[int, int]]:
    steps: list[tuple[int, int]] = []
    at_x = at_y = 0
    for x, y in line:
        step = (round(x / STEP) - at_x, round(y / STEP) - at_y)
        if not steps or step != (0, 0):
            steps.append(step)
            at_x, at_y = at_x + step[0], at_y + step[1]
    # A line has two ends, also where both are the same place.
    return steps if len(steps) > 1 else [*steps, (0, 0)]
