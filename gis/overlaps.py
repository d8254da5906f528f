"""Which of some premises are in open outages already."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from gis.index import PremiseIndex
from gis.membership.claims import LIVE
from gis.selection import Positions, Selection
from outage import tables as t
from outage.model import OPEN, Service

_NOWHERE = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlaps:
    """What open outages of a service hold of some premises.

    Attributes:
        premises: how many are in at least one.
        outages: how many are in which, by public id.
    """

    premises: int
    outages: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """Live members of one outage, as positions of one index."""

    version: int
    number: int
    positions: Positions


class OpenOutages:
    """Members of the open outages, each read once per count of it. Can serve many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[int, _Held] = {}

    def overlaps(
        self,
        conn: Connection,
        inside: Selection,
        index: PremiseIndex,
        service: Service,
        *,
        besides: str | None = None,
    ) -> Overlaps:
        """Find who is in an open outage of the service already; ``besides`` one outage."""
        o = t.outages.c
        rows = conn.execute(
            sa.select(o.key, o.id, o.matched_number).where(
                o.service == service,
                o.status.in_([str(status) for status in OPEN]),
                o.matched_number.is_not(None),
            )
        ).all()
        held = self._refreshed(conn, {row.key: row.matched_number for row in rows}, index)
        others = [(row.id, held[row.key].positions) for row in rows if row.id != besides]
        sizes = [len(positions) for _, positions in others]
        positions = np.concatenate([_NOWHERE, *(held for _, held in others)])
        hit = _mask(inside, len(index))[positions]
        counts = np.bincount(np.repeat(np.arange(len(others)), sizes)[hit], minlength=len(others))
        return Overlaps(
            premises=len(np.unique(positions[hit])),
            outages={
                name: number
                for (name, _), number in zip(others, counts.tolist(), strict=True)
                if number
            },
        )

    def _refreshed(
        self, conn: Connection, numbers: dict[int, int], index: PremiseIndex
    ) -> dict[int, _Held]:
        """Give what these outages hold; read anew what has been counted since."""
        with self._lock:
            kept = self._held
            old = [
                key
                for key, number in numbers.items()
                if key not in kept
                or (kept[key].version, kept[key].number) != (index.version, number)
            ]
            fresh = {
                key: _Held(version=index.version, number=numbers[key], positions=positions)
                for key, positions in _members(conn, old, index).items()
            }
            # Outages of other services stay, those that are over go with the next version.
            self._held = {
                key: held for key, held in kept.items() if held.version == index.version
            } | fresh
            return {key: self._held[key] for key in numbers}


def _members(conn: Connection, outages: list[int], index: PremiseIndex) -> dict[int, Positions]:
    m, o = t.memberships.c, t.outages.c
    rows = conn.execute(
        sa.select(m.outage_key, m.premise_key)
        .join_from(t.memberships, t.outages, o.key == m.outage_key)
        # A number that is being written does not count yet.
        .where(m.outage_key.in_(outages), LIVE, m.added <= o.membership)
        .order_by(m.outage_key)
    )
    pairs = np.array([tuple(row) for row in rows], dtype=np.int64).reshape(-1, 2)
    first = np.searchsorted(pairs[:, 0], outages, side="left").tolist()
    last = np.searchsorted(pairs[:, 0], outages, side="right").tolist()
    return {
        key: index.locate(pairs[begin:end, 1]).positions()
        for key, begin, end in zip(outages, first, last, strict=True)
    }


def _mask(inside: Selection, size: int) -> NDArray[np.bool_]:
    """Say of every position whether it is inside."""
    edges = np.zeros(size + 1, np.int8)
    edges[inside.starts] += 1
    edges[inside.stops] -= 1
    return np.cumsum(edges[:size], dtype=np.int8).astype(np.bool_)
