"""Contacts that a person has ended: no import begins one again while its file goes on to list it.

Somebody says WRONG, and later that they want messages of their own: what the account is told no
longer goes to who has its number now. Or somebody takes a place away that they are told of. The
account information may go on to list the number: what it said then holds no longer (DECISIONS 19).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t

WRONG_PERSON = "wrong_person"
"""Why an endpoint is of no use, and why a contact ended: it is somebody else's, who said so."""
BY_PERSON = "person"
"""Why a contact ended: who it reaches has taken the place away."""
BY_STAFF = "staff"
"""Why a contact ended: somebody of the account said so to an agent."""

_C = t.contacts


def part(
    conn: Connection,
    endpoint: sa.Row[Any],
    now: datetime,
    *,
    keep: sa.ColumnElement[bool] | None = None,
) -> None:
    """End the contacts of those who had an address when somebody else said that it is theirs.

    What it was given for since then is no earlier owner's, nor is what to ``keep``. With them goes
    what an earlier owner had on the personal page: areas, places kept, and those that could come
    back.
    """
    theirs = sa.and_(
        _C.c.endpoint_key == endpoint.key,
        _C.c.ended_at.is_(None),
        _C.c.consent_at <= endpoint.invalid_at,
    )
    if keep is not None:
        theirs = sa.and_(theirs, sa.not_(keep))
    conn.execute(_C.update().where(theirs).values(ended_at=now, ended_by=WRONG_PERSON))
    # Staff may have ended it later than that: it was the earlier owner's all the same.
    taken_away = sa.and_(
        _C.c.endpoint_key == endpoint.key,
        sa.or_(
            sa.and_(_C.c.ended_by == BY_PERSON, _C.c.ended_at <= endpoint.invalid_at),
            sa.and_(_C.c.ended_by == BY_STAFF, _C.c.consent_at <= endpoint.invalid_at),
        ),
    )
    conn.execute(_C.update().where(taken_away).values(ended_by=WRONG_PERSON))
    w = t.watches
    conn.execute(
        w.update()
        .where(
            w.c.endpoint_key == endpoint.key,
            w.c.confirmed_at <= endpoint.invalid_at,
            w.c.ended_at.is_(None),
        )
        .values(ended_at=now)
    )
    k = t.kept_places
    conn.execute(
        k.delete().where(k.c.endpoint_key == endpoint.key, k.c.added_at <= endpoint.invalid_at)
    )


def disowned(conn: Connection) -> dict[int, tuple[int, int, str]]:
    """Contacts that no import begins again, by key: account, endpoint and channel."""
    rows = conn.execute(
        sa.select(_C.c.key, _C.c.account_key, _C.c.endpoint_key, _C.c.channel).where(
            _C.c.ended_by.is_not(None)
        )
    )
    return {row.key: (row.account_key, row.endpoint_key, row.channel) for row in rows}
