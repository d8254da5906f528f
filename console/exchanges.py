"""What people of an account wrote by text, tap or form, and what was answered, newest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from console.calls import BY_STAFF
from console.dossier import Some
from notifier.opting import BY_FORM
from notifier.replies.owing import ANSWER
from notifier.replies.tapping import BY_LINK
from outage import tables as t
from outage.model import AccountKey

EXCHANGES = 10
"""On a page."""
BY = {
    BY_STAFF: "an agent asked for them",
    BY_LINK: "tapped on their page",
    BY_FORM: "asked for by a form",
}
"""How it came where it was no text, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered, or not. ``reason`` is why it ended so."""

    text: str
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What came in; its words and the answer's are empty once their time is over.

    Attributes:
        outcome: in a word, what was done; None while it waits.
    """

    at: datetime
    by: str
    text: str
    outcome: str | None
    answers: tuple[Answer, ...]


def exchanges(conn: Connection, account: AccountKey, before: int) -> Some[Exchange]:
    """What came from who has its numbers and addresses now, and what they were answered."""
    r, c = t.replies.c, t.contacts.c
    # Who had a number before, or has it since, is somebody else.
    theirs = sa.select(c.endpoint_key).where(c.account_key == account, c.ended_at.is_(None))
    rows = conn.execute(
        sa.select(r.key, r.received_at, r.provider, r.body, r.outcome)
        .where(r.endpoint_key.in_(theirs), r.key < before if before else sa.true())
        .order_by(r.key.desc())
        .limit(EXCHANGES + 1)
    ).all()
    page = rows[:EXCHANGES]
    answers = _answers(conn, [row.key for row in page])
    found = tuple(
        Exchange(
            at=row.received_at,
            by=BY.get(row.provider, "text"),
            text=row.body,
            outcome=row.outcome,
            answers=tuple(answers[row.key]),
        )
        for row in page
    )
    return Some(rows=found, next=page[-1].key if len(rows) > EXCHANGES else 0)


def _answers(conn: Connection, replies: Sequence[int]) -> dict[int, list[Answer]]:
    a = t.answers.c
    rows = conn.execute(
        sa.select(a.reply_key, a.body, a.state, a.reason)
        .where(a.reply_key.in_(replies), a.role == ANSWER)
        .order_by(a.key)
    )
    found: dict[int, list[Answer]] = defaultdict(list)
    for row in rows:
        found[row.reply_key].append(Answer(text=row.body, state=row.state, reason=row.reason))
    return found
