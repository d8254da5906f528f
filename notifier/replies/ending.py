"""How answers and pages end: sent, refused, tried often enough, or not sent at all."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier.channels.base import NOT_SENT, Outcome, Result
from notifier.channels.codes import Action, action
from notifier.replies import told
from notifier.replies.acting import end_texts
from notifier.replies.owing import ANSWER, PAGE
from notifier.settling import ABOUT_ALL
from outage import tables as t
from outage.clock import business_now
from outage.database import wall_now

log = logging.getLogger(__name__)

BACK_OFF, LONGEST_BACK_OFF = timedelta(seconds=5), timedelta(minutes=5)
"""Until what was not sent is tried again: twice as long each time."""
MOST_TRIES = 12
"""That many take half an hour; each of them may have reached somebody and not told us so."""
_ENOUGH = "tried_enough"
_A = t.answers
IS_OPEN = _A.c.state.in_([sa.literal_column("'pending'"), sa.literal_column("'claimed'")])
"""In the words of the index of those; SQLite goes through all answers there ever were without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """An answer or a page that a sender holds under this fence, after so many tries ``before``."""

    key: int
    fence: int
    role: str
    before: int


def lost(conn: Connection) -> sa.ColumnElement[bool]:
    """What a sender held that has died."""
    return sa.and_(IS_OPEN, _A.c.state == "claimed", _A.c.lease_until < wall_now(conn))


def take_back(conn: Connection) -> None:
    """End the leases of who died in a call: an answer may be out, a page has to be."""
    gone, now = lost(conn), wall_now(conn)
    ended = conn.execute(
        _A.update()
        .where(gone, _A.c.role == ANSWER)
        .values(state="unknown", reason="lease_expired", ended_at=now)
        .returning(_A.c.key)
    )
    keys = ended.scalars().all()
    told.follow(conn, keys)
    _to_staff(conn, keys)
    for row in conn.execute(_A.select().where(gone, _A.c.role == PAGE)).all():
        one = Tried(key=row.key, fence=row.fence, role=PAGE, before=row.tries)
        # Its lease has been wait enough.
        _write(conn, one, {**_again(one, Result.AMBIGUOUS, now), "send_after": now})


def settle(conn: Connection, one: Tried, outcome: Outcome, provider: str) -> None:
    """Write down what a provider said of it, unless another sender has it by now."""
    now, code = wall_now(conn), outcome.code
    values: dict[str, Any]
    match outcome.result:
        case Result.ACCEPTED:
            values = {"state": "accepted", "provider_id": outcome.provider_id, "ended_at": now}
        case Result.RETRY if code == NOT_SENT:
            values = {"state": "pending", "send_after": now + BACK_OFF, "lease_until": None}
        case Result.RETRY if code in ABOUT_ALL and one.role == PAGE:
            # A page outlasts any failure of the line.
            values = _later(one, now)
        case Result.RETRY:
            values = _again(one, outcome.result, now)
        case Result.AMBIGUOUS if one.role == PAGE:
            values = _again(one, outcome.result, now)
        case Result.AMBIGUOUS:
            values = {"state": "unknown", "reason": "ambiguous", "ended_at": now}
        case _:
            values = {"state": "failed", "reason": "refused", "ended_at": now}
            if one.role == PAGE:
                log.error("page %d was refused with %s", one.key, code)
            elif action(provider, code) is Action.OPTED_OUT:
                end_texts(conn, _whose(one.key), business_now(conn), provider)
    _write(conn, one, {"provider_code": code or None, **values})


def _again(one: Tried, result: Result, now: datetime) -> dict[str, Any]:
    """What becomes of one that has to go out: it waits, each time longer, or that was enough."""
    if one.before + 1 < MOST_TRIES:
        return _later(one, now)
    state = "unknown" if result is Result.AMBIGUOUS else "failed"
    return {"tries": one.before + 1, "state": state, "reason": _ENOUGH, "ended_at": now}


def _later(one: Tried, now: datetime) -> dict[str, Any]:
    wait = min(BACK_OFF * 2**one.before, LONGEST_BACK_OFF)
    tries = min(one.before + 1, MOST_TRIES - 1)
    return {"tries": tries, "state": "pending", "send_after": now + wait, "lease_until": None}


def _write(conn: Connection, one: Tried, values: dict[str, Any]) -> None:
    mine = sa.and_(_A.c.key == one.key, _A.c.fence == one.fence, _A.c.state == "claimed")
    if not conn.execute(_A.update().where(mine).values(**values)).rowcount:
        return
    if values.get("reason") == _ENOUGH:
        log.error("%s %d is undelivered after %d tries", one.role, one.key, values["tries"])
    told.follow(conn, [one.key])
    if values["state"] in {"failed", "unknown"}:
        _to_staff(conn, [one.key])


def _whose(answer_key: int) -> sa.ColumnElement[bool]:
    """The endpoint that an answer is for."""
    owner = (
        sa.select(t.replies.c.endpoint_key)
        .join(t.answers, _A.c.reply_key == t.replies.c.key)
        .where(_A.c.key == answer_key)
    )
    return t.endpoints.c.key == owner.scalar_subquery()


def _to_staff(conn: Connection, answer_keys: Sequence[int]) -> None:
    """List the texts whose answers or pages nobody got: a person has to look at them."""
    unanswered = sa.select(_A.c.reply_key).where(_A.c.key.in_(answer_keys))
    r = t.replies
    conn.execute(r.update().where(r.c.key.in_(unanswered)).values(for_staff=True))


def end(conn: Connection, key: int, state: str, reason: str, now: datetime) -> None:
    """End one that is not sent at all."""
    conn.execute(
        _A.update().where(_A.c.key == key).values(state=state, reason=reason, ended_at=now)
    )
    told.follow(conn, [key])
    if reason != "send_mode":
        _to_staff(conn, [key])
