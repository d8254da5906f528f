"""The preview: who is inside a place and behind it, before anybody is told; changes nothing."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gis import asked, counting
from gis.keeping import Keeper
from gis.matching import Match, Matcher, limits_of
from gis.overlaps import OpenOutages
from gis.where import select
from outage import register
from outage import tables as t
from outage.among import among
from outage.database import Database
from outage.model import Service
from outage.settings import Settings

Facts = dict[str, Any]


class Previewer:
    """Answers previews. One can serve many threads.

    Args:
        db: where everything is on record.
        matcher: finds who is inside.
        settings: the limits of shapes and lists.
        keeper: keeps who is behind premises at hand; without one the tables are asked.
    """

    def __init__(
        self, db: Database, matcher: Matcher, settings: Settings, keeper: Keeper | None = None
    ) -> None:
        self._keeper = keeper
        self._db = db
        self._matcher = matcher
        self._limits = limits_of(settings)
        self._max_ids = settings.list_max_ids
        self._open = OpenOutages()

    def preview(
        self,
        wanted: asked.Asked,
        service: Service,
        *,
        against: str | None = None,
        ids: bool = False,
    ) -> Facts:
        """Say who is inside a place, as JSON values.

        Args:
            wanted: the place. What a person would have to decide before it is declared (a repair
                that changes who is inside, ids of nothing) is said and not refused.
            service: what is out there.
            against: id of an outage: how its present place differs.
            ids: list the premises.

        Raises:
            GisError: one sentence that says what is wrong with the place.
            UnknownOutageError: there is no outage ``against``.
        """
        began = time.perf_counter()
        match = self._matcher.look(wanted, service, limits=self._limits, max_ids=self._max_ids)
        matched = time.perf_counter()
        facts = self.behind(match, service, against=against, ids=ids)
        counted = time.perf_counter()
        return facts | {
            "matching_ms": _ms(began, matched),
            "counting_ms": _ms(matched, counted),
            "milliseconds": _ms(began, counted),
        }

    def behind(
        self, match: Match, service: Service, *, against: str | None = None, ids: bool = False
    ) -> Facts:
        """Say the same of a place that was matched already, without how long it took."""
        with self._db.read() as conn:
            facts = {
                "service": str(service),
                **_inside(match, service),
                **self._behind(conn, match),
                **self._others(conn, match, service, against),
                **_how_found(match),
            }
            if ids:
                facts["ids"] = _ids(conn, match.keys.tolist())
        return facts

    def _behind(self, conn: Connection, match: Match) -> Facts:
        kept = None if self._keeper is None else self._keeper.current
        prepared = kept is not None and kept.holds(conn, match.inside.keys_at)
        if kept is not None and prepared:
            counts = kept.count(conn, match.inside)
        else:
            counts = counting.count(conn, match.keys.tolist())
        return {
            "accounts": counts.accounts,
            "medical": counts.medical,
            "critical": counts.critical,
            "unreachable": counts.unreachable,
            "contacts": counts.contacts,
            "as_of": counts.as_of.isoformat(),
            "prepared": prepared,
        }

    def _others(
        self, conn: Connection, match: Match, service: Service, against: str | None
    ) -> Facts:
        name = None if against is None else register.load(conn, against).id
        overlaps = self._open.overlaps(conn, match.inside, match.index, service, besides=name)
        facts: Facts = {
            "overlapping": overlaps.premises,
            "overlaps": [
                {"id": outage, "premises": number} for outage, number in overlaps.outages.items()
            ],
        }
        if name is not None:
            facts["difference"] = {"from": name, **_difference(conn, match, name)}
        return facts


def _inside(match: Match, service: Service) -> Facts:
    unplaced = match.index.unplaced(service.bit)
    return {
        "premises": len(match.inside),
        # No shape reaches them; everything else does.
        "unplaced_inside": 0 if match.shape is not None else len(match.inside & unplaced),
        "unplaced": len(unplaced),
        "premises_version": match.premises_version,
    }


def _difference(conn: Connection, match: Match, name: str) -> Facts:
    """Compare with the place an outage has now, by the service that it is of."""
    outage = register.load(conn, name)
    there = match.index.locate(match.keys[:0])
    if (place := register.place(conn, outage.shape_digest)) is not None:
        there = select(conn, place, match.index, outage.service)
    return {
        "service": str(outage.service),
        "added": len(match.inside - there),
        "removed": len(there - match.inside),
        "kept": len(match.inside & there),
    }


def _how_found(match: Match) -> Facts:
    """Say what a person should look at: of a shape its size and repair, of a list its ids."""
    facts: Facts = {}
    if match.shape is not None:
        facts |= {
            "area_km2": round(match.shape.area_km2, 6),
            "vertices": match.shape.vertices,
            "repaired": match.shape.repaired,
        }
    if match.as_drawn is not None:
        facts["as_drawn"] = {
            "premises": len(match.as_drawn),
            "added_by_repair": len(match.inside - match.as_drawn),
            "removed_by_repair": len(match.as_drawn - match.inside),
        }
    if match.found is None:
        return facts
    if match.found.cities:
        facts["cities"] = match.found.cities
    listed = match.found.listed
    if listed is not None:
        facts["list"] = {
            "ids": listed.given,
            "doubled": listed.doubled,
            "without_service": len(listed.premises) - len(match.inside),
            "unknown": list(listed.unknown),
            "ambiguous": list(listed.ambiguous),
            "without_premise": list(listed.vacant),
        }
    return facts


def _ids(conn: Connection, keys: list[int]) -> list[str]:
    p = t.premises.c
    return list(
        conn.execute(sa.select(p.id).where(among(conn, p.key, keys)).order_by(p.key)).scalars()
    )


def _ms(began: float, ended: float) -> float:
    return round((ended - began) * 1000, 1)
