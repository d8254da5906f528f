"""KML of premises: a placemark is a row; its name and its extended data are the columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from xml.parsers import expat

import numpy as np
import shapely

from gis.formats.rings import tight
from gis.importing.points import Places, on_surface
from gis.importing.rows import Attributes, Done, Rows, Wanted

_READ = 1 << 20
_AT_ONCE = 10_000
_DEEPEST = 100
_OWN = {"name", "address", "description"}
_LEAST = {"Point": 1, "LineString": 2, "LinearRing": 4}


@dataclass(slots=True)
class _Placemark:
    words: dict[str, str] = field(default_factory=dict)
    shapes: list[tuple[str, str]] = field(default_factory=list)
    """What each outline is, and its coordinates as text."""


class Placemarks:
    """Placemarks of a KML file, each with its number; KML is always WGS 84."""

    crs: str | None = "OGC:CRS84"

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self._path = path
        self._wanted = wanted
        self._attributes = Attributes(wanted)
        self.size = path.stat().st_size

    def read(self, done: Done) -> Iterator[Rows]:
        """Give the rows. Raises `SheetRefusedError` when the file as a whole cannot be read."""
        heard = _Hearer(self._wanted)
        number = 1
        found = heard.placemarks(self._path, done)
        while taken := list(islice(found, _AT_ONCE)):
            yield self._rows(taken, number)
            number += len(taken)
        if number > 1:
            self._attributes.check()

    def _rows(self, taken: list[_Placemark], number: int) -> Rows:
        return Rows(
            columns=self._attributes.columns([one.words for one in taken]),
            places=_places(taken),
            lines=np.arange(number, number + len(taken), dtype=np.int64),
        )


class _Hearer:
    """Hears a KML document; expat fetches nothing, and a DOCTYPE is refused."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._path: list[str] = []
        self._one: _Placemark | None = None
        self._ready: list[_Placemark] = []
        self._column = ""
        self._text: list[str] | None = None

    def placemarks(self, path: Path, done: Done) -> Iterator[_Placemark]:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._hear
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            with path.open("rb") as source:
                while chunk := source.read(_READ):
                    parser.Parse(chunk, False)
                    ready, self._ready = self._ready, []
                    yield from ready
                    done(source.tell())
                parser.Parse(b"", True)
        except (expat.ExpatError, LookupError, ValueError):
            problem = f"not XML at line {parser.ErrorLineNumber}"
            raise self._wanted.refused(problem) from None

    def _doctype(self, *_: object) -> None:
        raise self._wanted.refused("the KML has a DOCTYPE, which it needs not; take it out")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if not self._path and local != "kml":
            raise self._wanted.refused(f"it is XML of {local[:40]!r}, not KML")
        if len(self._path) == _DEEPEST:
            raise self._wanted.refused(f"the KML is nested more than {_DEEPEST} deep")
        inside = self._path[-1] if self._path else ""
        if local == "Placemark":
            self._one = _Placemark()
        elif local in {"Data", "SimpleData"}:
            self._column = attributes.get("name", "")
            self._text = [] if local == "SimpleData" else None
        elif local in _OWN and inside == "Placemark":
            self._column, self._text = local, []
        elif local == "coordinates" or (local == "value" and inside == "Data"):
            self._text = []
        self._path.append(local)

    def _hear(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _end(self, _name: str) -> None:
        local = self._path.pop()
        if local == "Placemark" and self._one is not None:
            self._ready.append(self._one)
            self._one = None
        if self._text is None or local in {"Data", "Placemark"}:
            return
        text, self._text = "".join(self._text), None
        if self._one is None:
            return
        if local == "coordinates":
            # A hole says nothing of where its polygon is that the outline does not.
            if "innerBoundaryIs" not in self._path:
                self._one.shapes.append((self._path[-1], text))
        else:
            self._one.words.setdefault(self._column, text)


def _places(placemarks: list[_Placemark]) -> Places:
    shapes = np.array([_shape(one) for one in placemarks], dtype=object)
    nowhere = np.array([not one.shapes for one in placemarks], dtype=np.bool_)
    places = on_surface(shapes)
    places[nowhere] = np.nan
    return places


def _shape(placemark: _Placemark) -> shapely.Geometry | None:
    """Build what a placemark draws; None where that cannot be read."""
    try:
        parts = [_part(kind, text) for kind, text in placemark.shapes]
    except (ValueError, shapely.errors.GEOSException):
        return None
    if len(parts) == 1:
        return parts[0]
    return shapely.GeometryCollection(parts) if parts else None


def _part(kind: str, text: str) -> shapely.Geometry:
    words = tight(text).split()
    xy = np.array([word.split(",")[:2] for word in words], dtype=np.float64)
    if kind not in _LEAST or len(xy) < _LEAST[kind] or not np.isfinite(xy).all():
        raise ValueError(kind)
    if kind == "Point":
        return shapely.Point(xy[0])
    return shapely.LineString(xy) if kind == "LineString" else shapely.Polygon(xy)
