"""From a shape to the premises inside it, and the value that the desk takes (DECISIONS 2)."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from gis import asked, places
from gis.errors import IndexBeingBuilt, RepairChangesPremises
from gis.index import PremiseIndex
from gis.places import Found
from gis.search.fetching import fetch
from gis.search.index_file import Edition
from gis.search.kernels import prepare
from gis.search.layout import Layout, lay_out
from gis.search.shelf import Shelf
from gis.selection import Keys, Selection
from gis.shapes import Shape, ShapeLimits, accept, accept_file
from gis.where import select
from outage import tables as t
from outage import where as w
from outage.database import Database
from outage.errors import DatabaseError
from outage.model import MatchedShape, Service
from outage.schema import epoch
from outage.settings import Settings

PATIENCE_S = 10.0
"""How long somebody who asks waits for an index that another thread is building."""
_POINT = np.dtype(
    [("key", np.int64), ("lon", np.float64), ("lat", np.float64), ("services", np.uint8)]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Who is inside a place, of one premises version.

    Attributes:
        where: the place.
        inside: the premises with the service inside it.
        index: what it was found in.
        shape: what was drawn, None for a place that is named.
        as_drawn: who would be inside without a repair, None for a shape that needed none.
        found: how a place was found that somebody named.
    """

    where: w.Where
    inside: Selection
    index: PremiseIndex
    shape: Shape | None = None
    as_drawn: Selection | None = None
    found: Found | None = None

    @property
    def keys(self) -> Keys:
        """Sorted premise keys."""
        return self.inside.keys()

    @property
    def premises_version(self) -> int:
        """The premises version it was matched against."""
        return self.inside.version

    def for_desk(self) -> MatchedShape:
        """The place as the desk's commands take it."""
        return MatchedShape(
            wkb=b"" if self.shape is None else self.shape.wkb,
            digest=w.digest(self.where),
            vertices=0 if self.shape is None else self.shape.vertices,
            premise_count=len(self.inside),
            premises_version=self.premises_version,
            spec=w.to_spec(self.where) if self.shape is None else None,
        )


class Matcher:
    """Matches shapes against the premises of a database.

    Keeps one index open and takes a new one when the premises version has changed. One matcher can
    serve many threads.

    Args:
        db: where the premises are on record.
        folder: where this host keeps index files, for all of its processes; without one the
            matcher builds its own in memory.
    """

    def __init__(self, db: Database, folder: Path | None = None) -> None:
        self._db = db
        self._shelf = None if folder is None else Shelf(folder)
        self._lock = threading.Lock()
        self._edition: Edition | None = None
        self._index: PremiseIndex | None = None

    def warm_up(self) -> None:
        """Load what the first match would wait for, beside all else; for processes that stay."""
        prepare()
        threading.Thread(target=self._open, name="index", daemon=True).start()

    def _open(self) -> None:
        # Who matches will open it then, and say what is wrong.
        with suppress(sa.exc.SQLAlchemyError, DatabaseError):
            self.index()

    def index(self, patience_s: float = -1) -> PremiseIndex:
        """The index of the current premises version.

        Raises `IndexBeingBuilt` if somebody else has not finished it after so many seconds.
        """
        if not self._lock.acquire(timeout=patience_s):
            raise IndexBeingBuilt
        try:
            with self._db.read() as conn:
                edition = _edition(conn)
                if self._index is None or self._edition != edition:
                    self._index = PremiseIndex.over(self._layout(conn, edition, patience_s))
                    self._edition = edition
                return self._index
        finally:
            self._lock.release()

    def _layout(self, conn: Connection, edition: Edition, patience_s: float) -> Layout:
        def build() -> Layout:
            return _layout(conn, edition.version)

        if self._shelf is None:
            return build()
        layout = self._shelf.take(edition, build, patience_s)
        threading.Thread(target=self._check, args=(edition,), name="check", daemon=True).start()
        return layout

    def _check(self, edition: Edition) -> None:
        """Read the file through beside everything else, and let a damaged one go."""
        if self._shelf is not None and not self._shelf.check(edition):
            with self._lock:
                self._index = None

    def match(
        self,
        source: object,
        service: Service,
        *,
        limits: ShapeLimits,
        crs: str | None = None,
        accept_repair: bool = False,
    ) -> Match:
        """Let a shape through the gate and find the premises with the service inside it.

        Raises:
            ShapeRefused: one sentence that says what is wrong with the shape; a repair that
                changes who is inside is refused unless ``accept_repair``.
        """
        shape = _through_gate(source, limits=limits, crs=crs)
        return self.match_shape(shape, service, accept_repair=accept_repair)

    def match_shape(self, shape: Shape, service: Service, *, accept_repair: bool = False) -> Match:
        """Find the premises with the service inside a shape that has passed the gate."""
        match = self._look_inside(shape, service)
        if not accept_repair:
            _refuse_repair(match)
        return match

    def look(
        self, wanted: asked.Asked, service: Service, *, limits: ShapeLimits, max_ids: int
    ) -> Match:
        """Find the premises with the service inside any place that somebody asks for.

        Raises:
            GisError: one sentence that says what is wrong with it.
        """
        if isinstance(wanted, asked.Shape):
            shape = _through_gate(wanted.source, limits=limits, crs=wanted.crs, layer=wanted.layer)
            return self._look_inside(shape, service)
        index = self.index(PATIENCE_S)
        with self._db.read() as conn:
            found = places.find(conn, wanted, max_ids=max_ids)
            inside = select(conn, found.where, index, service)
        return Match(where=found.where, inside=inside, index=index, found=found)

    def ask(
        self, wanted: asked.Asked, service: Service, *, limits: ShapeLimits, max_ids: int
    ) -> Match:
        """Find as `look` does, and refuse what a person has to decide and has not.

        Raises:
            GisError: also for a repair that changes who is inside, and for ids that name
                nothing for certain.
        """
        match = self.look(wanted, service, limits=limits, max_ids=max_ids)
        if isinstance(wanted, asked.Shape) and not wanted.accept_repair:
            _refuse_repair(match)
        if isinstance(wanted, asked.Ids) and not wanted.skip_unknown:
            places.refuse_unknown(match.found)
        return match

    def _look_inside(self, shape: Shape, service: Service) -> Match:
        index = self.index(PATIENCE_S)
        return Match(
            where=w.Drawn(digest=shape.hash),
            inside=index.match(shape.wkb, service.bit),
            index=index,
            shape=shape,
            as_drawn=None if shape.drawn is None else index.match(shape.drawn, service.bit),
        )

    def find(self, where: w.Where, service: Service) -> Match:
        """Find the premises with the service inside a place that is named, or on record."""
        index = self.index(PATIENCE_S)
        with self._db.read() as conn:
            inside = select(conn, where, index, service)
        return Match(where=where, inside=inside, index=index)


def _through_gate(
    source: object, *, limits: ShapeLimits, crs: str | None, layer: str | None = None
) -> Shape:
    """Let what somebody wrote, or a file of any format or its bytes, through the gate."""
    if isinstance(source, bytes | Path):
        return accept_file(source, limits=limits, crs=crs, layer=layer)
    return accept(source, limits=limits, crs=crs)


def _refuse_repair(match: Match) -> None:
    if match.shape is None or match.as_drawn is None:
        return
    added, removed = match.inside - match.as_drawn, match.as_drawn - match.inside
    if len(added) or len(removed):
        raise RepairChangesPremises(
            reason=match.shape.repaired, added=len(added), removed=len(removed)
        )


def limits_of(settings: Settings) -> ShapeLimits:
    """The limits of the gate, as the operator set them."""
    return ShapeLimits(
        max_bytes=settings.shape_max_bytes,
        max_vertices=settings.shape_max_vertices,
        max_parts=settings.shape_max_parts,
        max_area_km2=settings.shape_max_area_km2,
    )


def premises_version(conn: Connection) -> int:
    """The current premises version, 0 before the first load."""
    return int(conn.execute(sa.select(sa.func.max(t.premises_versions.c.version))).scalar() or 0)


def _edition(conn: Connection) -> Edition:
    return Edition(database=epoch(conn), version=premises_version(conn))


def _layout(conn: Connection, version: int) -> Layout:
    points = read_premises(conn, version)
    return lay_out(
        version=version,
        keys=points["key"],
        lon=points["lon"],
        lat=points["lat"],
        services=points["services"],
    )


def read_premises(conn: Connection, version: int) -> NDArray[np.void]:
    """Read the premises of one version, whatever a load under way has written already.

    They are in the order of their keys, whoever reads them: a position of a version's index is
    the same premise in every index that is built of it.
    """
    p, b = t.premises.c, t.premises_before.c
    settled = sa.select(p.key, p.longitude, p.latitude, p.services).where(
        p.closed_at.is_(None), p.loaded_version <= version
    )
    before = (
        sa.select(b.premise_key, b.longitude, b.latitude, b.services)
        .join(t.premises, p.key == b.premise_key)
        .where(b.version > version, p.loaded_version > version)
    )
    points = fetch(conn, sa.union_all(settled, before), _POINT)
    return np.asarray(points[np.argsort(points["key"])])
