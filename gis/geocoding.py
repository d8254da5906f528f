"""Places for premises that have none: an address-point file joined on normalised addresses.

A place is given only where one is sure enough; all else is listed with what was found, for somebody
to look at. Nothing is reckoned: no house stands between its neighbours because of its number.
"""

from __future__ import annotations

import difflib
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gis.importing.columns import decoded, of_words
from gis.premises import CrsFrom, Premises
from gis.streets import parse
from outage import tables as t

ONE_PLACE_M = 150.0
"""Points of one address that lie no farther apart are one place: flats, and several entrances."""
_M_PER_DEGREE = 111_320.0
_ALIKE = 0.85
_LETTERS = re.compile(r"[^0-9a-z]")
_US_ZIP = re.compile(r"(\d{5})-?\d{4}")


class Fit(StrEnum):
    """How sure a place is, or why there is none."""

    EXACT = "exact"
    """Number, street, and city or postal code are those of points in one place."""
    LIKELY = "likely"
    """Number and street are, and neither side says where else they could be."""
    SEVERAL = "several"
    """Points with this address lie in several places."""
    ELSEWHERE = "elsewhere"
    """The address is there in another city or postal code alone."""
    NO_NUMBER = "no_number"
    """The street is there, and this number is not."""
    NO_STREET = "no_street"
    NO_ADDRESS = "no_address"
    """What is on record is no house number and street."""

    @property
    def places(self) -> bool:
        """Whether there is a place."""
        return self in {Fit.EXACT, Fit.LIKELY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unplaced:
    """A premise without coordinates, as it is on record."""

    id: str
    address: str
    city: str
    region: str
    postal_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Geocoded:
    """What was found for a premise. ``hint`` says what there is instead, for who looks at it."""

    premise: Unplaced
    fit: Fit
    longitude: float | None = None
    latitude: float | None = None
    hint: str = ""


_Point = tuple[float, float, str, str]
"""Longitude, latitude, city and postal code, the last two as they are compared."""


def unplaced(conn: Connection) -> list[Unplaced]:
    """The premises that no shape reaches, by id."""
    p = t.premises.c
    rows = conn.execute(
        sa.select(p.id, p.address, p.city, p.region, p.postal_code)
        .where(p.longitude.is_(None), p.closed_at.is_(None))
        .order_by(p.id)
    )
    return [
        Unplaced(
            id=row.id,
            address=row.address,
            city=row.city,
            region=row.region,
            postal_code=row.postal_code or "",
        )
        for row in rows
    ]


def geocode(premises: Sequence[Unplaced], points: Premises) -> list[Geocoded]:
    """Find a place for each premise among address points, in the order of the premises.

    Memory grows with the premises and the streets, not with the points.
    """
    asked = [parse(premise.address) for premise in premises]
    wanted = {pair for pair in asked if pair[1] is not None}
    streets = set[str]()
    known: dict[tuple[int | None, str | None], list[_Point]] = defaultdict(list)
    for address, point in _points(points):
        number, street = parse(address)
        if street is not None:
            streets.add(street)
            if (number, street) in wanted:
                known[number, street].append(point)
    found: list[Geocoded] = []
    for premise, (number, street) in zip(premises, asked, strict=True):
        if street is None:
            found.append(Geocoded(premise=premise, fit=Fit.NO_ADDRESS))
        elif (number, street) in known:
            found.append(_fitted(premise, known[number, street]))
        elif street in streets:
            found.append(Geocoded(premise=premise, fit=Fit.NO_NUMBER))
        else:
            near = difflib.get_close_matches(street, streets, n=1, cutoff=_ALIKE)
            hint = f"there is {near[0]}" if near else ""
            found.append(Geocoded(premise=premise, fit=Fit.NO_STREET, hint=hint))
    return found


def placed(found: Iterable[Geocoded], points: Premises) -> Premises:
    """What was found, to be loaded as a file that says nothing but places."""
    sure = [one for one in found if one.fit.places]
    rows = len(sure)
    return Premises(
        file=points.file,
        ids=pa.chunked_array([of_words([one.premise.id for one in sure])]),
        lon=np.array([one.longitude for one in sure], dtype=np.float64),
        lat=np.array([one.latitude for one in sure], dtype=np.float64),
        services=np.zeros(rows, np.uint8),
        says_services=False,
        text={},
        aliases={},
        lines=np.arange(1, rows + 1, dtype=np.int64),
        rejected=(),
        given={},
        mentioned=frozenset(),
        rows=rows,
        crs=points.crs,
        crs_from=CrsFrom.FILE,
    )


def _points(points: Premises) -> Iterator[tuple[str, _Point]]:
    """Each point with its address."""
    size = len(points)
    text = {
        name: decoded(points.text[name]) if name in points.text else [""] * size
        for name in ("address", "city", "postal_code")
    }
    for place in np.flatnonzero(np.isfinite(points.lon)).tolist():
        yield (
            text["address"][place],
            (
                float(points.lon[place]),
                float(points.lat[place]),
                _plain(text["city"][place]),
                _code(text["postal_code"][place]),
            ),
        )


def _fitted(premise: Unplaced, points: list[_Point]) -> Geocoded:
    """The place of an address of which there are points."""
    city, code = _plain(premise.city), _code(premise.postal_code)
    fits = [(point, _agrees(city, point[2]), _agrees(code, point[3])) for point in points]
    here = [(point, one or other) for point, one, other in fits if False not in {one, other}]
    if not here:
        where = sorted({" ".join(filter(None, point[2:])) for point in points})
        hint = f"it is there in {', '.join(where[:3])}"
        return Geocoded(premise=premise, fit=Fit.ELSEWHERE, hint=hint)
    # One that says where it is goes before those that say nothing.
    said = [point for point, agrees in here if agrees] or [point for point, _ in here]
    lon = sum(point[0] for point in said) / len(said)
    lat = sum(point[1] for point in said) / len(said)
    if max(_metres(lon, lat, point) for point in said) > ONE_PLACE_M / 2:
        hint = f"{len(said)} points lie apart"
        return Geocoded(premise=premise, fit=Fit.SEVERAL, hint=hint)
    exact = any(agrees for _, agrees in here)
    return Geocoded(
        premise=premise,
        fit=Fit.EXACT if exact else Fit.LIKELY,
        longitude=round(lon, 7),
        latitude=round(lat, 7),
    )


def _agrees(one: str, other: str) -> bool | None:
    """Whether both say the same; None where one of them says nothing."""
    return None if not one or not other else one == other


def _plain(text: str) -> str:
    return _LETTERS.sub("", text.casefold())


def _code(text: str) -> str:
    """A postal code as it is compared: of a ZIP+4 its first five digits."""
    zipped = _US_ZIP.fullmatch(text.strip())
    return zipped[1] if zipped else _plain(text)


def _metres(lon: float, lat: float, point: _Point) -> float:
    across = math.cos(math.radians(lat)) * _M_PER_DEGREE
    return math.hypot((point[0] - lon) * across, (point[1] - lat) * _M_PER_DEGREE)
