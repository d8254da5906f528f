"""Times that pass: timers, each firing a journal entry (DECISIONS 4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from outage import journal
from outage import tables as t
from outage.clock import business_now
from outage.columns import from_ms, to_ms
from outage.model import INTERRUPTING, OPEN, JournalKind, Kind, Status

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from outage.settings import Settings

_O = t.outages.c
_LISTED = _O.unlisted_since.is_(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leads:
    """How long before its time something is brought to mind."""

    prompt: timedelta = timedelta(minutes=15)
    """The desk, of an update that it promised."""
    reminder: timedelta = timedelta(hours=24)
    """Customers, of planned work."""

    @classmethod
    def of(cls, settings: Settings) -> Leads:
        """The leads that an operator has set."""
        return cls(
            prompt=timedelta(minutes=settings.update_prompt_min),
            reminder=timedelta(hours=settings.reminder_h),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timer:
    """Fires ``lead`` before ``time``, once for each ``value``, which ``mark`` then holds."""

    kind: JournalKind
    time: sa.Column[Any]
    value: sa.Column[Any]
    mark: sa.Column[Any]
    where: sa.ColumnElement[bool]
    lead: timedelta = timedelta(0)

    @property
    def waits(self) -> sa.ColumnElement[bool]:
        marked = sa.type_coerce(self.mark, sa.BigInteger)
        value = sa.type_coerce(self.value, sa.BigInteger)
        return sa.and_(self.where, self.time.is_not(None), sa.func.coalesce(marked, 0) != value)

    @property
    def due(self) -> sa.ColumnElement[int]:
        return sa.type_coerce(self.time, sa.BigInteger) - self.lead // timedelta(milliseconds=1)


@cache
def _timers(leads: Leads) -> tuple[_Timer, ...]:
    open_ = sa.and_(_O.status.in_([str(status) for status in OPEN]), _LISTED)
    out = sa.and_(_O.status.in_([str(status) for status in INTERRUPTING]), _LISTED)
    ahead = sa.and_(_O.status == Status.PREDICTED, _O.kind == Kind.PLANNED, _LISTED)
    return (
        _Timer(
            kind=JournalKind.ETR_PASSED,
            time=_O.etr_latest,
            value=_O.etr_version,
            mark=_O.etr_passed_version,
            where=sa.and_(open_, _O.etr_published.is_(True)),
        ),
        # Planned work that has begun should be done when it was planned to be.
        _Timer(
            kind=JournalKind.ETR_PASSED,
            time=_O.planned_end,
            value=_O.planned_end,
            mark=_O.end_passed,
            where=sa.and_(out, _O.kind == Kind.PLANNED, _O.etr_published.is_not(True)),
        ),
        _Timer(
            kind=JournalKind.UPDATE_PROMPTED,
            time=_O.next_update_by,
            value=_O.next_update_by,
            mark=_O.next_update_prompted,
            where=out,
            lead=leads.prompt,
        ),
        _Timer(
            kind=JournalKind.UPDATE_PASSED,
            time=_O.next_update_by,
            value=_O.next_update_by,
            mark=_O.next_update_passed,
            where=out,
        ),
        _Timer(
            kind=JournalKind.START_NEAR,
            time=_O.planned_start,
            value=_O.planned_start,
            mark=_O.start_reminded,
            where=ahead,
            lead=leads.reminder,
        ),
    )


def note_due(conn: Connection, leads: Leads | None = None) -> int:
    """Put on record what has become due; return how many entries that made."""
    return sum(_fire(conn, timer) for timer in _timers(leads or Leads()))


def _fire(conn: Connection, timer: _Timer) -> int:
    due = sa.and_(timer.waits, timer.due <= to_ms(business_now(conn)))
    rows = conn.execute(t.outages.select().where(due).with_for_update(skip_locked=True)).all()
    for row in rows:
        value = row._mapping[timer.value]  # noqa: SLF001 the way to read a row by its column
        conn.execute(t.outages.update().where(_O.key == row.key).values({timer.mark: value}))
        journal.append(
            conn,
            kind=timer.kind,
            actor="clock",
            outage_key=row.key,
            outage_version=row.version,
            data={timer.value.name: value.isoformat() if isinstance(value, datetime) else value},
        )
    return len(rows)


def next_due(conn: Connection, leads: Leads | None = None) -> datetime | None:
    """Return when the next of them is due: a timer for whoever moves business time."""
    found = conn.execute(_next_due(leads or Leads())).one()
    return min((from_ms(at) for at in found if at is not None), default=None)


@cache
def _next_due(leads: Leads) -> sa.Select[Any]:
    """One row: when each timer is due first."""
    firsts = (sa.select(sa.func.min(timer.due)).where(timer.waits) for timer in _timers(leads))
    return sa.select(*(first.scalar_subquery() for first in firsts))
