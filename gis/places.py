"""Places as somebody asks for them → places on record; what is not known is refused by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gis import asked, streets
from gis.areas import names, spellings
from gis.errors import (
    AreaAmbiguous,
    AreaUnknown,
    DevicesTooMany,
    DeviceUnknown,
    IdsUnknown,
    ListEmpty,
    ListTooLong,
    NumbersReversed,
    StreetUnknown,
)
from gis.where import DEVICES, condition
from outage import lists
from outage import tables as t
from outage import where as w

MOST_NAMED = 5
"""How many of many a sentence names."""
MOST_DEVICES = 500
"""Devices of one place: each is looked up, and SQLite takes no thousand alternatives."""
_SHOWN = 60
"""Signs of an id that a sentence shows."""
_COMPARED = 20_000
"""Names that are compared with a misspelt one at most."""
_p = t.premises.c
_OPEN = _p.closed_at.is_(None)

Named = w.Devices | w.Street | w.Area | w.Listed | w.Everything


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A place that is named, and what should be said of how it was found.

    Attributes:
        cities: of a street, how many premises on it there are by city.
        listed: of a list, what its ids name.
    """

    where: Named
    cities: dict[str, int] = field(default_factory=dict)
    listed: lists.Named | None = None


def find(conn: Connection, named: asked.Asked, *, max_ids: int) -> Found:
    """Find a place that is named.

    Raises:
        PlaceRefused: one sentence that names what is unknown, and what is like it.
    """
    match named:
        case w.Devices():
            return _devices(conn, named)
        case w.Street():
            return _street(conn, named)
        case asked.Area():
            return Found(where=_area(conn, named))
        case asked.Ids():
            return _listed(conn, named, max_ids)
        case w.Everything():
            return Found(where=named)
        case asked.Shape():
            raise TypeError("a shape goes through the gate")


def refuse_unknown(found: Found | None) -> None:
    """Refuse a list of which not every id names premises for certain. Raises `IdsUnknown`."""
    listed = None if found is None else found.listed
    if listed is None:
        return
    bad = (*listed.unknown, *listed.ambiguous, *listed.vacant)
    if bad:
        more = ", …" if len(bad) > MOST_NAMED else ""
        raise IdsUnknown(
            ids=bad,
            count=f"{len(bad):,}",
            given=f"{listed.given:,}",
            first=", ".join(map(_shown, bad[:MOST_NAMED])) + more,
        )


def _shown(name: str) -> str:
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…")


def _devices(conn: Connection, devices: w.Devices) -> Found:
    if not devices.paths:
        raise ListEmpty(what="device")
    if len(devices.paths) > MOST_DEVICES:
        raise DevicesTooMany(given=f"{len(devices.paths):,}", limit=f"{MOST_DEVICES:,}")
    for path in devices.paths:
        if not _anybody(conn, condition(w.Devices(paths=(path,)))):
            raise DeviceUnknown(device=path, hint=_near_device(conn, path))
    return Found(where=w.Devices(paths=tuple(sorted(set(devices.paths)))))


def _near_device(conn: Connection, given: str) -> str:
    kind, _, name = given.rpartition(":")
    known = [
        f"{one}:{value}"
        for one, column in DEVICES.items()
        if kind in {"", one}
        for value in _distinct(conn, column)
    ]
    paths = _distinct(conn, _p.path) if not kind else ()
    begun = {path.rsplit("/", depth)[0] for path in paths for depth in range(path.count("/") + 1)}
    same = [one for one in known if one.partition(":")[2].casefold() == name.casefold()]
    return _did_you_mean(same or _near(given, [*known, *begun])) or (
        "write circuit:NAME, transformer:NAME or a path like SUB1/F12"
    )


def _street(conn: Connection, street: w.Street) -> Found:
    if street.first is not None and street.last is not None and street.first > street.last:
        raise NumbersReversed(first=street.first, last=street.last)
    there = replace(street, name=streets.normalise(street.name))
    anywhere = w.Street(name=there.name)
    if not _anybody(conn, condition(anywhere)):
        raise StreetUnknown(street=street.name, city="", hint=_near_street(conn, there.name))
    if there.city is not None and not _anybody(conn, condition(replace(anywhere, city=there.city))):
        cities = _did_you_mean(sorted(_cities(conn, anywhere))) or "leave the city out"
        raise StreetUnknown(street=street.name, city=f" in {there.city!r}", hint=cities)
    return Found(where=there, cities=_cities(conn, there))


def _near_street(conn: Connection, name: str) -> str:
    known = _distinct(conn, _p.street)
    if not known:
        return "no premise has a street on record: load the premises once more"
    return _did_you_mean(_near(name, known)) or "look at how the addresses write it"


def _cities(conn: Connection, street: w.Street) -> dict[str, int]:
    rows = conn.execute(
        sa.select(_p.city, sa.func.count())
        .where(condition(street), _OPEN)
        .group_by(_p.city)
        .order_by(_p.city)
    )
    return {city: count for city, count in rows if city}


def _area(conn: Connection, area: asked.Area) -> w.Area:
    """Find the area as it is written on record."""
    kinds = list(w.AreaKind) if area.kind is None else [area.kind]
    spelled = {kind: spellings(conn, kind, area.name) for kind in kinds}
    found = [w.Area(kind=kind, name=name) for kind in kinds for name in spelled[kind]]
    if not found:
        columns = {kind: t.premises.c[kind] for kind in kinds}
        known = [f"{kind}:{name}" for kind in kinds for name in names(conn, columns[kind])]
        asked_for = area.name if area.kind is None else f"{area.kind}:{area.name}"
        hint = _did_you_mean(_near(asked_for, known)) or "see how the premises write it"
        raise AreaUnknown(area=area.name, hint=hint)
    if len({one.kind for one in found}) > 1:
        choices = " or ".join(f"{one.kind}:{one.name}" for one in found)
        raise AreaAmbiguous(area=area.name, choices=choices)
    return found[0]


def _anybody(conn: Connection, which: sa.ColumnElement[bool]) -> bool:
    return conn.execute(sa.select(_p.key).where(which, _OPEN).limit(1)).first() is not None


def _distinct(conn: Connection, column: sa.ColumnElement[str | None]) -> list[str]:
    found = conn.execute(sa.select(column).where(column.is_not(None)).distinct()).scalars()
    return sorted(name for name in found if name)


def _near(name: str, known: Iterable[str]) -> list[str]:
    """Find what may have been meant; of very many only names that begin alike are compared."""
    folded = {one.casefold(): one for one in known}
    candidates = list(folded)
    if len(candidates) > _COMPARED:
        begin = name.casefold()[:2]
        candidates = [one for one in candidates if begin in one][:_COMPARED]
    near = difflib.get_close_matches(name.casefold(), candidates, n=3)
    return [folded[one] for one in near]


def _did_you_mean(names: Iterable[str]) -> str:
    first = list(names)[:MOST_NAMED]
    return f"did you mean {' or '.join(first)}?" if first else ""


def _listed(conn: Connection, ids: asked.Ids, max_ids: int) -> Found:
    if len(ids.ids) > max_ids:
        raise ListTooLong(given=f"{len(ids.ids):,}", limit=f"{max_ids:,}")
    found = lists.find(conn, ids.ids)
    if not found.given:
        raise ListEmpty(what="id of a premise or an account")
    return Found(where=w.Listed(premises=found.premises), listed=found)
