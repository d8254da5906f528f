"""Flat lists of coordinates, as JSON or as text people paste; the one ring closes itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gis.errors import ShapeEmpty, ShapeUnreadable
from gis.formats.geojson import ring_of
from gis.formats.rings import Coordinates, Written, assemble, from_words, tight

_TEXT = re.compile(r"[-+.\dEe,;\s]+")
# How positions may be told apart, what tells most first.
_BETWEEN = (r"[;\n]+", r",+", r"\s+")


def is_flat(text: str) -> bool:
    """Whether it is nothing but numbers."""
    return _TEXT.fullmatch(text) is not None


def read_flat(source: Sequence[object]) -> Written:
    """Read lon, lat, lon, lat, … or a list of pairs."""
    if not source:
        raise ShapeEmpty
    pairs = source
    if not isinstance(source[0], Sequence) or isinstance(source[0], str):
        _even(len(source))
        pairs = list(zip(source[::2], source[1::2], strict=True))
    return Written(areas=assemble([[[pairs]]], lambda ring, where: ring_of(list(ring), where)))


def read_flat_text(text: str) -> Written:
    """Read "lon lat, lon lat", "lon,lat lon,lat", a position a line, or numbers in one row."""
    tidy = tight(text.strip(" \t\r\n;,"), " \t\r\f\v")
    return Written(areas=assemble([[[tidy]]], _ring))


def _ring(text: str, where: str) -> Coordinates:
    for between in _BETWEEN:
        positions = [re.findall(r"[^,;\s]+", one) for one in re.split(between, text)]
        positions = [position for position in positions if position]
        if len(positions) > 1 and {len(one) for one in positions} in ({2}, {3}):
            return from_words(positions, where)
    # Rows of a table that is not one must not slip by because their sum is even.
    for line in re.split(_BETWEEN[0], text):
        _even(len(re.findall(r"[^,;\s]+", line)))
    numbers = re.findall(r"[^,;\s]+", text)
    return from_words(list(zip(numbers[::2], numbers[1::2], strict=True)), where)


def _even(count: int) -> None:
    if count % 2:
        raise ShapeUnreadable(problem=f"a flat list of {count} numbers leaves one without a pair")
