"""Whether everybody who was to be told has come to an end, or to a message that will: the sums.

What was decided is counted before a message is written, and what was written is counted by itself:
where the two differ, somebody was lost or told twice.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier.kinds import Kind
from outage import tables as t
from outage.database import Database
from outage.model import OPEN

log = logging.getLogger(__name__)

TELLS = tuple(sorted({kind.public_name for kind in Kind}))
"""Decisions to tell something; every other one is a reason for telling nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Of one outage: messages that were decided on, and messages on record."""

    outage_key: int
    outage_id: str
    planned: int
    messages: int

    @property
    def agree(self) -> bool:
        """Whether nobody was lost and nobody was added."""
        return self.planned == self.messages


def tally(conn: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Count decisions: each row an entry's ``number``, ``outage_key``, ``decision``, ``count``."""
    if rows:
        conn.execute(_TALLY, list(rows))


_TALLY = sa.text(
    "INSERT INTO decisions (number, outage_key, decision, count) "
    "VALUES (:number, :outage_key, :decision, :count) "
    "ON CONFLICT (number, outage_key, decision) "
    "DO UPDATE SET count = decisions.count + excluded.count"
)


def sums(conn: Connection, outage_keys: Collection[int] | None = None) -> list[Sums]:
    """The sums of these outages; of all that anything was ever decided for, if none are named."""
    d, m, o = t.decisions.c, t.messages.c, t.outages.c
    planned = (
        sa.select(sa.func.coalesce(sa.func.sum(d.count), 0))
        .where(d.outage_key == o.key, d.decision.in_(TELLS))
        .correlate(t.outages)
        .scalar_subquery()
    )
    written = (
        sa.select(sa.func.count())
        .select_from(t.messages)
        .where(m.outage_key == o.key)
        .correlate(t.outages)
        .scalar_subquery()
    )
    statement = sa.select(o.key, o.id, planned.label("planned"), written.label("messages"))
    if outage_keys is not None:
        statement = statement.where(o.key.in_(list(outage_keys)))
    return [
        Sums(
            outage_key=row.key,
            outage_id=row.id,
            planned=int(row.planned),
            messages=int(row.messages),
        )
        for row in conn.execute(statement.order_by(o.key))
    ]


class Audit:
    """Holds the sums of all outages against each other, again and again.

    An outage that has ended is looked at once more and then left alone: nothing is planned for it.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._done: set[int] = set()

    def turn(self) -> bool:
        """Look at every outage that is open or was not looked at since it ended."""
        o = t.outages.c
        is_open = o.status.in_([str(status) for status in OPEN])
        with self._db.read() as conn:
            open_ = set(conn.execute(sa.select(o.key).where(is_open)).scalars())
            ended = set(conn.execute(sa.select(o.key).where(sa.not_(is_open))).scalars())
        for key in sorted(open_ | (ended - self._done)):
            # Each in a snapshot of its own: a planner commits what it tallies with what it writes.
            with self._db.read() as conn:
                found = sums(conn, [key])
            for one in found:
                if not one.agree:
                    log.error(
                        "%s: %d messages were decided on and %d are on record; see `outage doctor`",
                        one.outage_id,
                        one.planned,
                        one.messages,
                    )
        self._done = ended
        return False
