"""What people write about an outage: internal notes, and words for the public (DECISIONS 14)."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.clock import business_now
from outage.errors import InvalidCommandError
from outage.model import Actor, Outage

LIMIT = 4_000
"""Characters of a note or a public message."""


def write_down(
    conn: Connection, outage: Outage, kind: str, text: str, actor: Actor, *, approved: bool
) -> int:
    """Keep a text of the kind ``note`` or ``public_message`` and return its key."""
    if len(text) > LIMIT:
        raise InvalidCommandError(field=kind, problem=f"is longer than {LIMIT} characters")
    now = business_now(conn)
    key = conn.execute(
        t.notes.insert()
        .values(
            outage_key=outage.key,
            kind=kind,
            at=now,
            actor=str(actor),
            text=text,
            approved_at=now if approved else None,
            approved_by=str(actor) if approved else None,
        )
        .returning(t.notes.c.key)
    ).scalar_one()
    return int(key)


def approve(conn: Connection, outage: Outage, key: int, actor: Actor) -> bool:
    """Approve a message for the public; False when that has been done before.

    Raises `InvalidCommandError` when the outage has no such message.
    """
    message = sa.and_(
        t.notes.c.key == key,
        t.notes.c.outage_key == outage.key,
        t.notes.c.kind == "public_message",
    )
    proposed = conn.execute(sa.select(t.notes.c.approved_at).where(message)).first()
    if proposed is None:
        raise InvalidCommandError(field="message", problem="this outage has no such message")
    if proposed.approved_at is not None:
        return False
    conn.execute(
        t.notes.update()
        .where(message)
        .values(approved_at=business_now(conn), approved_by=str(actor))
    )
    return True
