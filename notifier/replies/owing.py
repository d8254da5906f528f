"""What is owed because of a reply: the answer to it, and pages to who is on call."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from notifier.replies.saying import Said
from outage import tables as t

ANSWER, PAGE = "answer", "page"
URGENT, USUAL = 0, 1
_OWED = t.answers.insert().returning(t.answers.c.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """One text or e-mail that has to go out, or does not, with the reason."""

    reply_key: int
    role: str
    channel: str
    address: str
    language: str
    template: str
    subject: str = ""
    body: str
    urgency: int
    state: str = "pending"
    reason: str | None = None
    message_key: int | None = None

    @classmethod
    def answer(cls, reply_key: int, address: str, said: Said, *, urgent: bool) -> "Owed":
        """The answer to a reply."""
        return cls(
            reply_key=reply_key,
            role=ANSWER,
            channel="sms",
            address=address,
            language=said.language,
            template=said.template,
            body=said.body,
            urgency=URGENT if urgent else USUAL,
        )


def owe(conn: Connection, owed: Owed, at: datetime) -> int:
    """Put it on record, to be sent from now on; return its key."""
    values = {name: getattr(owed, name) for name in owed.__slots__}
    over = None if owed.state == "pending" else at
    row = {**values, "created_at": at, "send_after": at, "ended_at": over}
    return int(conn.execute(_OWED, row).scalar_one())
