"""GeoJSON of premises, some features at a time: a FeatureCollection, or a feature on each line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from gis.importing.points import Places, on_surface
from gis.importing.rows import AT_ONCE, Attributes, Done, Rows, Wanted, joined
from gis.importing.scanner import NotJsonError, Scanner
from outage.sheet import RejectedRow

_TURN = 500
"""Features that are Python's at a time: gone again before its collector looks at them."""
_ABOUT = {"type", "crs", "properties", "geometry"}
_NOWHERE, _LOST = (np.nan, np.nan), (np.inf, np.inf)
_PLAIN = {float, int}
_LARGEST = 1e15

_Feature = dict[str, Any]


class Features:
    """Features of a GeoJSON file, each with its number.

    What is wrong with one feature is wrong with one row only. GDAL's own reader is slower, and
    gives what it cannot read as a feature that has no place.
    """

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self._path = path
        self._wanted = wanted
        self._attributes = Attributes(wanted)
        self._number = 0
        self.crs: str | None = None
        self.size = path.stat().st_size

    def read(self, done: Done) -> Iterator[Rows]:
        """Give the rows. Raises `SheetRefusedError` when the file as a whole cannot be read."""
        try:
            with (
                self._path.open("rb") as file,
                TextIOWrapper(file, encoding="utf-8-sig") as text,
            ):
                turns = self._turns(self._features(Scanner(text)))
                while some := list(islice(turns, AT_ONCE // _TURN)):
                    yield joined(some)
                    done(file.tell())
        except UnicodeDecodeError:
            raise self._wanted.refused("not UTF-8 text") from None
        except NotJsonError:
            raise self._wanted.refused("not JSON") from None
        if self._number:
            self._attributes.check()

    def _features(self, scanner: Scanner) -> Iterator[object]:
        """Give each feature as it is written; the first object may be one itself."""
        about: dict[str, Any] = {}
        collection = False
        if scanner.peek() != "{":
            scanner.value()
            raise self._wanted.refused("it is JSON, but no GeoJSON FeatureCollection")
        scanner.skip("{")
        while scanner.peek() != "}":
            name = scanner.value()
            if not isinstance(name, str):
                raise NotJsonError
            scanner.skip(":")
            if name == "features" and scanner.peek() == "[":
                collection = True
                yield from scanner.items()
            else:
                value = scanner.value()
                about |= {name: value} if name in _ABOUT else {}
        scanner.skip("}")
        self.crs = _crs(about.get("crs"))
        if collection:
            if scanner.peek():
                raise self._wanted.refused("more follows after its FeatureCollection")
            return
        if about.get("type") != "Feature":
            raise self._wanted.refused("not a GeoJSON FeatureCollection")
        yield about
        while scanner.peek():
            yield scanner.value()

    def _turns(self, features: Iterator[object]) -> Iterator[Rows]:
        while taken := list(islice(features, _TURN)):
            lines = range(self._number + 1, self._number + 1 + len(taken))
            self._number += len(taken)
            good = {
                line: one for line, one in zip(lines, taken, strict=True) if isinstance(one, dict)
            }
            yield self._rows(good, [line for line in lines if line not in good])

    def _rows(self, features: dict[int, _Feature], bad: Sequence[int]) -> Rows:
        return Rows(
            columns=self._attributes.columns([_properties(one) for one in features.values()]),
            places=_places([feature.get("geometry") for feature in features.values()]),
            lines=np.array(list(features), dtype=np.int64),
            rejected=[
                RejectedRow(file=self._wanted.file, line=line, reason="feature") for line in bad
            ],
        )


def _properties(feature: _Feature) -> dict[str, Any]:
    properties = feature.get("properties")
    return properties if isinstance(properties, dict) else {}


def _crs(member: object) -> str | None:
    properties = member.get("properties") if isinstance(member, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    return name if isinstance(name, str) else None


def _places(geometries: list[Any]) -> Places:
    found = [_NOWHERE if one is None else _point(one) for one in geometries]
    others = [at for at, place in enumerate(found) if place is None]
    places = np.array([_LOST if place is None else place for place in found], dtype=np.float64)
    places = places.reshape(-1, 2)
    if others:
        written = [json.dumps(geometries[at]) for at in others]
        places[others] = on_surface(shapely.from_geojson(written, on_invalid="ignore"))
    return places


def _point(geometry: Any) -> tuple[float, float] | None:  # noqa: ANN401 whatever stands there
    """Read the commonest geometry; None is for what a library has to read."""
    if type(geometry) is not dict or geometry.get("type") != "Point":
        return None
    position = geometry.get("coordinates")
    if type(position) is not list or len(position) < 2:  # noqa: PLR2004 - x and y
        return None
    x, y = position[:2]
    if type(x) not in _PLAIN or type(y) not in _PLAIN:
        return None
    # What is NaN or infinite is lost, not without a place.
    return (x, y) if abs(x) < _LARGEST and abs(y) < _LARGEST else _LOST
