"""Columns of a file as Arrow arrays of text: small in memory, and never a loop over rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gis.importing.text import UNREADABLE, Column, of_values

# Arrow's own pool keeps what has been freed: half as much again as a million premises take.
pa.set_memory_pool(pa.system_memory_pool())

_SAMPLE = 4_000
_FEW = 8
"""Texts of which there are on average more than so many are kept once."""


def stripped(text: Column) -> Column:
    """Give text without blanks around it, empty where there is none; nothing else is kept alive."""
    return pc.utf8_trim_whitespace(pc.fill_null(text, "") if text.null_count else text)


def numbered(text: Column) -> Column:
    """Give the same of text of which much is alike, each different one kept once."""
    encoded = text.dictionary_encode(null_encoding="encode")
    words = stripped(encoded.dictionary)
    if len(words.unique()) < len(words):
        return stripped(text).dictionary_encode()
    return pa.DictionaryArray.from_arrays(encoded.indices, words)


def are_few(text: Column) -> bool:
    """Whether so much of text is alike that it is better numbered."""
    sample = text[:_SAMPLE]
    return len(sample) == _SAMPLE and _FEW * len(sample.unique()) < _SAMPLE


def of_words(values: list[Any]) -> Column:
    """Give a list of Python values as stripped text."""
    return stripped(of_values(values))


def blank(rows: int) -> Column:
    """Give a column that says nothing."""
    return pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), pa.array([""], pa.string()))


def numbers(text: Column) -> NDArray[np.float64]:
    """Read text as numbers, NaN where there is none."""
    words = pc.if_else(pc.equal(text, ""), None, text)
    try:
        found = pc.cast(words, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        series = pd.Series(words.to_pylist(), dtype=object)
        found = pd.to_numeric(series, errors="coerce").to_numpy(dtype=np.float64)
    return np.asarray(found, dtype=np.float64)


def decoded(text: Column) -> list[str]:
    """Give text as Python's."""
    words: list[str] = text.cast(pa.string()).to_numpy(zero_copy_only=False).tolist()
    return words


def is_blank(text: Column) -> NDArray[np.bool_]:
    """Tell where text is empty."""
    return np.asarray(pc.equal(text, ""), dtype=np.bool_)


class Growing:
    """A column that grows by pieces; one of few different texts is kept as numbers of them.

    Args:
        before: rows that say nothing, in front of the first piece.

    Attributes:
        bytes: what all that was added takes.
    """

    def __init__(self, before: int = 0) -> None:
        self._pieces: list[Column] = [blank(before)] if before else []
        self._few: bool | None = None
        self.bytes = 0

    def add(self, text: Column) -> None:
        """Put a piece at the end."""
        if self._few is None:
            self._few = are_few(text)
        self._pieces.append(self._alike(text))
        self.bytes += self._pieces[-1].nbytes

    def whole(self) -> Column:
        """Give all of it, and keep nothing."""
        pieces, self._pieces = self._pieces, []
        return pa.chunked_array([self._alike(piece) for piece in pieces], self._type())

    def _alike(self, text: Column) -> Column:
        numbered = pa.types.is_dictionary(text.type)
        if numbered == bool(self._few):
            return text
        return text.dictionary_encode() if self._few else text.dictionary_decode()

    def _type(self) -> pa.DataType:
        return pa.dictionary(pa.int32(), pa.string()) if self._few else pa.string()


def with_nul(column: Column) -> NDArray[np.bool_]:
    """Tell where text holds what no database takes as text."""
    found = [
        _per_row(chunk, lambda text: pc.match_substring(text, UNREADABLE))
        if _may_hold_nul(chunk)
        else np.zeros(len(chunk), np.bool_)
        for chunk in column.chunks
    ]
    return np.concatenate([*found, np.empty(0, np.bool_)])


def _may_hold_nul(chunk: Column) -> bool:
    """Look through all bytes at once, far faster than text by text."""
    text = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
    data = text.buffers()[2]
    return data is not None and not np.frombuffer(data, np.uint8).all()


def _per_row(chunk: Column, ask: Callable[[Column], Column]) -> NDArray[np.bool_]:
    """Ask of each text, and of one that is there many times only once."""
    if not pa.types.is_dictionary(chunk.type):
        return np.asarray(ask(chunk).to_numpy(zero_copy_only=False), dtype=np.bool_)
    answers = np.asarray(ask(chunk.dictionary).to_numpy(zero_copy_only=False), dtype=np.bool_)
    return np.asarray(answers[chunk.indices.to_numpy()])
