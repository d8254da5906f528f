"""Which of somebody's places a message is about, where they have several.

"Power should be back at your address" would be untrue for whoever has another one that is out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import scratch
from notifier.rendering import first_words
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
MOST_NAMED = 200
"""Places of somebody whose addresses are looked at: a landlord of more reads how many."""


def whereabouts(
    conn: Connection, standing: Mapping[tuple[int, int], sa.Row[Any]]
) -> dict[tuple[int, int], Where]:
    """By (outage, endpoint), of those in `scratch.targets` who have more places than one.

    ``standing`` is how they stand, with the place each message is about (``premise``).
    """
    several = {row.endpoint_key: row.places for row in conn.execute(_SEVERAL)}
    if not several:
        return {}
    names: dict[int, dict[int, str]] = {}
    few = [key for key, places in several.items() if places <= MOST_NAMED]
    for row in conn.execute(_named().where(among(conn, t.contacts.c.endpoint_key, few))):
        names.setdefault(row.endpoint_key, {})[row.key] = " ".join((row.address or "").split())
    return {
        (outage, endpoint): Where(
            of=several[endpoint], name=_only(names.get(endpoint, {}), row.premise)
        )
        for (outage, endpoint), row in standing.items()
        if endpoint in several
    }


def _only(names: Mapping[int, str], premise: int | None) -> str:
    """The address of a place, if what a text has of it is that of no other place of theirs."""
    name = "" if premise is None else names.get(premise, "")
    shown = [first_words(one) for one in names.values()].count(first_words(name))
    return name if shown == 1 else ""


def _named() -> sa.Select[Any]:
    """The places of endpoints, with their addresses."""
    c, q, p = t.contacts.c, t.occupancies.c, t.premises.c
    held = sa.and_(q.account_key == c.account_key, q.until.is_(None))
    there = p.key == q.premise_key
    return (
        sa.select(c.endpoint_key, p.key, p.address)
        .select_from(InOrder(InOrder(t.contacts, t.occupancies, held), t.premises, there))
        .where(c.ended_at.is_(None))
    )


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
