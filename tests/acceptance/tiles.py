"""A PMTiles file (version 3) of one tile, as a utility would bring its own map."""

import gzip
import json
import struct
from pathlib import Path

_HEADER = 127
_WORLD = (-180, -85, 180, 85)


def _number(value: int) -> bytes:
    """A number as protobuf and PMTiles write it: seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return _number(number << 3) + _number(content)
    return _number(number << 3 | 2) + _number(len(content)) + content


def water_tile() -> bytes:
    """The tile of the whole world as a Mapbox vector tile: all of it water."""
    there = [9, 0, 0, 26, 4096 * 2, 0, 0, 4096 * 2, 4096 * 2 - 1, 0, 15]
    polygon = _field(3, 3) + _field(4, b"".join(map(_number, there)))
    layer = _field(15, 2) + _field(1, b"water") + _field(2, polygon) + _field(5, 4096)
    return _field(3, layer)


def write(path: Path) -> None:
    """Write the file: header, directory, facts, and the one tile."""
    tile = gzip.compress(water_tile(), mtime=0)
    # One entry: its id, how often it comes, its length, where it begins.
    directory = gzip.compress(b"".join(map(_number, (1, 0, 1, len(tile), 1))), mtime=0)
    facts = {"attribution": "<b>Made-up</b> Survey", "vector_layers": [{"id": "water"}]}
    metadata = gzip.compress(json.dumps(facts).encode(), mtime=0)
    begins = _HEADER + len(directory)
    places = (
        *(_HEADER, len(directory), begins, len(metadata), 0, 0),
        *(begins + len(metadata), len(tile), 1, 1, 1),
    )
    corners = [degrees * 10_000_000 for degrees in _WORLD]
    header = (
        b"PMTiles\x03"
        + struct.pack("<11Q", *places)
        # Clustered; gzip inside and out; vector tiles; from zoom 0 to 0.
        + bytes([1, 2, 2, 1, 0, 0])
        + struct.pack("<4i", *corners)
        + struct.pack("<B2i", 0, 0, 0)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + directory + metadata + tile)
