"""The temporary link, ``/s/{token}``: for the place that a number on no account has named.

It goes out with an answer, and what it opens is kept with that answer: which place, which
occupancies account and postal code have proved (none: it shows no more than whoever knows a house
number and a postal code is told, DECISIONS 32), which outages were known. All of that is signed,
and none of it is in the token. It holds for a day, and until a day after those outages are over;
what was proved dies with the occupancies (DECISIONS 16).
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import tokens
from notifier.links import Links
from notifier.replies.area import outages_near
from notifier.replies.standing import stays
from notifier.tokens import Token
from outage import tables as t
from outage.clock import business_now
from outage.columns import to_ms
from outage.model import OPEN, OutageKey

HOLDS_FOR = timedelta(hours=24)
"""From when it was made, and from when the last of its outages is over."""
HOLDS_AT_MOST = timedelta(days=30)
"""From when it was made, also where nobody ever closes the outage."""
MOST_PREMISES, MOST_OUTAGES = 20, 20
_PURPOSE = "temporary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What a temporary link opens.

    Attributes:
        proved: whether account and postal code fitted.
        outages: those that it is for, and those they were merged into; none while it has none.
        until: when it ends; None while one of its outages goes on.
        holds: whether it opens anything now.
    """

    endpoint_key: int
    premises: tuple[int, ...]
    proved: bool
    outages: frozenset[int]
    language: str
    until: datetime | None
    holds: bool


def keep(
    conn: Connection,
    answer_key: int,
    endpoint_key: int,
    premises: Sequence[int],
    *,
    proved: bool,
) -> None:
    """Put on record what the link in an answer opens."""
    now, some, o = business_now(conn), list(premises)[:MOST_PREMISES], t.occupancies.c
    held = sa.select(o.key).where(o.premise_key.in_(some), o.until.is_(None)).order_by(o.key)
    conn.execute(
        t.temporary_links.insert().values(
            answer_key=answer_key,
            endpoint_key=endpoint_key,
            premises=json.dumps(some),
            occupancies=json.dumps(list(conn.execute(held).scalars()) if proved else []),
            outages=json.dumps(_known(conn, some, now, proved=proved)[-MOST_OUTAGES:]),
            made_at=now,
        )
    )


def _known(
    conn: Connection, premises: Sequence[int], now: datetime, *, proved: bool
) -> list[OutageKey]:
    """The outages known of the place; of its area where nothing is proved.

    How long such a link holds must say nothing of the house either.
    """
    if proved:
        return sorted({stay.outage_key for stay in stays(conn, premises, now)})
    return sorted({key for one in premises[:1] for key, _ in outages_near(conn, one)})


def links_of(conn: Connection, links: Links, answer_keys: Collection[int]) -> dict[int, str]:
    """The whole links of those answers that go out with one."""
    rows = conn.execute(_L.select().where(_L.c.answer_key.in_(list(answer_keys))))
    return {
        row.answer_key: links.with_token(
            tokens.made(links.keys[0], _PURPOSE, row.answer_key, _signed(row))
        )
        for row in rows
        if row.answer_key < tokens.MOST_ROWS
    }


def opened(conn: Connection, links: Links, token: str) -> Pass | None:
    """What a token opens; None for one that we did not make."""
    found = Token.read(token)
    if found is None:
        return None
    for key in links.keys:
        answer_key = found.row(key, _PURPOSE)
        row = conn.execute(_kept().where(_L.c.answer_key == answer_key)).first()
        if row is not None and found.fits(key, _PURPOSE, answer_key, _signed(row)):
            return _opened(conn, row)
    return None


_L = t.temporary_links


def _kept() -> sa.Select[Any]:
    return sa.select(_L, t.answers.c.language).join(t.answers, t.answers.c.key == _L.c.answer_key)


def _signed(row: sa.Row[Any]) -> str:
    """All that is on record of a link: whoever changes it there has no link any more."""
    made_at = to_ms(row.made_at)
    return f"{row.endpoint_key} {row.premises} {row.occupancies} {row.outages} {made_at}"


def _opened(conn: Connection, row: sa.Row[Any]) -> Pass:
    premises, proved = json.loads(row.premises), json.loads(row.occupancies)
    if proved:
        o = t.occupancies.c
        # Whose number it was is not kept: of two accounts at a place each ends it by moving out.
        moved = sa.select(o.premise_key).where(o.key.in_(proved), o.until.is_not(None))
        left = set(conn.execute(moved).scalars())
        premises = [one for one in premises if one not in left]
    outages = _with_heirs(conn, json.loads(row.outages))
    until = _until(conn, row, outages)
    return Pass(
        endpoint_key=row.endpoint_key,
        premises=tuple(premises),
        proved=bool(proved),
        outages=outages,
        language=row.language,
        until=until,
        holds=bool(premises) and (until is None or business_now(conn) < until),
    )


def _with_heirs(conn: Connection, outages: Collection[int]) -> frozenset[int]:
    """Outages, and those they were merged into: there they go on."""
    o = t.outages.c
    heirs = sa.select(o.merged_into).where(o.key.in_(outages), o.merged_into.is_not(None))
    return frozenset(outages) | frozenset(conn.execute(heirs).scalars())


def _until(conn: Connection, row: sa.Row[Any], outages: Collection[int]) -> datetime | None:
    """When a link ends: its time runs from the end of the outages that it was made for."""
    o = t.outages.c
    longest: datetime = row.made_at + HOLDS_AT_MOST
    rows = conn.execute(
        sa.select(o.status, o.restored_at, o.closed_at, o.updated_at).where(o.key.in_(outages))
    ).all()
    if any(one.status in OPEN for one in rows):
        return None if business_now(conn) < longest else longest
    ends = [one.restored_at or one.closed_at or one.updated_at for one in rows]
    last: datetime = max([row.made_at, *ends])
    return min(last + HOLDS_FOR, longest)
