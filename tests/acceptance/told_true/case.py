"""A finished storm before the checker, and what is wrong with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tests.acceptance.told_true.people import People
from tests.acceptance.told_true.record import Record, Row
from tests.acceptance.told_true.truth import Truth

HEARD = frozenset({"claimed", "unknown", "accepted", "delivered", "shadowed"})
"""States of a message that its endpoint has to be taken to have read."""
TAKEN = frozenset({"accepted", "delivered", "undelivered"})
"""States of a message that a provider had."""
OPEN = frozenset({"pending", "claimed"})
MOST_A_DAY = 4
"""What `OUTAGE_MOST_A_DAY` is where nobody sets it."""
OUT = frozenset({"out", "intermittent"})
"""States that say that service is out."""
ANSWERS = frozenset({"reported", "still_out_received"})
"""Kinds that answer somebody's own words."""
OF_AREAS = frozenset({"area_out", "area_etr", "area_over", "area_again", "area_withdrawn"})
"""Kinds that say nothing of a place of their reader's: `by_area` holds them against the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that must not be: by which rule, and a sentence for a person."""

    rule: str
    sentence: str
    message: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A storm before the checker.

    ``most_a_day`` is what `OUTAGE_MOST_A_DAY` was.
    """

    record: Record
    truth: Truth
    people: People
    zone: ZoneInfo
    most_a_day: int = MOST_A_DAY

    def claimed(self) -> Iterator[Row]:
        """Messages that state something; one that its provider did not take waits anew."""
        return (row for row in self.record.messages if row["text_key"] is not None)

    def heard(self) -> list[Row]:
        """What people have to be taken to have read of their own, in the order of its claims."""
        return self._heard(lambda row: row["kind"] not in OF_AREAS)

    def heard_of_areas(self) -> list[Row]:
        """The same of what was told to who watches an area."""
        return self._heard(lambda row: row["kind"] in OF_AREAS)

    def _heard(self, which: Callable[[Row], bool]) -> list[Row]:
        found = [row for row in self.claimed() if row["state"] in HEARD and which(row)]
        return sorted(found, key=lambda row: (row["claimed_at"], row["tried_at"] or 0, row["key"]))

    def family(self, outage: int) -> int:
        """The outage that an outage goes on under in the end."""
        seen = {outage}
        while (heir := self.record.outages[outage]["merged_into"]) is not None:
            if heir in seen:
                break
            outage = heir
            seen.add(heir)
        return outage

    def name(self, row: Row) -> str:
        kind = "_".join(filter(None, (row["kind"], row["variant"])))
        outage = self.record.outages[row["outage_key"]]
        return f"{row['channel']} {row['key']} ({kind} of {outage['id']})"

    def lines(self) -> Iterator[tuple[int, int, list[Row]]]:
        """Endpoint, outage, and what it heard of that or of those it came of, in order.

        Of an outage that this one was split off or merged with only what was said before.
        """
        of: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for key in self.record.outages:
            of[key].append((self.family(key), float("inf")))
        for origin in self.record.origins:
            if origin["origin_key"] != origin["outage_key"]:
                heir = self.family(origin["outage_key"])
                of[origin["origin_key"]].append((heir, origin["number"]))
        found: dict[tuple[int, int], dict[int, Row]] = defaultdict(dict)
        for row in self.heard():
            for outage, before in of[row["outage_key"]]:
                if row["number"] < before:
                    found[row["endpoint_key"], outage][row["key"]] = row
        for (endpoint, outage), line in found.items():
            yield endpoint, outage, list(line.values())


def fault(rule: str, case: Case, row: Row, what: str) -> Fault:
    return Fault(rule=rule, message=row["key"], sentence=f"{case.name(row)} {what}")
