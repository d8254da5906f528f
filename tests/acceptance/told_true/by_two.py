"""Nobody is told by one outage what another one has told them of the same loss."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping

from tests.acceptance.told_true.case import ANSWERS, Case, Fault, fault
from tests.acceptance.told_true.record import Row
from tests.acceptance.told_true.twice import facts
from tests.acceptance.told_true.untrue import SAYS_BACK, SAYS_OUT, holder

Loss = tuple[int, int]
"""A premise, and the interruption that it is in, or was in last."""


def told_by_two(case: Case) -> Iterator[Fault]:
    """What says nothing new to somebody, since another outage said it of the same losses.

    A message that says "out" is about the places of its reader that its outage keeps without
    service then, and one that says "back" about those that it no longer does and nothing else
    does either; each in the interruption it is in, or was in last: one that goes on under another
    outage is the same one. It is the same thing if it states the same: that service is out or back,
    the same minute or none, a crew or none. How many places it counts is of no account, since two
    outages share them. The fault: of every place a message is about, the last thing said in that
    interruption was the same, and of one of them another outage said it.

    No fault is an answer to somebody's words, or what says that some of the places are back.

    What one outage says twice, and what goes on from it, is for `told_twice`.
    """
    interruptions = _interruptions(case)
    said: dict[int, dict[Loss, Row]] = defaultdict(dict)
    for row in case.heard():
        kind, known = _kind(row), said[row["endpoint_key"]]
        if kind not in SAYS_OUT | SAYS_BACK:
            # Whatever it was, it has the last word on what its outage said.
            for loss in [key for key, one in known.items() if _of_one(one, row)]:
                del known[loss]
            continue
        each = [_about(case, row, kind, at, interruptions) for at in case.record.positions(row)]
        again = [_said_again(known, row, losses) for losses in each]
        before = again[0] if again and None not in again else None
        if before is not None and kind not in ANSWERS | {"partly_restored"}:
            yield fault("told_by_two", case, row, f"says again what {case.name(before)} said")
        certain = set.intersection(*each) if each else set()
        known.update(dict.fromkeys(certain, row))


def _kind(row: Row) -> str:
    return "_".join(filter(None, (row["kind"], row["variant"])))


def _of_one(one: Row, other: Row) -> bool:
    return bool(one["outage_key"] == other["outage_key"])


def _said_again(known: Mapping[Loss, Row], row: Row, losses: set[Loss]) -> Row | None:
    """Which message of another outage a message only repeats, if these are what it is about."""
    before = [known.get(loss) for loss in sorted(losses)]
    same = [one for one in before if one is not None and facts(one)[1:] == facts(row)[1:]]
    if len(same) < len(before):
        return None
    return next((one for one in same if not _of_one(one, row)), None)


def _about(
    case: Case,
    row: Row,
    kind: str,
    place: int,
    interruptions: Mapping[tuple[int, str], list[Row]],
) -> set[Loss]:
    """The losses that a message is about, if so many entries were on record at its claim."""
    outage, at = case.record.outages[row["outage_key"]], row["claimed_at"]
    standing = case.truth.standing(outage["key"], place)
    if standing is None:
        return set()
    service, ever = outage["service"], case.truth.ever_members(outage["key"], place)
    theirs = case.people.concerned(row["endpoint_key"], ever, at)
    if kind in SAYS_OUT:
        live = theirs & standing.live
        places = {one for one in live if holder(case, one, service, place) == outage["key"]}
    else:
        places = {
            one for one in theirs - standing.live if not case.truth.without(one, service, place)
        }
    found = set()
    for one in places:
        rows = interruptions[one, service]
        number = bisect_right(rows, at, key=lambda each: each["started_at"])
        if number:
            found.add((one, int(rows[number - 1]["key"])))
    return found


def _interruptions(case: Case) -> Mapping[tuple[int, str], list[Row]]:
    found: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in case.record.interruptions:
        found[row["premise_key"], row["service"]].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: (row["started_at"], row["key"]))
    return found
