"""How a shape is written down: text, bytes or parsed values, told apart and read into rings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from gis.errors import ShapeEmpty, ShapeTooBig, ShapeUnreadable
from gis.formats.flat import is_flat, read_flat, read_flat_text
from gis.formats.geojson import TYPE_NAMES, read_geojson
from gis.formats.kml import read_kml
from gis.formats.polyline import could_be_polyline, is_polyline, read_polyline
from gis.formats.rings import Written
from gis.formats.wkb import is_wkb, read_wkb
from gis.formats.wkt import read_wkt

# The second is how PostgreSQL's bytea prints it.
_HEX = re.compile(r"(?:0x|\\x)?((?:00|01)[0-9A-Fa-f]{8,})")


def read(source: object, *, max_bytes: int) -> Written:
    """Read a shape from text, bytes, parsed GeoJSON or a flat list of lon, lat, lon, lat.

    Raises:
        ShapeRefused: when it is too long, not readable, empty or not an area.
    """
    if isinstance(source, bytes):
        return _read_bytes(source, max_bytes)
    if isinstance(source, str):
        return _read_text(source, max_bytes)
    if isinstance(source, Mapping):
        return read_geojson(source)
    if isinstance(source, Sequence):
        return read_flat(source)
    raise ShapeUnreadable(problem=f"it is {TYPE_NAMES.get(type(source), 'no text')}")


def _read_bytes(source: bytes, max_bytes: int) -> Written:
    _fits(len(source), max_bytes)
    if is_wkb(source):
        return read_wkb(source)
    if source.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return read_kml(source)
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ShapeUnreadable(problem=f"byte {error.start + 1} is not UTF-8 text") from None
    return _read_text(text, max_bytes)


def _read_text(text: str, max_bytes: int) -> Written:
    _fits(len(text), max_bytes)
    if not text.strip():
        raise ShapeEmpty
    if text.lstrip()[0] in "{[":
        return _read_json(text)
    if text.lstrip()[0] == "<":
        return read_kml(text)
    if is_polyline(text):
        return read_polyline(text)
    binary = _HEX.fullmatch(text.strip())
    if binary is not None and len(binary[1]) % 2 == 0:
        return read_wkb(bytes.fromhex(binary[1]))
    if is_flat(text):
        return read_flat_text(text)
    if "(" not in text and could_be_polyline(text):
        return read_polyline(text)
    return read_wkt(text)


def _read_json(text: str) -> Written:
    try:
        parsed = json.loads(text)
    except json.JSONDecodeError as error:
        raise ShapeUnreadable(
            problem=f"not JSON at line {error.lineno}, column {error.colno}"
        ) from None
    except (RecursionError, ValueError):
        raise ShapeUnreadable(problem="JSON nested too deeply or with an endless number") from None
    return read_geojson(parsed) if isinstance(parsed, dict) else read_flat(parsed)


def _fits(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise ShapeTooBig(
            found=f"{size:,}", what="bytes", limit=f"{max_bytes:,}", remedy="simplify it"
        )
