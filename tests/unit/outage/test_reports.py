"""Reports on an outage: late, again, from the future, and of times that change."""

from typing import Any

import pytest

from outage import commands as c
from outage.errors import InvalidCommandError
from outage.lifecycle import decide
from outage.model import (
    CrewStatus,
    Reason,
)
from tests.unit.outage.lives import HOUR, MINUTE, NOW, declared


def test_a_late_report_is_recorded_with_what_it_said_and_changes_nothing() -> None:
    outage = declared()
    newer = c.Report(observed_at=NOW + HOUR, crew_status=CrewStatus.ARRIVED)
    outage = decide(outage, newer, NOW + HOUR).outage
    late = c.Report(observed_at=NOW, crew_status=CrewStatus.ENROUTE)
    change = decide(outage, late, NOW + HOUR)
    assert change.outage.crew_status is CrewStatus.ARRIVED
    assert change.entries[0].data["recorded"] == ["crew_status"]
    assert change.entries[0].data["late"] == {"crew_status": "enroute"}


def test_what_was_seen_again_is_not_overruled_by_what_was_seen_in_between() -> None:
    outage = declared()
    for minutes in (0, 10):
        report = c.Report(observed_at=NOW + minutes * MINUTE, crew_status=CrewStatus.ENROUTE)
        outage = decide(outage, report, NOW + HOUR).outage
    between = c.Report(observed_at=NOW + 5 * MINUTE, crew_status=CrewStatus.ASSIGNED)
    assert decide(outage, between, NOW + HOUR).outage.crew_status is CrewStatus.ENROUTE


def test_fields_of_one_report_are_late_each_by_itself() -> None:
    outage = decide(
        declared(), c.Report(observed_at=NOW + HOUR, crew_status=CrewStatus.ARRIVED), NOW + HOUR
    ).outage
    etr = c.GivenEtr(latest=NOW + 5 * HOUR)
    report = c.Report(observed_at=NOW, crew_status=CrewStatus.ENROUTE, etr=etr)
    change = decide(outage, report, NOW + HOUR)
    assert change.outage.crew_status is CrewStatus.ARRIVED
    assert change.outage.etr is not None
    assert change.entries[0].data["fields"] == ["etr", "etr_count"]


def test_an_etr_gets_a_version_only_when_it_says_something_new() -> None:
    first = c.Report(observed_at=NOW, etr=c.GivenEtr(latest=NOW + HOUR))
    again = decide(declared(), first, NOW).outage
    assert again.etr is not None
    assert again.etr.version == 1
    assert decide(again, first, NOW).entries == ()
    moved = c.Report(observed_at=NOW, etr=c.GivenEtr(latest=NOW + 2 * HOUR))
    after = decide(again, moved, NOW).outage
    assert after.etr is not None
    assert after.etr.version == 2


def test_a_withdrawn_etr_keeps_its_number_and_the_next_one_counts_on() -> None:
    outage = declared(etr=c.GivenEtr(latest=NOW + HOUR))
    withdrawn = decide(outage, c.Report(observed_at=NOW, withdraw_etr=True), NOW).outage
    assert (withdrawn.etr, withdrawn.etr_withdrawn) == (None, True)
    again = c.Report(observed_at=NOW, etr=c.GivenEtr(latest=NOW + HOUR))
    after = decide(withdrawn, again, NOW).outage
    assert after.etr is not None
    assert (after.etr.version, after.etr_withdrawn) == (2, False)


def test_a_report_from_the_future_is_refused() -> None:
    with pytest.raises(InvalidCommandError, match="observed_at"):
        decide(declared(), c.Report(observed_at=NOW + HOUR), NOW)


def test_a_clock_that_is_ahead_overrules_nobody_in_the_minutes_until_then() -> None:
    ahead = c.Report(observed_at=NOW + 4 * MINUTE, crew_status=CrewStatus.ENROUTE)
    outage = decide(declared(), ahead, NOW).outage
    newer = c.Report(observed_at=NOW + MINUTE, crew_status=CrewStatus.ARRIVED)
    assert decide(outage, newer, NOW + MINUTE).outage.crew_status is CrewStatus.ARRIVED


def test_what_was_observed_before_the_declaration_does_not_overrule_it() -> None:
    etr = c.GivenEtr(latest=NOW + 4 * HOUR)
    older = c.Report(observed_at=NOW - HOUR, etr=c.GivenEtr(latest=NOW + HOUR))
    change = decide(declared(etr=etr), older, NOW)
    assert change.outage.etr is not None
    assert change.outage.etr.latest == etr.latest
    assert change.entries[0].data["recorded"] == ["etr"]
    # It says more than a declaration without a time did.
    assert decide(declared(), older, NOW).outage.etr is not None


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"etr": c.GivenEtr(latest=NOW + HOUR), "withdraw_etr": True}, "withdraw_etr"),
        ({"crew_reason": Reason.PARTS}, "crew_reason"),
    ],
)
def test_a_report_that_would_lose_half_of_what_it_says_is_refused(
    facts: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidCommandError, match=f"^{field}: "):
        decide(declared(), c.Report(observed_at=NOW, **facts), NOW)
