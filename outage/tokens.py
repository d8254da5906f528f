"""Tokens for machines. A token is shown once; only its SHA-256 is kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.database import wall_now
from outage.errors import ForbiddenError, NotSignedInError, UnknownTokenError
from outage.model import Actor
from outage.rights import MAY, Right, Role

PREFIX = "outage_"
"""Begins every token, so that a lost one can be recognised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token on record; the secret itself is not."""

    key: int
    name: str
    role: Role
    """What it is for: one of `outage.rights.MACHINES`."""
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @property
    def actor(self) -> Actor:
        """Who its holder is in the journal."""
        return Actor(kind=self.role, name=self.name)

    def may(self, right: Right) -> bool:
        """Whether its role has a right."""
        return right in MAY[self.role]


def make(
    conn: Connection, *, role: Role, name: str, lasts: timedelta | None = None
) -> tuple[str, Token]:
    """Make a token and return it in words, the only time it can be read."""
    words = PREFIX + secrets.token_urlsafe(32)
    now = wall_now(conn)
    row = conn.execute(
        t.tokens.insert()
        .values(
            name=name,
            role=str(role),
            hash=_hash(words),
            created_at=now,
            expires_at=None if lasts is None else now + lasts,
        )
        .returning(t.tokens)
    ).one()
    return words, _token(row)


def check(conn: Connection, words: str, right: Right) -> Token:
    """Return the token that these words are, if it has the right.

    Raises `NotSignedInError` for a token that is unknown, expired or revoked, and
    `ForbiddenError` for one whose role lacks the right.
    """
    row = conn.execute(t.tokens.select().where(t.tokens.c.hash == _hash(words))).first()
    token = None if row is None else _token(row)
    now = wall_now(conn)
    if (
        token is None
        or token.revoked_at is not None
        or (token.expires_at is not None and token.expires_at <= now)
    ):
        raise NotSignedInError
    if not token.may(right):
        raise ForbiddenError(role=token.role, right=right)
    return token


def every(conn: Connection) -> list[Token]:
    """Return all tokens, oldest first."""
    return [_token(row) for row in conn.execute(t.tokens.select().order_by(t.tokens.c.key))]


def revoke(conn: Connection, key: int) -> Token:
    """Let a token hold no longer; doing it again changes nothing. Raises `UnknownTokenError`."""
    conn.execute(
        t.tokens.update()
        .where(t.tokens.c.key == key, t.tokens.c.revoked_at.is_(None))
        .values(revoked_at=wall_now(conn))
    )
    row = conn.execute(t.tokens.select().where(t.tokens.c.key == key)).first()
    if row is None:
        raise UnknownTokenError(key=key)
    return _token(row)


def _hash(words: str) -> str:
    # A token is 256 random bits: a slow hash would guard nothing more.
    return hashlib.sha256(words.encode()).hexdigest()


def _token(row: sa.Row[tuple[object, ...]]) -> Token:
    facts = row._mapping  # noqa: SLF001 SQLAlchemy's public name for it
    return Token(
        key=facts["key"],
        name=facts["name"],
        role=Role(facts["role"]),
        created_at=facts["created_at"],
        expires_at=facts["expires_at"],
        revoked_at=facts["revoked_at"],
    )
