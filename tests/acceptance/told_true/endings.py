"""Whoever was told "out" is told how it ended, or there is a reason with a name."""

from __future__ import annotations

from collections.abc import Iterator

from tests.acceptance.told_true.case import OPEN, OUT, Case, Fault, fault
from tests.acceptance.told_true.record import Row


def never_told_the_end(case: Case) -> Iterator[Fault]:
    """Who last heard "out" of an outage that is over for them, and why that is."""
    places = len(case.record.entries)
    for endpoint, outage, line in case.lines():
        row = line[-1]
        standing = case.truth.standing(outage, places)
        if standing is None or standing.counting:
            continue
        theirs = _ever_theirs(case, endpoint, outage, row)
        service = case.record.outages[outage]["service"]
        dark = {p for p in theirs if case.truth.without(p, service, places)}
        told = row["told_state"]
        wrong = {
            "and service is back": told in OUT and theirs and not dark,
            "and it is over": told == "advised"
            and theirs
            and standing.status in {"closed", "cancelled"},
            "and they are out": told == "back"
            and standing.listed
            and theirs & standing.live & dark,
        }
        for what, so in wrong.items():
            if so and _reason(case, endpoint, outage, row) is None:
                yield fault("never_told_the_end", case, row, f"is the last word, {what}")


def _ever_theirs(case: Case, endpoint: int, outage: int, row: Row) -> set[int]:
    """Premises of theirs in an outage, or in one that it goes on from: not the rest of a split."""
    places = len(case.record.entries)
    ever = case.truth.ever_members(outage, places)
    if case.family(row["outage_key"]) == outage:
        ever |= case.truth.ever_members(row["outage_key"], places)
    return case.people.concerned(endpoint, ever, _end(case))


def _end(case: Case) -> int:
    return max((entry.at for entry in case.record.entries), default=0)


NAMED = frozenset(
    {
        "opted_out", "invalid_endpoint", "no_alerts_wanted", "send_mode", "no_provider",
        "not_approved", "spending_cap", "tried_enough", "no_word", "not_resent", "refused",
    }
)  # fmt: skip
"""Reasons on a message that ended untold which say why somebody was not told."""


def _reason(case: Case, endpoint: int, outage: int, last: Row) -> str | None:
    """Why somebody was not told how it ended: by what is on record of them, or of their message."""
    family = {key for key in case.record.outages if case.family(key) == outage}
    for row in case.record.messages:
        if row["endpoint_key"] != endpoint or row["key"] <= last["key"]:
            continue
        if row["outage_key"] in family and (row["state"] in OPEN or row["reason"] in NAMED):
            return row["reason"] or "pending"
        if row["outage_key"] in family and row["state"] in {"undelivered", "failed"}:
            return str(row["state"])
    end, known = _end(case), case.record.endpoints[endpoint]
    theirs = _ever_theirs(case, endpoint, outage, last)
    for so, reason in (
        (known["opted_out_at"] is not None, "opted_out"),
        (known["invalid_at"] is not None, "invalid_endpoint"),
        (not case.people.wants_any(endpoint, theirs, end), "no_alerts_wanted"),
        (_only_unlisted(case, family, theirs), "no_longer_listed"),
    ):
        if so and any(
            row["decision"] == reason and row["outage_key"] in family
            for row in case.record.decisions
        ):
            return reason
    return _told_by_another(case, endpoint, outage, theirs, last)


def _only_unlisted(case: Case, family: set[int], theirs: set[int]) -> bool:
    """Whether nobody knows that service is back: a feed only no longer lists the outage."""
    ends = {
        row["outcome"]
        for row in case.record.interruptions
        if row["premise_key"] in theirs
        and (row["outage_key"] in family or row["first_outage_key"] in family)
        and (
            row["restoration_key"] is None
            or not case.record.restorations[row["restoration_key"]]["tell"]
        )
    }
    unlisted = any(case.record.outages[key]["unlisted_since"] is not None for key in family)
    return unlisted and "restored" not in ends


def _told_by_another(
    case: Case, endpoint: int, outage: int, theirs: set[int], last: Row
) -> str | None:
    """Whether another outage over the same ground told them later how it stands."""
    service = case.record.outages[outage]["service"]
    for row in case.heard():
        if row["endpoint_key"] != endpoint or row["key"] <= last["key"]:
            continue
        other = row["outage_key"]
        if case.record.outages[other]["service"] != service or row["told_state"] in OUT:
            continue
        if theirs & case.truth.ever_members(other, len(case.record.entries)):
            return "told_for_other_outage"
    return None
