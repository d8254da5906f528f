"""What a file of premises would change of what is on record, and whether that can be meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from gis.errors import FileAxesSwapped, ManyMoved, ManyOutside
from gis.importing.columns import Growing, is_blank, of_words
from gis.importing.text import Column
from gis.premises import Premises
from gis.streets import parse
from outage import tables as t

_FAR_KM = 2.0
_AROUND_KM = 50.0
"""How far from what is on record a new premise may lie and be of the same utility."""
_FAR_SHARE, _FAR_LEAST = 0.05, 20
_TERRITORY_LEAST = 100
"""Premises that make a territory: fewer may be a first trial."""
_KM_PER_DEGREE = 111.2
_AT_ONCE = 20_000

_p = t.premises

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Premises on record that are not closed, arrays of one length; text as Arrow columns."""

    keys: NDArray[np.int64]
    ids: Column
    lon: Numbers
    lat: Numbers
    services: NDArray[np.uint8]
    text: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a file changes.

    Attributes:
        known: what is on record.
        at: for each premise of the file its place among the known, -1 where it is new.
        changed: which premises of the file are on record and say something new.
        moved: which of them would move far, or have no place any more.
        gone: keys of those on record that the file does not name at all.
    """

    known: Known
    at: NDArray[np.int64]
    changed: Flags
    moved: Flags
    gone: NDArray[np.int64]

    @property
    def added(self) -> Flags:
        """Which premises of the file are not on record, or closed there."""
        return np.asarray(self.at < 0)

    @property
    def written(self) -> Flags:
        """Which premises of the file have to be written."""
        return np.asarray(self.added | self.changed)


def on_record(conn: Connection, names: Sequence[str]) -> Known:
    """Read the open premises, with these columns of text."""
    text = {name: Growing() for name in ("id", *names)}
    numbers: list[NDArray[Any]] = [np.empty((0, 3))]
    keys: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    columns = [_p.c[name] for name in ("key", "longitude", "latitude", "services", *text)]
    rows = conn.execution_options(stream_results=True).execute(
        sa.select(*columns).where(_p.c.closed_at.is_(None)).order_by(_p.c.key)
    )
    for some in rows.partitions(_AT_ONCE):
        key, lon, lat, services, *words = zip(*some, strict=True)
        keys.append(np.array(key, dtype=np.int64))
        numbers.append(np.array([lon, lat, services], dtype=np.float64).T)
        for column, values in zip(text.values(), words, strict=True):
            column.add(of_words(list(values)))
    all_numbers = np.concatenate(numbers)
    return Known(
        keys=np.concatenate(keys),
        ids=text.pop("id").whole(),
        lon=all_numbers[:, 0],
        lat=all_numbers[:, 1],
        services=all_numbers[:, 2].astype(np.uint8),
        text={name: column.whole() for name, column in text.items()},
    )


def compare(found: Premises, known: Known) -> Changes:
    """Hold a file against what is on record."""
    at = np.asarray(
        pc.fill_null(pc.index_in(found.ids, value_set=known.ids), -1).to_numpy(), dtype=np.int64
    )
    rows = np.flatnonzero(at >= 0)
    old = at[rows]
    moved = _km(found.lon[rows], found.lat[rows], known.lon[old], known.lat[old])
    lost = np.isnan(found.lon[rows]) & ~np.isnan(known.lon[old]) & found.says_places
    differs = _differ(found, known, rows, old)
    listed = np.zeros(len(known), dtype=np.bool_)
    listed[old] = True
    if found.mentioned:
        mentioned = pa.array(sorted(found.mentioned), pa.string())
        listed |= np.asarray(pc.is_in(known.ids, value_set=mentioned).to_numpy(), dtype=np.bool_)
    return Changes(
        known=known,
        at=at,
        changed=_spread(rows[differs], len(found)),
        moved=_spread(rows[(moved > _FAR_KM) | lost], len(found)),
        gone=known.keys[~listed],
    )


def guard_moves(found: Premises, changes: Changes) -> None:
    """Refuse a file by which many premises would move far or lose their place.

    Raises:
        FileAxesSwapped: when they would not with longitude and latitude the other way round.
        ManyMoved: in any other case.
    """
    both = int((changes.at >= 0).sum())
    moved = np.flatnonzero(changes.moved)
    if len(moved) <= max(_FAR_LEAST, _FAR_SHARE * both):
        return
    old = changes.at[moved]
    lon, lat = changes.known.lon[old], changes.known.lat[old]
    turned = int((_km(found.lat[moved], found.lon[moved], lon, lat) <= _FAR_KM).sum())
    _refuse_turned(found.file, turned, len(moved))
    raise ManyMoved(file=found.file, moved=f"{len(moved):,}", known=f"{both:,}", limit_km=_FAR_KM)


def guard_territory(found: Premises, changes: Changes) -> None:
    """Refuse a file with many new premises far from all that are on record.

    Raises:
        FileAxesSwapped: when they would be there with the axes the other way round.
        ManyOutside: in any other case.
    """
    territory = _territory(changes.known)
    new = np.flatnonzero(changes.added & np.isfinite(found.lon))
    if territory is None or not len(new):
        return
    lon, lat = found.lon[new], found.lat[new]
    outside = ~_within(territory, lon, lat)
    if outside.sum() <= max(_FAR_LEAST, _FAR_SHARE * len(new)):
        return
    turned = int(_within(territory, lat[outside], lon[outside]).sum())
    _refuse_turned(found.file, turned, int(outside.sum()))
    raise ManyOutside(
        file=found.file, outside=f"{outside.sum():,}", new=f"{len(new):,}", limit_km=_AROUND_KM
    )


def _refuse_turned(file: str, turned: int, of: int) -> None:
    if 2 * turned > of:
        raise FileAxesSwapped(file=file, rows=f"{turned:,}")


def _territory(known: Known) -> tuple[float, float, float, float] | None:
    """Give west, south, east and north around what is on record; None if that is too little."""
    placed = np.isfinite(known.lon)
    if placed.sum() < _TERRITORY_LEAST:
        return None
    lon, lat = known.lon[placed], known.lat[placed]
    north_south = _AROUND_KM / _KM_PER_DEGREE
    east_west = north_south / np.cos(np.radians(min(np.abs(lat).max() + north_south, 89.0)))
    return (
        float(lon.min() - east_west),
        float(lat.min() - north_south),
        float(lon.max() + east_west),
        float(lat.max() + north_south),
    )


def _within(territory: tuple[float, float, float, float], lon: Numbers, lat: Numbers) -> Flags:
    west, south, east, north = territory
    return np.asarray((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))


def _km(lon: Numbers, lat: Numbers, old_lon: Numbers, old_lat: Numbers) -> Numbers:
    """Give how far apart they are, NaN where one is nowhere; exact enough to tell near from far."""
    east = np.abs(lon - old_lon)
    east = np.minimum(east, 360.0 - east) * np.cos(np.radians(old_lat))
    return np.asarray(np.hypot(lat - old_lat, east) * _KM_PER_DEGREE)


def _spread(rows: NDArray[np.int64], length: int) -> Flags:
    flags = np.zeros(length, dtype=np.bool_)
    flags[rows] = True
    return flags


def _differ(
    found: Premises, known: Known, rows: NDArray[np.int64], old: NDArray[np.int64]
) -> Flags:
    """Tell which rows of the file say something else than what is on record."""
    differs = (found.services[rows] != known.services[old]) & found.says_services
    for new, before in ((found.lon, known.lon), (found.lat, known.lat)):
        one, other = new[rows], before[old]
        differs |= (one != other) & ~(np.isnan(one) & np.isnan(other)) & found.says_places
    for name, column in found.text.items():
        differs |= ~_equal(_taken(column, rows), _taken(known.text[name], old))
    if "address" in found.text:
        # What was loaded before streets were kept gets them now.
        empty = np.flatnonzero(~differs & is_blank(_taken(known.text["street"], old)))
        addresses = _taken(found.text["address"], rows[empty]).to_pylist()
        differs[empty] = [parse(address)[1] is not None for address in addresses]
    return np.asarray(differs)


def _taken(column: Column, rows: NDArray[np.int64]) -> Column:
    text = column.cast(pa.string())
    return text if len(rows) == len(text) and _in_order(rows) else text.take(pa.array(rows))


def _in_order(rows: NDArray[np.int64]) -> bool:
    return bool((rows == np.arange(len(rows))).all())


def _equal(one: Column, other: Column) -> Flags:
    return np.asarray(pc.equal(one, other).to_numpy(), dtype=np.bool_)
