"""Any file of premises → validated columns, every bad row with its line and reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from zoneinfo import available_timezones

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gis.errors import CoordinatesProjected, FileAxesSwapped
from gis.formats.crs import own_words, placer
from gis.importing.columns import Growing, blank, with_nul
from gis.importing.fingerprints import fingerprints
from gis.importing.given import Given, of_numbers, of_texts
from gis.importing.points import Places, are_finite
from gis.importing.rows import Rows, Wanted
from gis.importing.sources import source
from gis.importing.text import Column
from outage.model import Service
from outage.sheet import RejectedRow, SheetRefusedError

TEXT_FIELDS = (
    "address",
    "city",
    "region",
    "circuit",
    "transformer",
    "path",
    "county",
    "postal_code",
    "zone",
    "neighbourhood",
    "time_zone",
)
FIELDS = ("premise_id", "longitude", "latitude", "services", *TEXT_FIELDS)
ALIAS = "alias_"
_MAX_ID = 64
_MAX_LONGITUDE, _MAX_LATITUDE = 180.0, 90.0
_MOST = 0.5
_BYTES_BESIDE = 32  # of a row: its place, its line and its id's fingerprint
_SOUTHERNMOST = -60.0
"""Nobody is served south of here; what lies there are longitudes of America as latitudes."""
_WGS84 = "WGS 84"
# A row has the first of these that holds.
_REASONS = (
    "",
    "NUL character",
    "premise_id",
    "coordinate",
    "services",
    "time_zone",
    "duplicate premise_id",
)
_GOOD, _NUL, _ID, _PLACE, _SERVICES, _ZONE, _DOUBLED = range(len(_REASONS))

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Progress = Callable[[int, int], None]
"""Hears how far reading has come, and of how much."""


class CrsFrom(StrEnum):
    """Who says which coordinate system the numbers are in."""

    OPTION = "option"
    FILE = "file"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How a file is to be read.

    Attributes:
        mapping: field → its column, where that differs; ``alias_meter`` names meter numbers.
        crs: the coordinate system of its numbers; overrules what the file says.
        layer: which layer of a file that has several.
        services: bits a premise has where the file says nothing.
        max_bytes: the largest file to read, as it is and unpacked.
        placeless: the file has no coordinates; whatever stands for them is not read.
    """

    mapping: Mapping[str, str]
    crs: str | None = None
    layer: str | None = None
    services: int = Service.ELECTRIC.bit
    max_bytes: int = 4_000_000_000
    placeless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What a file says of premises, its good rows only; columns of one length.

    Attributes:
        file: base name of the file.
        ids: premise ids, each once: a chunked Arrow array of text, like all text here.
        lon, lat: WGS 84 degrees, both NaN where a premise is unplaced.
        services: service bits.
        says_services: whether the file has them; if not, what is on record stays.
        says_places: the same of coordinates.
        text: the other columns of table `premises` the file has, by name; those of few different
            texts are dictionaries.
        aliases: kind → another system's id per premise, empty where it has none.
        lines: line of each row in the file.
        rejected: rows that are not good.
        given: line of a rejected row → what stood there, as far as it may be shown.
        mentioned: ids that only rejected rows name: still listed, so not to be closed.
        rows: how many rows the file has.
        crs: the coordinate system of the file's numbers.
        crs_from: who says so.
    """

    file: str
    ids: Column
    lon: Numbers
    lat: Numbers
    services: NDArray[np.uint8]
    says_services: bool
    text: Mapping[str, Column]
    aliases: Mapping[str, Column]
    lines: NDArray[np.int64]
    rejected: tuple[RejectedRow, ...]
    given: Given
    mentioned: frozenset[str]
    rows: int
    crs: str
    crs_from: CrsFrom
    says_places: bool = True

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def unplaced(self) -> NDArray[np.int64]:
        """Lines of the premises without coordinates."""
        return self.lines[np.isnan(self.lon)]


def read_premises(
    path: Path, options: ReadOptions, *, progress: Progress | None = None
) -> Premises:
    """Read and judge a file of premises.

    CSV, GeoJSON (also a feature a line), KML, GeoParquet, GeoPackage, Shapefile (with its
    siblings or zipped), FileGDB (folder or zipped).

    Raises:
        SheetRefusedError: when the file as a whole cannot be read.
        GisError: when it cannot be opened, or its coordinates as a whole cannot be placed.
    """
    wanted = Wanted(
        file=path.name, fields=FIELDS, mapping=options.mapping, placeless=options.placeless
    )
    gathered = _Gathered()
    with source(path, wanted, layer=options.layer, max_bytes=options.max_bytes) as read:
        for rows in read.read(lambda done: progress(done, read.size) if progress else None):
            gathered.add(rows.nowhere() if options.placeless else rows)
            # A view or a dictionary in a small file may stand for far more rows or text.
            if gathered.bytes > options.max_bytes:
                raise wanted.refused(f"it unpacks to more than {options.max_bytes:,} bytes")
        crs = options.crs or read.crs
    if not gathered.lines:
        raise SheetRefusedError(file=path.name, problem="the file has no rows")
    crs_from = CrsFrom.OPTION if options.crs else CrsFrom.FILE if read.crs else CrsFrom.ASSUMED
    with own_words(options.crs):
        return _judged(gathered, wanted, options.services, crs, crs_from)


class _Gathered:
    """All rows of a file, good and bad."""

    def __init__(self) -> None:
        self.columns: dict[str, Growing] = {}
        self.fingerprints: list[NDArray[np.uint64]] = []
        self.places: list[Places] = []
        self.lines: list[NDArray[np.int64]] = []
        self.rejected: list[RejectedRow] = []
        self.given: dict[int, str] = {}
        self.mentioned: set[str] = set()
        self._length = 0

    def add(self, rows: Rows) -> None:
        for name in rows.columns.keys() - self.columns.keys():
            self.columns[name] = Growing(self._length)
        for name, column in self.columns.items():
            column.add(rows.columns[name] if name in rows.columns else blank(len(rows.lines)))
        # Whoever reads in a process apart is waited for anyway.
        ids = rows.columns.get("premise_id", blank(len(rows.lines)))
        self.fingerprints.append(fingerprints(ids))
        self.places.append(rows.places)
        self.lines.append(rows.lines)
        self.rejected += rows.rejected
        self.given.update(rows.given)
        self.mentioned.update(rows.mentioned)
        self._length += len(rows.lines)

    @property
    def bytes(self) -> int:
        """What is kept of the rows."""
        return self._length * _BYTES_BESIDE + sum(one.bytes for one in self.columns.values())

    def take(self, name: str) -> Column:
        """Give a column and forget it."""
        column = self.columns.pop(name, None)
        return (column or Growing(self._length)).whole()


def _judged(
    gathered: _Gathered, wanted: Wanted, default: int, crs: str | None, crs_from: CrsFrom
) -> Premises:
    lines = np.concatenate(gathered.lines)
    lon, lat, bad_places, off = _place(wanted.file, gathered.places, len(lines), crs)
    # Where an id stands in thousands of rows, its column is kept as numbers of few texts.
    ids = gathered.take("premise_id").cast(pa.string())
    says_services = "services" in gathered.columns
    words = gathered.take("services")
    services, bad_services = _services(words, default)
    lengths = pc.utf8_length(ids).to_numpy()
    text = {name: gathered.take(name) for name in list(gathered.columns)}
    reasons = np.full(len(lines), _GOOD, dtype=np.uint8)
    for reason, bad in (
        *((_ZONE, _no_zone(text[name])) for name in text if name == "time_zone"),
        (_SERVICES, bad_services),
        (_PLACE, bad_places),
        (_ID, (lengths == 0) | (lengths > _MAX_ID)),
        *((_NUL, with_nul(column)) for column in (ids, *text.values())),
    ):
        reasons[bad] = reason
    reasons[_doubled(ids, np.concatenate(gathered.fingerprints), reasons == _GOOD)] = _DOUBLED
    good = reasons == _GOOD
    rejected = [
        *gathered.rejected,
        *(
            RejectedRow(file=wanted.file, line=line, reason=_REASONS[reason])
            for line, reason in zip(lines[~good].tolist(), reasons[~good].tolist(), strict=True)
        ),
    ]
    misplaced = set(lines[reasons == _PLACE].tolist())
    places = of_numbers(lines[bad_places], off) | gathered.given
    given = {
        **of_texts(lines, ids, (reasons == _ID) | (reasons == _DOUBLED)),
        **of_texts(lines, words, reasons == _SERVICES),
        **{line: text for line, text in places.items() if line in misplaced},
    }
    kept = {name: _where(text.pop(name), good) for name in list(text)}
    return Premises(
        file=wanted.file,
        ids=_where(ids, good),
        lon=lon[good],
        lat=lat[good],
        services=services[good],
        says_services=says_services,
        text={name: column for name, column in kept.items() if not name.startswith(ALIAS)},
        aliases={
            name.removeprefix(ALIAS): column
            for name, column in kept.items()
            if name.startswith(ALIAS)
        },
        lines=lines[good],
        rejected=tuple(sorted(rejected, key=lambda row: row.line)),
        given=given,
        mentioned=frozenset(_where(ids, ~good).to_pylist()) | gathered.mentioned,
        rows=len(lines) + len(gathered.rejected),
        crs=crs or _WGS84,
        crs_from=crs_from,
        says_places=not wanted.placeless,
    )


def _where(column: Column, rows: Flags) -> Column:
    return column if rows.all() else column.filter(pa.array(rows))


def _place(
    file: str, pieces: list[Places], rows: int, crs: str | None
) -> tuple[Numbers, Numbers, Flags, Places]:
    """Give longitude and latitude, NaN where there is no place; which are bad, and those."""
    move = placer(crs)
    lon, lat, bad = np.empty(rows), np.empty(rows), np.empty(rows, dtype=np.bool_)
    given = turned = at = 0
    off: list[Places] = []
    while pieces:
        piece = pieces.pop(0)
        here = slice(at, at := at + len(piece))
        known = are_finite(piece)
        placed = piece.copy()
        if move is not None:
            placed[known] = move(piece[known])
        lon[here], lat[here] = placed[:, 0], placed[:, 1]
        x, y = piece.T
        bad[here] = ~(np.isnan(x) & np.isnan(y)) & ~_on_earth(lon[here], lat[here])
        off.append(piece[bad[here]])
        given += int(known.sum())
        turned += int((known & _looks_turned(piece, placed, bad[here])).sum())
    most = _MOST * max(given, 1)
    if turned > most:
        raise FileAxesSwapped(file=file, rows=f"{turned:,}")
    lost = int((bad & np.isfinite(lon) & _is_somewhere(lon, lat)).sum()) if bad.sum() > most else 0
    if lost > most:
        raise CoordinatesProjected(file=file, lost=f"{lost:,}", crs=crs or _WGS84)
    return lon, lat, bad, np.concatenate(off)


def _looks_turned(piece: Places, placed: Places, bad: Flags) -> Flags:
    """Tell what lies on the earth only the other way round, or where nobody is served."""
    x, y = np.abs(piece).T
    off_earth = bad & (x <= _MAX_LATITUDE) & (y > _MAX_LATITUDE) & (y <= _MAX_LONGITUDE)
    icy = (placed[:, 1] < _SOUTHERNMOST) & (np.abs(placed[:, 0]) <= _MAX_LATITUDE)
    return np.asarray(off_earth | (icy & ~bad))


def _on_earth(lon: Numbers, lat: Numbers) -> Flags:
    with np.errstate(invalid="ignore"):
        return np.asarray(
            (np.abs(lon) <= _MAX_LONGITUDE)
            & (np.abs(lat) <= _MAX_LATITUDE)
            & _is_somewhere(lon, lat)
        )


def _is_somewhere(lon: Numbers, lat: Numbers) -> Flags:
    """Tell which are not 0, 0, by which files mean that they do not know."""
    return np.asarray((lon != 0) | (lat != 0))


def _services(column: Column, default: int) -> tuple[NDArray[np.uint8], Flags]:
    """Turn words like ``electric water`` into bits; each different text is read once."""
    numbered = column.combine_chunks().dictionary_encode()
    bits = [_service_bits(words, default) for words in numbered.dictionary.to_pylist()]
    found = np.array(bits, dtype=np.uint8)[numbered.indices.to_numpy()]
    return found, np.asarray(found == 0)


def _service_bits(words: str, default: int) -> int:
    names = words.lower().replace(",", " ").replace(";", " ").replace("|", " ").split()
    known = {service.value: service.bit for service in Service}
    if not names:
        return default
    return sum({known[name] for name in names}) if set(names) <= set(known) else 0


def _no_zone(column: Column) -> Flags:
    """Tell which rows name a time zone that is none; each different text is looked up once."""
    numbered = column.combine_chunks().dictionary_encode()
    known = available_timezones() | {""}
    wrong = np.array([name not in known for name in numbered.dictionary.to_pylist()])
    return np.asarray(wrong[numbered.indices.to_numpy()], dtype=np.bool_)


def _doubled(ids: Column, numbers: NDArray[np.uint64], good: Flags) -> Flags:
    """Tell which good rows have the id of an earlier good row."""
    doubled = np.zeros(len(good), dtype=np.bool_)
    rows = np.flatnonzero(good)
    # A table of all ids would take more memory than all else; of their fingerprints, few are equal.
    numbers = numbers[rows]
    ordered = np.sort(numbers)
    alike = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(alike):
        rows = rows[np.isin(numbers, alike)]
        doubled[rows] = pd.Series(ids.take(pa.array(rows)).to_pylist()).duplicated(keep="first")
    return doubled
