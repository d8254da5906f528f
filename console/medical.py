"""How many medical customers are without service, by outage: asked by every board, counted once.

Who is marked so changes with a load of accounts, who is out with each word of gis. So the places of
those who are marked are kept until people change, and what is counted until the journal goes on.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import journal
from outage import tables as t
from outage.among import among
from outage.cis import edition

GOOD_FOR_S = 2.0
"""In a storm the journal goes on all the time: a count stands for so long."""


class Medical:
    """The counts of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._people = -1
        self._holders: Mapping[int, list[int]] = {}
        self._number = -1
        self._at = float("-inf")
        self._counts: Mapping[int, int] = {}

    def counts(self, conn: Connection) -> Mapping[int, int]:
        """Accounts marked medical that are without service, by key of the outage."""
        with self._lock:
            people, number = edition.number(conn), journal.last_number(conn)
            same = (people, number) == (self._people, self._number)
            if same or (people == self._people and time.monotonic() - self._at < GOOD_FOR_S):
                return self._counts
            if people != self._people:
                self._holders = _holders(conn)
            self._counts = _count(conn, self._holders)
            self._people, self._number, self._at = people, number, time.monotonic()
            return self._counts


def _holders(conn: Connection) -> Mapping[int, list[int]]:
    """Accounts marked medical by the premises that they hold now."""
    a, o = t.accounts.c, t.occupancies.c
    found: dict[int, list[int]] = defaultdict(list)
    for premise, account in conn.execute(
        sa.select(o.premise_key, a.key)
        .join_from(t.accounts, t.occupancies, sa.and_(o.account_key == a.key, o.until.is_(None)))
        .where(a.medical.is_(True))
    ).all():
        found[premise].append(account)
    return found


def _count(conn: Connection, holders: Mapping[int, list[int]]) -> Mapping[int, int]:
    i = t.interruptions.c
    out: dict[int, set[int]] = defaultdict(set)
    for outage, premise in conn.execute(
        sa.select(i.outage_key, i.premise_key).where(
            among(conn, i.premise_key, list(holders)), i.outcome.is_(None)
        )
    ).all():
        out[outage].update(holders[premise])
    return {outage: len(accounts) for outage, accounts in out.items()}
