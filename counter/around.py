"""How it stands around a place, for who has proved nothing: what everybody may read of its area."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from counter.finding import NOBODY, Finding
from counter.standing import Stand, View, look, look_around
from notifier import facts
from notifier.replies.area import outages_near
from notifier.replies.standing import Place, clock_at
from outage import tables as t
from outage.clock import business_now
from outage.model import Service
from outage.site import Site

MOST_OUTAGES = 3
"""Of those in an area so many are told of; all are on the list of outages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """An outage in the area, by its public id, and what its page says of it."""

    id: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One service of a place, or of its area: how it stands there, and with which outages."""

    stand: Stand
    near: tuple[Near, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What somebody is told of one place; ``proved``: of itself, and not only of its area."""

    street: str
    proved: bool
    told: tuple[Told, ...]
    as_of: str


def tell(conn: Connection, found: Finding, language: str, site: Site) -> list[Answered]:
    """Return what may be told of what was found (DECISIONS 32)."""
    if not found.proved:
        return [_around(conn, found.places[0], language, site)]
    spots, as_of = look(conn, found.places, NOBODY, language, site)
    return [
        Answered(
            street=spot.street,
            proved=True,
            told=tuple(Told(stand=stand) for stand in spot.stands),
            as_of=as_of,
        )
        for spot in spots
    ]


def _around(conn: Connection, at: Place, language: str, site: Site) -> Answered:
    (spot,), as_of = look_around(conn, [at], NOBODY, language, site)
    found: dict[Service, list[int]] = {}
    for key, service in sorted(outages_near(conn, at.key), reverse=True):
        found.setdefault(service, []).append(key)
    told = tuple(
        Told(stand=stand, near=_near(conn, found[stand.service], at, language, site))
        if stand.state == "area_out"
        else Told(stand=stand)
        for stand in spot.stands
    )
    return Answered(street="", proved=False, told=told, as_of=as_of)


def _near(
    conn: Connection, keys: Sequence[int], at: Place, language: str, site: Site
) -> tuple[Near, ...]:
    some = keys[:MOST_OUTAGES]
    view = View(
        language=language,
        site=site,
        zone=clock_at([at], site),
        now=business_now(conn),
        about=facts.load(conn, some),
        uncounted=frozenset(),
        only=frozenset(),
    )
    o = t.outages.c
    ids = {row.key: row.id for row in conn.execute(sa.select(o.key, o.id).where(o.key.in_(some)))}
    return tuple(Near(id=ids[key], facts=view.out(view.about[key])) for key in some)
