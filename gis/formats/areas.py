"""Shapes in formats of other people's C code, read in a process apart."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from gis.errors import ShapeTooBig
from gis.formats.apart import started
from gis.formats.confined import say, serve
from gis.formats.files import Format, GisFile
from gis.formats.rings import Written
from gis.formats.wkb import read_features

_BYTES_PER_VERTEX, _BYTES_BESIDE = 32, 1_000_000


def read(file: GisFile, layer: str | None, *, max_vertices: int) -> Written:
    """Read the geometries of a layer.

    Raises:
        GisError: one sentence.
    """
    max_bytes = _BYTES_PER_VERTEX * max_vertices + _BYTES_BESIDE
    with started("gis.formats.areas", file, {"layer": layer, "max_bytes": max_bytes}) as apart:
        answer = apart.hear()
        body = apart.exactly(sum(length or 0 for length in answer["lengths"]))
    features: list[bytes | None] = []
    at = 0
    for length in answer["lengths"]:
        features.append(None if length is None else bytes(body[at : at + length]))
        at += length or 0
    return read_features(features, answer["crs"])


def _answer(file: GisFile, request: Mapping[str, Any]) -> None:
    features, crs = _features(file, request["layer"])
    total = sum(len(one) for one in features if one is not None)
    if total > request["max_bytes"]:
        raise ShapeTooBig(
            found=f"{total:,}",
            what="bytes of coordinates",
            limit=f"{request['max_bytes']:,}",
            remedy="simplify it",
        )
    say({"crs": crs, "lengths": [None if one is None else len(one) for one in features]})
    sys.stdout.buffer.writelines(one for one in features if one is not None)


def _features(file: GisFile, layer: str | None) -> tuple[list[bytes | None], str | None]:
    # Each brings a library along that the other does not need.
    if file.format is Format.GEOPARQUET:
        from gis.formats.geoparquet import read_geometries  # noqa: PLC0415

        return read_geometries(file)
    from gis.formats.gdal import read_areas  # noqa: PLC0415

    # pyogrio looks for this, half a second's work, and reads plain bytes as well without it.
    sys.modules["pyarrow"] = None  # type: ignore[assignment]
    return read_areas(file, layer)


if __name__ == "__main__":
    serve(_answer)
