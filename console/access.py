"""Who is asking: bearer tokens of the API."""

from __future__ import annotations

from sqlalchemy.engine import Connection
from starlette.requests import Request

from outage import tokens
from outage.database import Database
from outage.errors import NotSignedInError
from outage.tokens import Right, Token


def bearer(request: Request) -> str:
    """Return the words of the token that came with a request. Raises `NotSignedInError`."""
    scheme, _, words = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not words.strip():
        raise NotSignedInError
    return words.strip()


def check(db: Database, words: str, right: Right) -> Token:
    """Return the token if it has the right; raises as `outage.tokens.check`."""
    with db.read() as conn:
        return tokens.check(conn, words, right)


def allowed(conn: Connection, request: Request, right: Right) -> Token:
    """Return the token of a request if it has the right."""
    return tokens.check(conn, bearer(request), right)
