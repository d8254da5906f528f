"""Addresses kept on a personal page, to look at: nothing is sent about them, and nothing is proved.

Each shows what a look-up of the address shows, which is of its area (DECISIONS 32).
"""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from counter import around
from counter.around import Answered
from counter.choices import alone
from counter.finding import Finding
from notifier.replies.standing import Place, places
from outage import tables as t
from outage.clock import business_now
from outage.site import Site

MOST = 10
"""Addresses of one number or mailbox."""
UNDONE_WITHIN = timedelta(days=1)
_K = t.kept_places


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An address by its street, with what may be told of its area. ``key`` is what a form names."""

    key: int
    street: str
    answer: Answered


def kept(conn: Connection, endpoint_key: int, language: str, site: Site) -> list[Kept]:
    """Return what somebody has kept, oldest first, as far as it is still on record."""
    rows = conn.execute(
        sa.select(_K.c.key, _K.c.premise_key)
        .where(_K.c.endpoint_key == endpoint_key, _K.c.removed_at.is_(None))
        .order_by(_K.c.key)
    ).all()
    found = {one.key: one for one in places(conn, [row.premise_key for row in rows])}
    return [
        Kept(key=row.key, street=at.street, answer=_answer(conn, at, language, site))
        for row in rows
        if (at := found.get(row.premise_key)) is not None
    ]


def _answer(conn: Connection, at: Place, language: str, site: Site) -> Answered:
    (answer,) = around.tell(conn, Finding(places=(at,)), language, site)
    return answer


def keep(conn: Connection, endpoint_key: int, premise_key: int) -> bool:
    """Keep an address; False where there is no room for one more."""
    if not has_room(conn, endpoint_key, premise_key):
        return False
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    conn.execute(
        dialect.insert(_K)
        .values(endpoint_key=endpoint_key, premise_key=premise_key, added_at=business_now(conn))
        .on_conflict_do_update(
            index_elements=["endpoint_key", "premise_key"], set_={"removed_at": None}
        )
    )
    return True


def has_room(conn: Connection, endpoint_key: int, premise_key: int | None = None) -> bool:
    """Whether one more, or this one, may be kept; none is kept by others meanwhile."""
    alone(conn, endpoint_key)
    others = sa.select(sa.func.count()).where(
        _K.c.endpoint_key == endpoint_key, _K.c.removed_at.is_(None)
    )
    if premise_key is not None:
        others = others.where(_K.c.premise_key != premise_key)
    return conn.execute(others).scalar_one() < MOST


def drop(conn: Connection, endpoint_key: int, key: str) -> bool:
    """Take one away; whether there was one of that key."""
    mine = [
        one
        for one in conn.execute(
            sa.select(_K.c.key).where(_K.c.endpoint_key == endpoint_key, _K.c.removed_at.is_(None))
        ).scalars()
        if str(one) == key
    ]
    gone = _K.update().where(_K.c.key.in_(mine)).values(removed_at=business_now(conn))
    return bool(conn.execute(gone).rowcount)


def take_back(conn: Connection, endpoint_key: int) -> bool:
    """Put the one back that was taken away last; whether there was one. Ask for room first."""
    last = (
        sa.select(_K.c.key)
        .where(
            _K.c.endpoint_key == endpoint_key,
            _K.c.removed_at > business_now(conn) - UNDONE_WITHIN,
        )
        .order_by(_K.c.removed_at.desc(), _K.c.key.desc())
        .limit(1)
    )
    back = _K.update().where(_K.c.key.in_(last)).values(removed_at=None)
    return bool(conn.execute(back).rowcount)
