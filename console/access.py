"""Who is asking: a bearer token, or the session of somebody of the staff."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy.engine import Connection
from starlette.requests import Request

from console.errors import ElsewhereError
from outage import sessions, tokens
from outage.errors import NotSignedInError, NotYourRightError
from outage.model import Actor
from outage.rights import Right
from outage.sessions import Session
from outage.settings import Settings
from outage.tokens import Token

COOKIE = "__Host-session"
"""The prefix binds it to this host, to https and to every path (RFC 6265bis)."""
CSRF_HEADER, CSRF_FIELD = "x-csrf-token", "csrf"
PEOPLE = "people"
"""Marks a request for a page, which no token opens."""
SAFE = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever asks: with a token, or in a session."""

    who: Token | Session

    @property
    def actor(self) -> Actor:
        """Who it is in the journal and on the audit log."""
        return self.who.actor if isinstance(self.who, Token) else self.who.member.actor

    @property
    def session(self) -> Session | None:
        """Theirs, if it is a person in a browser."""
        return None if isinstance(self.who, Token) else self.who

    @property
    def detail(self) -> dict[str, object]:
        """What the audit log keeps of how they came in: several tokens may bear one name."""
        which = "token" if isinstance(self.who, Token) else "session"
        return {which: self.who.key}

    def may(self, right: Right) -> bool:
        """Whether they have a right, by the one table (`outage.rights`)."""
        return self.who.may(right) if isinstance(self.who, Token) else self.who.member.may(right)


def allowed(conn: Connection, request: Request) -> Caller:
    """Return who asks, if they have the right that the route names.

    Raises `NotSignedInError`, and `ForbiddenError` for who lacks the right.
    """
    right: Right = request.scope["right"]
    words = _bearer(request)
    if words is not None:
        return Caller(who=tokens.check(conn, words, right))
    session = sessions.find(conn, request.cookies.get(COOKIE, ""))
    if session is None:
        raise NotSignedInError
    if not session.member.may(right):
        raise NotYourRightError(role=session.member.role, right=right)
    return Caller(who=session)


def check_origin(request: Request, given: str) -> None:
    """Refuse what another site made a browser send. ``given`` is the CSRF token that came.

    A program with a token of its own is no browser. Raises `ElsewhereError`.
    """
    if request.method in SAFE or _bearer(request) is not None:
        return
    origin = request.headers.get("origin")
    if origin is not None and not is_ours(request, origin):
        raise ElsewhereError
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise ElsewhereError
    if not sessions.is_csrf(request.cookies.get(COOKIE, ""), given):
        raise ElsewhereError


def is_ours(request: Request, origin: str) -> bool:
    """Whether a page of ours sent it: by the host that was asked, or the console's own address.

    A proxy may have put another host in place of the one that the browser asked.
    """
    settings: Settings = request.app.state.settings
    try:
        console, there = urlsplit(settings.console), urlsplit(origin)
    except ValueError:
        return False
    asked = there.netloc == request.headers.get("host", "")
    return asked or (there.scheme, there.netloc) == (console.scheme, console.netloc.lower())


def _bearer(request: Request) -> str | None:
    """The words of the token that came with a request; empty words are no session's either."""
    given = request.headers.get("authorization")
    if given is None or request.scope.get(PEOPLE):
        return None
    scheme, _, words = given.partition(" ")
    if scheme.lower() != "bearer" or not words.strip():
        raise NotSignedInError
    return words.strip()
