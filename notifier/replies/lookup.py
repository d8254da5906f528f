"""From a place as somebody names it to premises on record, and whether that proves anything."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier.replies.intents import NamedPlace
from notifier.replies.standing import Place, places
from notifier.replies.whereabouts import same_postal_code
from outage import aliases
from outage import tables as t

MOST = 200
"""Premises with one house number that are looked at."""
MOST_WORDS = 12
"""Words of a text that may be a street."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The places that fit. ``proved``: account and postal code belong together (DECISIONS 32)."""

    places: tuple[Place, ...] = ()
    proved: bool = False


def find(conn: Connection, named: NamedPlace) -> Found:
    """Return the premises that somebody names."""
    by_account = _of_account(conn, named)
    if by_account.places:
        return by_account
    return Found(places=tuple(_at_house(conn, named)))


def _of_account(conn: Connection, named: NamedPlace) -> Found:
    if named.account is None:
        return Found()
    account = aliases.find_account(conn, named.account)
    if account is None:
        return Found()
    held = t.occupancies.c
    keys = conn.execute(
        sa.select(held.premise_key).where(held.account_key == account, held.until.is_(None))
    ).scalars()
    found = places(conn, list(keys))
    fitting = [one for one in found if same_postal_code(one.postal_code, named.postal_code)]
    if fitting:
        return Found(places=tuple(fitting), proved=True)
    # An account number alone is no secret, and shows nothing; with the house it names a place.
    house = named.house_number
    return Found(places=tuple(one for one in found if one.number and one.number == house))


def _at_house(conn: Connection, named: NamedPlace) -> list[Place]:
    p = t.premises.c
    if named.house_number is None:
        return []
    if named.postal_code is not None:
        code = named.postal_code
        where: sa.ColumnElement[bool] = p.postal_code.in_(sorted({code, code.replace(" ", "")}))
    else:
        telling = sorted(word for word in named.words if len(word) > 2)[:MOST_WORDS]  # noqa: PLR2004  # st, n
        where = sa.or_(sa.false(), *(p.street.contains(word) for word in telling))
    rows = conn.execute(
        sa.select(p.key, p.street)
        .where(p.house_number == named.house_number, where, p.closed_at.is_(None))
        .order_by(p.key)
        .limit(MOST)
    ).all()
    if named.postal_code is None:
        rows = [row for row in rows if _names(named.words, row.street)]
    return places(conn, [row.key for row in rows])


def _names(words: frozenset[str], street: str) -> bool:
    """Whether all that tells a street from others stands in the text: oak st, e 22nd ave."""
    parts = street.split()
    return words.issuperset([part for part in parts if _tells(part)] or parts)


def _tells(word: str) -> bool:
    return not word.isdigit() and (len(word) > 3 or any(map(str.isdigit, word)))  # noqa: PLR2004  # st, ave, n, sw do not
