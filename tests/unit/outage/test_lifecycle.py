from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outage import commands as c
from outage.errors import InvalidCommandError, NotAllowedNowError
from outage.lifecycle import REOPEN_WITHIN, decide
from outage.model import (
    CrewStatus,
    JournalKind,
    Kind,
    Reason,
    Status,
)
from tests.unit.outage.lives import HOUR, MINUTE, NOW, at_status, declared

COMMANDS: dict[str, c.Command] = {
    "confirm": c.Confirm(),
    "reject": c.Reject(),
    "restore": c.Restore(restoration_key=1, whole=True),
    "reopen": c.Reopen(restoration_key=1),
    "still out": c.StillOut(restoration_key=1, premises=(1,)),
    "cancel": c.Cancel(),
    "close": c.Close(),
    "revise": c.Revise(place="Main St"),
}


# The CIM graph, closed under the commands of this release.
ALLOWED: dict[str, dict[Status, Status]] = {
    "confirm": {Status.PREDICTED: Status.CONFIRMED},
    "reject": {Status.PREDICTED: Status.CANCELLED},
    "restore": {
        Status.CONFIRMED: Status.CONFIRMED,
        Status.PARTIALLY_RESTORED: Status.PARTIALLY_RESTORED,
    },
    "reopen": {
        Status.PARTIALLY_RESTORED: Status.CONFIRMED,
        Status.RESTORED: Status.CONFIRMED,
    },
    "still out": {
        Status.PARTIALLY_RESTORED: Status.PARTIALLY_RESTORED,
        Status.RESTORED: Status.PARTIALLY_RESTORED,
    },
    "cancel": {
        Status.PREDICTED: Status.CANCELLED,
        Status.CONFIRMED: Status.CANCELLED,
        Status.PARTIALLY_RESTORED: Status.CANCELLED,
    },
    "close": {Status.RESTORED: Status.CLOSED},
    "revise": {
        Status.PREDICTED: Status.PREDICTED,
        Status.CONFIRMED: Status.CONFIRMED,
        Status.PARTIALLY_RESTORED: Status.PARTIALLY_RESTORED,
    },
}


@pytest.mark.parametrize("name", list(COMMANDS))
@pytest.mark.parametrize("status", list(Status))
def test_each_command_is_taken_in_its_statuses_and_refused_by_name_in_all_others(
    name: str, status: Status
) -> None:
    outage = at_status(status)
    if status in ALLOWED[name]:
        change = decide(outage, COMMANDS[name], NOW)
        assert change.outage.status is ALLOWED[name][status]
        assert change.outage.version == outage.version + 1
        assert len(change.entries) == 1
    else:
        with pytest.raises(NotAllowedNowError, match=f"that is {status}"):
            decide(outage, COMMANDS[name], NOW)


def test_an_outage_begins_confirmed_and_planned_work_begins_predicted() -> None:
    assert declared().status is Status.CONFIRMED
    assert declared(predicted=True).status is Status.PREDICTED
    planned = declared(kind=Kind.PLANNED, planned_start=NOW + HOUR)
    assert (planned.status, planned.interrupts) == (Status.PREDICTED, False)
    assert declared(kind=Kind.PLANNED, started_at=NOW).interrupts
    assert not declared(kind=Kind.ADVISORY).interrupts


def test_planned_work_is_started_and_never_confirmed() -> None:
    planned = declared(kind=Kind.PLANNED, planned_start=NOW + HOUR)
    with pytest.raises(NotAllowedNowError, match="started, not confirmed"):
        decide(planned, c.Confirm(), NOW + HOUR)
    begun = decide(planned, c.Start(), NOW + 2 * HOUR).outage
    assert (begun.status, begun.started_at) == (Status.CONFIRMED, NOW + 2 * HOUR)
    with pytest.raises(NotAllowedNowError, match="confirm it"):
        decide(declared(predicted=True), c.Start(), NOW)


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"kind": Kind.PLANNED}, "planned_start"),
        ({"planned_start": NOW + HOUR, "planned_end": NOW, "kind": Kind.PLANNED}, "planned_end"),
        ({"started_at": NOW + MINUTE}, "started_at"),
        ({"etr": c.GivenEtr(latest=NOW - MINUTE)}, "etr"),
        ({"etr": c.GivenEtr(latest=NOW + HOUR, earliest=NOW + 2 * HOUR)}, "etr"),
    ],
)
def test_a_declaration_that_contradicts_itself_names_its_field(
    facts: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidCommandError, match=f"^{field}: "):
        declared(**facts)


def test_revising_to_an_end_before_the_start_is_refused() -> None:
    planned = declared(kind=Kind.PLANNED, planned_start=NOW + 2 * HOUR)
    with pytest.raises(InvalidCommandError, match="planned_end"):
        decide(planned, c.Revise(planned_end=NOW + HOUR), NOW)


def test_a_revision_that_changes_nothing_says_nothing() -> None:
    outage = declared(place="Main St")
    assert decide(outage, c.Revise(place="Main St"), NOW).entries == ()


def test_a_restoration_changes_the_status_only_once_gis_has_concluded_it() -> None:
    outage = decide(declared(), c.Restore(restoration_key=1, whole=False), NOW).outage
    assert outage.status is Status.CONFIRMED
    part = c.Conclude(restoration_key=1, whole=False, out=3, at=NOW)
    outage = decide(outage, part, NOW).outage
    assert outage.status is Status.PARTIALLY_RESTORED
    rest = c.Conclude(restoration_key=2, whole=False, out=0, at=NOW)
    outage = decide(outage, rest, NOW).outage
    assert (outage.status, outage.restored_at) == (Status.RESTORED, NOW)


def test_an_inferred_end_and_an_outage_that_is_over_conclude_without_a_change() -> None:
    inferred = c.Conclude(restoration_key=1, whole=True, out=0, at=NOW, inferred=True)
    assert decide(declared(), inferred, NOW).outage == declared()
    cancelled = at_status(Status.CANCELLED)
    concluded = c.Conclude(restoration_key=1, whole=True, out=0, at=NOW)
    assert decide(cancelled, concluded, NOW).outage == cancelled


def test_a_restored_outage_can_be_reopened_for_a_day() -> None:
    restored = at_status(Status.RESTORED)
    again = decide(restored, c.Reopen(restoration_key=1), NOW + REOPEN_WITHIN).outage
    assert (again.status, again.restored_at) == (Status.CONFIRMED, None)
    with pytest.raises(NotAllowedNowError, match="24 hours"):
        decide(restored, c.Reopen(restoration_key=1), NOW + REOPEN_WITHIN + MINUTE)


def test_only_what_is_no_longer_listed_comes_back_from_closed() -> None:
    unlisted = decide(declared(), c.Unlist(), NOW).outage
    assert unlisted.status is Status.CONFIRMED
    closed = decide(unlisted, c.Close(reason=Reason.NO_LONGER_LISTED), NOW).outage
    assert decide(closed, c.Relist(restoration_key=1), NOW).outage.status is Status.CONFIRMED
    done = decide(at_status(Status.RESTORED), c.Close(), NOW).outage
    with pytest.raises(NotAllowedNowError):
        decide(done, c.Reopen(restoration_key=1), NOW)


def test_listed_again_before_anything_ended_is_no_reopening() -> None:
    unlisted = decide(declared(), c.Unlist(), NOW).outage
    change = decide(unlisted, c.Relist(restoration_key=None), NOW)
    assert [entry.kind for entry in change.entries] == [JournalKind.LISTED]
    assert change.outage.unlisted_since is None


@pytest.mark.parametrize("status", [Status.RESTORED, Status.CANCELLED])
def test_a_feed_that_lists_it_again_does_not_bring_back_what_a_person_ended(
    status: Status,
) -> None:
    unlisted = decide(declared(), c.Unlist(), NOW).outage
    ended = replace(unlisted, status=status)
    change = decide(ended, c.Relist(restoration_key=1), NOW)
    assert (change.outage.status, change.outage.unlisted_since) == (status, None)


def test_planned_work_that_was_closed_before_it_began_comes_back_as_planned() -> None:
    planned = declared(kind=Kind.PLANNED, planned_start=NOW + 2 * HOUR)
    unlisted = decide(planned, c.Unlist(), NOW).outage
    closed = decide(unlisted, c.Close(reason=Reason.NO_LONGER_LISTED), NOW).outage
    again = decide(closed, c.Relist(restoration_key=None), NOW + HOUR).outage
    assert (again.status, again.interrupts) == (Status.PREDICTED, False)


def test_an_advisory_is_never_restored() -> None:
    with pytest.raises(NotAllowedNowError, match="lifted"):
        decide(declared(kind=Kind.ADVISORY), c.Restore(restoration_key=1, whole=True), NOW)


GRAPH = {
    Status.PREDICTED: {Status.CONFIRMED, Status.CANCELLED, Status.CLOSED},
    Status.CONFIRMED: {
        Status.PARTIALLY_RESTORED,
        Status.RESTORED,
        Status.CANCELLED,
        Status.CLOSED,
    },
    Status.PARTIALLY_RESTORED: {
        Status.CONFIRMED,
        Status.RESTORED,
        Status.CANCELLED,
        Status.CLOSED,
    },
    Status.RESTORED: {Status.CONFIRMED, Status.CLOSED},
    Status.CLOSED: {Status.CONFIRMED, Status.PREDICTED},
    Status.CANCELLED: set[Status](),
}


Later = Callable[[datetime], c.Command]


def reports() -> st.SearchStrategy[Later]:
    def build(back: int, crew: CrewStatus | None, etr: int | None, *, withdraw: bool) -> Later:
        def command(now: datetime) -> c.Command:
            given = None if etr is None else c.GivenEtr(latest=now + etr * MINUTE)
            return c.Report(
                observed_at=now - back * MINUTE,
                crew_status=crew,
                etr=None if withdraw else given,
                withdraw_etr=withdraw,
            )

        return command

    return st.builds(
        build,
        st.integers(0, 90),
        st.none() | st.sampled_from(CrewStatus),
        st.none() | st.integers(-30, 300),
        withdraw=st.booleans(),
    )


def conclusions() -> st.SearchStrategy[Later]:
    def build(key: int, out: int, *, whole: bool, inferred: bool) -> Later:
        return lambda now: c.Conclude(
            restoration_key=key, whole=whole, out=out, at=now, inferred=inferred
        )

    return st.builds(
        build, st.integers(1, 3), st.integers(0, 5), whole=st.booleans(), inferred=st.booleans()
    )


def always(command: c.Command) -> Later:
    return lambda _now: command


PLAIN: list[c.Command] = [
    c.Confirm(),
    c.Reject(),
    c.Start(),
    c.Revise(place="A"),
    c.Revise(place="B"),
    c.Restore(restoration_key=1, whole=True),
    c.Restore(restoration_key=2, whole=False),
    c.Reopen(restoration_key=1),
    c.Cancel(),
    c.Close(),
    c.Close(reason=Reason.NO_LONGER_LISTED),
    c.Unlist(),
    c.Relist(restoration_key=None),
    c.Relist(restoration_key=1),
]


STEPS = st.tuples(
    st.sampled_from(PLAIN).map(always) | reports() | conclusions(), st.integers(0, 400)
)


BEGINNINGS = st.sampled_from(
    [
        {"kind": Kind.UNPLANNED},
        {"kind": Kind.UNPLANNED, "predicted": True},
        {"kind": Kind.PLANNED, "planned_start": NOW + HOUR},
        {"kind": Kind.ADVISORY},
    ]
)


@given(BEGINNINGS, st.lists(STEPS, max_size=25))
def test_no_sequence_of_commands_breaks_what_must_stay_true(
    beginning: dict[str, object], steps: list[tuple[Later, int]]
) -> None:
    outage, now, highest = declared(**beginning), NOW, 0
    for make, minutes in steps:
        now += minutes * MINUTE
        command = make(now)
        try:
            change = decide(outage, command, now)
        except (NotAllowedNowError, InvalidCommandError):
            continue
        after = change.outage
        assert after.status is outage.status or after.status in GRAPH[outage.status]
        grew = after.version - outage.version
        assert grew == (1 if change.entries else grew)
        assert grew in (0, 1)
        if after.etr is not None and after.etr != outage.etr:
            assert after.etr.version == highest + 1
            highest = after.etr.version
        assert after.etr_count == highest
        if change.entries and "recorded" in change.entries[0].data:
            for name in change.entries[0].data["recorded"]:  # type: ignore[attr-defined]  # a list
                assert getattr(after, name) == getattr(outage, name)
        assert (after.restored_at is not None) == (
            after.status is Status.RESTORED
            or (after.status is Status.CLOSED and after.restored_at is not None)
        )
        assert set(after.observed) >= set(outage.observed)
        assert all(after.observed[name] >= at for name, at in outage.observed.items())
        outage = after


def test_still_out_speaks_for_its_premises_and_only_for_a_day() -> None:
    command = c.StillOut(restoration_key=7, premises=(3,))
    restored = at_status(Status.RESTORED)
    change = decide(restored, command, NOW + REOPEN_WITHIN)
    assert change.outage.restored_at is None
    assert change.entries[0].kind == JournalKind.REOPENED
    assert change.entries[0].data == {
        "restoration": 7,
        "reason": Reason.STILL_OUT,
        "premises": [3],
    }
    with pytest.raises(NotAllowedNowError, match="more than 24 hours"):
        decide(restored, command, NOW + REOPEN_WITHIN + MINUTE)
