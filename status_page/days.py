"""What began on each of the last days, counted from what is public of each outage.

A day is one of the utility's time zone, so that one in spring has 23 hours and one in autumn 25.
Its figures add up what is told of its outages (DECISIONS 32): a masked count adds `FEW`. Minutes
without service are not among them: divided by how long it lasted, they would tell how many were
restored in a step of fewer than five. For the same reason whom an outage concerned is told once it
is over: while it is not, its page says how many are still out, and the difference are those back.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from outage import tables as t
from outage.model import Kind, Status
from outage.privacy import FEW, masked
from status_page.view import PublicDay, PublicStatus

DAYS = 90
CHUNK = 500
"""Outages asked for in one statement."""

_O = t.outages.c
_BEGUN = (Status.CONFIRMED, Status.PARTIALLY_RESTORED, Status.RESTORED, Status.CLOSED)
_OVER = (Status.RESTORED, Status.CLOSED)
_READ = sa.select(_O.key, _O.kind, _O.status, _O.started_at, _O.members, _O.restored_at).where(
    _O.kind != Kind.ADVISORY,
    _O.status.in_([str(each) for each in _BEGUN]),
    # Planned work that was closed before anybody began it.
    sa.or_(_O.kind != Kind.PLANNED, _O.closed_at.is_(None), _O.restored_at.is_not(None)),
    # It is counted as part of its heir.
    _O.merged_into.is_(None),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """What one outage adds to its day."""

    day: date
    planned: bool
    affected: int
    minutes: float | None


class Days:
    """Counts each outage once, and again when the journal says that something became of it."""

    def __init__(self, time_zone: str) -> None:
        """Start knowing nothing of the utility in this zone."""
        self._zone = ZoneInfo(time_zone)
        self._read_to: int | None = None
        self._counted: dict[int, _Counted] = {}
        self._days: dict[date, PublicDay] = {}

    def put(self, conn: Connection, status: PublicStatus, number: int) -> PublicStatus:
        """Return the state with the figures of the days that are over.

        Args:
            conn: The snapshot that the state was read in.
            status: All that is public.
            number: The newest journal entry it rests on.
        """
        today = status.as_of.astimezone(self._zone).date()
        first = today - timedelta(days=DAYS)
        # Counted once in the life of a publisher; a record that was put back is another.
        if self._read_to is None or number < self._read_to:
            self._counted, self._days = {}, {}
            begun = self._midnight(first)
            self._count(conn.execute(_READ.where(_O.started_at >= begun)).mappings())
        elif number > self._read_to:
            keys = _touched(conn, self._read_to, number)
            for at in range(0, len(keys), CHUNK):
                some = keys[at : at + CHUNK]
                self._forget(some)
                self._count(conn.execute(_READ.where(_O.key.in_(some))).mappings())
        self._read_to = number
        old = {key for key, each in self._counted.items() if each.day < first}
        if old:
            self._forget(old)
        return dataclasses.replace(status, days=self._over(first, today))

    def _over(self, first: date, today: date) -> tuple[PublicDay, ...]:
        days = (first + timedelta(days=each) for each in range((today - first).days))
        return tuple(self._days.get(each) or PublicDay(day=each) for each in days)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone)

    def _count(self, rows: Iterable[RowMapping]) -> None:
        for row in rows:
            began, back = row["started_at"], row["restored_at"]
            counted = _Counted(
                day=began.astimezone(self._zone).date(),
                planned=row["kind"] == Kind.PLANNED,
                affected=masked(row["members"] or 0) if row["status"] in _OVER else 0,
                minutes=(back - began) / timedelta(minutes=1) if back else None,
            )
            self._counted[row["key"]] = counted
            self._add(counted, 1)

    def _forget(self, keys: Iterable[int]) -> None:
        for key in keys:
            counted = self._counted.pop(key, None)
            if counted is not None:
                self._add(counted, -1)

    def _add(self, counted: _Counted, times: int) -> None:
        day = self._days.get(counted.day) or PublicDay(day=counted.day)
        if counted.planned:
            day = dataclasses.replace(day, planned=day.planned + times)
        else:
            ended = counted.minutes is not None
            day = dataclasses.replace(
                day,
                outages=day.outages + times,
                affected=day.affected + times * counted.affected,
                affected_few=day.affected_few + times * (counted.affected == FEW),
                restored=day.restored + times * ended,
                minutes=day.minutes + times * (counted.minutes or 0.0),
            )
        self._days[counted.day] = day


def _touched(conn: Connection, after: int, number: int) -> list[int]:
    j = t.journal.c
    statement = (
        sa.select(j.outage_key)
        .where(sa.between(j.number, after + 1, number), j.outage_key.is_not(None))
        .distinct()
    )
    return sorted(conn.execute(statement).scalars())
