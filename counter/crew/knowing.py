"""What a crew is shown of its outage: what is known, and nothing of accounts or people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from counter.crew.drawing import Drawing, drawn
from gis.sketch import sketch
from outage import crew_proposals, crew_words, register
from outage import tables as t
from outage.crew_links import Link
from outage.crew_proposals import Proposal
from outage.model import Outage
from outage.summary import Facts, history

MOST_NOTES, MOST_LATE, MOST_PROPOSALS = 8, 8, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One outage for its crew."""

    outage: Outage
    mine: str
    """Who the journal says that this crew is."""
    premises: int | None
    """Without service, at the most; None while nobody knows."""
    counted: bool
    address: str
    """Of the premise where the drawing has its middle; empty where none has a place."""
    latitude: float | None
    longitude: float | None
    drawing: Drawing | None
    streets: list[tuple[str, int]]
    notes: list[Facts]
    late: list[Facts]
    """What this link said that came too late."""
    waiting: list[Proposal]


def know(conn: Connection, link: Link) -> Job:
    """Read what there is to know."""
    outage = register.load(conn, link.outage_id)
    found = sketch(conn, outage.key)
    facts = history(conn, outage.id)
    mine = str(link.actor)
    return Job(
        outage=outage,
        mine=mine,
        premises=crew_words.size(conn, outage),
        counted=bool(facts["counted"]),
        address="" if found is None else _address(conn, outage.key, found.middle),
        latitude=None if found is None else found.middle[1],
        longitude=None if found is None else found.middle[0],
        drawing=None if found is None else drawn(found),
        streets=crew_words.streets(conn, outage.key),
        notes=[note for note in facts["notes"] if note["kind"] == "note"][: -MOST_NOTES - 1 : -1],
        late=[said for said in facts["recorded"] if said["actor"] == mine][: -MOST_LATE - 1 : -1],
        waiting=crew_proposals.waiting(conn, limit=MOST_PROPOSALS, outage_key=outage.key),
    )


def _address(conn: Connection, outage_key: int, middle: tuple[float, float]) -> str:
    """The address of the premise of the outage that is nearest to its middle."""
    m, p = t.memberships.c, t.premises.c
    off: sa.ColumnElement[Any] = (p.longitude - middle[0]) * (p.longitude - middle[0]) + (
        p.latitude - middle[1]
    ) * (p.latitude - middle[1])
    row = conn.execute(
        sa.select(p.address, p.city)
        .join_from(t.memberships, t.premises, p.key == m.premise_key)
        .where(m.outage_key == outage_key, m.removed.is_(None), p.longitude.is_not(None))
        .order_by(off)
        .limit(1)
    ).first()
    return "" if row is None else ", ".join(filter(None, (row.address, row.city)))
