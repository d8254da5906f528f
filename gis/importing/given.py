"""What stood in a bad row, as far as it may be shown: never a phone number or an e-mail address."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gis.importing.points import Places
from gis.importing.text import Column

_LONGEST = 40
_TELEPHONE = 10
"""Digits of a number that may be somebody's."""
_PERSONAL = re.compile(
    r"@|\+\s*\d|\(\d{2,4}\)|(?<!\d)0\d{2,4}[\s/-]\d{5,8}"
    r"|(?<!\d)\d{3}[\s./-]+(\d{3}[\s./-]*)?\d{4}(?!\d)|(?<!\d)\d{10,15}(?!\d)"
)

Given = Mapping[int, str]
"""By line, what stood there."""
Lines = NDArray[np.int64]


def shown(*words: str) -> str | None:
    """Give text as it may be shown, cut where it is long; None if it may be a person's."""
    if any(map(_is_personal, words)):
        return None
    text = " ".join(words).strip()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _is_personal(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return _PERSONAL.search(word) is not None
    # A degree has more digits than a telephone number, but behind a point.
    return "." not in word and sum(map(str.isdigit, word)) >= _TELEPHONE


def of_texts(lines: Lines, column: Column, rows: NDArray[np.bool_]) -> dict[int, str]:
    """Give what a column holds in some rows."""
    texts = column.take(pa.array(np.flatnonzero(rows))).to_pylist()
    found = zip(lines[rows].tolist(), map(shown, texts), strict=True)
    return {line: text for line, text in found if text is not None}


def of_columns(lines: Lines, x: Column, y: Column, rows: NDArray[np.bool_]) -> dict[int, str]:
    """Give what two columns hold in some rows."""
    places = pa.array(np.flatnonzero(rows))
    pairs = map(shown, x.take(places).to_pylist(), y.take(places).to_pylist())
    return {n: text for n, text in zip(lines[rows].tolist(), pairs, strict=True) if text}


def of_numbers(lines: Lines, places: Places) -> dict[int, str]:
    """Give places that could be read, but are none."""
    readable = np.isfinite(places).any(axis=1)
    found = zip(lines[readable].tolist(), places[readable].tolist(), strict=True)
    return {line: f"{x:.10g} {y:.10g}" for line, (x, y) in found}
