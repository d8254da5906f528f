"""Well-known binary (ISO and EWKB), walked by us: no count in it is believed unchecked."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gis.errors import ShapeEmpty, ShapeNotAnArea, ShapeUnreadable
from gis.formats.rings import MAX_DEPTH, Coordinates, Written, assemble, too_deep

_Z, _M, _SRID = 0x80000000, 0x40000000, 0x20000000
_POLYGON, _MULTIPOLYGON, _COLLECTION, _TRIANGLE = 3, 6, 7, 17
_POINT = 1
_HOLDERS = {4, 5, 6, 7, 9, 10, 11, 12, 15, 16}
_NAMES = {
    1: "Point",
    2: "LineString",
    4: "MultiPoint",
    5: "MultiLineString",
    8: "CircularString",
    9: "CompoundCurve",
    10: "CurvePolygon",
    11: "MultiCurve",
    12: "MultiSurface",
    15: "PolyhedralSurface",
    16: "TIN",
}
_SMALLEST = 9  # byte order, type, count

Polygon = list[Coordinates]


@dataclass(slots=True)
class _Bytes:
    data: bytes
    at: int = 0
    srid: int | None = None

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise ShapeUnreadable(problem=f"the WKB ends in the middle, at byte {len(self.data)}")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def whole(self, order: str, each: int) -> int:
        """Read a count of things that take so many bytes at least."""
        (count,) = struct.unpack(f"{order}I", self.take(4))
        left = len(self.data) - self.at
        if count * each > left:
            raise ShapeUnreadable(
                problem=f"the WKB says {count:,} follow where {left:,} bytes are left"
            )
        return int(count)


def is_wkb(head: bytes) -> bool:
    """Whether it begins as WKB does: a byte order and a type there is."""
    if len(head) < 5 or head[0] > 1:  # noqa: PLR2004 - the header's length
        return False
    (kind,) = struct.unpack_from("<I" if head[0] else ">I", head, 1)
    base = kind & ~(_Z | _M | _SRID)
    return bool(base // 1000 <= 3 and 1 <= base % 1000 <= _TRIANGLE)  # noqa: PLR2004 - XY, Z, M, ZM


def read_wkb(data: bytes) -> Written:
    """Read one geometry.

    Raises:
        ShapeRefused: when it is cut off, not an area, or counts more than it holds.
    """
    source = _Bytes(data)
    areas = assemble(_areas(source, "The shape", 0), lambda ring, _: ring)
    if source.at < len(data):
        raise ShapeUnreadable(problem="the WKB goes on after its end")
    return Written(areas=areas, crs=f"EPSG:{source.srid}" if source.srid else None)


def read_features(features: list[bytes | None], crs: str | None) -> Written:
    """Read the geometry of each feature of a file, where it has one."""
    areas = (
        area
        for number, data in enumerate(features, 1)
        if data is not None
        for area in _areas(_Bytes(data), f"Feature {number}", 0)
    )
    return Written(areas=assemble(areas, lambda ring, _: ring), crs=crs)


def is_deep(data: bytes) -> bool:
    """Whether collections lie in one another deeper than `MAX_DEPTH`, or it cannot be walked.

    GEOS follows them by calling itself, and ends the process where its stack does.
    """
    source = _Bytes(data)
    left: list[int] = [1]
    try:
        while left:
            if not left[-1]:
                left.pop()
                continue
            left[-1] -= 1
            order, kind, dimensions = _header(source)
            if kind in _HOLDERS:
                left.append(source.whole(order, _SMALLEST))
                if len(left) > MAX_DEPTH:
                    return True
            else:
                _pass_by(source, order, kind, dimensions)
    except ShapeUnreadable:
        return True
    return False


def _pass_by(source: _Bytes, order: str, kind: int, dimensions: int) -> None:
    """Go on behind a geometry that holds no others."""
    position = 8 * dimensions
    lines = source.whole(order, 4) if kind in {_POLYGON, _TRIANGLE} else 1
    for _ in range(lines):
        count = 1 if kind == _POINT else source.whole(order, position)
        source.take(count * position)


def _areas(source: _Bytes, where: str, depth: int) -> Iterator[list[Polygon]]:
    if depth > MAX_DEPTH:
        raise too_deep()
    order, kind, dimensions = _header(source)
    if kind in {_POLYGON, _TRIANGLE}:
        rings = _rings(source, order, dimensions)
        if rings:
            yield [rings]
    elif kind == _MULTIPOLYGON:
        polygons = [_member(source, where) for _ in range(source.whole(order, _SMALLEST))]
        if polygons:
            yield polygons
    elif kind == _COLLECTION:
        for number in range(1, source.whole(order, _SMALLEST) + 1):
            yield from _areas(source, f"Geometry {number}", depth + 1)
    elif kind in _NAMES:
        raise ShapeNotAnArea(where=where, kind=_NAMES[kind])
    else:
        raise ShapeUnreadable(problem=f"{where.lower()} is WKB of the unknown type {kind}")


def _header(source: _Bytes) -> tuple[str, int, int]:
    """Read byte order, type and how many numbers a position has."""
    order = {0: ">", 1: "<"}.get(source.take(1)[0])
    if order is None:
        raise ShapeUnreadable(problem=f"the WKB has no byte order at byte {source.at}")
    (kind,) = struct.unpack(f"{order}I", source.take(4))
    if kind & _SRID:
        (srid,) = struct.unpack(f"{order}I", source.take(4))
        source.srid = source.srid or int(srid)
    thousands, base = divmod(kind & ~(_Z | _M | _SRID), 1000)
    extra = bool(kind & _Z) + bool(kind & _M) + {0: 0, 1: 1, 2: 1, 3: 2}.get(thousands, 0)
    return order, base if thousands <= 3 else kind, 2 + extra  # noqa: PLR2004 - XY, Z, M, ZM


def _member(source: _Bytes, where: str) -> Polygon:
    order, kind, dimensions = _header(source)
    if kind != _POLYGON:
        raise ShapeUnreadable(problem=f"{where.lower()} has a part that is no polygon")
    return _rings(source, order, dimensions)


def _rings(source: _Bytes, order: str, dimensions: int) -> Polygon:
    return [_ring(source, order, dimensions) for _ in range(source.whole(order, 4))]


def _ring(source: _Bytes, order: str, dimensions: int) -> Coordinates:
    count = source.whole(order, 8 * dimensions)
    if not count:
        raise ShapeEmpty
    numbers = np.frombuffer(source.take(8 * dimensions * count), dtype=f"{order}f8")
    return numbers.reshape(-1, dimensions)[:, :2].astype(np.float64)
