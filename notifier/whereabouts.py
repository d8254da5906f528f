"""Which of somebody's places a message is about, where they have several.

"Power should be back at your address" would be untrue for whoever has another one that is out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import scratch
from outage import tables as t
from outage.among import among
from outage.in_order import InOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """How many places somebody has, and the address of the only one that a message is about."""

    of: int = 1
    name: str = ""


ONLY = Where()
"""Of somebody who has one place."""


def whereabouts(
    conn: Connection, standing: Mapping[tuple[int, int], sa.Row[Any]]
) -> dict[tuple[int, int], Where]:
    """By (outage, endpoint), of those in `scratch.targets` who have more places than one.

    ``standing`` is how they stand, with the place each message is about (``premise``).
    """
    several = {row.endpoint_key: row.places for row in conn.execute(_SEVERAL)}
    if not several:
        return {}
    about = {pair: row.premise for pair, row in standing.items() if row.endpoint_key in several}
    p = t.premises.c
    these = among(conn, p.key, sorted({key for key in about.values() if key is not None}))
    names = {
        row.key: " ".join((row.address or "").split())
        for row in conn.execute(sa.select(p.key, p.address).where(these))
    }
    return {
        (outage, endpoint): Where(of=several[endpoint], name=names.get(premise, ""))
        for (outage, endpoint), premise in about.items()
    }


def _several() -> sa.Select[Any]:
    """Endpoints with more than one place, by all accounts that they are a contact of."""
    whom = sa.select(scratch.targets.c.endpoint_key).distinct().subquery("whom")
    c, q = t.contacts.c, t.occupancies.c
    reached = sa.and_(c.endpoint_key == whom.c.endpoint_key, c.ended_at.is_(None))
    held = sa.and_(q.account_key == c.account_key, q.until.is_(None))
    places = sa.func.count(q.premise_key.distinct())
    return (
        sa.select(whom.c.endpoint_key, places.label("places"))
        .select_from(InOrder(InOrder(whom, t.contacts, reached), t.occupancies, held))
        .group_by(whom.c.endpoint_key)
        .having(places > 1)
    )


_SEVERAL = _several()
