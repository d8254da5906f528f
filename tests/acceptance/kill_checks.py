"""What a run of killed senders came to, read from the database and from the simulator's own log."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import audience
from notifier.carrier.schema import STORE_FILE
from notifier.kinds import Kind
from outage import tables as t

TAKEN = frozenset({"accepted", "delivered", "undelivered", "failed"})
"""States of a message that the provider had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Figures that add up over runs, and in words whatever must not be."""

    figures: Counter[str]
    problems: tuple[str, ...]


def check(conn: Connection, carrier: Path, messages: int) -> Found:
    """Hold the rows of ``messages`` messages against the log of the simulator in ``carrier``."""
    rows = conn.execute(t.messages.select()).all()
    log = _log(carrier)
    planned = sum(sums.planned for sums in audience.sums(conn))
    ended = [row for row in rows if not _is_open(row)]
    resent = [row for row in rows if row.sends > 1]
    mails = [row for row in rows if row.channel == "email"]
    figures = Counter(
        planned=planned,
        ended=len(ended),
        lost=messages - len(ended),
        unknown=sum(row.unknown_since is not None for row in rows),
        texts_accepted=sum(log["sms"].values()),
        texts_accepted_twice=_twice(log["sms"]),
        texts_found_by_the_list=_found_by_list(conn),
        texts_resent=sum(row.channel == "sms" for row in resent),
        mails_accepted=sum(log["email"].values()),
        mails_accepted_twice=_twice(log["email"]),
        mails_resent=sum(row.channel == "email" for row in resent),
        mails_dropped=sum(row.reason == "not_resent" for row in mails),
    )
    figures.update(
        {
            f"ended_{state}" + (f"_{reason}" if reason else ""): count
            for (state, reason), count in Counter((row.state, row.reason) for row in rows).items()
        }
    )
    problems = (*_sums(conn, rows, messages), *_texts(rows, log), *_mails(mails, log))
    return Found(figures=figures, problems=problems)


def _is_open(row: sa.Row[Any]) -> bool:
    return row.state in {"pending", "claimed"} or (row.state == "unknown" and row.ended_at is None)


def _log(folder: Path) -> dict[str, Counter[int]]:
    """Acceptances by channel and our-id, as the simulator wrote them down."""
    with sqlite3.connect(f"file:{folder / STORE_FILE}?mode=ro", uri=True) as log:
        found: dict[str, Counter[int]] = {"sms": Counter(), "email": Counter()}
        for channel, our_id in log.execute("SELECT channel, our_id FROM messages"):
            found[channel][int(our_id)] += 1
    log.close()
    return found


def _twice(accepted: Counter[int]) -> int:
    return sum(count > 1 for count in accepted.values())


def _found_by_list(conn: Connection) -> int:
    """Texts that were unknown and whose provider had them."""
    m = t.messages.c
    known = sa.and_(m.channel == "sms", m.unknown_since.is_not(None), m.sends == 1)
    statement = sa.select(sa.func.count()).where(known, m.state.in_(sorted(TAKEN)))
    return int(conn.execute(statement).scalar_one())


def _sums(conn: Connection, rows: Sequence[sa.Row[Any]], messages: int) -> Iterator[str]:
    if len(rows) != messages:
        yield f"{len(rows)} messages are on record, not {messages}"
    for sums in audience.sums(conn):
        if not sums.agree:
            yield f"of {sums.outage_id} {sums.planned} were planned and {sums.messages} are there"
    if still_open := Counter(row.state for row in rows if _is_open(row)):
        yield f"messages are still open: {dict(still_open)}"


def _texts(rows: Sequence[sa.Row[Any]], log: dict[str, Counter[int]]) -> Iterator[str]:
    """Each text once at most, and the row says what the log says."""
    for row in (row for row in rows if row.channel == "sms"):
        times = log["sms"][row.key]
        if times > 1:
            yield f"text {row.key} was accepted {times} times"
        if bool(times) != (row.state in TAKEN):
            yield f"text {row.key} is {row.state} ({row.reason}), accepted {times} times"


def _mails(mails: list[sa.Row[Any]], log: dict[str, Counter[int]]) -> Iterator[str]:
    """Only those are sent again whose kind says so, and of those all that nobody heard of."""
    for row in mails:
        named, times = Kind.of(row.kind, row.variant).rule.resent, log["email"][row.key]
        if row.sends > 1 and not named:
            yield f"e-mail {row.key} ({row.kind}) was sent again, against its kind"
        if named and row.reason == "not_resent":
            yield f"e-mail {row.key} ({row.kind}) was not sent again, against its kind"
        if row.state == "unknown" and named and row.sends == 1:
            yield f"e-mail {row.key} ({row.kind}) stayed unknown after one try: {row.reason}"
        if times > row.sends:
            yield f"e-mail {row.key} was accepted {times} times and sent {row.sends} times"
        if row.state in TAKEN and not times:
            yield f"e-mail {row.key} is {row.state}, and was never accepted"
