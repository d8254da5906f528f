"""Crews' links: one outage each, no app and no password.

A link's token is shown once, and of it and of the cookie that it is traded for only the SHA-256 is
kept. A link opens on several phones as long as it holds: until its time is over, somebody revokes
it, or the outage is put away. Then nothing that it let in does anything any more.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import register
from outage import tables as t
from outage.database import wall_now
from outage.errors import LinkNotNowError, NotALabelError, UnknownLinkError
from outage.model import Actor, OutageId, OutageKey, Status
from outage.passwords import digest

LONGEST_LABEL = 40
KEPT = timedelta(days=30)
"""How long the browsers of a link stay on record after its end."""
_L, _S, _O = t.crew_links, t.crew_sessions, t.outages
_OVER = (Status.CLOSED, Status.CANCELLED)
"""A crew still has its word about what has just been restored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link on record; its token is not."""

    key: int
    label: str
    outage_key: OutageKey
    outage_id: OutageId
    made_at: datetime
    until: datetime
    opened_at: datetime | None
    revoked_at: datetime | None
    ended: bool
    """Its outage is closed or cancelled."""

    @property
    def actor(self) -> Actor:
        """Who its holder is in the journal and on the audit log."""
        return Actor(kind="crew", name=f"link-{self.key}")

    def holds(self, now: datetime) -> bool:
        """Whether it lets anybody in."""
        return self.revoked_at is None and not self.ended and now < self.until


def make(
    conn: Connection, outage_id: str, *, lasts: timedelta, label: str = ""
) -> tuple[str, Link]:
    """Make a link and return its token, the only time it can be read.

    Raises `UnknownOutageError`, `LinkNotNowError` for an outage that is put away, and
    `NotALabelError`.
    """
    label = " ".join(label.split())
    if len(label) > LONGEST_LABEL or not label.isprintable():
        raise NotALabelError(most=LONGEST_LABEL)
    outage = register.load(conn, outage_id)
    if outage.status in _OVER:
        raise LinkNotNowError(id=outage.id, status=outage.status)
    words, now = secrets.token_urlsafe(32), wall_now(conn)
    key = conn.execute(
        _L.insert()
        .values(
            hash=digest(words),
            outage_key=outage.key,
            label=label,
            made_at=now,
            until=now + lasts,
        )
        .returning(_L.c.key)
    ).scalar_one()
    return words, get(conn, key)


def get(conn: Connection, key: int) -> Link:
    """Return one link. Raises `UnknownLinkError`."""
    row = conn.execute(_select().where(_L.c.key == key)).first()
    if row is None:
        raise UnknownLinkError(key=key)
    return _link(row)


def every(conn: Connection, *, limit: int, holding: bool = False) -> list[Link]:
    """Return links, the newest first; with ``holding`` those alone that let somebody in."""
    statement = _select().order_by(_L.c.key.desc()).limit(limit)
    if holding:
        statement = statement.where(
            _L.c.revoked_at.is_(None), _L.c.until > wall_now(conn), _O.c.status.not_in(_OVER)
        )
    return [_link(row) for row in conn.execute(statement)]


def revoke(conn: Connection, key: int) -> Link:
    """Let a link hold no longer; again changes nothing. Raises `UnknownLinkError`."""
    mine = sa.and_(_L.c.key == key, _L.c.revoked_at.is_(None))
    conn.execute(_L.update().where(mine).values(revoked_at=wall_now(conn)))
    return get(conn, key)


def of_token(conn: Connection, words: str) -> Link | None:
    """Return the link whose token this is, if it holds."""
    row = conn.execute(_select().where(_L.c.hash == digest(words))).first()
    return _holding(conn, row)


def trade(conn: Connection, link: Link) -> str:
    """Let a browser in, and return its cookie, the only time it can be read."""
    cookie, now = secrets.token_urlsafe(32), wall_now(conn)
    conn.execute(_S.insert().values(hash=digest(cookie), link_key=link.key, made_at=now))
    first = sa.and_(_L.c.key == link.key, _L.c.opened_at.is_(None))
    conn.execute(_L.update().where(first).values(opened_at=now))
    return cookie


def of_cookie(conn: Connection, cookie: str) -> Link | None:
    """Return the link that let a browser in, if it still holds."""
    if not cookie:
        return None
    statement = _select().join(_S, _S.c.link_key == _L.c.key).where(_S.c.hash == digest(cookie))
    return _holding(conn, conn.execute(statement).first())


def forget(conn: Connection, limit: int) -> int:
    """Take away which browsers were let in by links of long ago; return how many."""
    old = (
        sa.select(_S.c.key)
        .join(_L, _L.c.key == _S.c.link_key)
        .where(_L.c.until < wall_now(conn) - KEPT)
        .limit(limit)
    )
    return conn.execute(_S.delete().where(_S.c.key.in_(old))).rowcount


def _select() -> sa.Select[Any]:
    return sa.select(_L, _O.c.id.label("outage_id"), _O.c.status).join(
        _O, _O.c.key == _L.c.outage_key
    )


def _holding(conn: Connection, row: sa.Row[Any] | None) -> Link | None:
    link = None if row is None else _link(row)
    return link if link is not None and link.holds(wall_now(conn)) else None


def _link(row: sa.Row[Any]) -> Link:
    return Link(
        key=row.key,
        label=row.label,
        outage_key=row.outage_key,
        outage_id=row.outage_id,
        made_at=row.made_at,
        until=row.until,
        opened_at=row.opened_at,
        revoked_at=row.revoked_at,
        ended=row.status in _OVER,
    )
