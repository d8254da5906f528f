"""In which of the site's areas an outage lies (DECISIONS 18).

Of each kind of area it is the one with the most of its premises; the whole outage counts there.
So the total of an area is a sum of counts that are public already, and nothing can be worked out
from it that they do not say (DECISIONS 32).

All areas of an outage are told together, so what counts is how many could be meant by them all:
the premises with its service that lie in every one. A postal code of thousands and a county of
thousands may share one house.
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.model import Service
from outage.privacy import MIN_PREMISES
from status_page.view import AreaName, PublicArea, PublicStatus

KINDS = ("county", "city", "postal_code", "zone", "neighbourhood")
"""Kinds of areas that premises are loaded with, from the widest to the finest."""
ENOUGH = 10_000
"""Premises of an outage that are looked at: more would hardly change the answer, but take time."""
CHUNK = 500
"""Outages asked for in one statement: a record holds every outage there ever was."""

_LEFT = ("restored", "inferred")
"""Why a premise is no member any more and was one all the same."""

_Places = Sequence[tuple[tuple[str | None, ...], int]]


class _There(NamedTuple):
    """An area of the site, and how the members of an outage spell it."""

    kind: str
    name: str
    spellings: frozenset[str]


class Areas:
    """Names the areas of outages; looks only at those that were matched anew since."""

    def __init__(self, areas: Iterable[PublicArea]) -> None:
        """Take the site's areas; too small a one would tell who it is."""
        self._named = {
            (each.kind, each.name.casefold()): each.name
            for each in areas
            if each.kind in KINDS and each.served >= MIN_PREMISES
        }
        self._kinds = tuple(kind for kind in KINDS if any(kind == each for each, _ in self._named))
        self._known: dict[str, tuple[int, tuple[AreaName, ...]]] = {}
        self._enough: dict[tuple[int, tuple[_There, ...]], bool] = {}

    def put(self, conn: Connection, status: PublicStatus, *, is_all: bool = True) -> PublicStatus:
        """Return the state with the areas of each outage.

        Args:
            conn: The snapshot that the state was read in.
            status: What is public.
            is_all: It is all of that: what is known of any other outage is forgotten.
        """
        if not self._kinds:
            return status
        found = self._look(conn, {each.id for each in status.outages})
        self._known = found if is_all else {**self._known, **found}
        outages = tuple(
            dataclasses.replace(each, areas=found[each.id][1]) if each.id in found else each
            for each in status.outages
        )
        return dataclasses.replace(status, outages=outages)

    def _look(
        self, conn: Connection, shown: Iterable[str]
    ) -> dict[str, tuple[int, tuple[AreaName, ...]]]:
        o = t.outages.c
        listed = sorted(shown)
        # Premises may have been loaded since.
        self._enough = {}
        found: dict[str, tuple[int, tuple[AreaName, ...]]] = {}
        for at in range(0, len(listed), CHUNK):
            rows = conn.execute(
                sa.select(o.id, o.key, o.service, o.matched_number).where(
                    o.id.in_(listed[at : at + CHUNK]), o.matched_number.is_not(None)
                )
            )
            for key, row, service, number in rows.all():
                known = self._known.get(key)
                same = known is not None and known[0] == number
                found[key] = (
                    known if known and same else (number, self._of(conn, row, Service(service).bit))
                )
        return found

    def _of(self, conn: Connection, outage: int, service: int) -> tuple[AreaName, ...]:
        places = self._places(conn, outage)
        told: tuple[_There, ...] = ()
        for at in range(len(self._kinds)):
            there = self._most(places, at)
            if there is not None and self._are_many(conn, places, (*told, there), service):
                told = (*told, there)
        return tuple((each.kind, each.name) for each in told)

    def _most(self, places: _Places, at: int) -> _There | None:
        """Return the site's area of one kind that most are in; None where it has none."""
        kind = self._kinds[at]
        # Premises may spell it in more ways than one.
        sums: Counter[str] = Counter()
        spellings: defaultdict[str, set[str]] = defaultdict(set)
        for names, count in places:
            name = self._named.get((kind, (names[at] or "").casefold()))
            if name is not None:
                sums[name] += count
                spellings[name].add(names[at] or "")
        if not sums:
            return None
        most = max(sorted(sums), key=sums.__getitem__)
        return _There(kind, most, frozenset(spellings[most]))

    def _are_many(
        self, conn: Connection, places: _Places, told: tuple[_There, ...], service: int
    ) -> bool:
        """Whether so many premises with the service lie in all of these that nobody is told of."""
        at = {kind: number for number, kind in enumerate(self._kinds)}
        members = sum(
            count
            for names, count in places
            if all(names[at[each.kind]] in each.spellings for each in told)
        )
        if members >= MIN_PREMISES:
            return True
        asked = (service, told)
        if asked not in self._enough:
            p = t.premises.c
            some = (
                sa.select(p.key)
                .where(
                    p.services.bitwise_and(service) != 0,
                    *(p[each.kind].in_(sorted(each.spellings)) for each in told),
                )
                .limit(MIN_PREMISES)
                .subquery()
            )
            count = conn.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()
            self._enough[asked] = count >= MIN_PREMISES
        return self._enough[asked]

    def _places(self, conn: Connection, outage: int) -> _Places:
        """Return where its members are: their areas in the order of the kinds, and how many."""
        m = t.memberships.c
        some = (
            sa.select(m.premise_key)
            .where(m.outage_key == outage, sa.or_(m.removed.is_(None), m.outcome.in_(_LEFT)))
            .limit(ENOUGH)
            .subquery()
        )
        kinds = [t.premises.c[kind] for kind in self._kinds]
        statement = (
            sa.select(*kinds, sa.func.count())
            .join(some, some.c.premise_key == t.premises.c.key)
            .group_by(*kinds)
        )
        return [(tuple(names), int(count)) for *names, count in conn.execute(statement)]
