"""Audience: who is behind premises, as arrays, for counts while a corner is dragged.

The tables remain the truth. What is counted here is what `gis.counting` counts there, for the same
moment; where the arrays are not of that moment they say so and the tables are asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from gis.counting import Counts, by_channel, reachable
from gis.search.fetching import fetch
from gis.selection import Keys, Selection
from outage import tables as t
from outage.cis import edition
from outage.clock import business_now

_CODES = 1 << 8
"""Pairs of channel and language at most; in a number its lowest bits."""
_MARGIN = timedelta(minutes=10)
"""Longer than a transaction that stamps an opt-out takes to commit."""

Rows = NDArray[np.int64]
Places = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """Lists of places in another array, one behind the other: the n-th from first[n] on."""

    first: Places
    members: Places

    @classmethod
    def of(cls, owners: Rows, members: Rows, size: int) -> Lists:
        """Gather the members of each owner 0 to ``size``."""
        order = np.argsort(owners, kind="stable")
        first = np.searchsorted(owners[order], np.arange(size + 1))
        return cls(first=first.astype(np.int32), members=members[order].astype(np.int32))

    def between(self, starts: Rows, stops: Rows) -> tuple[Places, Rows]:
        """The members of ranges of owners, and how many each range has."""
        begin, end = self.first[starts].astype(np.int64), self.first[stops].astype(np.int64)
        sizes = end - begin
        skipped = np.repeat(begin - np.cumsum(sizes) + sizes, sizes)
        return self.members[np.arange(sizes.sum()) + skipped], sizes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Audience:
    """Who stands behind the premises of one index at one moment.

    Attributes:
        keys_at: the premise keys of the index by position, which says of which index it is.
        number: how often people had changed.
        at: business time at which it was read.
        holders: account places by position of the premise.
        medical, critical: by account place.
        contacts: slots by account place.
        endpoints: key of the endpoint by slot, ascending.
        codes: which pair of channel and language, by slot.
        pairs: channel and language by code.
    """

    keys_at: Keys
    number: int
    at: datetime
    holders: Lists
    medical: NDArray[np.bool_]
    critical: NDArray[np.bool_]
    contacts: Lists
    endpoints: Rows
    codes: NDArray[np.uint8]
    pairs: tuple[tuple[str, str], ...]

    @property
    def nbytes(self) -> int:
        """Bytes of memory it takes, the index not counted."""
        arrays = (
            *(self.holders.first, self.holders.members, self.medical, self.critical),
            *(self.contacts.first, self.contacts.members, self.endpoints, self.codes),
        )
        return sum(array.nbytes for array in arrays)

    def holds(self, conn: Connection, keys_at: Keys) -> bool:
        """Whether it says of an index what the tables say at this moment."""
        if self.keys_at is not keys_at or self.number != edition.number(conn):
            return False
        # In a replay business time may have gone back behind what is known here.
        return business_now(conn) >= self.at

    def count(self, conn: Connection, inside: Selection) -> Counts:
        """Count who is behind a selection; who has opted out meanwhile is looked up."""
        chosen, _ = self.holders.between(inside.starts, inside.stops)
        here = np.zeros(len(self.medical), bool)
        here[chosen] = True
        accounts = np.flatnonzero(here)
        slots, sizes = self.contacts.between(accounts, accounts + 1)
        usable = self._usable(conn)[slots]
        reached = np.zeros(len(accounts), bool)
        reached[np.repeat(np.arange(len(accounts)), sizes)[usable]] = True
        told = np.zeros(len(self.codes), bool)
        told[slots[usable]] = True
        numbers = np.bincount(self.codes[told], minlength=len(self.pairs)).tolist()
        return Counts(
            accounts=len(accounts),
            medical=int(self.medical[accounts].sum()),
            critical=int(self.critical[accounts].sum()),
            unreachable=len(accounts) - int(reached.sum()),
            contacts=by_channel(dict(zip(self.pairs, numbers, strict=False))),
            as_of=business_now(conn),
        )

    def _usable(self, conn: Connection) -> NDArray[np.bool_]:
        e = t.endpoints.c
        since = self.at - _MARGIN
        gone = np.fromiter(
            (
                key
                for column in (e.opted_out_at, e.invalid_at)
                for key in conn.execute(sa.select(e.key).where(column >= since)).scalars()
            ),
            dtype=np.int64,
        )
        usable = np.ones(len(self.endpoints), bool)
        first = np.searchsorted(self.endpoints, gone, side="left")
        last = np.searchsorted(self.endpoints, gone, side="right")
        for one, other in zip(first.tolist(), last.tolist(), strict=True):
            usable[one:other] = False
        return usable


def read(conn: Connection, keys_at: Keys) -> Audience:
    """Read the audience of an index, given by its premise keys by position."""
    number, at = edition.number(conn), business_now(conn)
    flags = _accounts(conn)
    pairs = _pairs(conn)
    account, slot = _contacts(conn, pairs)
    slots, which = np.unique(slot, return_inverse=True)
    premise, holder = _columns(conn, _occupancies(), 2)
    order = np.argsort(keys_at)
    at_position, known = _found(keys_at[order], premise)
    return Audience(
        keys_at=keys_at,
        number=number,
        at=at,
        holders=Lists.of(
            order[at_position[known]], _found(flags[0], holder[known])[0], len(keys_at)
        ),
        medical=flags[1].astype(bool),
        critical=flags[2].astype(bool),
        contacts=Lists.of(_found(flags[0], account)[0], which, len(flags[0])),
        endpoints=slots // _CODES,
        codes=(slots % _CODES).astype(np.uint8),
        pairs=pairs,
    )


def _accounts(conn: Connection) -> Rows:
    """Keys, ascending, with medical and critical."""
    a = t.accounts.c
    flags = (sa.cast(a.medical, sa.Integer), sa.cast(a.critical, sa.Integer))
    return _columns(conn, sa.select(a.key, *flags).order_by(a.key), 3)


def _occupancies() -> sa.Select[int, int]:
    o = t.occupancies.c
    return sa.select(o.premise_key, o.account_key).where(o.until.is_(None))


def _pairs(conn: Connection) -> tuple[tuple[str, str], ...]:
    channels = conn.execute(sa.select(t.contacts.c.channel).distinct()).scalars().all()
    languages = conn.execute(sa.select(t.endpoints.c.language).distinct()).scalars().all()
    pairs = tuple(sorted((channel, lang) for channel in channels for lang in languages))
    if len(pairs) > _CODES:
        raise ValueError(f"{len(pairs)} pairs of channel and language are more than {_CODES}")
    return pairs


def _contacts(conn: Connection, pairs: tuple[tuple[str, str], ...]) -> tuple[Rows, Rows]:
    """Account keys, and beside each a number made of the endpoint and the code of its pair."""
    if not pairs:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    c, e = t.contacts.c, t.endpoints.c
    code = sa.case(
        *(
            (sa.and_(c.channel == channel, e.language == language), sa.literal_column(str(place)))
            for place, (channel, language) in enumerate(pairs)
        )
    )
    found = _columns(conn, reachable().with_only_columns(c.account_key, e.key * _CODES + code), 2)
    return found[0], found[1]


def _columns(conn: Connection, statement: sa.Select[*tuple[int, ...]], width: int) -> Rows:
    """Read whole numbers as one array, shape (width, rows)."""
    kind = np.dtype([(str(place), np.int64) for place in range(width)])
    rows = fetch(conn, statement, kind)
    return np.ascontiguousarray(rows.view(np.int64).reshape(-1, width).T)


def _found(ascending: Rows, wanted: Rows) -> tuple[Rows, NDArray[np.bool_]]:
    """Where each wanted number stands, and whether it is there at all."""
    if not len(ascending):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    at = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    return at, ascending[at] == wanted
