"""What was so of each outage and each premise after each entry of the journal.

Worked out from journal, memberships and restorations alone. A premise is without service while it
is a member that has not been restored of an outage that leaves its members without: confirmed, or
partially restored, and no advisory. What gis has not finished yet is in between: then nobody is
accused of it.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import shapely

from tests.acceptance.told_true.record import Entry, Record, Row

GONE_WITHOUT = frozenset({"confirmed", "partiallyRestored"})
MOVED = frozenset({"merged", "split"})
COUNTED_BY_GIS = frozenset(
    {
        "declared", "confirmed", "rejected", "started", "revised", "restoring", "reopened",
        "cancelled", "closed", "merged", "split",
    }
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Standing:
    """How an outage stands from one entry on: ``place`` is how many entries there are by then."""

    place: int
    status: str
    listed: bool
    crew: str | None
    etr: int | None
    """Version of the ETR, if one is there and may be told."""
    counting: bool
    """Whether gis has not finished with it."""
    members: frozenset[int] = frozenset()
    live: frozenset[int] = frozenset()
    """Premises that are members and have not been restored."""
    next_update: int | None = None
    starts: int | None = None
    ends: int | None = None
    began: int = 0
    """When service went off, as was believed then."""


@dataclass(slots=True)
class _Story:
    """An outage as its entries are gone through."""

    members: dict[int, Row] = field(default_factory=dict)
    back: set[int] = field(default_factory=set)
    """Keys of membership rows whose premise is restored."""
    by_step: dict[int | None, set[int]] = field(default_factory=dict)
    listed: bool = True
    asked: int = 0
    """Newest entry that gis has to work."""
    matched: int = 0
    """Newest entry that it has worked."""


class Truth:
    """Every outage's standings, in order."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self._rows: dict[int, list[Row]] = defaultdict(list)
        for row in record.memberships:
            self._rows[row["outage_key"]].append(row)
        self._touching: dict[int, set[int]] = defaultdict(set)
        for row in record.memberships:
            self._touching[row["premise_key"]].add(row["outage_key"])
        self._reopened = [entry for entry in record.entries if entry.kind == "reopened"]
        self._standings: dict[int, list[Standing]] = defaultdict(list)
        stories: dict[int, _Story] = defaultdict(_Story)
        for place, entry in enumerate(record.entries, 1):
            if entry.outage is not None:
                self._follow(place, entry, stories[entry.outage])
        for key in record.outages:
            self._changes(key, "next_update_by", "next_update")
            self._changes(key, "planned_start", "starts")
            self._changes(key, "planned_end", "ends")
            self._changes(key, "started_at", "began")

    def standing(self, outage: int, place: int) -> Standing | None:
        """How an outage stood when there were ``place`` entries; None before its first."""
        found = self._standings[outage]
        at = bisect_right(found, place, key=lambda one: one.place)
        return found[at - 1] if at else None

    def standings(self, outage: int) -> list[Standing]:
        return self._standings[outage]

    def interrupts(self, outage: int, standing: Standing) -> bool:
        """Whether an outage leaves its members without service then."""
        kind = self.record.outages[outage]["kind"]
        return kind != "advisory" and standing.status in GONE_WITHOUT

    def without(self, premise: int, service: str, place: int) -> set[int]:
        """Outages by which a premise was without service, for certain."""
        found = set()
        for key in self._touching[premise]:
            if self.record.outages[key]["service"] != service:
                continue
            standing = self.standing(key, place)
            if (
                standing is not None
                and not standing.counting
                and premise in standing.live
                and self.interrupts(key, standing)
            ):
                found.add(key)
        return found

    def ever_members(self, outage: int, place: int) -> set[int]:
        """Premises that an outage had among its members by then, but those handed over for good."""
        standing = self.standing(outage, place)
        if standing is None:
            return set()
        numbers = [
            entry.data["membership"]
            for entry in self.record.entries[:place]
            if entry.outage == outage and entry.kind == "matched" and "membership" in entry.data
        ]
        newest = max(numbers, default=0)
        return {
            row["premise_key"]
            for row in self._rows[outage]
            if row["added"] <= newest
            and not (row["outcome"] in MOVED and (row["removed"] or newest + 1) <= newest)
        }

    def disagreements(self) -> Iterator[str]:
        """Where what was worked out and what is on record at the end are not the same."""
        last = len(self.record.entries)
        for key, outage in self.record.outages.items():
            standing = self.standing(key, last)
            if standing is None or standing.counting:
                continue
            live = {
                row["premise_key"]
                for row in self._rows[key]
                if row["removed"] is None and row["until"] is None
            }
            if live != standing.live:
                found = len(standing.live)
                yield f"outage {outage['id']} has {len(live)} live members, not {found}"
        open_ = {
            (row["premise_key"], row["service"])
            for row in self.record.interruptions
            if row["outcome"] is None
        }
        services = {outage["service"] for outage in self.record.outages.values()}
        out = {
            (premise, service)
            for premise in self._touching
            for service in services
            if self.without(premise, service, last)
        }
        for premise, service in sorted(open_ ^ out):
            said = "open" if (premise, service) in open_ else "not open"
            yield f"the {service} interruption of premise {premise} is {said} on record"

    def _follow(self, place: int, entry: Entry, story: _Story) -> None:
        assert entry.outage is not None
        if entry.kind in COUNTED_BY_GIS and not _worked_by_the_other(entry):
            story.asked = entry.number
        if entry.kind == "matched":
            story.matched = max(story.matched, int(entry.data.get("of", 0)))
            self._matched(entry, story)
        if entry.kind in {"unlisted", "listed", "reopened"}:
            story.listed = entry.kind != "unlisted"
        before = self._standings[entry.outage]
        state = entry.state
        version = state.get("etr_version")
        etr = self.record.etrs.get((entry.outage, version)) if version is not None else None
        live = frozenset(p for p, row in story.members.items() if row["key"] not in story.back)
        before.append(
            Standing(
                place=place,
                status=state.get("status", ""),
                listed=story.listed,
                crew=state.get("crew_status"),
                etr=version if etr is not None and etr["published"] else None,
                counting=story.matched < story.asked,
                members=frozenset(story.members),
                live=live,
            )
        )

    def _matched(self, entry: Entry, story: _Story) -> None:
        assert entry.outage is not None
        number = int(entry.data["membership"])
        story.members = {
            row["premise_key"]: row
            for row in self._rows[entry.outage]
            if row["added"] <= number and (row["removed"] is None or row["removed"] > number)
        }
        here = {row["key"] for row in story.members.values()}
        worked = self._entry(entry.data.get("of"))
        kind = None if worked is None else worked.kind
        if worked is not None and kind == "restoring":
            self._restored(entry.outage, worked.data["restoration"], here, story)
        elif worked is not None and kind == "closed":
            story.by_step[None] = here - story.back
            story.back |= here
        elif worked is not None and kind == "reopened":
            step, only = worked.data.get("restoration"), worked.data.get("premises")
            again = story.by_step.get(step, set())
            if only is not None:
                again = {key for key in again if self._premise(story, key) in set(only)}
            story.back -= again
            story.by_step[step] = story.by_step.get(step, set()) - again
        story.back &= here

    def _premise(self, story: _Story, row_key: int) -> int | None:
        for premise, row in story.members.items():
            if row["key"] == row_key:
                return premise
        return None

    def _restored(self, outage: int, step: int, here: set[int], story: _Story) -> None:
        ended = {row["key"] for row in story.members.values() if row["restoration_key"] == step}
        row = self.record.restorations[step]
        taken_back = [
            entry
            for entry in self._reopened
            if entry.outage == outage and entry.data.get("restoration") == step
        ]
        live = {one["key"]: premise for premise, one in story.members.items()}
        live = {key: premise for key, premise in live.items() if key in here - story.back}
        for entry in taken_back:
            only = entry.data.get("premises")
            if only is not None:
                ended |= {key for key, premise in live.items() if premise in set(only)}
            elif row["shape_digest"] is None:
                ended |= set(live)
            else:
                inside = self._inside(row["shape_digest"], set(live.values()))
                ended |= {key for key, premise in live.items() if premise in inside}
        story.by_step[step] = ended & here
        story.back |= ended & here

    def _inside(self, digest: str, premises: set[int]) -> set[int]:
        shape = self.record.shapes[digest]
        if shape["spec"]:
            return set(json.loads(shape["spec"]).get("premises", ())) & premises
        area = shapely.from_wkb(bytes(shape["wkb"]))
        known = self.record.premises
        return {
            key
            for key in premises
            if known[key]["longitude"] is not None
            and area.covers(shapely.Point(known[key]["longitude"], known[key]["latitude"]))
        }

    def _entry(self, number: Any) -> Entry | None:  # noqa: ANN401 as JSON has it
        if not number:
            return None
        # Numbers have no gaps but where a transaction was rolled back.
        at = bisect_right(self.record.entries, int(number), key=lambda one: one.number)
        found = self.record.entries[at - 1] if at else None
        return found if found is not None and found.number == int(number) else None

    def _changes(self, outage: int, column: str, name: str) -> None:
        """Write a fact that only its last value is on record of into every standing, backwards."""
        value = self.record.outages[outage][column]
        entries = self.record.entries
        for standing in reversed(self._standings[outage]):
            setattr(standing, name, value)
            before = entries[standing.place - 1].data.get("before")
            if isinstance(before, dict) and column in before:
                value = _ms(before[column])


def _worked_by_the_other(entry: Entry) -> bool:
    """Of the two entries of a merge or a split, gis works one."""
    return (entry.kind == "merged" and "into" in entry.data) or (
        entry.kind == "split" and "from" in entry.data
    )


def _ms(text: str | None) -> int | None:
    if text is None:
        return None
    return round(datetime.fromisoformat(text).timestamp() * 1000)
