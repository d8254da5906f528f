"""The journal: append, the readers' cursors, and work items (DECISIONS 3, 4, 6).

A reader follows the journal. Its cursor only turns entries into work items; items of one outage
are worked in order, across outages by priority, each under a lease with a fence. What fails five
times is parked with everything behind it on the same outage, and the rest go on. An entry that
moves something between outages is worked once, when it is first in the line of each of them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from outage import tables as t
from outage.clock import business_now
from outage.columns import to_ms
from outage.database import APPENDED, Database, next_value, wall_now
from outage.model import JournalKind, OutageKey

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
ATTEMPTS = 5
EXPAND = 500
"""Entries a cursor passes in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One thing that happened. ``data`` holds ids and codes only (DECISIONS 34).

    ``state`` is what the outage was like right after it: status, crew_status, crew_reason,
    etr_version, etr_latest (ms), public_message. A reader that comes late, or again after a kill,
    finds there what held at the time; the outage's row may be further on.
    """

    number: int
    kind: str
    outage_key: OutageKey | None
    actor: str
    at: datetime
    data: Mapping[str, Any]
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """One entry's work for one reader and one outage; ``step`` is how far it has come."""

    key: int
    reader: str
    entry: JournalEntry
    outage_key: OutageKey
    step: Mapping[str, Any]
    fence: int
    failures: int
    """How often the work has failed before; who was only killed has not failed."""


class LostLeaseError(Exception):
    """Another process has taken over this work item."""


class Reader(Protocol):
    """Something that follows the journal."""

    @property
    def name(self) -> str: ...

    @property
    def wants(self) -> frozenset[str]:
        """Kinds of entries that make work for it."""

    def priority(self, entry: JournalEntry) -> int:
        """Return how urgent the work is; smaller goes first."""

    def outages(self, conn: Connection, entry: JournalEntry) -> list[OutageKey]:
        """Return which outages the entry makes work for (usually its own).

        Where it has one of its own and concerns others too, its own leads: that item waits for
        what comes earlier in the others' lines, does the work of all, and ends for all.
        """

    def work(self, db: Database, item: WorkItem) -> None:
        """Do the work in steps: each ends with `advance`, the last with `finish`."""


def append(
    conn: Connection,
    *,
    kind: JournalKind,
    actor: str,
    outage_key: int | None = None,
    outage_version: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> int:
    """Append an entry and return its number. The last statement of its transaction.

    The number comes from a row that stays locked until commit, so no reader can pass it by.
    The outage's row is locked before it: whoever appends for several outages in one transaction
    locks their rows first, or two such transactions could wait for each other.
    """
    state = {} if outage_key is None else _state(conn, outage_key)
    wall = wall_now(conn)
    at = business_now(conn, wall=wall)
    # Nobody else can append from here to the commit: only what cannot be done before it.
    number = next_value(conn, "journal")
    conn.info[APPENDED] = number
    conn.execute(
        _APPEND,
        {
            "number": number,
            "kind": str(kind),
            "outage_key": outage_key,
            "outage_version": outage_version,
            "actor": actor,
            "at": at,
            "wall_at": wall,
            "data": json.dumps(data or {}),
            "state": json.dumps(state),
        },
    )
    if outage_key is not None:
        conn.execute(_PASS, {"outage": outage_key, "last_number": number})
    return number


# Built once, as all that is asked many times a second: SQLAlchemy takes longer to put a short
# statement together than SQLite to carry it out.
_APPEND = t.journal.insert()
_PASS = t.outages.update().where(t.outages.c.key == sa.bindparam("outage"))
_STATE = (
    sa.select(
        t.outages.c.status,
        t.outages.c.crew_status,
        t.outages.c.crew_reason,
        t.outages.c.etr_version,
        t.outages.c.etr_latest,
        t.outages.c.public_message_key,
    )
    .where(t.outages.c.key == sa.bindparam("outage"))
    .with_for_update(key_share=True)
)


def _state(conn: Connection, outage_key: int) -> dict[str, Any]:
    row = conn.execute(_STATE, {"outage": outage_key}).first()
    if row is None:
        return {}
    return {
        "status": row.status,
        "crew_status": row.crew_status,
        "crew_reason": row.crew_reason,
        "etr_version": row.etr_version,
        "etr_latest": None if row.etr_latest is None else to_ms(row.etr_latest),
        "public_message": row.public_message_key,
    }


def last_number(conn: Connection) -> int:
    """Return the number of the newest entry, 0 for an empty journal."""
    return int(conn.execute(_LAST).scalar() or 0)


def cursor(conn: Connection, reader: str) -> int:
    """Return up to which number a reader has turned entries into work items."""
    return int(conn.execute(_CURSOR, {"reader": reader}).scalar() or 0)


def move_cursor(conn: Connection, reader: str, number: int) -> None:
    """Say that a reader has passed every entry up to ``number``."""
    conn.execute(_MOVE, {"reader": reader, "number": number})


def entries_after(conn: Connection, number: int, limit: int = EXPAND) -> list[JournalEntry]:
    """Return the entries behind ``number``, oldest first."""
    rows = conn.execute(_AFTER, {"number": number, "most": limit}).mappings()
    return [_entry(row) for row in rows]


def entries_of(
    conn: Connection, outage_key: int, number: int, *, kinds: Sequence[str]
) -> list[JournalEntry]:
    """Return an outage's entries of these kinds behind ``number``, oldest first."""
    facts = {"outage": outage_key, "after": number, "kinds": kinds}
    return [_entry(row) for row in conn.execute(_OF, facts).mappings()]


def entries_where(
    conn: Connection, which: sa.ColumnElement[bool], *, kinds: Sequence[str]
) -> list[JournalEntry]:
    """Return those entries of these kinds, oldest first."""
    entries = t.journal.c
    rows = conn.execute(
        t.journal.select().where(which, entries.kind.in_(kinds)).order_by(entries.number)
    ).mappings()
    return [_entry(row) for row in rows]


def expand(db: Database, reader: Reader, *, after: str | None = None) -> bool:
    """Turn new entries into work items; return whether there were any entries.

    Entries that the reader ``after`` has not passed stay where they are.
    """
    with db.read() as conn:
        if conn.execute(_BEHIND, {"reader": reader.name}).first() is None:
            return False
        if after is not None and cursor(conn, after) <= cursor(conn, reader.name):
            return False
    with db.write() as conn:
        # The row is made first, then locked: two relays never expand the same entry.
        conn.execute(_BEGIN, {"reader": reader.name})
        start = conn.execute(_CURSOR_LOCKED, {"reader": reader.name}).scalar_one()
        entries = entries_after(conn, start)
        if after is not None:
            passed = cursor(conn, after)
            entries = [entry for entry in entries if entry.number <= passed]
        rows = [
            {
                "reader": reader.name,
                "number": entry.number,
                "outage_key": outage_key,
                "priority": reader.priority(entry),
                "led_by": None if outage_key == entry.outage_key else entry.outage_key,
            }
            for entry in entries
            if entry.kind in reader.wants
            for outage_key in reader.outages(conn, entry)
        ]
        if rows:
            conn.execute(t.work_items.insert(), rows)
        if entries:
            move_cursor(conn, reader.name, entries[-1].number)
        return bool(entries)


def claim(db: Database, reader: str, *, after: str | None = None) -> WorkItem | None:
    """Take the most urgent item that is free and first in its outage's line.

    One waits for what the reader ``after`` has to do for its outage up to the same entry.
    """
    find, take = (_NEXT, _TAKE_NEXT) if after is None else (_NEXT_AFTER, _TAKE_NEXT_AFTER)
    facts = {"reader": reader} if after is None else {"reader": reader, "other": after}
    with db.read() as conn:
        # Only looking: a line that is all leased or parked must not cost the write lock.
        if conn.execute(find, {**facts, "now": wall_now(conn)}).first() is None:
            return None
    with db.write() as conn:
        now = wall_now(conn)
        row = conn.execute(take, {**facts, "now": now}).mappings().first()
        if row is None:
            return None
        fence = row["fence"] + 1
        conn.execute(_LEASE, {"item": row["key"], "fence": fence, "lease_until": now + LEASE})
        entry = conn.execute(_ENTRY, {"number": row["number"]}).mappings().one()
    return WorkItem(
        key=row["key"],
        reader=reader,
        entry=_entry(entry),
        outage_key=OutageKey(row["outage_key"]),
        step=json.loads(row["step"]),
        fence=fence,
        failures=row["attempts"],
    )


def _next_item() -> sa.Select[Any]:
    items, earlier = t.work_items.c, t.work_items.alias("earlier")
    led = t.work_items.alias("led")
    reader: sa.BindParameter[str] = sa.bindparam("reader")
    now = sa.bindparam("now", type_=items.lease_until.type)

    def behind(line: Any) -> sa.ColumnElement[bool]:  # noqa: ANN401 columns of work_items
        return sa.and_(
            earlier.c.reader == reader,
            earlier.c.outage_key == line.outage_key,
            earlier.c.number < line.number,
        )

    # Everybody waits for smaller numbers only, so no two wait for each other.
    others_behind = (
        sa.select(led.c.key)
        .join(earlier, behind(led.c))
        .where(
            led.c.reader == reader,
            led.c.led_by == items.outage_key,
            led.c.number == items.number,
        )
        .exists()
    )
    return (
        t.work_items.select()
        .where(
            items.reader == reader,
            items.parked_at.is_(None),
            sa.or_(items.lease_until.is_(None), items.lease_until < now),
            sa.or_(items.retry_at.is_(None), items.retry_at <= now),
            items.led_by.is_(None),
            ~sa.select(earlier.c.key).where(behind(items)).exists(),
            ~others_behind,
        )
        .order_by(items.priority, items.number)
        .limit(1)
    )


def _of_another() -> sa.Exists:
    """What another reader has to do yet for an item's outage, up to its entry."""
    items, its = t.work_items.c, t.work_items.alias("its").c
    return (
        sa.select(its.key)
        .where(
            its.reader == sa.bindparam("other"),
            its.outage_key == items.outage_key,
            its.number <= items.number,
        )
        .exists()
    )


_LAST = sa.select(sa.func.max(t.journal.c.number))
_CURSOR = sa.select(t.cursors.c.number).where(t.cursors.c.reader == sa.bindparam("reader"))
_CURSOR_LOCKED = _CURSOR.with_for_update()
_BEGIN = sa.text(
    "INSERT INTO cursors (reader, number) VALUES (:reader, 0) ON CONFLICT (reader) DO NOTHING"
)
_MOVE = sa.text(
    "INSERT INTO cursors (reader, number) VALUES (:reader, :number) "
    "ON CONFLICT (reader) DO UPDATE SET number = excluded.number"
)
_AFTER = (
    t.journal.select()
    .where(t.journal.c.number > sa.bindparam("number"))
    .order_by(t.journal.c.number)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_OF = (
    t.journal.select()
    .where(
        t.journal.c.outage_key == sa.bindparam("outage"),
        t.journal.c.number > sa.bindparam("after"),
        t.journal.c.kind.in_(sa.bindparam("kinds", expanding=True)),
    )
    .order_by(t.journal.c.number)
)
_BEHIND = (
    sa.select(t.journal.c.number)
    .where(
        t.journal.c.number
        > sa.func.coalesce(
            sa.select(t.cursors.c.number)
            .where(t.cursors.c.reader == sa.bindparam("reader"))
            .scalar_subquery(),
            0,
        )
    )
    .limit(1)
)
_NEXT = _next_item()
_TAKE_NEXT = _NEXT.with_for_update(skip_locked=True, of=t.work_items)
_NEXT_AFTER = _NEXT.where(~_of_another())
_TAKE_NEXT_AFTER = _NEXT_AFTER.with_for_update(skip_locked=True, of=t.work_items)
_LEASE = t.work_items.update().where(t.work_items.c.key == sa.bindparam("item"))
_ENTRY = t.journal.select().where(t.journal.c.number == sa.bindparam("number"))


def advance(conn: Connection, item: WorkItem, step: Mapping[str, Any]) -> None:
    """Record progress in the transaction that made it, and renew the lease.

    Raises `LostLeaseError` (and so rolls the step back) when another process took over.
    """
    done = conn.execute(
        _ADVANCE,
        {
            "b_key": item.key,
            "b_fence": item.fence,
            "step": json.dumps(step),
            "lease_until": wall_now(conn) + LEASE,
        },
    )
    if done.rowcount != 1:
        raise LostLeaseError


_ADVANCE = (
    t.work_items.update()
    .where(
        t.work_items.c.key == sa.bindparam("b_key"),
        t.work_items.c.fence == sa.bindparam("b_fence"),
    )
    .values(step=sa.bindparam("step"), lease_until=sa.bindparam("lease_until"))
)


_FINISH_LED = t.work_items.delete().where(
    t.work_items.c.reader == sa.bindparam("reader"),
    t.work_items.c.led_by == sa.bindparam("outage"),
    t.work_items.c.number == sa.bindparam("number"),
)
_FINISH = t.work_items.delete().where(
    t.work_items.c.key == sa.bindparam("item"),
    t.work_items.c.fence == sa.bindparam("fence"),
)


def finish(conn: Connection, item: WorkItem) -> None:
    """End the item in the transaction of its last step, and those that it leads."""
    led = {"reader": item.reader, "outage": item.outage_key, "number": item.entry.number}
    conn.execute(_FINISH_LED, led)
    done = conn.execute(_FINISH, {"item": item.key, "fence": item.fence})
    if done.rowcount != 1:
        raise LostLeaseError


def turn(db: Database, reader: Reader, *, after: str | None = None) -> bool:
    """Move the cursor and work one item; return whether anything was done.

    A reader that builds on another's work comes ``after`` it at each entry.
    """
    moved = expand(db, reader, after=after)
    item = claim(db, reader.name, after=after)
    if item is None:
        return moved
    try:
        reader.work(db, item)
    except LostLeaseError:
        log.warning("%s lost its lease on entry %s", reader.name, item.entry.number)
    except Exception as error:  # whatever it is, the item is retried or parked, never dropped
        failures = item.failures + 1
        what = "parked" if failures >= ATTEMPTS else "failed on"
        log.exception("%s %s entry %s", reader.name, what, item.entry.number)
        _fail(db, item, error, failures)
    return True


def is_idle(conn: Connection, reader: str) -> bool:
    """Whether a reader has passed every entry and has nothing left but parked work."""
    if cursor(conn, reader) < last_number(conn):
        return False
    items = t.work_items.c
    parked = set(
        conn.execute(
            sa.select(items.outage_key).where(items.reader == reader, items.parked_at.is_not(None))
        ).scalars()
    )
    if parked:  # with whatever waits for it in another outage's line
        led = conn.execute(
            sa.select(items.outage_key, items.led_by)
            .where(items.reader == reader, items.led_by.is_not(None))
            .order_by(items.number)
        ).all()
        for pair in map(set, led):
            parked |= pair if pair & parked else set()
    left = conn.execute(
        sa.select(items.key).where(items.reader == reader, items.outage_key.not_in(parked)).limit(1)
    ).first()
    return left is None


def unpark(conn: Connection) -> int:
    """Let everything that is parked be tried again, and what waits behind it; return how many."""
    done = conn.execute(
        t.work_items.update()
        .where(t.work_items.c.parked_at.is_not(None))
        .values(parked_at=None, retry_at=None, attempts=0)
    )
    conn.info[APPENDED] = True  # whoever works on it looks at once
    return done.rowcount


def _fail(db: Database, item: WorkItem, error: Exception, failures: int) -> None:
    with db.write() as conn:
        now = wall_now(conn)
        parked = now if failures >= ATTEMPTS else None
        conn.execute(
            t.work_items.update()
            .where(t.work_items.c.key == item.key, t.work_items.c.fence == item.fence)
            .values(
                # The class only: a message may quote what people wrote.
                error=type(error).__name__,
                attempts=failures,
                lease_until=None,
                retry_at=now + timedelta(seconds=0.2 * 3**failures),
                parked_at=parked,
            )
        )


def _entry(row: RowMapping) -> JournalEntry:
    key = row["outage_key"]
    return JournalEntry(
        number=row["number"],
        kind=row["kind"],
        outage_key=None if key is None else OutageKey(key),
        actor=row["actor"],
        at=row["at"],
        data=json.loads(row["data"]),
        state=json.loads(row["state"]),
    )
