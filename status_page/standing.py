"""What stands on the list: in its order and added up, brought up to date by what differs.

The same object is the same outage: what has not changed costs a look at it, and no more.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from outage.privacy import FEW
from status_page.view import SECTIONS, AreaName, PublicArea, PublicOutage, Totals

_Place = tuple[str, str]
"""Where an outage stands in its part of the list, and its id."""


class Standing:
    """Outages by the parts of the list, and the totals of all and of each area."""

    def __init__(self, areas: Iterable[PublicArea]) -> None:
        self._areas = tuple(areas)
        self._known: dict[str, PublicOutage] = {}
        self._places: dict[str, list[_Place]] = {section: [] for section in SECTIONS}
        self._sum = _Sum()
        self._sums: dict[AreaName, _Sum] = {(each.kind, each.name): _Sum() for each in self._areas}

    def take(self, outages: Iterable[PublicOutage]) -> None:
        """Let these stand, each id once, and no others."""
        known = self._known
        now = {each.id: each for each in outages}
        differing = [key for key, each in now.items() if known.get(key) is not each]
        gone = known.keys() - now.keys()
        for key in (*differing, *gone):
            old = known.get(key)
            if old is not None:
                places = self._places[old.section]
                del places[bisect_left(places, (old.order, key))]
                self._count(old, -1)
        for key in differing:
            insort(self._places[now[key].section], (now[key].order, key))
            self._count(now[key], 1)
        self._known = now

    @property
    def totals(self) -> Totals:
        """Of all that interrupts somebody now."""
        return self._sum.totals

    def totals_by_area(self) -> list[tuple[PublicArea, Totals]]:
        """Of each area where something does, in the order of the site."""
        sums = ((area, self._sums[area.kind, area.name]) for area in self._areas)
        return [(area, each.totals) for area, each in sums if each.outages]

    def ordered(self) -> Iterator[PublicOutage]:
        """Yield all in the order of the list."""
        for section in SECTIONS:
            for _, key in self._places[section]:
                yield self._known[key]

    def first(self, count: int) -> Iterator[PublicOutage]:
        """Yield the first ones of each part of the list."""
        for section in SECTIONS:
            for _, key in self._places[section][:count]:
                yield self._known[key]

    def _count(self, outage: PublicOutage, times: int) -> None:
        if not outage.interrupts:
            return
        self._sum.add(outage, times)
        for area in outage.areas:
            if area in self._sums:
                self._sums[area].add(outage, times)


@dataclass(slots=True, kw_only=True)
class _Sum:
    """`Totals` that can be added to and taken from; ``told``: how many have a reported number."""

    outages: int = 0
    matched: int = 0
    reported: int = 0
    told: int = 0
    counting: int = 0
    matched_few: int = 0
    reported_few: int = 0

    def add(self, outage: PublicOutage, times: int) -> None:
        self.outages += times
        self.matched += times * (outage.matched or 0)
        self.reported += times * (outage.reported or 0)
        self.told += times * (outage.reported is not None)
        self.counting += times * (outage.matched is None)
        self.matched_few += times * (outage.matched == FEW)
        self.reported_few += times * (outage.reported == FEW)

    @property
    def totals(self) -> Totals:
        return Totals(
            outages=self.outages,
            matched=self.matched,
            reported=self.reported if self.told else None,
            counting=self.counting,
            matched_few=self.matched_few,
            reported_few=self.reported_few,
        )
