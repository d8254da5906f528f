"""Columns of a file as Arrow arrays of text: small in memory, and never a loop over rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# Arrow's own pool keeps what has been freed: half as much again as a million premises take.
pa.set_memory_pool(pa.system_memory_pool())

Column = Any
"""An Arrow array, chunked or not; pyarrow has no types."""
UNREADABLE = "\0"
"""Stands for text that no database takes; such a row is a bad one."""
_SAMPLE = 4_000
_FEW = 8
"""Texts of which there are on average more than so many are kept once."""


class NotTextError(Exception):
    """What a column holds cannot be read as text."""


def as_text(values: Column) -> Column:
    """Give a column of any type as stripped text, empty where it has nothing.

    A whole number stays whole: an id that a file keeps as 123.0 is 123.

    Raises:
        NotTextError: for bytes, structures, and text that is not UTF-8.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        return as_text(values.dictionary_decode())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        try:
            values.validate(full=True)
        except pa.ArrowInvalid:
            raise NotTextError("text that is not UTF-8") from None
        return _stripped(values.cast(pa.string()))
    if pa.types.is_integer(kind) or pa.types.is_null(kind):
        return _stripped(values.cast(pa.string()))
    if _is_binary(kind) or (pa.types.is_nested(kind) and not _is_list_of_plain(kind)):
        raise NotTextError(f"{kind} values")
    try:
        return of_words(values.to_pylist())
    except (ValueError, OverflowError):
        # A date that no calendar has.
        raise NotTextError(f"{kind} values out of range") from None


def of_words(values: list[Any]) -> Column:
    """Give a list of Python values as stripped text."""
    try:
        return _stripped(pa.array(values, pa.string()))
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        return _stripped(pa.array([_word(value) for value in values], pa.string()))


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
            sample = text[:_SAMPLE]
            self._few = len(sample) == _SAMPLE and _FEW * len(sample.unique()) < _SAMPLE
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
        for chunk in column.chunks
    ]
    return np.concatenate([*found, np.empty(0, np.bool_)])


def _per_row(chunk: Column, ask: Callable[[Column], Column]) -> NDArray[np.bool_]:
    """Ask of each text, and of one that is there many times only once."""
    if not pa.types.is_dictionary(chunk.type):
        return np.asarray(ask(chunk).to_numpy(zero_copy_only=False), dtype=np.bool_)
    answers = np.asarray(ask(chunk.dictionary).to_numpy(zero_copy_only=False), dtype=np.bool_)
    return np.asarray(answers[chunk.indices.to_numpy()])


def _stripped(text: Column) -> Column:
    return pc.utf8_trim_whitespace(pc.fill_null(text, "") if text.null_count else text)


def _is_binary(kind: pa.DataType) -> bool:
    return any(
        check(kind)
        for check in (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    )


def _is_list_of_plain(kind: pa.DataType) -> bool:
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return is_list and not (pa.types.is_nested(kind.value_type) or _is_binary(kind.value_type))


def _word(value: Any) -> str:  # noqa: ANN401 whatever a file holds
    if value is None or value != value:  # noqa: PLR0124 - NaN is what is not itself
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return " ".join(_word(item) for item in value)
    text = str(value)
    return text if text.isascii() or _is_unicode(text) else UNREADABLE


def _is_unicode(text: str) -> bool:
    """Whether no half of a pair stands alone, as JSON can write it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
