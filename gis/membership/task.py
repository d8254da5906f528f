"""What the gis reader works on: one work item and one outage that it concerns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gis.index import PremiseIndex
from gis.membership import members
from gis.membership.interruptions import End
from gis.selection import Keys
from gis.where import select
from outage import journal, register
from outage import tables as t
from outage.database import Database
from outage.journal import JournalEntry, WorkItem
from outage.model import JournalKind, Outage, OutageKey, Status

_OTHER_NAMED_BY: Mapping[str, str] = {JournalKind.MERGED: "from", JournalKind.SPLIT: "into"}
"""Entries that move members between two outages, and where they name the other one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One work item and an outage as it is when the work begins.

    Attributes:
        number: the membership number that the work writes and makes current at its end.
        index: the premises that the whole work is matched against.
        matched_digest, matched_version: shape and premises version of the last match.
    """

    item: WorkItem
    outage: Outage
    number: int
    index: PremiseIndex
    matched_digest: str | None
    matched_version: int | None

    @property
    def at(self) -> datetime:
        """Business time of the entry."""
        return self.item.entry.at

    def progress(self, settled: int = 0) -> dict[str, int]:
        """What a step commits with its work: up to which premise members were settled again."""
        return {"settled": max(settled, int(self.item.step.get("settled", 0)))}

    @property
    def over(self) -> End:
        """The end of what is still open under an outage that is put away, or never was."""
        outage = self.outage
        if outage.status is Status.CLOSED:
            at = outage.unlisted_since or outage.closed_at or self.at
            return End(at=at, outcome="inferred")
        return End(at=self.at, outcome="voided")

    @property
    def fell_out(self) -> End:
        """The end of an interruption that the outage never was."""
        return End(at=self.at, outcome="voided", voided=self.outage.key)


def load(db: Database, item: WorkItem, index: PremiseIndex, key: OutageKey) -> Task:
    """Load the task of a work item for one of its outages."""
    with db.read() as conn:
        outage = register.load_key(conn, key)
        row = conn.execute(
            sa.select(
                t.outages.c.membership,
                t.outages.c.matched_shape_digest,
                t.outages.c.matched_premises_version,
            ).where(t.outages.c.key == key)
        ).one()
    return Task(
        item=item,
        outage=outage,
        # Until the work ends nobody else makes a number current: every attempt writes the same.
        number=row.membership + 1,
        index=index,
        matched_digest=row.matched_shape_digest,
        matched_version=row.matched_premises_version,
    )


def inside(conn: Connection, task: Task, digest: str | None) -> Keys:
    """Sorted keys of the premises inside a place that is on record."""
    if digest is None:
        return np.empty(0, np.int64)
    place = register.place(conn, digest)
    assert place is not None  # noqa: S101 there is a digest
    return select(conn, place, task.index, task.outage.service).keys()


def current(db: Database, task: Task, *, live: bool) -> Keys:
    """Sorted premise keys of the outage's members, with ``live`` only of those not restored."""
    with db.read() as conn:
        return members.current(conn, task.outage.key, live=live)


def regroups(entry: JournalEntry) -> bool:
    """Whether an entry tells of a merge or a split; of its two, one leads to work."""
    return entry.kind in _OTHER_NAMED_BY


def other(entry: JournalEntry) -> OutageKey | None:
    """The outage that an entry moves members from or to, None if that is not its work."""
    key = entry.data.get(_OTHER_NAMED_BY.get(entry.kind, ""))
    return None if key is None else OutageKey(key)


def regroups_later(conn: Connection, task: Task) -> bool:
    """Whether a merge or a split waits in the outage's line, which matches it anew at its end.

    The place on record is that of afterwards already: by it the part that is to be split off would
    fall out, and the ground that is to come would bring in who is restored there.
    """
    later = journal.entries_of(
        conn, task.outage.key, task.item.entry.number, kinds=list(_OTHER_NAMED_BY)
    )
    return any(other(entry) is not None for entry in later)
