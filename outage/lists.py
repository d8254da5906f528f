"""Lists of ids → premises: ids of premises, of accounts, or of other systems (DECISIONS 17)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.among import among

AT_A_TIME = 50_000
"""Ids that one statement asks for."""

Some = TypeVar("Some")


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


@dataclass(frozen=True, slots=True)
class _Meanings:
    """What names have been found to mean; tuples, for a million sets would be slow to keep."""

    premises: dict[str, tuple[int, ...]] = field(default_factory=dict)
    accounts: dict[int, tuple[str, ...]] = field(default_factory=dict)
    ambiguous: set[str] = field(default_factory=set)

    def premise(self, name: str, premises: tuple[int, ...]) -> None:
        if self.premises.setdefault(name, premises) != premises:
            self.ambiguous.add(name)

    def account(self, name: str, key: int) -> None:
        self.accounts[key] = (*self.accounts.get(key, ()), name)

    def of_accounts(self) -> set[str]:
        return {name for names in self.accounts.values() for name in names}


def find(conn: Connection, ids: Sequence[str]) -> Named:
    """Find the premises that a list of ids names; an account stands for what it holds now.

    A premise's or an account's own id goes before other systems' ids. An id that means one
    premise here and another there is left out and said so.
    """
    names = list(dict.fromkeys(filter(None, map(str.strip, ids))))
    meant = _Meanings()
    # Nothing on record holds a sign that cannot be shown, and a database may refuse to compare it.
    asked = [name for name in names if name.isprintable()]
    _own(conn, asked, meant)
    known = meant.premises.keys() | meant.of_accounts()
    _others(conn, [name for name in asked if name not in known], meant)
    _held(conn, meant)
    holders = meant.of_accounts()
    certain = (keys for name, keys in meant.premises.items() if name not in meant.ambiguous)
    return Named(
        premises=tuple(sorted({key for keys in certain for key in keys})),
        given=len(names),
        doubled=sum(1 for one in ids if one.strip()) - len(names),
        unknown=tuple(n for n in names if n not in meant.premises and n not in holders),
        ambiguous=tuple(n for n in names if n in meant.ambiguous),
        vacant=tuple(n for n in names if n not in meant.premises and n in holders),
    )


def _parts(of: list[Some]) -> Iterator[list[Some]]:
    return (of[at : at + AT_A_TIME] for at in range(0, len(of), AT_A_TIME))


def _own(conn: Connection, names: list[str], meant: _Meanings) -> None:
    p, a = t.premises.c, t.accounts.c
    for part in _parts(names):
        here = sa.select(p.id, p.key).where(among(conn, p.id, part), p.closed_at.is_(None))
        for name, key in conn.execute(here).all():
            meant.premise(name, (key,))
        held = sa.select(a.id, a.key).where(among(conn, a.id, part))
        for name, key in conn.execute(held).all():
            meant.account(name, key)


def _others(conn: Connection, names: list[str], meant: _Meanings) -> None:
    a, p = t.aliases.c, t.premises.c
    for part in _parts(names):
        same = among(conn, a.value, part)
        premises = (
            sa.select(a.value, a.key)
            .join(t.premises, p.key == a.key)
            .where(a.entity == "premise", same, p.closed_at.is_(None))
        )
        for name, key in conn.execute(premises).all():
            meant.premise(name, (key,))
        accounts = sa.select(a.value, a.key).where(a.entity == "account", same).distinct()
        for name, key in conn.execute(accounts).all():
            meant.account(name, key)


def _held(conn: Connection, meant: _Meanings) -> None:
    """Let the names of accounts mean the premises that those hold now."""
    o, p = t.occupancies.c, t.premises.c
    for part in _parts(list(meant.accounts)):
        rows = conn.execute(
            sa.select(o.account_key, o.premise_key)
            .join(t.premises, p.key == o.premise_key)
            .where(among(conn, o.account_key, part), o.until.is_(None), p.closed_at.is_(None))
            .order_by(o.account_key, o.premise_key)
        ).all()
        for account, held in groupby(rows, key=itemgetter(0)):
            premises = tuple(key for _, key in held)
            for name in meant.accounts[account]:
                meant.premise(name, premises)
