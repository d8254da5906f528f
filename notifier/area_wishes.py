"""Double opt-in to an area: as `notifier.opting` for a place, and nobody has to prove anything.

Who watches an area is told what everybody may see of it. Call inside one transaction.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from notifier import opting
from notifier.links import Links
from notifier.opting import HOLDS_FOR, PER_ENDPOINT, SAME_FOR
from notifier.watchers import lasting
from outage import tables as t
from outage.areas import AreaName
from outage.clock import business_now
from outage.database import APPENDED, wall_now
from outage.disowned import WRONG_PERSON, part
from outage.site import Site

MOST = 10
"""Areas that one number or mailbox watches."""
_W = t.watches


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaWish:
    """What somebody asks for: to be told of outages in an area."""

    once: str
    """The form's own word: sent again with the same in it, it is one wish."""
    kind: str
    address: str
    area: AreaName
    language: str

    @property
    def channel(self) -> str:
        """What it comes by."""
        return "email" if self.kind == "email" else "sms"

    @property
    def known_by(self) -> str:
        """The form's word and a digest of what it asks for: a form that was mended is another."""
        said = [self.kind, self.address, *self.area, self.language]
        return f"{self.once} {hashlib.sha256(repr(said).encode()).hexdigest()[:16]}"


def ask(conn: Connection, wish: AreaWish, site: Site, link: str) -> None:
    """Ask by text or e-mail for a yes, unless that has been done, or too often."""
    endpoint = opting.endpoint_of(conn, wish)
    key = _write_down(conn, wish, endpoint.key, "page")
    if key is None or endpoint.opted_out_at is not None or _is_told(conn, endpoint, wish.area):
        return
    just_now = wall_now(conn) - SAME_FOR
    if (
        _asked_since(conn, endpoint.key, wish.area, just_now)
        or opting.asked_today(conn, endpoint.key) >= PER_ENDPOINT
    ):
        return
    answer_key = opting.ask_for_yes(conn, wish, endpoint.key, site, link)
    conn.execute(_W.update().where(_W.c.key == key).values(answer_key=answer_key))
    conn.info[APPENDED] = True


def add(conn: Connection, wish: AreaWish, endpoint_key: int) -> bool:
    """Let a wish hold that comes by the link sent to the number or mailbox itself."""
    e = t.endpoints.c
    # Before a row refers to it: of two at once neither waits for the other.
    conn.execute(sa.select(e.key).where(e.key == endpoint_key).with_for_update())
    key = _write_down(conn, wish, endpoint_key, "link")
    return key is not None and _confirm(conn, _row(conn, key))


def waits(conn: Connection, endpoint_key: int) -> bool:
    """Whether this number was asked for a YES and has not said it."""
    return conn.execute(_waiting(conn, endpoint_key).limit(1)).first() is not None


def confirm_all(conn: Connection, endpoint_key: int) -> list[AreaName]:
    """Take a YES by text; return the areas that they are told of by it."""
    asked = conn.execute(_waiting(conn, endpoint_key)).all()
    return [(row.kind, row.name) for row in asked if _confirm(conn, row)]


def links_of(conn: Connection, links: Links, answer_keys: Collection[int]) -> dict[int, str]:
    """The whole links of those answers that ask for a yes by e-mail."""
    rows = conn.execute(_W.select().where(_W.c.answer_key.in_(list(answer_keys))))
    return {row.answer_key: links.to_areas(row.key, row.endpoint_key, row.asked_at) for row in rows}


def opened(conn: Connection, links: Links, token: str) -> sa.Row[Any] | None:
    """The wish that a token is of; None for one that we did not make."""
    key = links.watch(conn, token)
    return None if key is None else _row(conn, key)


def confirm(conn: Connection, row: sa.Row[Any]) -> bool:
    """Take a yes by link; False for one that came too late, or after it was ended."""
    if row.confirmed_at is not None:
        return row.ended_at is None
    return wall_now(conn) - row.asked_at <= HOLDS_FOR and _confirm(conn, row)


def watched(conn: Connection, endpoint_key: int) -> Sequence[sa.Row[int, str, str]]:
    """What somebody watches, the oldest first: ``key``, ``kind`` and ``name``."""
    mine = sa.and_(_W.c.endpoint_key == endpoint_key, lasting())
    return conn.execute(
        sa.select(_W.c.key, _W.c.kind, _W.c.name).where(mine).order_by(_W.c.key)
    ).all()


def end(conn: Connection, endpoint_key: int, key: str) -> bool:
    """Tell them no more of an area; whether they watched one of that key."""
    mine = [row.key for row in watched(conn, endpoint_key) if str(row.key) == key]
    ended = {"ended_at": business_now(conn)}
    return bool(conn.execute(_W.update().where(_W.c.key.in_(mine)).values(**ended)).rowcount)


def _row(conn: Connection, key: int) -> sa.Row[Any]:
    return conn.execute(_W.select().where(_W.c.key == key)).one()


def _waiting(conn: Connection, endpoint_key: int) -> sa.Select[Any]:
    e = t.endpoints.c
    phone = sa.exists().where(e.key == _W.c.endpoint_key, e.kind == "phone")
    return (
        _W.select()
        .where(
            _W.c.endpoint_key == endpoint_key,
            phone,
            _W.c.confirmed_at.is_(None),
            _W.c.ended_at.is_(None),
            _W.c.answer_key.is_not(None),
            _W.c.asked_at > wall_now(conn) - HOLDS_FOR,
        )
        .order_by(_W.c.key)
    )


def _write_down(conn: Connection, wish: AreaWish, endpoint_key: int, source: str) -> int | None:
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    key: int | None = conn.execute(
        dialect.insert(_W)
        .values(
            once=wish.known_by,
            endpoint_key=endpoint_key,
            kind=wish.area[0],
            name=wish.area[1],
            language=wish.language,
            source=source,
            asked_at=wall_now(conn),
        )
        .on_conflict_do_nothing(index_elements=["once"])
        .returning(_W.c.key)
    ).scalar()
    return key


def _is_told(conn: Connection, endpoint: sa.Row[Any], area: AreaName) -> bool:
    """Whether they watch it already, and it can reach them."""
    there = any((row.kind, row.name) == area for row in watched(conn, endpoint.key))
    return there and endpoint.invalid_at is None


def _asked_since(conn: Connection, endpoint_key: int, area: AreaName, since: datetime) -> bool:
    return (
        conn.execute(
            sa.select(_W.c.key)
            .where(
                _W.c.endpoint_key == endpoint_key,
                _W.c.kind == area[0],
                _W.c.name == area[1],
                _W.c.asked_at > since,
                _W.c.answer_key.is_not(None),
            )
            .limit(1)
        ).first()
        is not None
    )


def _confirm(conn: Connection, row: sa.Row[Any]) -> bool:
    """Let it last from now on, if they have not stopped and there is room for one more."""
    e = t.endpoints
    endpoint = conn.execute(e.select().where(e.c.key == row.endpoint_key).with_for_update()).one()
    # Of two clicks the second finds what the first has done.
    row = _row(conn, row.key)
    if endpoint.opted_out_at is not None or row.ended_at is not None:
        return False
    if row.confirmed_at is not None:
        return True
    now = business_now(conn)
    if endpoint.invalid_at is not None:
        # A yes proves the number; of who had it before it is told nothing.
        if endpoint.invalid_code == WRONG_PERSON:
            part(conn, endpoint, now)
        valid = {"invalid_at": None, "invalid_code": None}
        conn.execute(e.update().where(e.c.key == endpoint.key).values(**valid))
    mine = watched(conn, endpoint.key)
    again = [one.key for one in mine if (one.kind, one.name) == (row.kind, row.name)]
    if not again and len(mine) >= MOST:
        return False
    # Of two wishes for one area the newer one stands: its link is the one they have just used.
    conn.execute(_W.update().where(_W.c.key.in_(again)).values(ended_at=now))
    conn.execute(_W.update().where(_W.c.key == row.key).values(confirmed_at=now))
    c = t.contacts.c
    others = sa.select(c.key).where(c.endpoint_key == endpoint.key, c.ended_at.is_(None))
    if conn.execute(others.limit(1)).first() is None:
        conn.execute(e.update().where(e.c.key == endpoint.key).values(language=row.language))
    return True


def end_all(conn: Connection, whose: sa.ColumnElement[bool]) -> None:
    """End what these endpoints watch or have asked for: whoever says STOP wants none of it."""
    e = t.endpoints.c
    conn.execute(
        _W.update()
        .where(_W.c.endpoint_key.in_(sa.select(e.key).where(whose)), _W.c.ended_at.is_(None))
        .values(ended_at=business_now(conn))
    )
