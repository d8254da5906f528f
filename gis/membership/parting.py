"""Places of outages that are split or merged: each matched, as the desk takes it."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gis.index import PremiseIndex
from gis.matching import Matcher
from gis.membership import members
from gis.selection import Keys, Selection
from gis.where import select
from outage import register
from outage import tables as t
from outage import where as w
from outage.database import Database
from outage.errors import NobodyMovesError
from outage.model import MatchedShape, Outage, Parting, Service
from outage.regrouping import place_of_both


def part(db: Database, matcher: Matcher, outage_id: str, place: MatchedShape) -> Parting:
    """Part an outage's place, for the desk's `split`.

    Raises `NobodyMovesError` for an outage that is nowhere.
    """
    index = matcher.index()
    with db.read() as conn:
        outage = register.load(conn, outage_id)
        whole = register.place(conn, outage.shape_digest)
        if whole is None:
            raise NobodyMovesError(id=outage.id)
        other = w.Drawn(digest=place.digest) if place.spec is None else w.from_spec(place.spec)
        inside = _inside(conn, place, other, index, outage.service)
        ground = select(conn, whole, index, outage.service)
        moving, staying = ground & inside, ground - inside
        live = _live(conn, outage)
    counts = [len(one) if live is None else _how_many(one, live) for one in (moving, staying)]
    return Parting(
        part=place,
        moving=_named(w.Both(one=whole, other=other), moving),
        staying=_named(w.But(one=whole, without=other), staying),
        moves=counts[0],
        stays=counts[1],
    )


def together(db: Database, matcher: Matcher, outage_id: str, into: str) -> MatchedShape | None:
    """Match where two outages are together, for the desk's `merge`; None for nowhere."""
    with db.read() as conn:
        outage, heir = register.load(conn, outage_id), register.load(conn, into)
        place = place_of_both(conn, outage, heir)
    return None if place is None else matcher.find(place, heir.service).for_desk()


def _inside(
    conn: Connection, place: MatchedShape, other: w.Where, index: PremiseIndex, service: Service
) -> Selection:
    # What is drawn may not be on record yet.
    if isinstance(other, w.Drawn):
        return index.match(place.wkb, service.bit)
    return select(conn, other, index, service)


def _live(conn: Connection, outage: Outage) -> Keys | None:
    """Who is out in it, None until those inside the place that it has now are its members."""
    matched = conn.execute(
        sa.select(t.outages.c.matched_shape_digest).where(t.outages.c.key == outage.key)
    ).scalar_one()
    if matched != outage.shape_digest:
        return None
    return members.current(conn, outage.key, live=True)


def _how_many(inside: Selection, live: Keys) -> int:
    return len(np.intersect1d(inside.keys(), live, assume_unique=True))


def _named(where: w.Where, inside: Selection) -> MatchedShape:
    return MatchedShape(
        wkb=b"",
        digest=w.digest(where),
        vertices=0,
        premise_count=len(inside),
        premises_version=inside.version,
        spec=w.to_spec(where),
    )
