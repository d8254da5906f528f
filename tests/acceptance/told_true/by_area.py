"""Who watches an area is told what is so of the outage, once, and how it ended."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from itertools import pairwise

from tests.acceptance.told_true import words
from tests.acceptance.told_true.case import OPEN, Case, Fault, fault
from tests.acceptance.told_true.endings import NAMED
from tests.acceptance.told_true.record import Row
from tests.acceptance.told_true.truth import GONE_WITHOUT, Standing

SAYS_OUT = frozenset({"area_out", "area_etr", "area_again"})
DISPENSABLE = frozenset({"area_out", "area_etr"})
"""Whoever is not told of it misses nothing that they were told."""
FEWEST = 5
"""No smaller number is public."""
COUNT = re.compile(r"out at ([\d,]+) homes and shops")
MINUTE_MS = 60_000


def by_area(case: Case) -> Iterator[Fault]:
    """Held against every state it may have been claimed in, and against what was said before."""
    lines: dict[tuple[int, int], list[Row]] = defaultdict(list)
    days: dict[tuple[int, date], list[Row]] = defaultdict(list)
    for row in case.heard_of_areas():
        if row["kind"] in DISPENSABLE:
            day = datetime.fromtimestamp(row["claimed_at"] / 1000, case.zone).date()
            days[row["endpoint_key"], day].append(row)
        found: list[str] | None = None
        for place in case.record.positions(row):
            wrong = list(_wrong(case, row, place))
            found = wrong if found is None else [one for one in found if one in wrong]
        yield from (fault("by_area", case, row, one) for one in found or ())
        lines[row["endpoint_key"], case.family(row["outage_key"])].append(row)
    for told in days.values():
        if len(told) > case.most_a_day:
            much = f"is one of {len(told)} on one day, and {case.most_a_day} are the most"
            yield fault("by_area", case, told[-1], much)
    for (endpoint, outage), line in lines.items():
        for before, after in pairwise(line):
            # Two that were told of before they were merged had each something to say.
            same = before["outage_key"] == after["outage_key"]
            if same and _facts(before) == _facts(after):
                yield fault("by_area", case, after, f"says again what {case.name(before)} said")
        yield from _end(case, endpoint, outage, line[-1])


def _wrong(case: Case, row: Row, place: int) -> Iterator[str]:
    standing = case.truth.standing(row["outage_key"], place)
    if standing is None:
        yield "was claimed before its outage was declared"
        return
    if standing.counting:
        yield "was claimed while gis was counting"
        return
    at, kind = row["claimed_at"], row["kind"]
    goes_on = case.truth.interrupts(row["outage_key"], standing)
    if kind in SAYS_OUT and not (goes_on and standing.live and standing.listed):
        yield f"says that people are out, and the outage is {standing.status}"
    if kind == "area_over" and goes_on and standing.live:
        yield "says that it should be over, and people are out"
    if kind == "area_withdrawn" and goes_on and standing.live:
        yield "takes back that people are out, and people are out"
    if not any(
        one["endpoint_key"] == row["endpoint_key"]
        and one["confirmed_at"] is not None
        and one["confirmed_at"] <= at
        and (one["ended_at"] is None or one["ended_at"] >= at)
        for one in case.record.watches
    ):
        yield "goes to who never said yes to it, or has ended it"
    if kind in SAYS_OUT and goes_on:
        mine = case.people.premises(row["endpoint_key"], at, wanted=True)
        if mine & standing.live:
            yield "tells of an area to who is out themselves"
    yield from _of_words(case, row, standing)


def _of_words(case: Case, row: Row, standing: Standing) -> Iterator[str]:
    text = case.record.texts[row["text_key"]]
    if text["language"] != "en" or row["sends"] > 1:
        return
    says, told = words.stated(text["body"]), row["told_time"]
    known = case.record.etrs.get((row["outage_key"], standing.etr or 0))
    current = known["latest"] if known is not None and known["latest"] > row["claimed_at"] else None
    if row["kind"] in SAYS_OUT:
        planned = case.record.outages[row["outage_key"]]["kind"] == "planned"
        holds = current or (standing.ends if planned else None)
        clock = None if holds is None else words.on_the_clock(holds, case.zone)
        if says.etr is not None and (says.etr != clock or told != holds):
            yield f"reads as an ETR of {says.etr}, and the one that holds is {clock}"
        if says.etr is None and told is not None:
            yield "keeps an ETR as told that its text does not state"
    elif says.etr is not None or told is not None:
        yield "states an ETR of what is over"
    if says.as_of != words.on_the_clock(row["claimed_at"], case.zone):
        yield f"reads as of {says.as_of}, and it was claimed at another time"
    if says.back:
        yield "says that service is back, of which nobody knows anything there"
    count = COUNT.search(text["body"])
    if count is not None and int(count[1].replace(",", "")) < FEWEST:
        yield f"says a number that nobody may see: {count[1]}"


def _facts(row: Row) -> tuple[object, ...]:
    minute = None if row["told_time"] is None else row["told_time"] // MINUTE_MS
    return row["told_state"], minute


def _end(case: Case, endpoint: int, outage: int, last: Row) -> Iterator[Fault]:
    """Who last heard "out" of what is over hears it, or there is a reason with a name."""
    standing = case.truth.standing(outage, len(case.record.entries))
    if standing is None or standing.counting or standing.status in GONE_WITHOUT:
        return
    closed = standing.status == "closed"
    if last["told_state"] != "area_out" or closed or not standing.listed:
        return
    later = (
        row
        for row in case.record.messages
        if row["endpoint_key"] == endpoint and row["key"] > last["key"]
    )
    known = case.record.endpoints[endpoint]
    ended = all(
        one["ended_at"] is not None
        for one in case.record.watches
        if one["endpoint_key"] == endpoint and one["confirmed_at"] is not None
    )
    excused = ended or known["opted_out_at"] is not None or known["invalid_at"] is not None
    if not excused and not any(row["state"] in OPEN or row["reason"] in NAMED for row in later):
        yield fault("by_area", case, last, f"is the last word, and it is {standing.status}")
