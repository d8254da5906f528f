"""Nothing is said that is not so at the moment of the claim."""

from __future__ import annotations

from collections.abc import Iterator

from tests.acceptance.told_true import words
from tests.acceptance.told_true.case import ANSWERS, OF_AREAS, Case, Fault, fault
from tests.acceptance.told_true.record import Row
from tests.acceptance.told_true.truth import GONE_WITHOUT, Standing

SAYS_OUT = frozenset(
    {
        "detected", "no_etr_yet", "etr", "etr_later", "etr_passed", "crew", "partly_restored",
        "correction_out", "correction_intermittent", "planned_started", "still_out_received",
    }
)  # fmt: skip
SAYS_BACK = frozenset({"restored", "planned_done"})
SAYS_AHEAD = frozenset({"planned_notice", "planned_reminder", "planned_changed"})


def untrue(case: Case) -> Iterator[Fault]:
    """What a message states is held against every state it may have been claimed in."""
    for row in case.claimed():
        if row["kind"] in OF_AREAS:
            continue
        found: list[str] | None = None
        for place in case.record.positions(row):
            wrong = list(_wrong(case, row, place))
            found = wrong if found is None else [one for one in found if one in wrong]
            if not found:
                break
        yield from (fault("untrue", case, row, one) for one in found or ())


def _wrong(case: Case, row: Row, place: int) -> Iterator[str]:
    """What is wrong with a message if it was claimed with so many entries on record."""
    standing = case.truth.standing(row["outage_key"], place)
    if standing is None:
        yield "was claimed before its outage was declared"
        return
    if standing.counting and row["kind"] not in ANSWERS:
        yield "was claimed while gis was counting"
        return
    kind = "_".join(filter(None, (row["kind"], row["variant"])))
    yield from _of_service(case, row, kind, standing, place)
    yield from _of_stage(case, row, kind, standing)
    yield from _of_times(case, row, kind, standing)
    yield from _of_words(case, row, kind, standing)


def _of_service(case: Case, row: Row, kind: str, standing: Standing, place: int) -> Iterator[str]:
    """Whether service is out, back or never was."""
    outage = case.record.outages[row["outage_key"]]
    ever = case.truth.ever_members(row["outage_key"], place)
    theirs = case.people.concerned(row["endpoint_key"], ever, row["claimed_at"])
    here = theirs & standing.live if case.truth.interrupts(row["outage_key"], standing) else set()
    mine = {
        premise
        for premise in here
        if row["outage_key"] == holder(case, premise, outage["service"], place)
    }
    dark = {p for p in theirs if case.truth.without(p, outage["service"], place)}
    if kind in SAYS_OUT and not mine:
        yield "says that service is out, and they have it"
    if kind in SAYS_BACK and dark:
        yield "says that service is back, and an interruption is open"
    if kind == "planned_cancelled" and dark:
        yield "says that service stays on, and an interruption is open"
    if kind in SAYS_BACK and theirs and not (theirs - standing.live):
        yield "says that service is back, and nothing of theirs was restored"
    if kind == "partly_restored" and not (theirs & standing.members) - standing.live:
        yield "says that service is back at some of their places, and it is at none"
    if kind in {"correction_unaffected", "cancelled"} and here:
        yield "says that they are not affected, and they are"
    if kind == "advisory" and not theirs & standing.members:
        yield "warns somebody who is not inside"
    if (
        kind in SAYS_OUT
        and row["told_places"]
        and row["told_places"]
        not in (
            min(len(mine), 15),
            min(len(here), 15),
        )
    ):
        yield f"says {row['told_places']} places are out, and {len(mine)} are"


def holder(case: Case, premise: int, service: str, place: int) -> int | None:
    """Whose the interruption of a premise is: unplanned before planned, older first."""
    found = case.truth.without(premise, service, place)
    return min(found, key=lambda key: _claim(case, key, place), default=None)


def _claim(case: Case, outage: int, place: int) -> tuple[bool, int, int]:
    standing = case.truth.standing(outage, place)
    assert standing is not None
    return case.record.outages[outage]["kind"] != "unplanned", standing.began, outage


def _of_stage(case: Case, row: Row, kind: str, standing: Standing) -> Iterator[str]:
    outage = case.record.outages[row["outage_key"]]
    if outage["silent"]:
        yield "tells of an outage that nobody is told of"
    if kind in SAYS_OUT and standing.status in GONE_WITHOUT and not standing.listed:
        yield "says that service is out, and its feed lists the outage no longer"
    # Whoever begins says so; what was put away without that never took place, at whatever hour.
    before = (one for one in case.truth.standings(row["outage_key"]) if one.place <= standing.place)
    never_began = outage["kind"] == "planned" and all(
        one.status in {"predicted", "closed"} for one in before
    )
    called_off = standing.status == "closed" and never_began
    if kind == "planned_done" and never_began:
        yield "says that work is done which never began"
    if kind in {"cancelled", "planned_cancelled"} and not (
        standing.status == "cancelled" or called_off
    ):
        yield f"takes back an outage that is {standing.status}"
    if kind in SAYS_AHEAD | {"storm_watch"} and standing.status != "predicted":
        yield f"says that it lies ahead, and it is {standing.status}"
    if kind == "advisory" and standing.status not in GONE_WITHOUT:
        yield f"warns of what is {standing.status}"
    if kind == "advisory_lifted" and standing.status != "closed":
        yield f"lifts an advisory that is {standing.status}"
    if kind == "crew" and standing.crew != "arrived":
        yield f"says that a crew is on site, and it is {standing.crew}"


def _current(case: Case, row: Row, standing: Standing) -> int | None:
    """The ETR that may be stated: a time that has passed is no promise."""
    known = case.record.etrs.get((row["outage_key"], standing.etr or 0))
    return known["latest"] if known is not None and known["latest"] > row["claimed_at"] else None


def _by_plan(case: Case, row: Row, standing: Standing) -> int | None:
    """When planned work is to end: its ETR, until somebody gives it one."""
    planned = case.record.outages[row["outage_key"]]["kind"] == "planned"
    ahead = standing.ends is not None and standing.ends > row["claimed_at"]
    return standing.ends if planned and ahead else None


def _of_times(case: Case, row: Row, kind: str, standing: Standing) -> Iterator[str]:
    """The times that the row keeps as told."""
    told = row["told_time"]
    if kind in SAYS_AHEAD and told != standing.starts:
        yield "states a start of the work that is not the one planned"
    elif kind in SAYS_AHEAD and told is not None and told <= row["claimed_at"]:
        yield "says that work lies ahead whose time has come"
    # What is sent once more is sent in its first words, while they are not too far off.
    if kind in SAYS_OUT - ANSWERS and row["sends"] == 1:
        yield from _of_etr(case, row, kind, standing)


def _of_etr(case: Case, row: Row, kind: str, standing: Standing) -> Iterator[str]:
    told, version = row["told_time"], row["told_etr_version"]
    current = _current(case, row, standing)
    if version is not None and (version != standing.etr or told != current):
        yield f"states ETR version {version}, and the one that holds is {standing.etr}"
    if version is None and current is not None:
        yield f"states no ETR, and version {standing.etr} holds"
    by_plan = _by_plan(case, row, standing)
    if version is None and told is not None and told not in {standing.next_update, by_plan}:
        yield "promises more at a time that nobody has promised"
    if kind in {"etr", "etr_later"} and version is None and told != by_plan:
        yield "is about an ETR and states none"


def _of_words(case: Case, row: Row, kind: str, standing: Standing) -> Iterator[str]:
    """What the text itself says, held against what is so and against its own row."""
    text = case.record.texts.get(row["text_key"])
    if text is None or text["language"] != "en" or row["sends"] > 1 or kind in ANSWERS:
        return
    says, now = words.stated(text["body"]), row["claimed_at"]
    current = _current(case, row, standing) or _by_plan(case, row, standing)
    clock = None if current is None else words.on_the_clock(current, case.zone)
    if says.etr is not None and says.etr != clock:
        yield f"reads as an ETR of {says.etr}, and the one that holds is {clock}"
    if says.no_etr and current is not None:
        yield f"reads as if there were no ETR, and it is {clock}"
    if row["told_etr_version"] is not None and says.etr is None:
        yield "keeps an ETR as told that its text does not state"
    if says.more_by is not None and (
        standing.next_update is None
        or says.more_by != words.on_the_clock(standing.next_update, case.zone)
    ):
        yield f"reads as if more would come at {says.more_by}, and nobody has promised that"
    if says.as_of is None or says.as_of != words.on_the_clock(now, case.zone):
        yield f"reads as of {says.as_of}, and it was claimed at another time"
    if says.on_site and standing.crew != "arrived":
        yield f"reads as if a crew were on site, and it is {standing.crew}"
    if says.back != (kind in SAYS_BACK | {"partly_restored"}):
        yield "reads as something else than its kind: back, or not back"
    if kind not in SAYS_OUT and says.out:
        yield "reads as something else than its kind: out"
