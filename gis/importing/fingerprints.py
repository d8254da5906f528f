"""Text as numbers, by which what cannot be alike is told apart without making Python's strings."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gis.importing.text import Column

_WORD = 8
_LOOKED_AT = 256
"""Bytes: 64 letters of any alphabet. What differs behind them only looks alike."""
_PART = np.array([2 ** (8 * bytes_) - 1 for bytes_ in range(_WORD + 1)], dtype=np.uint64)
# The golden ratio, as Knuth multiplies by it (TAOCP 3, 6.4), and half of a word.
_FACTOR, _HALF = np.array([0x9E3779B97F4A7C15], np.uint64), np.uint64(32)


def fingerprints(text: Column) -> NDArray[np.uint64]:
    """Give a number for each text of an array; the same for the same text.

    Different texts hardly ever have the same; whoever writes them can make them so, hence what
    looks alike has to be compared.
    """
    if pa.types.is_dictionary(text.type):
        return np.asarray(fingerprints(text.dictionary)[text.indices.to_numpy()])
    if not len(text):
        return np.empty(0, np.uint64)
    _, offsets, buffer = text.buffers()
    ends = np.frombuffer(offsets, np.int32)[text.offset : text.offset + len(text) + 1]
    bounds = ends.astype(np.int64)
    # A word may be read at any byte, also at the last.
    data = np.zeros(bounds[-1] - bounds[0] + _WORD, np.uint8)
    if buffer is not None:
        data[:-_WORD] = np.frombuffer(buffer, np.uint8)[bounds[0] : bounds[-1]]
    words = np.ndarray(len(data) - _WORD + 1, "<u8", data, strides=(1,))
    starts, lengths = bounds[:-1] - bounds[0], np.diff(bounds)
    found = lengths.astype(np.uint64)
    for at in range(0, min(int(lengths.max()), _LOOKED_AT), _WORD):
        word = words[np.minimum(starts + at, len(words) - 1)]
        word &= _PART[np.clip(lengths - at, 0, _WORD)]
        # Nothing comes of no letters: how long its neighbours are does not change a text's number.
        word *= _FACTOR * np.uint64(at + 1)
        word ^= word >> _HALF
        word *= _FACTOR
        found += word
    return found
