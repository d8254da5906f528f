"""Receipts: what providers say later of a message, in whatever order and however often."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from notifier import blocked
from notifier.channels.codes import STOPS, action, kind_of
from notifier.marking import Said, mark_endpoints
from outage import tables as t
from outage.clock import business_now
from outage.database import Database, wall_now

MOST_AT_ONCE = 200
"""Receipts in one transaction: what takes well below 50 ms."""
_STATE_OF = {
    "twilio": {
        "accepted": "accepted",
        "queued": "accepted",
        "sending": "accepted",
        "sent": "accepted",
        "delivered": "delivered",
        "undelivered": "undelivered",
        "failed": "failed",
        # In its list only:
        "scheduled": "accepted",
        "partially_delivered": "accepted",
        "read": "delivered",
        # Of calls:
        "initiated": "accepted",
        "ringing": "accepted",
        "in-progress": "accepted",
        "completed": "delivered",
        "busy": "undelivered",
        "no-answer": "undelivered",
        "canceled": "undelivered",
    },
    "smtp": {"delayed": "accepted", "delivered": "delivered", "bounce": "undelivered"},
    "sendgrid": {
        "processed": "accepted",
        "deferred": "accepted",
        "delivered": "delivered",
        "bounce": "undelivered",
        "dropped": "failed",
    },
}
"""What an event makes of a message; other events are recorded and change no state."""

_RANK = {
    "claimed": 0,
    "unknown": 0,
    "accepted": 1,
    "undelivered": 2,
    "failed": 2,
    "delivered": 3,
}
"""A receipt only ever moves a message up: late, doubled and shuffled ones do no harm."""
_WAITS_AGAIN = 2
"""Rank of what could not be delivered and waits for one more try: only its arrival is news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One event at a provider. ``at`` is when it says that it happened, if it says so."""

    provider: str
    message_key: int
    event: str
    provider_id: str
    code: str = ""
    at: datetime | None = None


def apply(db: Database, receipts: Sequence[Receipt]) -> int:
    """Record verified receipts, some at a time; return how many changed a message.

    Cut off in the middle, all of them may come again: what is on record stays as it is.
    """
    if len(receipts) <= MOST_AT_ONCE:
        return _apply_some(db.write, receipts)
    return sum(
        _apply_some(db.bulk, receipts[start : start + MOST_AT_ONCE])
        for start in range(0, len(receipts), MOST_AT_ONCE)
    )


def _apply_some(
    transaction: Callable[[], AbstractContextManager[Connection]], receipts: Sequence[Receipt]
) -> int:
    if not receipts:
        return 0
    with transaction() as conn:
        return apply_in(conn, receipts)


def apply_in(conn: Connection, receipts: Sequence[Receipt]) -> int:
    """Record some verified receipts in the open transaction; return how many changed a message."""
    rows = _messages(conn, receipts)
    known = [receipt for receipt in receipts if _concerns(rows, receipt)]
    new = _record(conn, known)
    mark_endpoints(
        conn,
        [Said(message_key=one.message_key, provider=one.provider, code=one.code) for one in new],
    )
    changed = sum(_apply(conn, rows, receipt) for receipt in known)
    blocked.heed(conn, _of_senders(new))
    return changed


def _of_senders(receipts: Sequence[Receipt]) -> Iterator[tuple[str, str]]:
    """What receipts say of our own senders: that they are blocked, or that they get through."""
    for receipt in receipts:
        if action(receipt.provider, receipt.code) in STOPS:
            yield receipt.provider, receipt.code
        elif _state_of(receipt) == "delivered":
            yield receipt.provider, blocked.DELIVERED


def _state_of(receipt: Receipt) -> str | None:
    return _STATE_OF[kind_of(receipt.provider)].get(receipt.event)


def _messages(conn: Connection, receipts: Sequence[Receipt]) -> dict[int, dict[str, Any]]:
    m = t.messages
    found = conn.execute(
        sa.select(m.c.key, m.c.state, m.c.provider, m.c.provider_id, m.c.followed)
        .where(m.c.key.in_(sorted({receipt.message_key for receipt in receipts})))
        .order_by(m.c.key)
        .with_for_update()
    ).mappings()
    return {row["key"]: dict(row) for row in found}


def _concerns(rows: dict[int, dict[str, Any]], receipt: Receipt) -> bool:
    """Whether the receipt is of a message of ours, and not of an older one with its number."""
    row = rows.get(receipt.message_key)
    if row is None or row["provider"] != receipt.provider:
        return False
    # SendGrid's own ids begin with the one its answer gave.
    return not row["provider_id"] or receipt.provider_id.startswith(row["provider_id"])


def _record(conn: Connection, receipts: Sequence[Receipt]) -> list[Receipt]:
    """Put on record what is not there yet, and return that: what is doubled acts once."""
    r, now = t.receipts, wall_now(conn)
    seen: dict[tuple[int, str, str], set[datetime]] = defaultdict(set)
    for row in conn.execute(
        sa.select(r.c.message_key, r.c.event, r.c.code, r.c.at).where(
            r.c.message_key.in_(sorted({receipt.message_key for receipt in receipts}))
        )
    ):
        seen[row.message_key, row.event, row.code].add(row.at)
    new, rows = [], []
    for receipt in receipts:
        before = seen[receipt.message_key, receipt.event, receipt.code]
        # Twilio gives no time: the same event a second time is the same event.
        if before and (receipt.at is None or receipt.at in before):
            continue
        before.add(receipt.at or now)
        new.append(receipt)
        rows.append(
            {
                "message_key": receipt.message_key,
                "event": receipt.event,
                "code": receipt.code,
                "at": receipt.at or now,
                "received_at": now,
            }
        )
    if rows:
        dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
        conn.execute(dialect.insert(r).on_conflict_do_nothing(), rows)
    return new


def _apply(conn: Connection, rows: dict[int, dict[str, Any]], receipt: Receipt) -> bool:
    row = rows[receipt.message_key]
    state, rank = _state_of(receipt), _rank(row)
    if state is None or rank is None or _RANK[state] <= rank:
        return False
    m, now = t.messages, business_now(conn)
    values: dict[str, Any] = {
        "state": state,
        "accepted_at": sa.func.coalesce(m.c.accepted_at, sa.literal(now, m.c.accepted_at.type)),
        "lease_until": None,
    }
    if row["state"] == "pending":
        values["batch_key"] = None
    if not row["provider_id"]:
        row["provider_id"] = receipt.provider_id.partition(".")[0]
        values["provider_id"] = row["provider_id"]
    if state != "accepted":
        values |= {"ended_at": now, "provider_code": receipt.code or None}
    if row["state"] == "unknown":
        # What it was given up for, and that it was: the provider knows better.
        values = {"reason": None, "ended_at": None, "provider_code": None} | values
    conn.execute(m.update().where(m.c.key == receipt.message_key).values(**values))
    row["state"] = state
    return True


def _rank(row: dict[str, Any]) -> int | None:
    if row["state"] == "pending" and row["provider_id"] and row["followed"]:
        return _WAITS_AGAIN
    return _RANK.get(row["state"])
