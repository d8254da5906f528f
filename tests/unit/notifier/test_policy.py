from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.kinds import Channel, Kind, Told
from notifier.policy import (
    MOST_PLACES,
    SHIFTS,
    WIDTHS,
    Facts,
    Reason,
    Situation,
    Stage,
    decide,
    unpack,
)

NOW = datetime(2026, 1, 4, 23, 0, tzinfo=UTC)
STEP = timedelta(minutes=30)
ETRS = {
    1: NOW + timedelta(hours=2),
    2: NOW + timedelta(hours=2, minutes=29),
    3: NOW + timedelta(hours=2, minutes=30),
    4: NOW - timedelta(minutes=1),
    5: NOW + timedelta(hours=1, minutes=30),
}


def facts(stage: Stage = Stage.OPEN, etr: int = 0, **more: bool) -> Facts:
    return Facts(stage=stage, etr_version=etr, etrs=ETRS, etr_step=STEP, **more)


NEW = Situation(here=True)
OUT = Situation(here=True, told=Told.OUT)
OUT_WITH_ETR = Situation(here=True, told=Told.OUT, told_etr=1)

TABLE = [
    # A first word.
    (NEW, facts(), Kind.DETECTED, Reason.NEWLY_OUT, 0),
    (NEW, facts(etr=1), Kind.DETECTED, Reason.NEWLY_OUT, 1),
    (NEW, facts(etr=4), Kind.DETECTED, Reason.NEWLY_OUT, 0),
    (Situation(), facts(), None, Reason.NEVER_TOLD, 0),
    (Situation(listed=True), facts(), None, Reason.NEVER_TOLD, 0),
    (Situation(back=True), facts(), None, Reason.NEVER_TOLD, 0),
    (Situation(left=True), facts(), None, Reason.NEVER_TOLD, 0),
    (Situation(elsewhere=True), facts(), None, Reason.OUT_IN_OTHER_OUTAGE, 0),
    # The ETR.
    (OUT, facts(), None, Reason.NOTHING_NEW, 0),
    (OUT, facts(etr=1), Kind.ETR, Reason.ETR_FIRST, 1),
    (OUT, facts(etr=4), None, Reason.ETR_PASSED, 0),
    (OUT_WITH_ETR, facts(etr=1), None, Reason.NOTHING_NEW, 0),
    (OUT_WITH_ETR, facts(etr=2), None, Reason.ETR_MOVED_LITTLE, 0),
    (OUT_WITH_ETR, facts(etr=3), Kind.ETR, Reason.ETR_MOVED, 3),
    (OUT_WITH_ETR, facts(etr=5), Kind.ETR, Reason.ETR_MOVED, 5),
    (OUT_WITH_ETR, facts(etr=0), None, Reason.ETR_WITHDRAWN, 0),
    (OUT_WITH_ETR, facts(etr=4), None, Reason.ETR_PASSED, 0),
    # Restored, wholly and in part.
    (Situation(told=Told.OUT, back=True), facts(), Kind.RESTORED, Reason.BACK, 0),
    (Situation(told=Told.OUT, back=True), facts(Stage.OVER), Kind.RESTORED, Reason.BACK, 0),
    (Situation(told=Told.OUT, back=True, left=True), facts(), Kind.RESTORED, Reason.BACK, 0),
    (Situation(told=Told.OUT, back=True, listed=True), facts(), Kind.RESTORED, Reason.BACK, 0),
    (Situation(told=Told.OUT, back=True, here=True), facts(), None, Reason.PARTLY_OUT, 0),
    (
        Situation(told=Told.OUT, back=True, elsewhere=True),
        facts(Stage.OVER),
        None,
        Reason.OUT_IN_OTHER_OUTAGE,
        0,
    ),
    (Situation(told=Told.BACK, back=True), facts(Stage.OVER), None, Reason.NOTHING_NEW, 0),
    (OUT, facts(Stage.OVER), None, Reason.NOT_SETTLED, 0),
    # Fell out.
    (
        Situation(told=Told.OUT, left=True),
        facts(),
        Kind.CORRECTION_UNAFFECTED,
        Reason.NOT_AFFECTED,
        0,
    ),
    (Situation(told=Told.UNAFFECTED, left=True), facts(), None, Reason.NOTHING_NEW, 0),
    (Situation(told=Told.OUT), facts(), None, Reason.NO_LONGER_HERE, 0),
    (Situation(told=Told.OUT, listed=True), facts(), None, Reason.NOT_SETTLED, 0),
    # Out after all.
    (
        Situation(told=Told.BACK, here=True),
        facts(etr=1),
        Kind.CORRECTION_OUT,
        Reason.OUT_AFTER_ALL,
        1,
    ),
    (
        Situation(told=Told.UNAFFECTED, here=True),
        facts(),
        Kind.CORRECTION_OUT,
        Reason.OUT_AFTER_ALL,
        0,
    ),
    (
        Situation(told=Told.CANCELLED, here=True),
        facts(),
        Kind.CORRECTION_OUT,
        Reason.OUT_AFTER_ALL,
        0,
    ),
    # Cancelled.
    (Situation(told=Told.OUT), facts(Stage.CANCELLED), Kind.CANCELLED, Reason.TAKEN_BACK, 0),
    (OUT, facts(Stage.CANCELLED), Kind.CANCELLED, Reason.TAKEN_BACK, 0),
    (NEW, facts(Stage.CANCELLED), None, Reason.NEVER_TOLD, 0),
    (Situation(told=Told.CANCELLED), facts(Stage.CANCELLED), None, Reason.NOTHING_NEW, 0),
    (
        Situation(told=Told.OUT, elsewhere=True),
        facts(Stage.CANCELLED),
        None,
        Reason.OUT_IN_OTHER_OUTAGE,
        0,
    ),
    # Absence is not restoration.
    (
        Situation(told=Told.OUT, back=True),
        facts(Stage.UNLISTED),
        None,
        Reason.NO_LONGER_LISTED,
        0,
    ),
    (
        Situation(told=Told.OUT, back=True),
        facts(Stage.UNLISTED, tell_unlisted=True),
        Kind.RESTORED,
        Reason.BACK,
        0,
    ),
    (NEW, facts(Stage.UNLISTED), None, Reason.NO_LONGER_LISTED, 0),
    (OUT, facts(Stage.UNLISTED, etr=1), None, Reason.NO_LONGER_LISTED, 0),
    # Not yet, or not at all.
    (NEW, facts(Stage.PREDICTED), None, Reason.PREDICTED, 0),
    (NEW, facts(Stage.AHEAD), None, Reason.PLANNED_NOT_STARTED, 0),
    (NEW, facts(advisory=True), None, Reason.ADVISORY, 0),
    (NEW, facts(silent=True), None, Reason.SILENT, 0),
    # Something to say, and no leave to say it.
    (Situation(here=True, wanted=False), facts(), None, Reason.NO_ALERTS_WANTED, 0),
    (Situation(here=True, opted_out=True), facts(), None, Reason.OPTED_OUT, 0),
    (Situation(here=True, valid=False), facts(), None, Reason.INVALID_ENDPOINT, 0),
]


@pytest.mark.parametrize(("situation", "known", "kind", "reason", "etr"), TABLE)
def test_each_line_of_the_policy(
    situation: Situation, known: Facts, kind: Kind | None, reason: Reason, etr: int
) -> None:
    decision = decide(situation, known, NOW)
    assert (decision.kind, decision.reason, decision.etr_version) == (kind, reason, etr)


situations = st.builds(
    Situation,
    channel=st.sampled_from(Channel),
    wanted=st.booleans(),
    opted_out=st.booleans(),
    valid=st.booleans(),
    told=st.sampled_from(Told),
    here=st.booleans(),
    elsewhere=st.booleans(),
    listed=st.booleans(),
    back=st.booleans(),
    left=st.booleans(),
    places=st.integers(0, MOST_PLACES),
    told_etr=st.integers(0, 2**29 - 1),
)


@given(situations)
def test_a_situation_survives_packing(situation: Situation) -> None:
    assert unpack(situation.pack()) == situation


def test_the_widths_name_every_fact_and_fit_a_bigint() -> None:
    assert set(WIDTHS) == set(Situation.__dataclass_fields__)
    assert max(SHIFTS[name] + WIDTHS[name] for name in WIDTHS) <= 62


def test_more_places_than_a_text_counts_are_capped() -> None:
    assert unpack(Situation(places=400).pack()).places == MOST_PLACES


@given(situations, st.sampled_from(Stage), st.integers(0, 5))
def test_nobody_is_told_something_untrue(situation: Situation, stage: Stage, etr: int) -> None:
    known = facts(stage, etr)
    decision = decide(situation, known, NOW)
    if decision.kind is None:
        return
    assert situation.wanted
    assert situation.valid
    assert not situation.opted_out
    if decision.kind in {Kind.RESTORED, Kind.CANCELLED, Kind.CORRECTION_UNAFFECTED}:
        assert situation.told is Told.OUT
        assert not situation.here or decision.kind is Kind.CANCELLED
        assert not situation.elsewhere
    if decision.kind is Kind.DETECTED:
        assert situation.told is Told.NONE
    if decision.kind.told is Told.OUT:
        assert situation.here
        assert stage is Stage.OPEN
    if decision.etr_version:
        assert ETRS[decision.etr_version] > NOW


@given(situations, st.sampled_from(Stage), st.integers(0, 5))
def test_once_told_the_same_truth_is_not_told_again(
    situation: Situation, stage: Stage, etr: int
) -> None:
    known = facts(stage, etr)
    decision = decide(situation, known, NOW)
    if decision.kind is None:
        return
    after = {
        name: getattr(situation, name) for name in WIDTHS if name not in {"told", "told_etr"}
    } | {"told": decision.kind.told, "told_etr": decision.etr_version}
    assert decide(Situation(**after), known, NOW).kind is None
