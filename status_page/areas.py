"""In which of the site's areas an outage lies (DECISIONS 18).

Of each kind of area it is the one with the most of its premises; the whole outage counts there.
So the total of an area is a sum of counts that are public already, and nothing can be worked out
from it that they do not say (DECISIONS 32).
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.privacy import MIN_PREMISES
from status_page.view import PublicArea, PublicStatus

KINDS = ("county", "city", "postal_code", "zone", "neighbourhood")
"""Kinds of areas that premises are loaded with."""
ENOUGH = 10_000
"""Premises of an outage that are looked at: more would hardly change the answer, but take time."""

_LEFT = ("restored", "inferred")
"""Why a premise is no member any more and was one all the same."""


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
        self._known: dict[str, tuple[int, tuple[str, ...]]] = {}

    def put(self, conn: Connection, status: PublicStatus) -> PublicStatus:
        """Return the state with the areas of each outage.

        Args:
            conn: The snapshot that the state was read in.
            status: All that is public.
        """
        if not self._kinds:
            return status
        found = self._look(conn, {each.id for each in status.outages})
        self._known = found
        outages = tuple(
            dataclasses.replace(each, areas=found[each.id][1]) if each.id in found else each
            for each in status.outages
        )
        return dataclasses.replace(status, outages=outages)

    def _look(
        self, conn: Connection, shown: Iterable[str]
    ) -> dict[str, tuple[int, tuple[str, ...]]]:
        o = t.outages.c
        listed = set(shown)
        rows = conn.execute(
            sa.select(o.id, o.key, o.matched_number).where(o.matched_number.is_not(None))
        )
        found: dict[str, tuple[int, tuple[str, ...]]] = {}
        for key, row, number in rows:
            if key not in listed:
                continue
            known = self._known.get(key)
            same = known is not None and known[0] == number
            found[key] = known if known and same else (number, self._of(conn, row))
        return found

    def _of(self, conn: Connection, outage: int) -> tuple[str, ...]:
        names = (self._most(self._counts(conn, outage, kind), kind) for kind in self._kinds)
        return tuple(dict.fromkeys(name for name in names if name))

    def _most(self, counts: Mapping[str, int], kind: str) -> str:
        """Return the site's name for where most are; empty where it has none."""
        # Premises may spell it in more ways than one.
        sums: Counter[str] = Counter()
        for name, count in counts.items():
            sums[self._named.get((kind, name.casefold()), "")] += count
        del sums[""]
        return max(sorted(sums), key=sums.__getitem__, default="")

    @staticmethod
    def _counts(conn: Connection, outage: int, kind: str) -> dict[str, int]:
        m = t.memberships.c
        some = (
            sa.select(m.premise_key)
            .where(m.outage_key == outage, sa.or_(m.removed.is_(None), m.outcome.in_(_LEFT)))
            .limit(ENOUGH)
            .subquery()
        )
        name = t.premises.c[kind]
        statement = (
            sa.select(name, sa.func.count())
            .join(some, some.c.premise_key == t.premises.c.key)
            .where(name.is_not(None), name != "")
            .group_by(name)
        )
        return {str(name): int(count) for name, count in conn.execute(statement)}
