"""Large sends wait: a person's for a second person, an automatic one for a few minutes.

What waits are the messages that one journal entry was planned into, by its number; those to
medical customers never do (DECISIONS 13). A later entry that supersedes them is looked at anew: it
waits if it is large itself.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import stopping
from notifier.errors import NotWaiting, SamePerson, UnknownApproval
from outage import journal
from outage import tables as t
from outage.clock import business_now
from outage.journal import JournalEntry
from outage.model import Actor, JournalKind
from outage.settings import Settings

log = logging.getLogger(__name__)

PERSONS = frozenset({"cli", "staff", "dispatcher", "crew"})
"""Kinds of actors behind whom a person stands who can be asked."""
_A, _M = t.approvals, t.messages
_PENDING = _M.c.state == sa.literal_column("'pending'")
_MEDICAL = _M.c.priority % 2 == 0
"""Priorities are twice a kind's urgency, and one more for who is not medical."""


class State(StrEnum):
    """What became of a large send."""

    WAITING = "waiting"
    APPROVED = "approved"
    BROKEN_GLASS = "broken_glass"
    """The same person let it go, alone."""
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    """Nothing of it is left to send: something newer was planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """From how many messages of one entry on a send is large; 0: none is."""

    above: int
    warning: timedelta

    @classmethod
    def of(cls, settings: Settings) -> "Size":
        """The size that the settings make."""
        return cls(
            above=settings.approve_above, warning=timedelta(minutes=settings.automatic_wait_min)
        )


# What the planner does.


def planned(conn: Connection, number: int) -> int:
    """How many messages an entry was planned into that may have to wait."""
    return int(
        conn.execute(
            sa.select(sa.func.count())
            .select_from(_M)
            .where(_of(sa.literal(number)), _PENDING, sa.not_(_MEDICAL))
        ).scalar_one()
    )


def _of(number: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """That a message came of an entry; by the outages it was decided for, which find it."""
    decided = t.decisions.alias("decided").c
    outages = sa.select(decided.outage_key).where(decided.number == number).correlate(_A)
    return sa.and_(_M.c.number == number, _M.c.outage_key.in_(outages))


def ask(
    conn: Connection, entry: JournalEntry, outage_key: int, messages: int, size: Size
) -> datetime | None:
    """Let the messages of an entry wait, if it is large; return when they go by themselves."""
    _lapse(conn, outage_key)
    by = _asked_by(conn, entry)
    automatic = by.partition(":")[0] not in PERSONS
    if messages <= size.above or (automatic and not size.warning):
        return None
    now = business_now(conn)
    goes_at = now + size.warning if automatic else None
    conn.execute(
        _A.insert().values(
            number=entry.number,
            outage_key=outage_key,
            messages=messages,
            asked_by=by,
            asked_at=now,
            state=State.WAITING.value,
            goes_at=goes_at,
        )
    )
    return goes_at


def _asked_by(conn: Connection, entry: JournalEntry) -> str:
    """Whose command it was: gis and the like only carry on what somebody began."""
    of = entry.data.get("of")
    if entry.kind != JournalKind.MATCHED or not of:
        return entry.actor
    actor: str | None = conn.execute(
        sa.select(t.journal.c.actor).where(t.journal.c.number == of)
    ).scalar()
    return actor or entry.actor


def _lapse(conn: Connection, outage_key: int) -> None:
    """Whatever of this outage waited and was superseded whole has nothing to wait for."""
    pending = sa.exists().where(_of(_A.c.number), _PENDING)
    conn.execute(
        _A.update()
        .where(_A.c.outage_key == outage_key, _A.c.state == State.WAITING.value, sa.not_(pending))
        .values(state=State.LAPSED.value, decided_at=business_now(conn))
    )


# What senders ask.

_HELD = sa.select(_A.c.number).where(
    _A.c.state == State.WAITING.value,
    sa.or_(_A.c.goes_at.is_(None), _A.c.goes_at > sa.bindparam("now")),
)


def held(conn: Connection, now: datetime) -> list[int]:
    """Entries whose messages wait now: few, whatever their size."""
    return list(conn.execute(_HELD, {"now": now}).scalars())


def withdrawn(conn: Connection, numbers: Sequence[int]) -> set[int]:
    """Those of these entries whose messages somebody has withdrawn."""
    return set(
        conn.execute(
            sa.select(_A.c.number).where(
                _A.c.state == State.WITHDRAWN.value, _A.c.number.in_(numbers)
            )
        ).scalars()
    )


def free(numbers: Sequence[int] | sa.BindParameter[int]) -> sa.ColumnElement[bool]:
    """That a message does not wait, where the messages of these entries do."""
    return sa.or_(_M.c.number.not_in(numbers), _MEDICAL)


def next_by_itself(conn: Connection, now: datetime) -> datetime | None:
    """When the next large send goes by itself."""
    at: datetime | None = conn.execute(
        sa.select(sa.func.min(_A.c.goes_at, type_=_A.c.goes_at.type)).where(
            _A.c.state == State.WAITING.value, _A.c.goes_at > now
        )
    ).scalar()
    return at


# What people do.


def approve(
    conn: Connection, number: int, *, actor: Actor, break_glass: bool = False, why: str = ""
) -> dict[str, Any]:
    """Let a large send go, as a second person; alone only by breaking the glass, and why.

    Raises `UnknownApproval`, `NotWaiting`, `SamePerson` and `NoReasonGiven`.
    """
    why = stopping.reason(why) if break_glass or why.strip() else ""
    row = _waiting(conn, number)
    alone = row.asked_by == str(actor)
    if alone and not break_glass:
        raise SamePerson(number=number, by=row.asked_by)
    state = State.BROKEN_GLASS if alone else State.APPROVED
    found = _decide(conn, row, state, actor, why)
    if alone:
        log.error("%s let %d messages go alone (send %d)", actor, row.messages, number)
    return found


def hold(conn: Connection, number: int, *, actor: Actor, why: str = "") -> dict[str, Any]:
    """Keep an automatic send from going by itself. Raises `UnknownApproval` and `NotWaiting`."""
    row = _waiting(conn, number)
    return _decide(conn, row, State.WAITING, actor, " ".join(why.split()))


def withdraw(conn: Connection, number: int, *, actor: Actor, why: str) -> dict[str, Any]:
    """Let a large send not go at all; its messages end as withdrawn.

    Raises `UnknownApproval`, `NotWaiting` and `NoReasonGiven`.
    """
    why = stopping.reason(why)
    return _decide(conn, _waiting(conn, number), State.WITHDRAWN, actor, why)


def _waiting(conn: Connection, number: int) -> sa.Row[Any]:
    # Whoever claims is done by now, or sees what is decided here.
    stopping.apart(conn, alone=True)
    row = conn.execute(_A.select().where(_A.c.number == number).with_for_update()).first()
    if row is None:
        raise UnknownApproval(number=number)
    if row.state != State.WAITING:
        raise NotWaiting(number=number, state=row.state.replace("_", " "), by=row.decided_by)
    if row.goes_at is not None and row.goes_at <= business_now(conn):
        raise NotWaiting(number=number, state="gone by itself", by="nobody")
    return row


def _decide(
    conn: Connection, row: sa.Row[Any], state: State, actor: Actor, why: str
) -> dict[str, Any]:
    conn.execute(
        _A.update()
        .where(_A.c.number == row.number)
        .values(
            state=state.value,
            goes_at=None,
            decided_by=str(actor),
            decided_at=business_now(conn),
            why=why or None,
        )
    )
    journal.append(
        conn,
        kind=JournalKind.SEND_DECIDED,
        actor=str(actor),
        outage_key=row.outage_key,
        data={"number": row.number, "state": state.value},
    )
    (found,) = listing(conn, _A.c.number == row.number)
    return found


# What people see.


def open_(conn: Connection) -> list[dict[str, Any]]:
    """Large sends that wait, oldest first; those that go by themselves with their time."""
    number = held(conn, business_now(conn))
    return listing(conn, _A.c.number.in_(number))


def alone_since(conn: Connection, since: datetime) -> list[dict[str, Any]]:
    """Large sends that somebody let go alone since then."""
    return listing(conn, _A.c.state == State.BROKEN_GLASS.value, _A.c.decided_at >= since)


def listing(conn: Connection, *conditions: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    """Large sends, oldest first, as a program reads them."""
    rows = conn.execute(
        sa.select(_A, t.outages.c.id.label("outage"))
        .outerjoin(t.outages, t.outages.c.key == _A.c.outage_key)
        .where(*conditions)
        .order_by(_A.c.number)
    )
    return [
        {
            "number": row.number,
            "outage": row.outage,
            "messages": row.messages,
            "state": row.state,
            "asked_by": row.asked_by,
            "asked_at": row.asked_at.isoformat(),
            "goes_at": None if row.goes_at is None else row.goes_at.isoformat(),
            "decided_by": row.decided_by,
            "decided_at": None if row.decided_at is None else row.decided_at.isoformat(),
            "why": row.why,
        }
        for row in rows
    ]
