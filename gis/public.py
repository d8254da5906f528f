"""What the public may see of where an outage is: whole cells, never a premise (DECISIONS 32).

An outline is drawn from the cells of one partition, from the first one on until the outage ends.
So two of its outlines differ by whole cells or not at all, and nobody learns more of a premise than
that it is one of at least `MIN_PREMISES`. docs/privacy.md says what can be learnt all the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import shapely
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.engine import Connection

from gis.cells import Cells, Degrees
from gis.cutting import Numbers
from gis.index import PremiseIndex
from gis.selection import Keys
from outage import tables as t
from outage.clock import business_now
from outage.database import Database
from outage.lifecycle import REOPEN_WITHIN
from outage.model import OPEN, Outage, OutageKey, Service
from outage.privacy import MIN_PREMISES

MOST_VERTICES = 100
"""Of one part, its holes included."""
MOST_PARTS = 50
_MOST_BOXES = 1_000
"""What is worth joining: more have too many corners, nearly always."""
_KEPT = 6

_c = t.premise_cells


def outline(cells: Cells, out: Numbers) -> shapely.Geometry | None:
    """Return the ground of cells, or of larger nodes over them while that has too many corners.

    The same cells always give the same ground, and any two results hold the same premises or
    differ by whole cells.

    Args:
        cells: the partition.
        out: cells with at least one premise out, in any order.
    """
    if not len(out):
        return None
    *coarser, finest = cells.levels(out)
    best = _drawn(cells, finest)
    if best is not None:
        return best
    for nodes in coarser:
        area = _drawn(cells, nodes)
        if area is None:
            break
        best = area
    return best


def fallen_short(cells: Cells, lon: Degrees, lat: Degrees) -> Numbers:
    """Return cells that hold too few of the premises of a later version, which are at these places.

    They are not drawn any more.
    """
    left = np.bincount(cells.at(lon, lat), minlength=len(cells.cut))
    short: Numbers = np.flatnonzero(left < MIN_PREMISES)
    return short


def _drawn(cells: Cells, nodes: Numbers) -> shapely.Geometry | None:
    """Return the ground of nodes; None where it has too many parts or corners."""
    boxes = cells.boxes(cells.whole(nodes))
    if len(boxes) > _MOST_BOXES:
        return None
    joined = shapely.union_all(shapely.box(*boxes.T))
    # Of a straight border only the ends count. Sorted and turned, equal ground is equal text.
    area: shapely.Geometry = shapely.orient_polygons(shapely.normalize(shapely.simplify(joined, 0)))
    parts = shapely.get_parts(area)
    fits = len(parts) <= MOST_PARTS and shapely.get_num_coordinates(parts).max() <= MOST_VERTICES
    return area if fits else None


class Outlines:
    """Draws outages, each from the cells it was first drawn from."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, Service], Cells] = {}
        self._short: dict[tuple[int, Service, int], Numbers] = {}

    def draw(self, db: Database, outage: Outage, index: PremiseIndex, out: Keys) -> dict[str, Any]:
        """Return what the outage's row is to say of its outline, given who is still out."""
        nothing = {"outline": None}
        if not outage.is_open or len(out) < MIN_PREMISES:
            return nothing
        with db.read() as conn:
            version = _drawn_from(conn, outage) or index.version
        cells = self.cells(db, index, outage.service, version)
        at = cells.at(*index.xy(index.locate(out)))
        if version != index.version:
            at = np.setdiff1d(at, self._short_of(cells, version, index, outage.service))
        area = outline(cells, at)
        if area is None:
            return nothing
        return {"outline": shapely.to_geojson(area), "cells_version": version}

    def cells(self, db: Database, index: PremiseIndex, service: Service, version: int) -> Cells:
        """Return a partition; that of the index's own version is made where there is none."""
        known = self._cells.get((version, service))
        if known is not None:
            return known
        with db.read() as conn:
            content = _stored(conn, version, service)
        if content is None:
            made = Cells.of(*index.xy(index.everything(service.bit)), least=MIN_PREMISES)
            content = _store(db, version, service, made.to_bytes())
        # What is on record counts, also where another release or host has made it.
        _make_room(self._cells)
        self._cells[version, service] = Cells.from_bytes(content)
        return self._cells[version, service]

    def _short_of(
        self, cells: Cells, version: int, index: PremiseIndex, service: Service
    ) -> Numbers:
        key = (version, service, index.version)
        if key not in self._short:
            _make_room(self._short)
            self._short[key] = fallen_short(cells, *index.xy(index.everything(service.bit)))
        return self._short[key]


def prepare(db: Database, index: PremiseIndex) -> None:
    """Make the cells of a new premises version, so that no outage has to wait for them."""
    outlines = Outlines()
    for service in Service:
        if len(index.everything(service.bit)):
            outlines.cells(db, index, service, index.version)


def draw_alike(conn: Connection, origin: OutageKey, part: OutageKey, version: int) -> None:
    """Let a part be drawn from the cells of the outage that it was split off.

    Of other cells, the two outlines together could show less than a cell. Where that outage never
    was drawn, both are from those of ``version``.
    """
    whole = t.outages.alias("whole")
    same = sa.select(whole.c.cells_version).where(whole.c.key == origin).scalar_subquery()
    o = t.outages
    conn.execute(
        o.update()
        .where(o.c.key == origin, o.c.cells_version.is_(None))
        .values(cells_version=version)
    )
    conn.execute(o.update().where(o.c.key == part).values(cells_version=same))


def _make_room(kept: dict[Any, Any]) -> None:
    while len(kept) >= _KEPT:
        del kept[next(iter(kept))]


def _drawn_from(conn: Connection, outage: Outage) -> int | None:
    """Return the version of the cells that an outage was drawn from, if they are still there."""
    version: int | None = conn.execute(
        sa.select(t.outages.c.cells_version)
        .join(_c, _c.c.version == t.outages.c.cells_version)
        .where(
            t.outages.c.key == outage.key,
            _c.c.service == outage.service.value,
            _c.c.least == MIN_PREMISES,
        )
    ).scalar()
    return version


def _stored(conn: Connection, version: int, service: Service) -> bytes | None:
    content: bytes | None = conn.execute(
        sa.select(_c.c.cells).where(
            _c.c.version == version, _c.c.service == service.value, _c.c.least == MIN_PREMISES
        )
    ).scalar()
    return content


def _store(db: Database, version: int, service: Service, content: bytes) -> bytes:
    """Keep a partition unless there is one, and let go of those that nobody needs."""
    with db.write() as conn:
        insert: Any = insert_sqlite if conn.dialect.name == "sqlite" else insert_postgresql
        conn.execute(
            insert(_c)
            .values(version=version, service=service.value, least=MIN_PREMISES, cells=content)
            .on_conflict_do_nothing()
        )
        _forget(conn, version, business_now(conn))
        return _stored(conn, version, service) or content


def _forget(conn: Connection, newest: int, now: datetime) -> None:
    o = t.outages.c
    # An outage that has ended may be reopened for a while, and goes on with its cells then. Those
    # next to the newest stay: a reader may be about to draw from them for the first time.
    needed = sa.select(o.cells_version).where(
        o.cells_version.is_not(None),
        sa.or_(o.status.in_([status.value for status in OPEN]), o.updated_at > now - REOPEN_WITHIN),
    )
    conn.execute(_c.delete().where(_c.c.version < newest - 1, _c.c.version.not_in(needed)))
