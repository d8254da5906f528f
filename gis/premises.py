"""Any file of premises → validated columns, every bad row with its line and reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gis.crs import placer
from gis.errors import CoordinatesProjected
from gis.layers import is_layer, read_layer
from outage.model import Service
from outage.sheet import RejectedRow, Sheet, SheetRefusedError, read_sheet

TEXT_FIELDS = (
    "address",
    "city",
    "region",
    "circuit",
    "transformer",
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

Text = NDArray[np.object_]
Numbers = NDArray[np.float64]
Rows = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How a file is to be read.

    Attributes:
        mapping: field → its column, where that differs; ``alias_meter`` names meter numbers.
        crs: the coordinate system of its numbers; overrules what the file says.
        layer: which layer of a GeoPackage.
        services: bits a premise has where the file says nothing.
        max_bytes: the largest file to read.
    """

    mapping: Mapping[str, str]
    crs: str | None = None
    layer: str | None = None
    services: int = Service.ELECTRIC.bit
    max_bytes: int = 4_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What a file says of premises, its good rows only; arrays of one length.

    Attributes:
        file: base name of the file.
        ids: premise ids, each once.
        lon, lat: WGS 84 degrees, both NaN where a premise is unplaced.
        services: service bits.
        text: the other columns of table `premises` the file has, by name.
        aliases: kind → another system's id per premise, empty where it has none.
        lines: line of each row in the file.
        rejected: rows that are not good.
        mentioned: ids that only rejected rows name: still listed, so not to be closed.
        rows: how many rows the file has.
    """

    file: str
    ids: Text
    lon: Numbers
    lat: Numbers
    services: NDArray[np.uint8]
    text: Mapping[str, Text]
    aliases: Mapping[str, Text]
    lines: NDArray[np.int64]
    rejected: tuple[RejectedRow, ...]
    mentioned: frozenset[str]
    rows: int

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def unplaced(self) -> NDArray[np.int64]:
        """Lines of the premises without coordinates."""
        return self.lines[np.isnan(self.lon)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where the rows of a file are and what they are served with, bad rows included."""

    lon: Numbers
    lat: Numbers
    services: NDArray[np.uint8]


def read_premises(path: Path, options: ReadOptions) -> Premises:
    """Read and judge a CSV, GeoJSON or GeoPackage file of premises.

    Raises:
        SheetRefusedError: when the file as a whole cannot be read.
        GisError: when its coordinates as a whole cannot be placed.
    """
    sheet, xy, crs, empty = _open(path, options)
    lon, lat = _place(path.name, xy, options.crs or crs)
    bits, bad_services = _services(sheet.text("services"), options.services)
    ids = np.array(sheet.text("premise_id"), dtype=object)
    reasons = np.full(len(sheet), "", dtype=object)
    bad_place = ~empty & ~_on_earth(lon, lat)
    lengths = pd.Series(ids, dtype=object).str.len().to_numpy(dtype=np.int64, na_value=0)
    for reason, bad in (
        ("services", bad_services),
        ("coordinate", bad_place),
        ("premise_id", (lengths == 0) | (lengths > _MAX_ID)),
    ):
        reasons[bad] = reason
    good = reasons == ""
    doubled = np.zeros(len(ids), dtype=bool)
    doubled[good] = pd.Series(ids[good], dtype=object).duplicated(keep="first").to_numpy(dtype=bool)
    reasons[doubled] = "duplicate premise_id"
    placed = Placed(
        lon=np.where(empty, np.nan, lon), lat=np.where(empty, np.nan, lat), services=bits
    )
    return _kept(sheet, reasons, ids, placed)


def _open(path: Path, options: ReadOptions) -> tuple[Sheet, Numbers, str | None, Rows]:
    """Read the rows, their numbers (x, y), the file's own CRS and which rows have no place."""
    if is_layer(path):
        layer = read_layer(
            path,
            fields=FIELDS,
            required=("premise_id",),
            mapping=options.mapping,
            max_bytes=options.max_bytes,
            layer=options.layer,
        )
        return layer.sheet, layer.xy, layer.crs, np.asarray(np.isnan(layer.xy).any(axis=1))
    sheet = read_sheet(
        path,
        fields=FIELDS,
        required=("premise_id", "longitude", "latitude"),
        mapping=options.mapping,
        max_bytes=options.max_bytes,
    )
    x, y = sheet.text("longitude"), sheet.text("latitude")
    empty = np.array([not (a and b) for a, b in zip(x, y, strict=True)], dtype=bool)
    return sheet, np.column_stack([_numbers(x), _numbers(y)]), None, empty


def _numbers(column: list[str]) -> Numbers:
    numbers = pd.to_numeric(pd.Series(column, dtype=object), errors="coerce")
    return numbers.to_numpy(dtype=np.float64)


def _place(file: str, xy: Numbers, crs: str | None) -> tuple[Numbers, Numbers]:
    move = placer(crs)
    finite = np.isfinite(xy).all(axis=1)
    placed = xy.copy()
    if move is not None:
        placed[finite] = move(xy[finite])
    lon, lat = placed[:, 0], placed[:, 1]
    lost = int((finite & ~_on_earth(lon, lat)).sum())
    if lost > _MOST * max(int(finite.sum()), 1):
        raise CoordinatesProjected(file=file, lost=f"{lost:,}", crs=crs or "WGS 84")
    return lon, lat


def _on_earth(lon: Numbers, lat: Numbers) -> Rows:
    with np.errstate(invalid="ignore"):
        return np.asarray(
            (np.abs(lon) <= _MAX_LONGITUDE)
            & (np.abs(lat) <= _MAX_LATITUDE)
            & ((lon != 0) | (lat != 0))
        )


def _services(column: list[str], default: int) -> tuple[NDArray[np.uint8], Rows]:
    """Turn words like ``electric water`` into bits; each different text is read once."""
    bits = {word: _service_bits(word, default) for word in set(column)}
    found = np.array([bits[word] for word in column], dtype=np.uint8)
    return found, np.asarray(found == 0)


def _service_bits(words: str, default: int) -> int:
    names = words.lower().replace(",", " ").replace(";", " ").replace("|", " ").split()
    known = {service.value: service.bit for service in Service}
    if not names:
        return default
    return sum({known[name] for name in names}) if set(names) <= set(known) else 0


def _kept(sheet: Sheet, reasons: Text, ids: Text, placed: Placed) -> Premises:
    good = np.asarray(reasons == "")
    lines = np.array(sheet.lines, dtype=np.int64)
    bad = [
        RejectedRow(file=sheet.file, line=int(lines[at]), reason=str(reasons[at]))
        for at in np.flatnonzero(~good)
    ]
    if not len(sheet) and not sheet.rejected:
        raise SheetRefusedError(file=sheet.file, problem="the file has a header but no rows")

    def column(field: str) -> Text:
        values: Text = np.array(sheet.columns[field], dtype=object)[good]
        return values

    return Premises(
        file=sheet.file,
        ids=ids[good],
        lon=placed.lon[good],
        lat=placed.lat[good],
        services=placed.services[good],
        text={field: column(field) for field in TEXT_FIELDS if field in sheet.columns},
        aliases={
            field.removeprefix(ALIAS): column(field)
            for field in sheet.columns
            if field.startswith(ALIAS)
        },
        lines=lines[good],
        rejected=tuple(sorted([*sheet.rejected, *bad], key=lambda row: row.line)),
        mentioned=frozenset(ids[~good].tolist()),
        rows=len(sheet) + len(sheet.rejected),
    )
