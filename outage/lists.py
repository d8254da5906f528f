"""Lists of ids → premises: ids of premises, of accounts, or of other systems (DECISIONS 17)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t

AT_A_TIME = 10_000
"""Ids that one statement asks for."""

Some = TypeVar("Some")
_Meanings = defaultdict[str, set[frozenset[int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a list of ids names.

    Attributes:
        premises: keys, each once, ascending.
        given: how many different ids the list has.
        doubled: how many ids the list repeats.
        unknown: ids of nothing that is served now, in the list's order.
        ambiguous: ids that mean different premises in different systems.
        vacant: ids of accounts that hold no premise now.
    """

    premises: tuple[int, ...]
    given: int
    doubled: int = 0
    unknown: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()
    vacant: tuple[str, ...] = ()


def find(conn: Connection, ids: Sequence[str]) -> Named:
    """Find the premises that a list of ids names; an account stands for what it holds now.

    A premise's or an account's own id goes before other systems' ids. An id that means one
    premise here and another there is left out and said so.
    """
    names = list(dict.fromkeys(filter(None, map(str.strip, ids))))
    meanings: _Meanings = defaultdict(set)
    accounts: dict[int, set[str]] = defaultdict(set)
    # Nothing on record holds a sign that cannot be shown, and a database may refuse to compare it.
    asked = [name for name in names if name.isprintable()]
    _own(conn, asked, meanings, accounts)
    known = meanings.keys() | {name for same in accounts.values() for name in same}
    _others(conn, [name for name in asked if name not in known], meanings, accounts)
    holders = {name for same in accounts.values() for name in same}
    for account, premises in _held(conn, accounts):
        for name in accounts[account]:
            meanings[name].add(premises)
    inside: set[int] = set()
    for meant in meanings.values():
        if len(meant) == 1:
            inside.update(*meant)
    return Named(
        premises=tuple(sorted(inside)),
        given=len(names),
        doubled=sum(1 for one in ids if one.strip()) - len(names),
        unknown=tuple(n for n in names if n not in meanings and n not in holders),
        ambiguous=tuple(n for n in names if len(meanings.get(n, ())) > 1),
        vacant=tuple(n for n in names if n not in meanings and n in holders),
    )


def _parts(of: list[Some]) -> Iterator[list[Some]]:
    return (of[at : at + AT_A_TIME] for at in range(0, len(of), AT_A_TIME))


def _own(
    conn: Connection, names: list[str], meanings: _Meanings, accounts: dict[int, set[str]]
) -> None:
    p, a = t.premises.c, t.accounts.c
    for part in _parts(names):
        here = sa.select(p.id, p.key).where(p.id.in_(part), p.closed_at.is_(None))
        for name, key in conn.execute(here):
            meanings[name].add(frozenset((key,)))
        for name, key in conn.execute(sa.select(a.id, a.key).where(a.id.in_(part))):
            accounts[key].add(name)


def _others(
    conn: Connection, names: list[str], meanings: _Meanings, accounts: dict[int, set[str]]
) -> None:
    a, p = t.aliases.c, t.premises.c
    for part in _parts(names):
        premises = (
            sa.select(a.value, a.key)
            .join(t.premises, p.key == a.key)
            .where(a.entity == "premise", a.value.in_(part), p.closed_at.is_(None))
        )
        for name, key in conn.execute(premises):
            meanings[name].add(frozenset((key,)))
        asked = sa.select(a.value, a.key).where(a.entity == "account", a.value.in_(part))
        for name, key in conn.execute(asked):
            accounts[key].add(name)


def _held(conn: Connection, accounts: Iterable[int]) -> Iterator[tuple[int, frozenset[int]]]:
    """Give each account that holds premises now with their keys."""
    o, p = t.occupancies.c, t.premises.c
    for part in _parts(list(accounts)):
        rows = conn.execute(
            sa.select(o.account_key, o.premise_key)
            .join(t.premises, p.key == o.premise_key)
            .where(o.account_key.in_(part), o.until.is_(None), p.closed_at.is_(None))
        )
        held: dict[int, set[int]] = defaultdict(set)
        for account, premise in rows:
            held[account].add(premise)
        yield from ((account, frozenset(premises)) for account, premises in held.items())
