"""KML read into rings, by expat alone: it fetches nothing, and a DOCTYPE is refused."""

from __future__ import annotations

from xml.parsers import expat

from gis.errors import ShapeNotAnArea, ShapeUnreadable
from gis.formats.rings import Coordinates, Written, assemble, from_words, tight

_DEEPEST = 100
_NOT_AREAS = {"Point", "LineString", "Model", "Track", "MultiTrack"}
_LINKS = {"NetworkLink", "NetworkLinkControl", "Update"}


def read_kml(source: str | bytes) -> Written:
    """Read the polygons of every placemark.

    Raises:
        ShapeRefused: when it is no KML, links to what is elsewhere, or a placemark is no area.
    """
    reader = _Reader()
    # What bytes are encoded in they say themselves; text is text, whatever it says.
    parser = expat.ParserCreate(
        "utf-8" if isinstance(source, str) else None, namespace_separator=" "
    )
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(source.encode() if isinstance(source, str) else source, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        line = parser.ErrorLineNumber
        raise ShapeUnreadable(problem=f"not XML at line {line} ({_plain(error)})") from None
    return Written(areas=assemble(reader.placemarks, _ring))


def _plain(error: Exception) -> str:
    return expat.errors.messages[error.code] if isinstance(error, expat.ExpatError) else "encoding"


class _Reader:
    """Hears a KML document and keeps, per placemark, polygons of rings of coordinate text."""

    def __init__(self) -> None:
        self.placemarks: list[list[list[str]]] = []
        self._path: list[str] = []
        self._texts: list[str] | None = None
        self._outlines = 0

    def doctype(self, *_: object) -> None:
        raise ShapeUnreadable(problem="the KML has a DOCTYPE, which it needs not; take it out")

    def start(self, name: str, _: object) -> None:
        local = name.rpartition(" ")[2]
        if not self._path and local != "kml":
            raise ShapeUnreadable(problem=f"it is XML of {local[:40]!r}, not KML")
        if len(self._path) == _DEEPEST:
            raise ShapeUnreadable(problem=f"the KML is nested more than {_DEEPEST} deep")
        if local in _LINKS:
            raise ShapeUnreadable(
                problem="the KML shows what lies elsewhere (NetworkLink); save the areas themselves"
            )
        if local in _NOT_AREAS or (local == "LinearRing" and "Polygon" not in self._path):
            raise ShapeNotAnArea(where=f"Placemark {max(len(self.placemarks), 1)}", kind=local)
        if local == "Placemark":
            self.placemarks.append([])
        elif local == "Polygon":
            self._outlines = 0
            self._polygons().append([])
        elif local == "coordinates" and "Polygon" in self._path:
            self._texts = []
        self._path.append(local)

    def end(self, _: str) -> None:
        local = self._path.pop()
        if local == "coordinates" and self._texts is not None:
            rings = self.placemarks[-1][-1]
            # The outline comes first, wherever it stands.
            outline = "outerBoundaryIs" in self._path
            rings.insert(0 if outline else len(rings), "".join(self._texts))
            self._outlines += outline
            self._texts = None
        elif local == "Polygon" and self._outlines != 1:
            problem = f"a polygon of placemark {len(self.placemarks)} has {self._outlines} outlines"
            raise ShapeUnreadable(problem=problem)

    def text(self, words: str) -> None:
        if self._texts is not None:
            self._texts.append(words)

    def _polygons(self) -> list[list[str]]:
        if not self.placemarks:
            self.placemarks.append([])
        return self.placemarks[-1]


def _ring(text: str, where: str) -> Coordinates:
    tuples = tight(text).split()
    return from_words([one.split(",") for one in tuples], where)
