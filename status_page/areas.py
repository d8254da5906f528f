"""The areas of public outages, by the rule of `outage.areas`."""

import dataclasses
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.areas import AreaName, Lying
from outage.model import Service
from status_page.view import PublicArea, PublicStatus

CHUNK = 500
"""Outages asked for in one statement: a record holds every outage there ever was."""


class Areas:
    """Names the areas of outages; looks only at those that were matched anew since."""

    def __init__(self, areas: Iterable[PublicArea]) -> None:
        self._lying = Lying(areas)
        self._known: dict[str, tuple[int, tuple[AreaName, ...]]] = {}

    def put(self, conn: Connection, status: PublicStatus, *, is_all: bool = True) -> PublicStatus:
        """Return the state with the areas of each outage.

        Args:
            conn: The snapshot that the state was read in.
            status: What is public.
            is_all: It is all of that: what is known of any other outage is forgotten.
        """
        if not self._lying.any:
            return status
        found = self._look(conn, {each.id for each in status.outages})
        self._known = found if is_all else {**self._known, **found}
        outages = tuple(
            dataclasses.replace(each, areas=found[each.id][1]) if each.id in found else each
            for each in status.outages
        )
        return dataclasses.replace(status, outages=outages)

    def _look(
        self, conn: Connection, shown: Iterable[str]
    ) -> dict[str, tuple[int, tuple[AreaName, ...]]]:
        o = t.outages.c
        listed = sorted(shown)
        self._lying.forget()
        found: dict[str, tuple[int, tuple[AreaName, ...]]] = {}
        for at in range(0, len(listed), CHUNK):
            rows = conn.execute(
                sa.select(o.id, o.key, o.service, o.matched_number).where(
                    o.id.in_(listed[at : at + CHUNK]), o.matched_number.is_not(None)
                )
            )
            for key, row, service, number in rows.all():
                known = self._known.get(key)
                same = known is not None and known[0] == number
                found[key] = (
                    known
                    if known and same
                    else (number, self._lying.of(conn, row, Service(service)))
                )
        return found
