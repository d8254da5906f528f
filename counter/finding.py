"""From what somebody writes into "my place" to premises on record, or to what they can do next.

An address is compared as `gis.streets` writes it. An account number proves who asks only together
with its postal code; with a wrong one it says what an unknown one says (DECISIONS 32).
"""

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gis import streets
from notifier.replies.lookup import MOST
from notifier.replies.standing import Place, places
from notifier.replies.street import street_of
from notifier.replies.whereabouts import same_postal_code
from outage import aliases
from outage import tables as t
from outage.model import AccountKey

MOST_CHOICES = 5
LIKE = 0.6
"""How much alike two names of streets are that may be one misspelt."""
MOST_PLACES = 20
NOBODY = -1
"""A key that no row has: what is unknown takes the same statements as what is known."""
_POSTAL = re.compile(r"(\d{5})(?:-?\d{4})?|([A-Z]\d[A-Z])[ -]?(\d[A-Z]\d)")
_POSTAL_LAST = re.compile(rf"(?<=[\s,])(?:{_POSTAL.pattern})$")
_ID = re.compile(r"(?=.*\d)[A-Z0-9][A-Z0-9./_# -]{0,39}", re.IGNORECASE)
_ONE_WORD_OF_LETTERS = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found.

    Attributes:
        places: those that fit; they are one house, or those of one account.
        proved: account and postal code belong together: they may be told of the place itself.
        next_step: what to write instead, as a word of the page's texts; empty where found.
        choices: addresses of which one may be meant.
        guessed: whether a number was looked up in vain.
        account: that whose number was proved.
        units: how many premises of one house fit as well as the one in ``places``.
        by_address: whether they have written where it is, so that its street tells them nothing.
    """

    places: tuple[Place, ...] = ()
    proved: bool = False
    next_step: str = ""
    choices: tuple[str, ...] = ()
    guessed: bool = False
    account: AccountKey | None = None
    units: int = 1
    by_address: bool = False


def find(conn: Connection, place: str, postal_code: str, may_try: Callable[[str], bool]) -> Finding:
    """Return what is meant. ``may_try`` says whether this number may be looked up."""
    code, written = _codes(place, postal_code)
    if not written:
        return Finding(next_step="find_write")
    number, street = streets.parse(written)
    if number is not None and street is not None and _ONE_WORD_OF_LETTERS.search(street):
        return _at_address(conn, number, street, code, written)
    if _ID.fullmatch(written):
        if not code:
            return Finding(next_step="find_postal_code")
        return (
            _by_number(conn, written, code) if may_try(written) else Finding(next_step="find_wait")
        )
    return Finding(next_step="find_exact")


def _codes(place: str, postal_code: str) -> tuple[str, str]:
    """The postal code as it is spelled, and the place without one at its end."""
    given = _POSTAL.fullmatch(postal_code.strip().upper())
    last = _POSTAL_LAST.search(place.upper())
    if last is not None:
        place = place[: last.start()].rstrip(" ,")
    found = given or last
    code = "" if found is None else found[1] or f"{found[2]} {found[3]}"
    return code, place.strip()


def _by_number(conn: Connection, written: str, code: str) -> Finding:
    """By an account's number or one of its other ids, else by a meter's or a map's."""
    account = aliases.find_account(conn, written)
    held = t.occupancies.c
    keys = conn.execute(
        sa.select(held.premise_key)
        .where(held.account_key == (NOBODY if account is None else account), held.until.is_(None))
        .order_by(held.premise_key)
        .limit(MOST)
    ).scalars()
    proved = _in_code(places(conn, list(keys)), code)
    premise = aliases.find_premise(conn, written)
    named = _in_code(places(conn, [NOBODY if premise is None else premise]), code)
    if proved:
        return Finding(places=proved[:MOST_PLACES], proved=True, account=account)
    return Finding(places=named) if named else Finding(next_step="find_none", guessed=True)


def _in_code(found: Sequence[Place], code: str) -> tuple[Place, ...]:
    return tuple(one for one in found if same_postal_code(one.postal_code, code))


def _at_address(conn: Connection, number: int, street: str, code: str, written: str) -> Finding:
    p = t.premises.c
    in_code = p.postal_code.in_(sorted({code, code.replace(" ", "")})) if code else sa.true()
    at_number = (
        sa.select(p.key, p.street, p.postal_code, p.city, p.address)
        .where(p.house_number == number, in_code, p.closed_at.is_(None))
        .order_by(p.key)
        .limit(MOST)
    )
    exact: Sequence[Any] = conn.execute(at_number.where(p.street == street)).all()
    if len({(row.postal_code or "").replace(" ", "") for row in exact}) > 1:
        return Finding(next_step="find_postal_code")
    exact = _in_town(exact, written)
    towns = sorted({row.city for row in exact if row.city})
    if len(towns) > 1:
        named = street_of(exact[0].address) or street
        choices = tuple(f"{number} {named}, {town}" for town in towns[:MOST_CHOICES])
        return Finding(next_step="find_which", choices=choices)
    if exact:
        # Whose unit of the house it is makes no difference to what may be said.
        found = tuple(places(conn, [exact[0].key]))
        return Finding(places=found, units=len(exact), by_address=True)
    if not code:
        return Finding(next_step="find_postal_code")
    # With a postal code the street may be misspelt: all houses of that number are looked at.
    rows = conn.execute(at_number).all()
    near = {row.street: row.address for row in rows if row.street}
    like = difflib.get_close_matches(street, list(near), n=MOST_CHOICES, cutoff=LIKE)
    choices = tuple(
        dict.fromkeys(f"{number} {name}" for one in like if (name := street_of(near[one])))
    )
    return Finding(next_step="find_which" if choices else "find_none", choices=choices)


def _in_town(exact: Sequence[sa.Row[Any]], written: str) -> Sequence[sa.Row[Any]]:
    """Those in the town that stands behind a comma; all where none of theirs does."""
    named = {" ".join(part.split()).casefold() for part in written.split(",")[1:]}
    found = [row for row in exact if row.city and row.city.casefold() in named]
    return found or exact
