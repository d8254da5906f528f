"""Ground as foreign systems write it, read into GeoJSON text for the gate."""

from __future__ import annotations

import json
from collections.abc import Mapping

from intake.document import quoted
from intake.errors import Unreadable

_RING_MINIMUM = 3
_PAIR = 2
_LON_LIMIT, _LAT_LIMIT = 180, 90


def flat_ring(value: object, *, lon_first: bool) -> str:
    """GeoJSON text of the polygon in a flat list of numbers, its ring closed; raises Unreadable."""
    if not isinstance(value, list) or len(value) % 2:
        raise Unreadable("it is not a list of pairs of numbers")
    pairs = list(zip(value[::2], value[1::2], strict=True))
    ring = [_position(pair if lon_first else pair[::-1]) for pair in pairs]
    if ring[0] != ring[-1]:
        ring.append(ring[0])
    if len(set(ring)) < _RING_MINIMUM:
        raise Unreadable(f"{len(set(ring))} different points make no ground")
    return json.dumps({"type": "Polygon", "coordinates": [ring]}, separators=(",", ":"))


def geojson(value: object) -> str:
    """GeoJSON text of a polygon or multipolygon, its rings closed; raises Unreadable."""
    if isinstance(value, Mapping) and value.get("type") == "Feature":
        value = value.get("geometry")
    if not isinstance(value, Mapping) or value.get("type") not in ("Polygon", "MultiPolygon"):
        raise Unreadable("it is not a GeoJSON polygon or multipolygon")
    polygons = value.get("coordinates")
    if value["type"] == "Polygon":
        polygons = [polygons]
    if not isinstance(polygons, list) or not all(isinstance(rings, list) for rings in polygons):
        raise Unreadable("its coordinates are not lists of rings")
    whole = [[_closed(ring) for ring in rings] for rings in polygons]
    return json.dumps({"type": "MultiPolygon", "coordinates": whole}, separators=(",", ":"))


def _closed(ring: object) -> list[tuple[float, float]]:
    if not isinstance(ring, list) or not ring:
        raise Unreadable("its coordinates are not lists of rings")
    positions = [_position(position) for position in ring]
    return positions if positions[0] == positions[-1] else [*positions, positions[0]]


def _position(pair: object) -> tuple[float, float]:
    if not isinstance(pair, list | tuple) or len(pair) < _PAIR:
        raise Unreadable("it is not a list of pairs of numbers")
    lon, lat = pair[0], pair[1]
    if not all(isinstance(x, int | float) and not isinstance(x, bool) for x in (lon, lat)):
        raise Unreadable(f"{quoted(pair)} is not a point")
    # NaN is within no limits, and a whole number of any length can be compared with them.
    if not (abs(lon) <= _LON_LIMIT and abs(lat) <= _LAT_LIMIT):
        raise Unreadable(f"{quoted(pair)} is not on the globe")
    # What a feed writes for "not known": no utility serves that spot in the Gulf of Guinea.
    if lon == 0 and lat == 0:
        raise Unreadable("it has a point at 0, 0")
    return float(lon), float(lat)
