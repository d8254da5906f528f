"""Well-known text, with or without an SRID in front (EWKT), read into rings."""

from __future__ import annotations

import re

from gis.errors import ShapeEmpty, ShapeNotAnArea, ShapeUnreadable
from gis.formats.rings import Coordinates, Written, assemble, from_words

# Possessive throughout: a wall of blanks must not make it look at every way to divide them.
_WKT = re.compile(
    r"\s*+(?:SRID\s*+=\s*+(\d{1,9}+)\s*+;\s*+)?([A-Z]++)\s*+(?:ZM|Z|M)?\s*+(EMPTY|\(.*\))\s*+",
    re.DOTALL | re.IGNORECASE,
)
_RING = re.compile(r"\(([^()]*+)\)")
# What is left when every innermost bracket has become an r.
_PART = r"\(r(?:,r)*+\)"
_BODY = {
    "POLYGON": re.compile(_PART),
    "MULTIPOLYGON": re.compile(rf"\({_PART}(?:,{_PART})*+\)"),
}
_ODD = "the WKT has an odd bracket, comma or number"


def read_wkt(text: str) -> Written:
    """Read a POLYGON or a MULTIPOLYGON; Z and M are left out."""
    found = _WKT.fullmatch(text)
    if found is None:
        raise ShapeUnreadable(problem="neither GeoJSON nor WKT")
    srid, kind, body = found[1], found[2].upper(), found[3]
    # "POLYGONZ" without a blank is also written.
    kind = re.sub("(POLYGON)(ZM|Z|M)$", r"\1", kind)
    if body.upper() == "EMPTY":
        raise ShapeEmpty
    if kind not in _BODY:
        raise ShapeNotAnArea(where="The shape", kind=kind)
    rings = iter(_RING.findall(body))
    skeleton = re.sub(r"\s+", "", _RING.sub("r", body))
    if not _BODY[kind].fullmatch(skeleton):
        raise ShapeUnreadable(problem=_ODD)
    parts = [[next(rings) for _ in range(part.count("r"))] for part in skeleton.split("),(")]
    return Written(areas=assemble([parts], _ring), crs=f"EPSG:{srid}" if srid else None)


def _ring(text: str, where: str) -> Coordinates:
    positions = [position.split() for position in text.split(",")]
    if "_" in text or not all(positions):
        raise ShapeUnreadable(problem=_ODD)
    return from_words(positions, where)
