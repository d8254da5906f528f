"""Tells the utility's own CIS over HTTP what it is to know: newest first, at a capped rate.

One process sends at a time, under a lease. Nothing is claimed: a record waits until its answer is
on record, so a crash at any moment loses nothing, and what is sent again has the same version and
the same key, by which the CIS knows it.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Self
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.cis import events
from outage.cis.calling import Answer, Caller, Line, Said
from outage.cis.events import Lists, Record
from outage.clock import business_now
from outage.database import Database, wall_now
from outage.settings import Settings

log = logging.getLogger(__name__)

CALLS = 4
"""Calls under way at a time."""
LEASE = timedelta(seconds=60)
"""Longer than any call may take: whoever is killed holds up the next one no longer."""
LONGEST_REST_S, LONGEST_RETRY_S = 60.0, 300.0
"""A CIS that is away is asked each minute; one record that fails again and again more seldom."""
SUSPECT = 3
"""Failures in a row after which what a record says may be why."""
_PERHAPS_OURS = frozenset({"500", "no_answer", "unreadable"})
"""Failures that one record may be the cause of, and no CIS that is merely away."""
PACE_S = 0.05
KNOWN_LISTS = 10_000

_u, _l = t.cis_upserts.c, t.cis_line.c


class Connector:
    """Sends what waits. ``patience`` scales every wait after a failure; 1 is for real."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        zone: ZoneInfo,
        *,
        patience: float = 1.0,
        caller: Caller | None = None,
    ) -> None:
        self._db, self._zone, self._patience = db, zone, patience
        self._batch, self._per_s = settings.cis_batch, settings.cis_per_s
        self._quiet = settings.cis_quiet
        self._caller = caller or Caller(
            Line(
                url=settings.cis_url,
                secret=settings.cis_secret,
                allowed=settings.cis_allow,
                timeout_s=settings.cis_timeout_s,
            )
        )
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._lists: Lists = {}
        self._next_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections and the lease back."""
        self._caller.close()
        with self._db.write() as conn:
            conn.execute(
                t.cis_line.update().where(_l.holder == self._holder).values(lease_until=None)
            )

    def turn(self, stopping: Callable[[], bool] = lambda: False) -> bool:
        """Send some of what waits; whether there may be more to do at once."""
        if not self._paced(stopping):
            return False
        with self._db.read() as conn:
            if conn.execute(_due(wall_now(conn), 1)).first() is None or self._is_quiet(conn):
                return False
        if not self._is_ours():
            return False
        with self._db.read() as conn:
            if len(self._lists) > KNOWN_LISTS:
                self._lists.clear()
            found = events.records(conn, _due(wall_now(conn), self._some()), self._lists)
        calls = list(self._calls(found))
        began_s = time.monotonic()
        # No session is held from here to the answers.
        answers = self._caller.call([events.body(call) for call in calls])
        if self._per_s:
            self._next_s = began_s + sum(map(len, calls)) / self._per_s
        with self._db.write() as conn:
            for call, answer in zip(calls, answers, strict=True):
                self._settle(conn, call, answer)
            self._note(conn, answers)
        return bool(calls)

    def _some(self) -> int:
        """How many records are taken at a time: no more than may go in a second."""
        most = self._batch * CALLS
        return max(1, min(most, int(self._per_s))) if self._per_s else most

    def _paced(self, stopping: Callable[[], bool]) -> bool:
        """Wait until the rate allows more; whether it does before this turn has to end."""
        patience_s = time.monotonic() + 1.0
        while (now_s := time.monotonic()) < self._next_s:
            if stopping() or now_s > patience_s:
                return False
            time.sleep(min(PACE_S, self._next_s - now_s))
        return not stopping()

    def _is_quiet(self, conn: Connection) -> bool:
        return self._quiet is not None and is_quiet(business_now(conn), self._zone, self._quiet)

    def _is_ours(self) -> bool:
        """Take or keep the lease; whether the CIS may be called now."""
        with self._db.write() as conn:
            now = wall_now(conn)
            conn.execute(_BEGIN)
            done = conn.execute(
                t.cis_line.update()
                .where(
                    sa.or_(
                        _l.lease_until.is_(None), _l.lease_until < now, _l.holder == self._holder
                    ),
                    sa.or_(_l.rests_until.is_(None), _l.rests_until <= now),
                )
                .values(holder=self._holder, lease_until=now + LEASE)
            )
            return done.rowcount == 1

    def _calls(self, found: Sequence[Record]) -> Iterator[Sequence[Record]]:
        """Part records into calls, at most as many as are made at a time."""
        made = 0
        for most, group in groupby(found, lambda record: record.due.most):
            some, size = list(group), min(most or self._batch, self._batch)
            for start in range(0, len(some), size):
                if made == CALLS:
                    return
                made += 1
                yield some[start : start + size]

    def _settle(self, conn: Connection, call: Sequence[Record], answer: Answer) -> None:
        now = wall_now(conn)
        if answer.said is Said.FAILED:
            _try_again(conn, call, answer, now, self._patience)
        elif answer.said is Said.REFUSED and len(call) > 1:
            # One of them is why: smaller calls find out which.
            _each(conn, _PART, ({"fewer": len(call) // 2, **_which(one)} for one in call))
        else:
            codes = answer.refused
            if answer.said is Said.REFUSED:
                codes = {one.key: answer.code for one in call}
            taken = [one for one in call if one.key not in codes]
            dead = [one for one in call if one.key in codes]
            _each(conn, _ACCEPT, ({"now": now, **_which(one)} for one in taken))
            _each(
                conn, _REFUSE, ({"now": now, "why": codes[one.key], **_which(one)} for one in dead)
            )

    def _note(self, conn: Connection, answers: Sequence[Answer]) -> None:
        """How the line does: rest after a failure, longer each time, or as long as it asks."""
        failed = [answer for answer in answers if answer.said is Said.FAILED]
        now = wall_now(conn)
        if any(answer.said is Said.ACCEPTED for answer in answers):
            conn.execute(t.cis_line.update().values(accepted_at=now))
        if not failed:
            conn.execute(t.cis_line.update().values(failures=0, rests_until=None, code=None))
            return
        failures = int(conn.execute(sa.select(_l.failures)).scalar_one()) + 1
        asked_s = max((answer.wait_s or 0.0 for answer in failed), default=0.0)
        rest_s = max(asked_s, _longer(failures, LONGEST_REST_S)) * self._patience
        log.warning("the CIS did not take a call: %s; next in %.1f s", failed[-1].code, rest_s)
        conn.execute(
            t.cis_line.update().values(
                failures=failures,
                rests_until=now + timedelta(seconds=rest_s),
                code=failed[-1].code,
            )
        )


def is_quiet(now: datetime, zone: ZoneInfo, hours: tuple[int, int]) -> bool:
    """Whether a moment lies in hours of the day, given in minutes after local midnight."""
    there = now.astimezone(zone)
    minute, (begins, ends) = there.hour * 60 + there.minute, hours
    return begins <= minute < ends if begins <= ends else minute >= begins or minute < ends


def _due(now: datetime, most: int) -> sa.Select[Any]:
    """What waits and may be sent, newest first."""
    return (
        sa.select(t.cis_upserts)
        .where(_u.settled_at.is_(None), sa.or_(_u.retry_at.is_(None), _u.retry_at <= now))
        .order_by(_u.wanted.desc(), _u.outage_key.desc(), _u.account_key.desc())
        .limit(most)
    )


def _longer(failures: int, longest_s: float) -> float:
    """Seconds to wait after so many failures: doubled each time, and never all at once."""
    return min(longest_s, 2.0 ** min(failures, 16)) * random.uniform(0.5, 1.0)  # noqa: S311  # spreads load, guards nothing


def _try_again(
    conn: Connection, call: Sequence[Record], answer: Answer, now: datetime, patience: float
) -> None:
    """Let the records wait; those that may be why go in smaller calls after a while."""
    fewer = max(1, len(call) // 2) if answer.code in _PERHAPS_OURS else None

    def later(one: Record) -> dict[str, Any]:
        failed = one.due.attempts + 1
        wait = timedelta(seconds=_longer(failed, LONGEST_RETRY_S) * patience)
        parted = fewer is not None and failed >= SUSPECT
        return {"later": now + wait, "fewer": fewer if parted else one.due.most, **_which(one)}

    _each(conn, _RETRY, map(later, call))


def _which(one: Record) -> dict[str, Any]:
    due = one.due
    return {"of": due.outage_key, "account": due.account_key, "version": due.version}


def _each(conn: Connection, statement: sa.Update, rows: Iterable[dict[str, Any]]) -> None:
    # In one order everywhere, so that no two wait for each other.
    found = sorted(rows, key=lambda row: (row["of"], row["account"]))
    if found:
        conn.execute(statement, found)


_BEGIN = sa.text("INSERT INTO cis_line (id) VALUES (1) ON CONFLICT (id) DO NOTHING")
_ONE = sa.and_(_u.outage_key == sa.bindparam("of"), _u.account_key == sa.bindparam("account"))
_VERSION = sa.bindparam("version", type_=_u.wanted.type)
_NOW = sa.bindparam("now", type_=_u.settled_at.type)
_SAME = sa.and_(_ONE, _u.wanted == _VERSION, _u.settled_at.is_(None))
"""The row as it was taken: what has become newer meanwhile is another matter."""
_ACCEPT = (
    t.cis_upserts.update()
    .where(_ONE, sa.or_(_u.accepted.is_(None), _u.accepted < _VERSION))
    .values(
        accepted=_VERSION,
        settled_at=sa.case((_u.wanted == _VERSION, _NOW), else_=_u.settled_at),
        code=sa.case((_u.wanted == _VERSION, sa.null()), else_=_u.code),
        attempts=0,
        retry_at=None,
        most=None,
    )
)
_REFUSE = (
    t.cis_upserts.update()
    .where(_SAME)
    .values(settled_at=_NOW, code=sa.bindparam("why"), attempts=0, retry_at=None, most=None)
)
_RETRY = (
    t.cis_upserts.update()
    .where(_SAME)
    .values(
        attempts=_u.attempts + 1,
        retry_at=sa.bindparam("later", type_=_u.retry_at.type),
        most=sa.bindparam("fewer", type_=sa.Integer),
    )
)
_PART = (
    t.cis_upserts.update()
    .where(_SAME)
    .values(most=sa.bindparam("fewer", type_=sa.Integer), retry_at=None)
)
