"""What an endpoint was asked last, and which place it named. Both are forgotten after a while."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier.replies.intents import Asked, Intent
from outage import tables as t

ASKED_FOR = timedelta(hours=2)
"""How long a number answers what was asked; later it is a number."""
NAMED_FOR = timedelta(hours=24)
"""How long somebody whose number is not on record need not say again which place it is."""


# Built once: every text needs them.
_WHOSE = t.conversations.c.endpoint_key == sa.bindparam("whose")
_LOADED = t.conversations.select().where(_WHOSE)
_FORGOTTEN = t.conversations.delete().where(_WHOSE)
_KEPT = t.conversations.insert()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """How far it has come. ``proved`` says that account and postal code fitted."""

    asked: Asked | None = None
    about: Intent | None = None
    options: tuple[int, ...] = ()
    asked_at: datetime | None = None
    premises: tuple[int, ...] = ()
    proved: bool = False
    named_at: datetime | None = None

    def ask(
        self, asked: Asked, about: Intent, now: datetime, options: Sequence[int] = ()
    ) -> "Conversation":
        """Ask something; what was asked before is forgotten."""
        return replace(self, asked=asked, about=about, options=tuple(options), asked_at=now)

    def answered(self) -> "Conversation":
        """Let no question be open."""
        return replace(self, asked=None, about=None, options=(), asked_at=None)

    def name(self, premises: Sequence[int], now: datetime, *, proved: bool) -> "Conversation":
        """Remember which place somebody named."""
        return replace(self, premises=tuple(premises), proved=proved, named_at=now)


def load(conn: Connection, endpoint_key: int, now: datetime) -> Conversation:
    """Return what is still remembered of a conversation."""
    row = conn.execute(_LOADED, {"whose": endpoint_key}).first()
    if row is None:
        return Conversation()
    found = Conversation()
    if row.asked and row.asked_at is not None and now - row.asked_at <= ASKED_FOR:
        found = found.ask(
            Asked(row.asked), Intent(row.about), row.asked_at, json.loads(row.options)
        )
    if row.named_at is not None and now - row.named_at <= NAMED_FOR:
        found = found.name(json.loads(row.premises), row.named_at, proved=bool(row.proved))
    return found


def save(conn: Connection, endpoint_key: int, conversation: Conversation) -> None:
    """Write a conversation back."""
    conn.execute(_FORGOTTEN, {"whose": endpoint_key})
    if conversation == Conversation():
        return
    row = {
        "endpoint_key": endpoint_key,
        "asked": conversation.asked,
        "about": conversation.about,
        "options": json.dumps(conversation.options),
        "asked_at": conversation.asked_at,
        "premises": json.dumps(conversation.premises),
        "proved": conversation.proved,
        "named_at": conversation.named_at,
    }
    conn.execute(_KEPT, row)
