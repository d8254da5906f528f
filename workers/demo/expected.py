"""What the storm must come to, worked out from its script alone.

Shares no code with gis: the houses inside a plot are found by casting a ray, in plain Python.
"""

from __future__ import annotations

import csv
import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.demo import storm
from workers.demo.ground import Plot, Ring, houses
from workers.demo.utility import premise_id

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Which premises and accounts each outage of the storm concerned, ever and at its end."""

    outages: int
    memberships: frozenset[Pair]
    """(label, premise id), ever a member."""
    fell_out: frozenset[Pair]
    """(label, premise id) that a corrected polygon left out again."""
    cancelled: frozenset[str]
    records: frozenset[Pair]
    """(label, account id) with a record in the CIS."""


def expected(acts: Sequence[storm.Act], accounts_csv: Path) -> Expected:
    """Work out what ``acts`` must come to for the accounts in a file."""
    ground = [(house.town, premise_id(house), *house.place) for house in houses()]
    ever: dict[str, set[str]] = defaultdict(set)
    now: dict[str, set[str]] = {}
    for act in acts:
        if isinstance(act, storm.Declare | storm.Revise):
            now[act.label] = _inside(act.plot, ground)
            ever[act.label] |= now[act.label]
    holders = _holders(accounts_csv)
    return Expected(
        outages=sum(isinstance(act, storm.Declare) for act in acts),
        memberships=frozenset((label, name) for label, names in ever.items() for name in names),
        fell_out=frozenset(
            (label, name) for label, names in ever.items() for name in names - now[label]
        ),
        cancelled=frozenset(act.label for act in acts if isinstance(act, storm.Cancel)),
        records=frozenset(
            (label, holders[name])
            for label, names in ever.items()
            for name in names
            if name in holders
        ),
    )


def _inside(plot: Plot, ground: Sequence[tuple[int, str, float, float]]) -> set[str]:
    ring = plot.ring
    return {name for town, name, x, y in ground if town == plot.town and _covers(ring, x, y)}


def _covers(ring: Ring, x: float, y: float) -> bool:
    inside = False
    for (x1, y1), (x2, y2) in itertools.pairwise(ring):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


def _holders(accounts_csv: Path) -> Mapping[str, str]:
    with accounts_csv.open(newline="", encoding="utf-8") as file:
        return {
            name: row["account_id"]
            for row in csv.DictReader(file)
            for name in row["premise_ids"].split()
        }
