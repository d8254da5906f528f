"""A sheet: a file of rows (CSV) as text columns, each row with its line in the file."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from outage.errors import OutageError

_DELIMITERS = ",;\t|"
_PERSONAL = re.compile(r"[\d@]")
_SHOWN = 4
_LISTED = 12


class SheetRefusedError(OutageError):
    """{file}: {problem}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """A row that is not loaded, and why."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Text columns of equal length.

    Attributes:
        file: base name of the file.
        columns: field → stripped text per row; a field the file does not have is missing.
        lines: line of each row in the file, the header being 1 (a feature's number in a GIS
            file).
        rejected: rows that have not as many fields as the header; they are in no column.
    """

    file: str
    columns: Mapping[str, list[str]]
    lines: list[int]
    rejected: list[RejectedRow]

    def __len__(self) -> int:
        return len(self.lines)

    def text(self, field: str) -> list[str]:
        """The column of a field; empty text where the file does not have it."""
        return self.columns.get(field) or [""] * len(self.lines)


def read_mapping(words: Sequence[str]) -> dict[str, str]:
    """Read ``field=column`` words and names of TOML files into field → column.

    Raises:
        SheetRefusedError: when a word is neither.
    """
    mapping: dict[str, str] = {}
    for word in words:
        field, equals, column = word.partition("=")
        if equals:
            mapping[field.strip()] = column.strip()
            continue
        try:
            found = tomllib.loads(Path(word).read_text(encoding="utf-8"))
        except OSError as error:
            raise SheetRefusedError(
                file=word, problem=f"neither field=column nor a file ({error.strerror})"
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SheetRefusedError(file=word, problem=f"not TOML: {error}") from None
        if not found:
            raise SheetRefusedError(
                file=word, problem='it maps nothing; write lines like premise_id = "ServicePoint"'
            )
        mapping.update({str(name): str(value) for name, value in found.items()})
    return mapping


def check_file(path: Path, max_bytes: int) -> None:
    """Refuse what is no regular file, empty or too large."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise SheetRefusedError(file=path.name, problem=str(error.strerror).lower()) from None
    if not path.is_file():
        raise SheetRefusedError(file=path.name, problem="not a file")
    if not size:
        raise SheetRefusedError(file=path.name, problem="the file is empty")
    if size > max_bytes:
        raise SheetRefusedError(
            file=path.name, problem=f"{size:,} bytes are more than the limit of {max_bytes:,}"
        )


def read_sheet(
    path: Path,
    *,
    fields: Collection[str],
    required: Collection[str],
    mapping: Mapping[str, str],
    max_bytes: int,
) -> Sheet:
    """Read a CSV file.

    Args:
        path: the file; UTF-8, separated by comma, semicolon, tab or bar.
        fields: fields it may have.
        required: fields it must have.
        mapping: field → name of its column, where that differs.
        max_bytes: the largest file to read.

    Raises:
        SheetRefusedError: one sentence; nothing has been read then.
    """
    check_file(path, max_bytes)
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return _read(lines, path.name, fields, required, mapping)
    except UnicodeDecodeError:
        raise SheetRefusedError(
            file=path.name, problem="not UTF-8 text; save it as CSV UTF-8"
        ) from None


def header_of(path: Path, max_bytes: int) -> list[str]:
    """The names of a CSV file's columns; none where its first line cannot be read."""
    check_file(path, max_bytes)
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            first = lines.readline()
            return [name.strip() for name in next(csv.reader([first], delimiter=_delimiter(first)))]
    except (UnicodeDecodeError, csv.Error, StopIteration):
        return []


def _delimiter(first: str) -> str:
    return max(_DELIMITERS, key=first.count)


def _read(
    lines: TextIO,
    file: str,
    fields: Collection[str],
    required: Collection[str],
    mapping: Mapping[str, str],
) -> Sheet:
    first = lines.readline()
    if "\0" in first:
        raise SheetRefusedError(file=file, problem="not a text file")
    delimiter = _delimiter(first)
    lines.seek(0)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        names = columns_of(file, header, fields, required, mapping)
        rejected: list[RejectedRow] = []
        rows, numbers = _rows(reader, file, len(header), rejected)
    except csv.Error as error:
        raise SheetRefusedError(
            file=file, problem=f"line {reader.line_num} cannot be read ({error})"
        ) from None
    by_column = list(zip(*rows, strict=True)) or [()] * len(header)
    columns = {field: [text.strip() for text in by_column[at]] for field, at in names.items()}
    return Sheet(file=file, columns=columns, lines=numbers, rejected=rejected)


def _rows(
    reader: Iterator[list[str]], file: str, width: int, rejected: list[RejectedRow]
) -> tuple[list[list[str]], list[int]]:
    rows: list[list[str]] = []
    numbers: list[int] = []
    line = reader.line_num + 1  # type: ignore[attr-defined]  # csv.reader has it, Iterator not
    for row in reader:
        if len(row) == width:
            rows.append(row)
            numbers.append(line)
        elif row:
            rejected.append(RejectedRow(file=file, line=line, reason="number of fields"))
        line = reader.line_num + 1  # type: ignore[attr-defined]  # the same
    return rows, numbers


def columns_of(
    file: str,
    header: Sequence[str],
    fields: Collection[str],
    required: Collection[str],
    mapping: Mapping[str, str],
) -> dict[str, int]:
    """Find which column holds which field, by its place; capitals make no difference.

    Raises:
        SheetRefusedError: for a file without header or without a needed column.
    """
    if not any(header):
        raise SheetRefusedError(
            file=file,
            problem="it holds no header: its first line is blank; "
            f"it must name the columns ({', '.join(fields)})",
        )
    for field in mapping:
        if field not in fields and not field.startswith("alias_"):
            raise SheetRefusedError(
                file=file, problem=f"--map names {field!r}, the fields are {', '.join(fields)}"
            )
    lowered = [name.lower() for name in header]
    aliases = [name for name in lowered if name.startswith("alias_")]
    wanted = {field: mapping.get(field, field) for field in (*fields, *aliases, *mapping)}
    found = {
        field: lowered.index(name.lower())
        for field, name in wanted.items()
        if name.lower() in lowered
    }
    if not found:
        raise SheetRefusedError(
            file=file,
            problem=f"the first line is no header{_shown(header)}; "
            f"it must name the columns ({', '.join(fields)}), or say which is which with --map",
        )
    for field in (*required, *mapping):
        if field not in found:
            raise SheetRefusedError(
                file=file,
                problem=f"no column {wanted[field]!r}; name the column of {field} with "
                f"--map {field}=COLUMN (the file has {_some(header)})",
            )
    doubled = [header[at] for at in found.values() if lowered.count(lowered[at]) > 1]
    if doubled:
        raise SheetRefusedError(file=file, problem=f"the column {doubled[0]!r} is there twice")
    return found


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(name[:40] for name in names[:_LISTED])
    return f"{shown}, …" if len(names) > _LISTED else shown


def _shown(header: Sequence[str]) -> str:
    """Show what was read in place of a header, but no row of somebody's name and number."""
    if any(_PERSONAL.search(name) for name in header):
        return ""
    names = ", ".join(repr(name) for name in header[:_SHOWN])
    return f" ({names}, …)"
