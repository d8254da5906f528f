"""A table of text (CSV) of premises, some rows at a time, each with its exact line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa

from gis.importing.columns import blank, of_words
from gis.importing.given import of_columns
from gis.importing.rows import AT_ONCE, DEGREES, Done, Rows, Wanted, of_degrees
from gis.importing.text import Column
from outage.sheet import RejectedRow

_DELIMITERS = ",;\t|"
_TURN = 500
"""Rows that are Python's at a time: gone again before its collector looks at them."""
_CELLS = 200_000


class Table:
    """Rows of a CSV file: UTF-8, separated by comma, semicolon, tab or bar."""

    crs: str | None = None
    """A table does not say which coordinate system it is in."""

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self._path = path
        self._wanted = wanted
        self.size = path.stat().st_size

    def read(self, done: Done) -> Iterator[Rows]:
        """Give the rows. Raises `SheetRefusedError` when the file as a whole cannot be read."""
        try:
            with (
                self._path.open("rb") as file,
                TextIOWrapper(file, encoding="utf-8-sig", newline="") as text,
            ):
                for rows in self._read(text):
                    yield rows
                    done(file.tell())
        except UnicodeDecodeError:
            raise self._wanted.refused("not UTF-8 text; save it as CSV UTF-8") from None

    def _read(self, text: TextIO) -> Iterator[Rows]:
        first = text.readline()
        if "\0" in first:
            raise self._wanted.refused("not a text file")
        text.seek(0)
        reader = csv.reader(text, delimiter=max(_DELIMITERS, key=first.count), strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            turns = _Turns(reader, self._wanted.file, len(header))
            yield from turns.rows(self._wanted.choose(header, self._wanted.needed))
        except csv.Error as error:
            problem = f"line {reader.line_num} cannot be read ({error})"
            raise self._wanted.refused(problem) from None


class _Turns:
    """Takes rows from a reader, a few at a time."""

    def __init__(self, reader: Any, file: str, width: int) -> None:  # noqa: ANN401 csv names no type
        self._reader = reader
        self._file = file
        self._width = width
        self._line = reader.line_num + 1
        self._few = max(1, min(_TURN, _CELLS // max(width, 1)))
        self._lines: list[int] = []
        self._rejected: list[RejectedRow] = []
        self._mentioned: list[str] = []
        self._id = 0

    def rows(self, places: Mapping[str, int]) -> Iterator[Rows]:
        """Give all rows, the columns at these places."""
        pieces: dict[str, list[Column]] = {field: [] for field in places}
        self._id = places["premise_id"]
        more = True
        while more:
            before = self._line
            taken = self._take()
            for field, at in places.items():
                pieces[field].append(of_words([row[at] for row in taken]))
            more = self._line > before
            if (not more and (self._lines or self._rejected)) or len(self._lines) >= AT_ONCE:
                yield self._settled({name: pa.concat_arrays(p) for name, p in pieces.items()})
                pieces = {field: [] for field in places}

    def _take(self) -> list[list[str]]:
        taken: list[list[str]] = []
        for row in islice(self._reader, self._few):
            if len(row) == self._width:
                taken.append(row)
                self._lines.append(self._line)
            elif row:
                self._rejected.append(
                    RejectedRow(file=self._file, line=self._line, reason="number of fields")
                )
                self._mentioned += [word.strip() for word in row[self._id : self._id + 1]]
            self._line = self._reader.line_num + 1
        return taken

    def _settled(self, columns: dict[str, Column]) -> Rows:
        lines = np.array(self._lines, dtype=np.int64)
        rejected, mentioned = tuple(self._rejected), tuple(self._mentioned)
        self._lines, self._rejected, self._mentioned = [], [], []
        x, y = (columns.pop(name, blank(len(lines))) for name in DEGREES)
        places = of_degrees(x, y)
        return Rows(
            columns=columns,
            places=places,
            lines=lines,
            rejected=rejected,
            mentioned=mentioned,
            given=of_columns(lines, x, y, np.isinf(places[:, 0])),
        )
