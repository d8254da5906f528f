"""Senders that receipts say are blocked: what a provider takes, and the carriers then refuse.

A call's answer does not tell of it, so the breaker of a process never learns. One such receipt may
be about one text; so many in a row, and none delivered in between, are about the sender. It is then
left alone for a while and tried with one message, whose receipt tells whether it is well again.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier.channels.breaker import PATIENCE, STOPPED_REST
from notifier.channels.codes import action
from notifier.pacing import locked
from outage import tables as t
from outage.database import wall_now

log = logging.getLogger(__name__)

DELIVERED = ""
"""In place of a code: the message arrived."""
_P = t.providers


def heed(conn: Connection, said: Iterable[tuple[str, str]]) -> None:
    """Take note, in their order, of codes that stop a provider, and of messages `DELIVERED`."""
    by_provider: dict[str, list[str]] = defaultdict(list)
    for provider, code in said:
        by_provider[provider].append(code)
    for provider in sorted(by_provider):
        _heed(conn, provider, by_provider[provider])


def _heed(conn: Connection, provider: str, codes: Sequence[str]) -> None:
    counted = sa.select(_P.c.blocked).where(_P.c.name == provider)
    if not any(codes) and not conn.execute(counted).scalar():
        return  # the usual case: nobody waits for anybody
    row = locked(conn, provider)
    count, last = row.blocked, row.blocked_code
    for code in codes:
        count, last = (count + 1, code) if code else (0, None)
    values: dict[str, Any] = {"blocked": count, "blocked_code": last}
    if count >= PATIENCE > row.blocked:
        until = wall_now(conn) + STOPPED_REST
        values |= {"rests_until": max(until, row.rests_until or until), "rests_code": last}
    elif not count and row.blocked_code and row.rests_code == row.blocked_code:
        values |= {"rests_until": None, "rests_code": None}
    if last is not None:
        what = action(provider, last).value
        log.error("receipts of %s say %s: %s; see `outage doctor`", provider, last, what)
    conn.execute(_P.update().where(_P.c.name == provider).values(**values))


def probed(conn: Connection, provider: str) -> None:
    """Wait for the receipt of the one message that a blocked provider was tried with.

    If none has come at the end, it goes on, and one more that says so stops it again.
    """
    conn.execute(
        _P.update()
        .where(_P.c.name == provider, _P.c.blocked >= PATIENCE)
        .values(
            blocked=PATIENCE - 1,
            rests_until=wall_now(conn) + STOPPED_REST,
            rests_code=_P.c.blocked_code,
        )
    )
