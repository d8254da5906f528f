"""What every phone and mailbox received, and how many: the questions people and tests ask."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_FIELDS = (
    "number, sid, channel, recipient, sender, subject, body, html, our_id, again, status, "
    "error_code, accepted_ms, updated_ms"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which messages to show, newest first.

    to: a whole number or address. search: part of a number, address, subject or text. before:
    only messages accepted before the one of this number.
    """

    to: str | None = None
    search: str | None = None
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message as it arrived, or did not."""

    number: int
    sid: str
    channel: str
    to: str
    sender: str | None
    subject: str | None
    body: str
    html: str | None
    our_id: str | None
    again: bool
    status: str
    error_code: int | None
    accepted: datetime
    updated: datetime

    def view(self) -> dict[str, Any]:
        """Show it in the JSON view's words."""
        view = {name: getattr(self, name) for name in self.__slots__ if name != "html"}
        view["from"] = view.pop("sender")
        return view | {
            "accepted": self.accepted.isoformat(timespec="milliseconds"),
            "updated": self.updated.isoformat(timespec="milliseconds"),
        }


def received(connection: sqlite3.Connection, question: Question) -> tuple[list[Message], bool]:
    """Give the messages asked for, newest first, and whether there are older ones."""
    where, values = ["1"], {"limit": question.limit + 1}
    clauses: dict[str, tuple[str, Any]] = {
        "to": ("recipient = :to", question.to),
        "before": ("number < :before", question.before),
        "search": (
            (
                "(recipient LIKE :search ESCAPE '\\' OR subject LIKE :search ESCAPE '\\' "
                "OR body LIKE :search ESCAPE '\\')"
            ),
            None if question.search is None else f"%{_escaped(question.search)}%",
        ),
    }
    for name, (clause, value) in clauses.items():
        if value is not None:
            where.append(clause)
            values[name] = value
    found = connection.execute(
        f"SELECT {_FIELDS} FROM messages WHERE {' AND '.join(where)} "  # noqa: S608 - clauses are ours, values are bound
        "ORDER BY number DESC LIMIT :limit",
        values,
    ).fetchall()
    return [_message(row) for row in found[: question.limit]], len(found) > question.limit


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Count acceptances, our-ids, what is still moving and the callbacks by their end.

    doubled: acceptances of an our-id that had been accepted before. idle: 1 when nothing moves
    and no callback waits.
    """

    def one(statement: str) -> int:
        return int(connection.execute(statement).fetchone()[0])

    # One snapshot, so that the figures belong together.
    connection.execute("BEGIN")
    try:
        found = {
            "sms": one("SELECT count(*) FROM messages WHERE channel = 'sms'"),
            "email": one("SELECT count(*) FROM messages WHERE channel = 'email'"),
            "our_ids": one("SELECT count(DISTINCT our_id) FROM messages WHERE our_id IS NOT NULL"),
            "doubled": one("SELECT count(*) FROM messages WHERE again = 1"),
            "moving": one("SELECT count(*) FROM messages WHERE due_ms IS NOT NULL"),
            "callbacks_pending": one("SELECT count(*) FROM callbacks WHERE outcome IS NULL"),
            "callbacks_sent": one("SELECT count(*) FROM callbacks WHERE outcome = 'sent'"),
            "callbacks_failed": one("SELECT count(*) FROM callbacks WHERE outcome = 'failed'"),
            "callbacks_refused": one("SELECT count(*) FROM callbacks WHERE outcome = 'refused'"),
            "inbound": one("SELECT count(*) FROM inbound"),
            "inbound_pending": one("SELECT count(*) FROM inbound WHERE outcome IS NULL"),
            "inbound_failed": one("SELECT count(*) FROM inbound WHERE outcome = 'failed'"),
        }
    finally:
        connection.execute("COMMIT")
    still = found["moving"] or found["callbacks_pending"] or found["inbound_pending"]
    return found | {"idle": int(not still)}


def our_ids(connection: sqlite3.Connection, after: str, limit: int) -> dict[str, int]:
    """Count acceptances by our-id, in the order of the ids, from the one behind `after`."""
    return dict(
        connection.execute(
            "SELECT our_id, count(*) FROM messages WHERE our_id > ? "
            "GROUP BY our_id ORDER BY our_id LIMIT ?",
            (after, limit),
        ).fetchall()
    )


def acceptances_of(connection: sqlite3.Connection, our_id: str) -> list[Message]:
    """Give every acceptance of one our-id, oldest first."""
    return [
        _message(row)
        for row in connection.execute(
            f"SELECT {_FIELDS} FROM messages WHERE our_id = ? ORDER BY number",  # noqa: S608 - our own list of columns
            (our_id,),
        )
    ]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _message(row: sqlite3.Row) -> Message:
    given = dict(row)
    return Message(
        to=given.pop("recipient"),
        again=bool(given.pop("again")),
        accepted=datetime.fromtimestamp(given.pop("accepted_ms") / 1000, UTC),
        updated=datetime.fromtimestamp(given.pop("updated_ms") / 1000, UTC),
        **given,
    )
