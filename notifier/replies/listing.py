"""What staff see of replies: who wrote what, what it was taken for, what was done and answered."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier.replies.owing import ANSWER, PAGE
from outage import tables as t
from outage.clock import business_now


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One text that came in.

    ``intent`` and what follows from it are None while nobody has understood it yet; ``pages`` are
    the states of the pages that it caused.
    """

    key: int
    received_at: datetime
    address: str
    accounts: tuple[str, ...]
    text: str
    media: int
    language: str | None
    intent: str | None
    reason: str | None
    outcome: str | None
    for_staff: bool
    answer: str | None
    answer_state: str | None
    answer_reason: str | None
    pages: tuple[str, ...]
    handled_at: datetime | None
    handled_by: str | None


def replies(
    conn: Connection, *, everything: bool = False, intent: str | None = None, limit: int = 100
) -> list[Reply]:
    """Return replies, newest first: those a person has to look at, or every one there is."""
    r = t.replies
    statement = r.select().order_by(r.c.key.desc()).limit(limit)
    if not everything:
        statement = statement.where(r.c.for_staff.is_(True), r.c.handled_at.is_(None))
    if intent is not None:
        statement = statement.where(r.c.intent == intent)
    rows = conn.execute(statement).all()
    accounts = _accounts(conn, [row.endpoint_key for row in rows if row.endpoint_key])
    owed = _owed(conn, [row.key for row in rows])
    return [_reply(row, accounts.get(row.endpoint_key, ()), owed.get(row.key, [])) for row in rows]


def handle(conn: Connection, key: int, *, by: str) -> bool:
    """Note that a person has looked at a reply; whether there is such a reply."""
    r = t.replies
    found = conn.execute(sa.select(r.c.key).where(r.c.key == key)).first()
    if found is None:
        return False
    conn.execute(
        r.update()
        .where(r.c.key == key, r.c.handled_at.is_(None))
        .values(handled_at=business_now(conn), handled_by=by)
    )
    return True


def _reply(row: sa.Row[Any], accounts: tuple[str, ...], owed: list[sa.Row[Any]]) -> Reply:
    answer = next((one for one in owed if one.role == ANSWER), None)
    return Reply(
        key=row.key,
        received_at=row.received_at,
        address=row.address,
        accounts=accounts,
        text=row.body,
        media=row.media,
        language=row.language,
        intent=row.intent,
        reason=row.reason,
        outcome=row.outcome,
        for_staff=bool(row.for_staff),
        answer=answer.body if answer else None,
        answer_state=answer.state if answer else None,
        answer_reason=answer.reason if answer else None,
        pages=tuple(f"{one.channel} {one.state}" for one in owed if one.role == PAGE),
        handled_at=row.handled_at,
        handled_by=row.handled_by,
    )


def _accounts(conn: Connection, endpoints: list[int]) -> dict[int, tuple[str, ...]]:
    c, a = t.contacts.c, t.accounts.c
    found: dict[int, list[str]] = defaultdict(list)
    for row in conn.execute(
        sa.select(c.endpoint_key, a.id)
        .join(t.accounts, a.key == c.account_key)
        .where(c.endpoint_key.in_(endpoints), c.ended_at.is_(None))
        .order_by(a.key)
    ):
        found[row.endpoint_key].append(row.id)
    return {key: tuple(names) for key, names in found.items()}


def _owed(conn: Connection, keys: list[int]) -> dict[int, list[sa.Row[Any]]]:
    a = t.answers
    found: dict[int, list[sa.Row[Any]]] = defaultdict(list)
    for row in conn.execute(a.select().where(a.c.reply_key.in_(keys)).order_by(a.c.key)):
        found[row.reply_key].append(row)
    return found
