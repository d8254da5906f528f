"""Columns of any type as text, by Arrow alone: the process apart has little else."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

Column = Any
"""An Arrow array, chunked or not; pyarrow has no types."""
UNREADABLE = "\0"
"""Stands for text that no database takes; such a row is a bad one."""


class NotTextError(Exception):
    """What a column holds cannot be read as text."""


def as_text(values: Column) -> Column:
    """Give a column of any type as text, null where it has nothing.

    A whole number stays whole: an id that a file keeps as 123.0 is 123.

    Raises:
        NotTextError: for bytes and structures. Whether text is UTF-8 is not looked at.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        return as_text(values.dictionary_decode())
    if pa.types.is_string(kind):
        # The commonest: to ask for a cast to what it is brings all of Arrow's functions along.
        return values
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return values.cast(pa.string())
    if pa.types.is_integer(kind) or pa.types.is_null(kind):
        return values.cast(pa.string())
    if _is_binary(kind) or (pa.types.is_nested(kind) and not _is_list_of_plain(kind)):
        raise NotTextError(f"{kind} values")
    try:
        return of_values(values.to_pylist())
    except (ValueError, OverflowError):
        # A date that no calendar has.
        raise NotTextError(f"{kind} values out of range") from None


def of_values(values: list[Any]) -> Column:
    """Give a list of Python values as text."""
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        return pa.array([_word(value) for value in values], pa.string())


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
