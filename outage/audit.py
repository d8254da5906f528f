"""The audit log: who of the staff, or which token, did what; each entry chained to the one before.

A deed and its entry commit together. Entries hold keys and codes; the names of those who acted
stand in `audit_actors`, so that erasing one changes no entry (DECISIONS 34). The journal is
another list: it says what happened to outages, whoever or whatever made it so, and four readers
follow it; sign-ins and tokens are nothing to them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.columns import to_ms
from outage.database import APPENDED, Database, next_value, wall_now
from outage.model import Actor

START = "0" * 64
"""What the first entry has in place of a hash before it."""
PAGE = 20_000
"""Entries that are read at a time while the chain is checked."""
ERASED = "erased"
_A = t.audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One deed, with the name of who did it as long as that is kept."""

    number: int
    at: datetime
    actor: str
    action: str
    about: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What checking the chain found: how many entries hold, the last hash, and the first fault."""

    entries: int
    head: str
    broken: int | None = None
    why: str = ""


def append(
    conn: Connection,
    *,
    actor: Actor,
    action: str,
    about: str = "",
    detail: Mapping[str, Any] | None = None,
) -> int:
    """Put a deed on the log, in the transaction of the deed and as its last statement.

    The number comes from a row that stays locked until commit: two writers wait for each other,
    and neither can chain to a hash that the other one chains to as well. Who appends to the
    journal too does that before, so that both locks are always taken in the same order.
    """
    key = _actor_key(conn, actor)
    written = json.dumps(detail or {}, sort_keys=True, separators=(",", ":"))
    number = next_value(conn, "audit")
    at = wall_now(conn)
    before = conn.execute(sa.select(_A.c.hash).where(_A.c.number == number - 1)).scalar() or START
    conn.execute(
        _A.insert().values(
            number=number,
            at=at,
            actor_key=key,
            action=action,
            about=about,
            detail=written,
            hash=_hash(before, number, to_ms(at), key, action, about, written),
        )
    )
    return number


@dataclass(slots=True, kw_only=True)
class Deed:
    """A transaction that will be on the log. What it is ``about`` may be known only in its course.

    ``kept`` is set to False by who finds that there is nothing to do.
    """

    conn: Connection
    about: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    kept: bool = True


@contextmanager
def deed(db: Database, *, actor: Actor, action: str, about: str = "") -> Iterator[Deed]:
    """Do something that a person or a token asks for, and put it on the log with it.

    The entry names the last journal entry of the transaction, where it has made one.
    """
    with db.write() as conn:
        one = Deed(conn=conn, about=about)
        yield one
        if one.kept:
            number = conn.info.get(APPENDED)
            # True: something else that whoever works it is to look at, as a text that is owed.
            journal = {"journal": number} if number and number is not True else {}
            append(conn, actor=actor, action=action, about=one.about, detail=one.detail | journal)


def verify(conn: Connection, *, expect: tuple[int, str] | None = None) -> Verdict:
    """Check the whole chain, a page at a time; a million took 11 s of processor time.

    ``expect`` is the number and the hash of an entry as somebody noted them elsewhere: who can
    write to the database could make the whole chain anew, but not so that this one stays.
    """
    head, number = START, 0
    for row in _rows(conn):
        if row[0] != number + 1:
            return Verdict(entries=number, head=head, broken=number + 1, why="is missing")
        found = _hash(head, *row[:6])
        if found != row[6]:
            return Verdict(
                entries=number, head=head, broken=row[0], why="is not what was written, or where"
            )
        head, number = found, row[0]
        if expect is not None and expect[0] == number and not head.startswith(expect[1]):
            return Verdict(
                entries=number - 1, head=head, broken=number, why="has not the hash that was noted"
            )
    last = _counted(conn)
    if last > number or (expect is not None and expect[0] > number):
        return Verdict(
            entries=number, head=head, broken=number + 1, why="and what came after it is missing"
        )
    return Verdict(entries=number, head=head)


def first_time(conn: Connection, *, actor: Actor, action: str, about: str) -> datetime | None:
    """Return when an actor first did something to something, None if never."""
    at: datetime | None = conn.execute(
        sa.select(_A.c.at)
        .join(t.audit_actors, t.audit_actors.c.key == _A.c.actor_key)
        .where(_is(actor), _A.c.action == action, _A.c.about == about)
        .order_by(_A.c.number)
        .limit(1)
    ).scalar()
    return at


def newest(conn: Connection, *, before: int | None = None, limit: int = 100) -> list[Entry]:
    """Return the newest entries, newest first; those before a number if one is given."""
    actors = t.audit_actors.c
    rows = conn.execute(
        sa.select(_A, actors.kind, actors.name)
        .join(t.audit_actors, actors.key == _A.c.actor_key)
        .where(sa.true() if before is None else _A.c.number < before)
        .order_by(_A.c.number.desc())
        .limit(limit)
    )
    return [
        Entry(
            number=row.number,
            at=row.at,
            actor=str(Actor(kind=row.kind, name=row.name)),
            action=row.action,
            about=row.about,
            detail=json.loads(row.detail),
        )
        for row in rows
    ]


def erase(conn: Connection, actor: Actor) -> bool:
    """Forget who an actor was; the entries stay as they are. Return whether there were any."""
    a = t.audit_actors
    key = conn.execute(sa.select(a.c.key).where(_is(actor))).scalar()
    if key is not None:
        conn.execute(a.update().where(a.c.key == key).values(name=f"{ERASED}-{key}"))
    return key is not None


def _actor_key(conn: Connection, actor: Actor) -> int:
    known = sa.select(t.audit_actors.c.key).where(_is(actor))
    key = conn.execute(known).scalar()
    if key is None:
        conn.execute(
            sa.text(
                "INSERT INTO audit_actors (kind, name) VALUES (:kind, :name) "
                "ON CONFLICT (kind, name) DO NOTHING"
            ),
            {"kind": actor.kind, "name": actor.name},
        )
        key = conn.execute(known).scalar_one()
    return int(key)


def _is(actor: Actor) -> sa.ColumnElement[bool]:
    a = t.audit_actors.c
    return sa.and_(a.kind == actor.kind, a.name == actor.name)


def _rows(conn: Connection) -> Iterator[tuple[Any, ...]]:
    """Every entry in order, as the driver has it: values of a column type would double the time."""
    last = 0
    statement = sa.text(
        "SELECT number, at, actor_key, action, about, detail, hash FROM audit "
        "WHERE number > :last ORDER BY number LIMIT :page"
    )
    while page := conn.execute(statement, {"last": last, "page": PAGE}).all():
        yield from cast("Sequence[tuple[Any, ...]]", page)
        last = page[-1][0]


def _counted(conn: Connection) -> int:
    c = t.counters.c
    return int(conn.execute(sa.select(c.value).where(c.name == "audit")).scalar() or 0)


def _hash(before: str, *facts: object) -> str:
    # A line for each fact; none of them can hold a line's end, JSON included.
    return hashlib.sha256("\n".join(map(str, (before, *facts))).encode()).hexdigest()
