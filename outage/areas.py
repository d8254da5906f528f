"""In which of the site's areas an outage lies (DECISIONS 18).

Of each kind of area it is the one with the most of its premises; the whole outage counts there.
So the total of an area is a sum of counts that are public already, and nothing can be worked out
from it that they do not say (DECISIONS 32).

All areas of an outage are told together, so what counts is how many could be meant by them all:
the premises with its service that lie in every one. A postal code of thousands and a county of
thousands may share one house.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.model import Service
from outage.privacy import MIN_PREMISES
from outage.where import AreaKind

KINDS = tuple(str(kind) for kind in AreaKind)
"""Kinds of areas that premises are loaded with, from the widest to the finest."""
EVERYWHERE = ("all", "")
"""The area that every outage with members lies in."""
ENOUGH = 10_000
"""Premises of an outage that are looked at: more would hardly change the answer, but take time."""

AreaName = tuple[str, str]
"""Kind and name of an area."""
_LEFT = ("restored", "inferred")
"""Why a premise is no member any more and was one all the same."""

_Places = Sequence[tuple[tuple[str | None, ...], int]]


class Known(Protocol):
    """An area of the site, with how many customers are served there."""

    @property
    def kind(self) -> str:
        """What kind of area it is."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def served(self) -> int:
        """Customers there."""


_Some = TypeVar("_Some", bound=Known)


def told_of(areas: Iterable[_Some]) -> list[_Some]:
    """Those of the site's areas that outages are told of: too small a one would tell who it is."""
    return [each for each in areas if each.kind in KINDS and each.served >= MIN_PREMISES]


class _There(NamedTuple):
    """An area of the site, and how the members of an outage spell it."""

    kind: str
    name: str
    spellings: frozenset[str]


class Lying:
    """Finds the areas of outages."""

    def __init__(self, areas: Iterable[Known]) -> None:
        self._named = {(each.kind, each.name.casefold()): each.name for each in told_of(areas)}
        self._kinds = tuple(kind for kind in KINDS if any(kind == each for each, _ in self._named))
        self._enough: dict[tuple[int, tuple[_There, ...]], bool] = {}

    @property
    def any(self) -> bool:
        """Whether there are areas to lie in."""
        return bool(self._kinds)

    def forget(self) -> None:
        """Count anew how many premises there are: some may have been loaded since."""
        self._enough = {}

    def of(self, conn: Connection, outage: int, service: Service) -> tuple[AreaName, ...]:
        """Return the areas of an outage, by its key, from the widest to the finest."""
        if not self.any:
            return ()
        places = self._places(conn, outage)
        told: tuple[_There, ...] = ()
        for at in range(len(self._kinds)):
            there = self._most(places, at)
            if there is not None and self._are_many(conn, places, (*told, there), service.bit):
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


def record(conn: Connection, outage: int, areas: Iterable[AreaName]) -> None:
    """Write down where an outage lies now. Where it has lain before stays on record."""
    a = t.outage_areas
    conn.execute(a.update().where(a.c.outage_key == outage, a.c.lies).values(lies=False))
    rows = [
        {"outage_key": outage, "kind": kind, "name": name, "lies": True} for kind, name in areas
    ]
    if rows:
        insert = (sqlite if conn.dialect.name == "sqlite" else postgresql).insert(a)
        conn.execute(
            insert.on_conflict_do_update(
                index_elements=["outage_key", "kind", "name"], set_={"lies": True}
            ),
            rows,
        )
