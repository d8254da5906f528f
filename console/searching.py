"""Finds accounts by whatever a caller says: an id, a phone, an e-mail, an address or a name.

What names an account for certain (an id of its own, of a premise it holds or of another system, a
phone, an e-mail) is looked for first, and where it is found nothing else is. Then come houses,
names and streets, each in the order of an index, so that a page of answers costs a page of rows
however many there are.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from console.errors import BadCursor, TooLittleToFind
from gis import streets
from outage import names
from outage import tables as t
from outage.endpoints import normalise_email, normalise_phone
from outage.site import REGION

LEAST, PAGE = 2, 25
LAST = "\U0010ffff"
"""After every sign that a word can hold: what begins with a word lies between it and this."""
LARGEST = 2**63 - 1
"""Of a key in a database."""
COUNTED = 3_000
"""Rows by which the rarest word is chosen."""
_DIRECTIONS = ("", "n ", "s ", "e ", "w ", "ne ", "nw ", "se ", "sw ")
"""Callers leave out that it is North Elm Street."""
SURE = ("id", "meter", "phone", "email")
"""By what an account is found for certain; the first counts."""
_a, _o, _p, _c, _e = (
    t.accounts.c,
    t.occupancies.c,
    t.premises.c,
    t.contacts.c,
    t.endpoints.c,
)
Spot = list[Any]
"""Where a search goes on: a stage, and where in it."""
Hit = tuple[int, str, Spot]
"""An account's key, by what it was found, and where the search goes on after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One account that fits.

    Attributes:
        place: address and town of the first premise it holds now; ``places``: how many it holds.
        out: interruptions at its premises that go on.
        by: id, meter, phone, email, address, name or street.
    """

    id: str
    name: str
    place: str
    places: int
    out: int
    closed_at: datetime | None
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some accounts, and where to go on; empty where there are no more."""

    found: tuple[Found, ...]
    after: str


def search(
    conn: Connection, text: str, *, after: str = "", limit: int = PAGE, test_numbers: bool = False
) -> Page:
    """Return the accounts that fit. Raises `TooLittleToFind`, and `BadCursor`."""
    asked = " ".join(text.split())
    if sum(map(str.isalnum, asked)) < LEAST:
        raise TooLittleToFind
    spot = _spot(after)
    hits: dict[int, tuple[str, Spot]] = {}
    more = False
    for key, by, there in _hits(conn, asked, spot, limit + 1, test_numbers=test_numbers):
        if key in hits:
            continue
        if len(hits) == limit:
            more = True
            break
        hits[key] = by, there
    last = list(hits.values())[-1][1] if more else []
    found = _shown(conn, {key: by for key, (by, _) in hits.items()})
    return Page(found=found, after=_cursor(last))


def _hits(
    conn: Connection, asked: str, spot: Spot, limit: int, *, test_numbers: bool
) -> Iterator[Hit]:
    """What fits, stage by stage, from a spot on."""
    stage, where = (spot[0], spot[1:]) if spot else ("sure", [])
    number, street = streets.parse(asked)
    if stage == "sure":
        sure = _sure(conn, asked, where[0] if where else -1, limit, test_numbers=test_numbers)
        yield from sure
        if sure or where:
            return
        stage, where = ("house" if number is not None else "name"), []
    if stage == "house" and number is not None and street is not None:
        houses = list(_on_street(conn, asked, (number, street), where, limit))
        yield from houses
        if houses or where:
            return
        stage = "name"
    if stage == "name":
        yield from _named(conn, names.words(asked), where, limit)
        stage, where = "street", []
    if stage == "street" and number is None:
        street = streets.normalise(asked.partition(",")[0])
        if street:
            yield from _on_street(conn, asked, (None, street), where, limit)


def _sure(conn: Connection, asked: str, after: int, limit: int, *, test_numbers: bool) -> list[Hit]:
    """Accounts that it names for certain, by key."""
    by: dict[int, str] = {}
    parts = []
    for what, statement in _exactly(asked, test_numbers=test_numbers):
        key = statement.selected_columns[0].label("key")
        # By the offset PostgreSQL finds them first and orders them then: else it walks through
        # all accounts in order, in the hope that one of them soon fits.
        fit = statement.with_only_columns(key).where(key > after).offset(0).subquery()
        some = sa.select(fit.c.key).distinct().order_by(fit.c.key).limit(limit).subquery()
        parts.append(sa.select(sa.literal(what).label("by"), some.c.key))
    for what, at in conn.execute(sa.union_all(*parts)):
        by[at] = min(by.get(at, what), what, key=SURE.index)
    return [(key, by[key], ["sure", key]) for key in sorted(by)][:limit]


def _exactly(asked: str, *, test_numbers: bool) -> Iterator[tuple[str, sa.Select[Any]]]:
    spelt = sorted({asked, asked.upper(), asked.lower(), asked.replace(" ", "").upper()})
    a = t.aliases.c
    yield "id", sa.select(_a.key).where(_a.id.in_(spelt))
    other = sa.and_(a.entity == "account", a.value.in_(spelt))
    yield "id", sa.select(a.key).where(other)
    held = sa.select(_o.account_key).where(_o.until.is_(None))
    own = sa.select(_p.key).where(_p.id.in_(spelt))
    yield "meter", held.where(_o.premise_key.in_(own))
    theirs = sa.select(a.key).where(a.entity == "premise", a.value.in_(spelt))
    yield "meter", held.where(_o.premise_key.in_(theirs))
    address, kind = normalise_email(asked) if "@" in asked else None, "email"
    if address is None and any(map(str.isdigit, asked)):
        address, kind = normalise_phone(asked, region=REGION, test_numbers=test_numbers), "phone"
    if address is not None:
        mine = sa.select(_e.key).where(_e.kind == kind, _e.address == address)
        reached = sa.select(_c.account_key).where(_c.ended_at.is_(None))
        yield kind, reached.where(_c.endpoint_key.in_(mine))


def _on_street(
    conn: Connection,
    asked: str,
    place: tuple[int | None, str],
    where: Spot,
    limit: int,
) -> Iterator[Hit]:
    """Who holds what stands on streets that begin so, along the index of streets."""
    number, street = place
    _, _, town = asked.partition(",")
    further = list(_in_town(town))
    if number is not None:
        further.append(_p.house_number == number)
    if where:
        order = sa.tuple_(_p.street, _p.house_number, _p.key, _o.account_key)
        further.append(order > sa.tuple_(*map(sa.literal, where)))
    parts = []
    for direction in _DIRECTIONS:
        begins = f"{direction}{street}"
        part = (
            sa.select(_p.street, _p.house_number, _p.key, _o.account_key)
            .join(t.occupancies, _o.premise_key == _p.key)
            .where(_p.street >= begins, _p.street < begins + LAST, _o.until.is_(None), *further)
            .order_by(_p.street, _p.house_number, _p.key, _o.account_key)
            .limit(limit)
        )
        parts.append(sa.select(part.subquery()))
    found = sa.union_all(*parts).subquery("found")
    stage, by = ("street", "street") if number is None else ("house", "address")
    for row in conn.execute(sa.select(found).order_by(*found.c).limit(limit)):
        yield row.account_key, by, [stage, *row]


def _in_town(town: str) -> list[sa.ColumnElement[bool]]:
    """What stands behind a comma: a town, a postal code, or one after the other."""
    named = " ".join(town.replace(",", " ").split())
    if not named:
        return []
    before, _, last = named.rpartition(" ")
    city = sa.func.lower(_p.city)
    both = sa.and_(city == before.lower(), _p.postal_code == last.upper())
    return [sa.or_(city == named.lower(), _p.postal_code == named.upper(), both)]


def _named(conn: Connection, words: Sequence[str], where: Spot, limit: int) -> Iterator[Hit]:
    """Whose name has words that begin with each of these, along the rarest one."""
    if not words:
        return
    rare = where[0] if where else _rarest(conn, words)
    if rare not in words:
        raise BadCursor
    w = t.account_words.c
    statement = (
        sa.select(w.word, w.account_key)
        .where(w.word >= rare, w.word < rare + LAST)
        # Somebody may have two names that begin so.
        .where(_another("earlier", rare, w.word).is_(None))
        .order_by(w.word, w.account_key)
        .limit(limit)
    )
    others = [word for word in words if word != rare]
    for at, word in enumerate(others):
        has = _another(f"other_{at}", word, sa.literal(word + LAST)).is_not(None)
        statement = statement.where(has)
    if where:
        order = sa.tuple_(w.word, w.account_key)
        statement = statement.where(order > sa.tuple_(*map(sa.literal, where[1:])))
    for row in conn.execute(statement):
        yield row.account_key, "name", ["name", rare, *row]


def _another(called: str, since: str, until: sa.ColumnElement[str]) -> sa.ScalarSelect[int]:
    """A word of the same account from one to below another, or NULL.

    A value and not EXISTS, of which PostgreSQL makes a join of all words with all words.
    """
    other = t.account_words.alias(called)
    theirs = other.c.account_key == t.account_words.c.account_key
    return (
        sa.select(sa.literal(1))
        .where(theirs, other.c.word >= since, other.c.word < until)
        .limit(1)
        .correlate(t.account_words)
        .scalar_subquery()
    )


def _rarest(conn: Connection, words: Sequence[str]) -> str:
    """The word that the fewest names have a word like; of common ones the longest."""
    if len(words) == 1:
        return words[0]
    w = t.account_words.c
    counts = []
    for word in words:
        some = sa.select(w.word).where(w.word >= word, w.word < word + LAST).limit(COUNTED)
        counts.append(sa.select(sa.func.count()).select_from(some.subquery()).scalar_subquery())
    found = dict(zip(words, conn.execute(sa.select(*counts)).one(), strict=True))
    return min(words, key=lambda word: (found[word], -len(word)))


def _shown(conn: Connection, by: dict[int, str]) -> tuple[Found, ...]:
    keys = list(by)
    i = t.interruptions.c
    held = (
        sa.select(
            _o.account_key,
            sa.func.min(_o.premise_key).label("first"),
            sa.func.count(_o.premise_key.distinct()).label("places"),
            sa.func.count(i.key).label("out"),
        )
        .outerjoin(t.interruptions, sa.and_(i.premise_key == _o.premise_key, i.outcome.is_(None)))
        .where(_o.account_key.in_(keys), _o.until.is_(None))
        .group_by(_o.account_key)
        .subquery("held")
    )
    rows = conn.execute(
        sa.select(
            t.accounts, _p.address, _p.city, held.c.places, held.c.out, _p.id.label("premise")
        )
        .outerjoin(held, held.c.account_key == _a.key)
        .outerjoin(t.premises, _p.key == held.c.first)
        .where(_a.key.in_(keys))
    )
    known = {row.key: row for row in rows}
    return tuple(
        Found(
            id=row.id,
            name=row.name,
            place=", ".join(filter(None, (row.address or row.premise, row.city))),
            places=row.places or 0,
            out=row.out or 0,
            closed_at=row.closed_at,
            by=by[key],
        )
        for key, row in ((key, known[key]) for key in keys)
    )


def _cursor(spot: Spot) -> str:
    if not spot:
        return ""
    return base64.urlsafe_b64encode(json.dumps(spot).encode()).decode()


_SHAPES: dict[str, tuple[type, ...]] = {
    "sure": (int,),
    "house": (str, int, int, int),
    "name": (str, str, int),
    "street": (str, int, int, int),
}


def _spot(after: str) -> Spot:
    """Where to go on, as it was given out. Raises `BadCursor`."""
    if not after:
        return []
    try:
        spot = json.loads(base64.b64decode(after, altchars=b"-_", validate=True))
    except ValueError as error:
        raise BadCursor from error
    is_one = isinstance(spot, list) and spot and isinstance(spot[0], str)
    shape = _SHAPES.get(spot[0]) if is_one else None
    if shape is None or tuple(map(type, spot[1:])) != shape or not all(map(_can_be, spot[1:])):
        raise BadCursor
    return list(spot)


def _can_be(value: int | str) -> bool:
    return value.isprintable() if isinstance(value, str) else 0 <= value <= LARGEST
