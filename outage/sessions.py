"""Sessions of the staff: a random cookie, of which the database has the hash.

A session ends after an idle while, at the latest after some hours, when it is revoked, and with
its owner's account. Its CSRF token follows from the cookie and is of no use to another session.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import staff
from outage import tables as t
from outage.database import wall_now
from outage.passwords import digest
from outage.staff import Member

IDLE = timedelta(hours=1)
MOST = timedelta(hours=12)
"""A shift: after that everybody signs in again."""
MOST_OF_GUEST = timedelta(hours=1)
"""After that the identity provider is asked again: who has left a group is out by then."""
FRESH = timedelta(minutes=10)
"""How long password and code count as just given."""
NOTED = timedelta(minutes=1)
"""How exactly it is kept when a session was last used."""
LONGEST_BROWSER = 60
KEPT = timedelta(days=30)
_S = t.sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser in which somebody is signed in."""

    key: int
    member: Member
    browser: str
    made_at: datetime
    seen_at: datetime
    fresh_until: datetime
    until: datetime
    now: datetime

    @property
    def is_fresh(self) -> bool:
        """Whether password and code were given just now."""
        return self.now < self.fresh_until


def begin(
    conn: Connection, member: Member, browser: str, *, proved_at: datetime | None = None
) -> str:
    """Begin a session and return its cookie, the only time it can be read.

    ``proved_at`` is when they last proved who they are, if that was not just now. A session of
    whom the identity provider sends is shorter: then it says again what they are.
    """
    words, now = secrets.token_urlsafe(32), wall_now(conn)
    conn.execute(
        _S.insert().values(
            hash=digest(words),
            staff_key=member.key,
            browser=_few_words(browser),
            made_at=now,
            seen_at=now,
            fresh_at=now if proved_at is None else proved_at,
            until=now + (MOST_OF_GUEST if member.guest else MOST),
        )
    )
    return words


def find(conn: Connection, words: str) -> Session | None:
    """Return the session whose cookie this is; None if it has ended or never was."""
    if not words:
        return None
    now = wall_now(conn)
    row = conn.execute(
        _S.select().where(
            _S.c.hash == digest(words),
            _S.c.ended_at.is_(None),
            _S.c.until > now,
            _S.c.seen_at > now - IDLE,
        )
    ).first()
    found = None if row is None else _session(conn, row, now)
    return None if found is None or found.member.disabled_at is not None else found


def is_due(session: Session) -> bool:
    """Whether it is time to note that a session is used."""
    return session.now - session.seen_at > NOTED


def note_use(conn: Connection, key: int) -> None:
    """Note that a session is used now."""
    conn.execute(_S.update().where(_S.c.key == key).values(seen_at=wall_now(conn)))


def refresh(conn: Connection, key: int) -> None:
    """Password and code were given again."""
    now = wall_now(conn)
    conn.execute(_S.update().where(_S.c.key == key).values(fresh_at=now, seen_at=now))


def of(conn: Connection, member: Member) -> list[Session]:
    """Return somebody's sessions that hold, the newest first."""
    now = wall_now(conn)
    rows = conn.execute(
        _S.select()
        .where(
            _S.c.staff_key == member.key,
            _S.c.ended_at.is_(None),
            _S.c.until > now,
            _S.c.seen_at > now - IDLE,
        )
        .order_by(_S.c.key.desc())
    )
    return [_session(conn, row, now) for row in rows]


def end(conn: Connection, key: int, *, of: int) -> bool:
    """End one session of somebody's; whether there was one to end."""
    mine = sa.and_(_S.c.key == key, _S.c.staff_key == of, _S.c.ended_at.is_(None))
    return conn.execute(_S.update().where(mine).values(ended_at=wall_now(conn))).rowcount == 1


def end_others(conn: Connection, member: int, *, but: int = 0) -> int:
    """End all of somebody's sessions but one; return how many."""
    theirs = sa.and_(_S.c.staff_key == member, _S.c.key != but, _S.c.ended_at.is_(None))
    return conn.execute(_S.update().where(theirs).values(ended_at=wall_now(conn))).rowcount


def forget(conn: Connection, limit: int) -> int:
    """Take sessions away that ended long ago; return how many."""
    old = sa.select(_S.c.key).where(_S.c.until < wall_now(conn) - KEPT).limit(limit)
    return conn.execute(_S.delete().where(_S.c.key.in_(old))).rowcount


def csrf(words: str) -> str:
    """The token that forms of a session carry."""
    return hmac.digest(words.encode(), b"csrf", "sha256").hex()


def is_csrf(words: str, token: str) -> bool:
    """Whether a form carries its own session's token."""
    return hmac.compare_digest(csrf(words).encode(), token.encode())


def _session(conn: Connection, row: sa.Row[Any], now: datetime) -> Session:
    return Session(
        key=row.key,
        member=staff.get(conn, row.staff_key),
        browser=row.browser,
        made_at=row.made_at,
        seen_at=row.seen_at,
        fresh_until=row.fresh_at + FRESH,
        until=row.until,
        now=now,
    )


def _few_words(browser: str) -> str:
    """What a browser calls itself, as a person knows it again."""
    names = ("Firefox", "Edg", "OPR", "SamsungBrowser", "Chrome", "Safari")
    places = ("Android", "iPhone", "iPad", "Windows", "Macintosh", "Linux")
    name = next((one for one in names if f"{one}/" in browser), "")
    place = next((one for one in places if one in browser), "")
    found = " on ".join(filter(None, ({"Edg": "Edge", "OPR": "Opera"}.get(name, name), place)))
    return found[:LONGEST_BROWSER] or "another program"
