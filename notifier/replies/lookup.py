"""From a place as somebody names it to premises on record, and whether that proves anything."""

from collections.abc import Callable
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
    """The places that fit.

    Attributes:
        proved: account and postal code belong together (DECISIONS 32).
        guessed: an account number was looked up, and proved nothing.
        unheard: nothing fits, and there is an account number that was not looked up.
    """

    places: tuple[Place, ...] = ()
    proved: bool = False
    guessed: bool = False
    unheard: bool = False


def find(conn: Connection, named: NamedPlace, may_try: Callable[[], bool]) -> Found:
    """Return the premises that somebody names; ``may_try``: also by an account number."""
    # One without its postal code proves nothing, whichever it is: that is no try.
    names_account = named.account is not None and named.postal_code is not None
    tried = names_account and may_try()
    proved = _of_account(conn, named) if tried else ()
    if proved:
        return Found(places=proved, proved=True)
    at_house = tuple(_at_house(conn, named))
    # Three digits may be either; where there is such a house, they are its number.
    is_house = at_house and str(named.house_number) == named.account
    return Found(
        places=at_house,
        guessed=tried and not is_house,
        unheard=names_account and not (tried or at_house),
    )


def _of_account(conn: Connection, named: NamedPlace) -> tuple[Place, ...]:
    """The places of an account that lie in the postal code that was named with it.

    An account number alone is no secret, and tells nothing: neither that there is such an account
    nor, with a house number beside it, where.
    """
    if named.account is None or named.postal_code is None:
        return ()
    account = aliases.find_account(conn, named.account)
    if account is None:
        return ()
    held = t.occupancies.c
    keys = conn.execute(
        sa.select(held.premise_key).where(held.account_key == account, held.until.is_(None))
    ).scalars()
    found = places(conn, list(keys))
    return tuple(one for one in found if same_postal_code(one.postal_code, named.postal_code))


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
