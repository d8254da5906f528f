from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.kinds import Channel, Kind, Quiet, Told
from notifier.manners import Manners
from notifier.policy import (
    MOST_PLACES,
    SHIFTS,
    WIDTHS,
    Belief,
    Facts,
    Reason,
    Situation,
    Stage,
    belief,
    decide,
    unpack,
)
from notifier.situation import FAR_MIN, most, time_code

NOW = datetime(2026, 1, 4, 20, 0, tzinfo=UTC)
MANNERS = Manners(zone=ZoneInfo("UTC"))


def at(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def code(hours: float) -> int:
    return time_code(at(hours), NOW)


NEW = Situation(here=True, places=1)
OUT = replace(NEW, told=Told.OUT)
AT_TEN = replace(OUT, told_time=code(2))
"""Told that service is back in two hours."""
PROMISED = replace(OUT, told_time=code(2), told_update=True)
"""Told that there will be more in two hours."""
LISTED = Situation(listed=True)
NOTICED = Situation(listed=True, told=Told.NOTICED, told_time=code(48))
ADVISED = Situation(listed=True, told=Told.ADVISED)
OPEN = Facts(stage=Stage.OPEN)
OVER = Facts(stage=Stage.OVER)
WORK = Facts(stage=Stage.AHEAD, planned=True, starts=at(48))
UNTIL_TEN = Facts(stage=Stage.OPEN, planned=True, ends=at(2))
UNSAFE = Facts(stage=Stage.OPEN, advisory=True)
WATCH = Facts(stage=Stage.PREDICTED, advisory=True, watch=True)


def etr(hours: float, *, crew_on_site: bool = False) -> Facts:
    return Facts(stage=Stage.OPEN, etr=at(hours), crew_on_site=crew_on_site)


TABLE = [
    # A first word.
    (NEW, OPEN, Kind.DETECTED, Reason.NEWLY_OUT),
    (replace(NEW, told=Told.REPORTED), OPEN, Kind.DETECTED, Reason.NEWLY_OUT),
    (replace(NEW, told=Told.WATCHED), OPEN, Kind.DETECTED, Reason.NEWLY_OUT),
    (Situation(), OPEN, None, Reason.NEVER_TOLD),
    (LISTED, OPEN, None, Reason.NEVER_TOLD),
    (Situation(back=True), OPEN, None, Reason.NEVER_TOLD),
    (Situation(left=True), OPEN, None, Reason.NEVER_TOLD),
    (Situation(elsewhere=True), OPEN, None, Reason.OUT_IN_OTHER_OUTAGE),
    # When it will be back: a first time, and one that moves.
    (OUT, OPEN, None, Reason.NOTHING_NEW),
    (OUT, etr(2), Kind.ETR, Reason.ETR_FIRST),
    (PROMISED, etr(4), Kind.ETR, Reason.ETR_FIRST),
    (AT_TEN, etr(2), None, Reason.NOTHING_NEW),
    (AT_TEN, etr(2.5), Kind.ETR_LATER, Reason.ETR_MOVED),
    (AT_TEN, etr(1), Kind.ETR, Reason.ETR_MOVED),
    (AT_TEN, etr(1.5), None, Reason.ETR_MOVED_LITTLE),
    # A time that has passed, and one that was withdrawn.
    (OUT, etr(-0.1), None, Reason.ETR_OVER),
    (replace(OUT, told_time=code(0)), etr(0), Kind.ETR_PASSED, Reason.ETR_PASSED),
    (replace(OUT, told_time=code(-1)), OPEN, Kind.ETR_PASSED, Reason.ETR_PASSED),
    (replace(OUT, told_time=code(-1)), etr(0.1), Kind.ETR_LATER, Reason.ETR_MOVED),
    (AT_TEN, OPEN, Kind.NO_ETR_YET, Reason.ETR_WITHDRAWN),
    # No time yet: when there will be more.
    (OUT, replace(OPEN, next_update=at(2)), Kind.NO_ETR_YET, Reason.UPDATE_PROMISED),
    (PROMISED, replace(OPEN, next_update=at(2)), None, Reason.NOTHING_NEW),
    (PROMISED, replace(OPEN, next_update=at(1)), None, Reason.NOTHING_NEW),
    (
        replace(PROMISED, told_time=code(0)),
        replace(OPEN, next_update=at(0)),
        Kind.NO_ETR_YET,
        Reason.UPDATE_DUE,
    ),
    # A crew, once.
    (OUT, replace(OPEN, crew_on_site=True), Kind.CREW, Reason.CREW_ON_SITE),
    (replace(OUT, told_crew=True), replace(OPEN, crew_on_site=True), None, Reason.NOTHING_NEW),
    (OUT, etr(2, crew_on_site=True), Kind.ETR, Reason.ETR_FIRST),
    # Restored, wholly and in part.
    (Situation(told=Told.OUT, back=True), OPEN, Kind.RESTORED, Reason.BACK),
    (Situation(told=Told.OUT, back=True), OVER, Kind.RESTORED, Reason.BACK),
    (Situation(told=Told.OUT, back=True, left=True), OPEN, Kind.RESTORED, Reason.BACK),
    (Situation(told=Told.OUT, back=True, listed=True), OPEN, Kind.RESTORED, Reason.BACK),
    (Situation(told=Told.REPORTED, back=True), OVER, Kind.RESTORED, Reason.BACK),
    (Situation(told=Told.REPORTED, left=True), OPEN, None, Reason.NOTHING_NEW),
    (replace(OUT, back=True), OPEN, None, Reason.PARTLY_OUT),
    (replace(OUT, back=True, fewer=True), OPEN, Kind.PARTLY_RESTORED, Reason.PARTLY_BACK),
    (replace(OUT, fewer=True), OPEN, None, Reason.NOTHING_NEW),
    (
        Situation(told=Told.OUT, back=True, elsewhere=True),
        OVER,
        None,
        Reason.OUT_IN_OTHER_OUTAGE,
    ),
    (Situation(told=Told.BACK, back=True), OVER, None, Reason.NOTHING_NEW),
    (OUT, OVER, None, Reason.NOT_SETTLED),
    # Fell out.
    (Situation(told=Told.OUT, left=True), OPEN, Kind.CORRECTION_UNAFFECTED, Reason.NOT_AFFECTED),
    (Situation(told=Told.UNAFFECTED, left=True), OPEN, None, Reason.NOTHING_NEW),
    (Situation(told=Told.OUT), OPEN, None, Reason.NO_LONGER_HERE),
    (Situation(told=Told.OUT, listed=True), OPEN, None, Reason.NOT_SETTLED),
    # Out after all, and again and again.
    (replace(NEW, told=Told.BACK), OPEN, Kind.CORRECTION_OUT, Reason.OUT_AFTER_ALL),
    (replace(NEW, told=Told.BACK, backs=1), OPEN, Kind.CORRECTION_OUT, Reason.OUT_AFTER_ALL),
    (
        replace(NEW, told=Told.BACK, backs=2),
        OPEN,
        Kind.CORRECTION_INTERMITTENT,
        Reason.COMES_AND_GOES,
    ),
    (replace(NEW, told=Told.INTERMITTENT, backs=2), OPEN, None, Reason.NOTHING_NEW),
    (Situation(told=Told.INTERMITTENT, back=True), OPEN, Kind.RESTORED, Reason.BACK),
    (replace(NEW, told=Told.UNAFFECTED), OPEN, Kind.CORRECTION_OUT, Reason.OUT_AFTER_ALL),
    (replace(NEW, told=Told.CANCELLED), OPEN, Kind.CORRECTION_OUT, Reason.OUT_AFTER_ALL),
    # Cancelled.
    (Situation(told=Told.OUT), Facts(stage=Stage.CANCELLED), Kind.CANCELLED, Reason.TAKEN_BACK),
    (OUT, Facts(stage=Stage.CANCELLED), Kind.CANCELLED, Reason.TAKEN_BACK),
    (NEW, Facts(stage=Stage.CANCELLED), None, Reason.NEVER_TOLD),
    (Situation(told=Told.CANCELLED), Facts(stage=Stage.CANCELLED), None, Reason.NOTHING_NEW),
    (
        Situation(told=Told.OUT, elsewhere=True),
        Facts(stage=Stage.CANCELLED),
        None,
        Reason.OUT_IN_OTHER_OUTAGE,
    ),
    # Absence is not restoration.
    (
        Situation(told=Told.OUT, back=True),
        Facts(stage=Stage.UNLISTED),
        None,
        Reason.NO_LONGER_LISTED,
    ),
    (
        Situation(told=Told.OUT, back=True),
        Facts(stage=Stage.UNLISTED, tell_unlisted=True),
        Kind.RESTORED,
        Reason.BACK,
    ),
    (NEW, Facts(stage=Stage.UNLISTED), None, Reason.NO_LONGER_LISTED),
    (OUT, Facts(stage=Stage.UNLISTED, etr=at(2)), None, Reason.NO_LONGER_LISTED),
    # Planned work.
    (LISTED, WORK, Kind.PLANNED_NOTICE, Reason.WORK_AHEAD),
    (replace(LISTED, told=Told.UNAFFECTED), WORK, Kind.PLANNED_NOTICE, Reason.WORK_AHEAD),
    (LISTED, replace(WORK, starts=at(-1)), None, Reason.PLANNED_NOT_STARTED),
    (NOTICED, WORK, None, Reason.NOTHING_NEW),
    (NOTICED, replace(WORK, starts=at(49)), Kind.PLANNED_CHANGED, Reason.WORK_MOVED),
    (
        replace(NOTICED, end_moved=True),
        replace(WORK, ends=at(60)),
        Kind.PLANNED_CHANGED,
        Reason.WORK_MOVED,
    ),
    (
        replace(NOTICED, told_time=code(24)),
        replace(WORK, starts=at(24)),
        Kind.PLANNED_REMINDER,
        Reason.WORK_NEAR,
    ),
    (
        replace(NOTICED, told=Told.REMINDED, told_time=code(24)),
        replace(WORK, starts=at(24)),
        None,
        Reason.NOTHING_NEW,
    ),
    (
        Situation(told=Told.NOTICED, left=True),
        WORK,
        Kind.CORRECTION_UNAFFECTED,
        Reason.NOT_AFFECTED,
    ),
    (NOTICED, Facts(stage=Stage.CANCELLED), Kind.PLANNED_CANCELLED, Reason.TAKEN_BACK),
    (
        replace(NOTICED, elsewhere=True),
        Facts(stage=Stage.CANCELLED),
        Kind.CANCELLED,
        Reason.TAKEN_BACK,
    ),
    (NEW, replace(OPEN, planned=True), Kind.PLANNED_STARTED, Reason.WORK_BEGUN),
    (
        replace(NEW, told=Told.REMINDED, told_time=code(0)),
        replace(OPEN, planned=True),
        Kind.PLANNED_STARTED,
        Reason.WORK_BEGUN,
    ),
    (
        Situation(told=Told.OUT, back=True),
        replace(OVER, planned=True),
        Kind.PLANNED_DONE,
        Reason.WORK_DONE,
    ),
    (NOTICED, replace(OVER, planned=True), Kind.PLANNED_DONE, Reason.WORK_DONE),
    (NOTICED, replace(OPEN, planned=True), None, Reason.NOT_SETTLED),
    # Planned work that has begun should end as planned, unless there is an ETR.
    (AT_TEN, UNTIL_TEN, None, Reason.NOTHING_NEW),
    (AT_TEN, replace(UNTIL_TEN, ends=at(3)), Kind.ETR_LATER, Reason.ETR_MOVED),
    (AT_TEN, replace(UNTIL_TEN, ends=at(1)), Kind.ETR, Reason.ETR_MOVED),
    (AT_TEN, replace(UNTIL_TEN, etr=at(4)), Kind.ETR_LATER, Reason.ETR_MOVED),
    (
        replace(OUT, told_time=code(0)),
        replace(UNTIL_TEN, ends=at(0)),
        Kind.ETR_PASSED,
        Reason.ETR_PASSED,
    ),
    (OUT, replace(UNTIL_TEN, ends=at(-1)), None, Reason.ETR_OVER),
    # Advisories: no ETR, no "restored".
    (LISTED, UNSAFE, Kind.ADVISORY, Reason.NOT_SAFE),
    (replace(LISTED, wanted=False), UNSAFE, Kind.ADVISORY, Reason.NOT_SAFE),
    (replace(LISTED, opted_out=True), UNSAFE, None, Reason.OPTED_OUT),
    (ADVISED, UNSAFE, None, Reason.NOTHING_NEW),
    (ADVISED, replace(UNSAFE, stage=Stage.OVER), Kind.ADVISORY_LIFTED, Reason.SAFE_AGAIN),
    (LISTED, replace(UNSAFE, stage=Stage.OVER), None, Reason.NEVER_TOLD),
    (ADVISED, replace(UNSAFE, stage=Stage.UNLISTED), None, Reason.NO_LONGER_LISTED),
    (
        Situation(told=Told.ADVISED, left=True),
        UNSAFE,
        Kind.CORRECTION_UNAFFECTED,
        Reason.NOT_AFFECTED,
    ),
    (ADVISED, replace(UNSAFE, stage=Stage.CANCELLED), Kind.CANCELLED, Reason.TAKEN_BACK),
    # Whoever was told that it is not safe hears that it never was so, whatever they want to hear.
    (
        replace(ADVISED, wanted=False),
        replace(UNSAFE, stage=Stage.CANCELLED),
        Kind.CANCELLED,
        Reason.TAKEN_BACK,
    ),
    (
        Situation(told=Told.ADVISED, left=True, wanted=False),
        UNSAFE,
        Kind.CORRECTION_UNAFFECTED,
        Reason.NOT_AFFECTED,
    ),
    (
        Situation(told=Told.OUT, left=True, wanted=False),
        OPEN,
        None,
        Reason.NO_ALERTS_WANTED,
    ),
    (LISTED, replace(UNSAFE, stage=Stage.PREDICTED), None, Reason.PREDICTED),
    # A storm that may come.
    (LISTED, WATCH, Kind.STORM_WATCH, Reason.STORM_MAY_COME),
    (replace(LISTED, told=Told.WATCHED), WATCH, None, Reason.NOTHING_NEW),
    (
        replace(LISTED, told=Told.WATCHED),
        replace(WATCH, watch=False, stage=Stage.OVER),
        None,
        Reason.NOTHING_NEW,
    ),
    # Not yet, or not at all.
    (NEW, Facts(stage=Stage.PREDICTED), None, Reason.PREDICTED),
    (NEW, replace(OPEN, silent=True), None, Reason.SILENT),
    # Something to say, and no leave to say it.
    (replace(NEW, wanted=False), OPEN, None, Reason.NO_ALERTS_WANTED),
    (replace(NEW, opted_out=True), OPEN, None, Reason.OPTED_OUT),
    (replace(NEW, valid=False), OPEN, None, Reason.INVALID_ENDPOINT),
]


@pytest.mark.parametrize("update", [None, at(-1)])
def test_a_promise_of_news_is_kept_also_when_the_outage_has_no_timer_then(
    update: datetime | None,
) -> None:
    decision = decide(PROMISED, replace(OPEN, next_update=update), MANNERS, NOW)
    assert (decision.kind, decision.after) == (Kind.NO_ETR_YET, at(2))


@pytest.mark.parametrize(("situation", "facts", "kind", "reason"), TABLE)
def test_each_line_of_the_policy(
    situation: Situation, facts: Facts, kind: Kind | None, reason: Reason
) -> None:
    decision = decide(situation, facts, MANNERS, NOW)
    assert (decision.kind, decision.reason, decision.after) == (kind, reason, None)


def test_every_kind_that_is_no_answer_has_a_line_in_the_table() -> None:
    assert {kind for _, _, kind, _ in TABLE} - {None} == {
        kind for kind in Kind if not kind.rule.answer and not kind.by_area
    }


LATER = [
    # An ETR that moves too little for how far off it is: when it matters, or what was told passes.
    (AT_TEN, etr(2 + 20 / 60), Kind.ETR_LATER, at(2), Reason.NOT_DUE),
    (
        replace(OUT, told_time=code(10)),
        etr(11),
        Kind.ETR_LATER,
        at(5),
        Reason.NOT_DUE,
    ),
    (replace(OUT, told_time=code(10)), etr(12), Kind.ETR_LATER, None, None),
    (replace(OUT, told_time=code(10)), etr(8), Kind.ETR, at(5), Reason.NOT_DUE),
    # What has passed is an earlier time than the one they were told.
    (AT_TEN, etr(-1), Kind.ETR_PASSED, at(2), Reason.NOT_DUE),
    # The desk will write later than it said: that is told when it said it would write.
    (PROMISED, replace(OPEN, next_update=at(3)), Kind.NO_ETR_YET, at(2), Reason.NOT_DUE),
    # Four a day.
    (replace(OUT, recent=3), etr(2), Kind.ETR, None, None),
    (replace(OUT, recent=4), etr(2), Kind.ETR, at(4), Reason.ENOUGH_TODAY),
    (replace(NEW, recent=7), OPEN, Kind.DETECTED, None, None),
    (replace(AT_TEN, told_time=code(-1), recent=7), OPEN, Kind.ETR_PASSED, None, None),
    (replace(OUT, medical=True, recent=4), etr(2), Kind.ETR, at(4), Reason.ENOUGH_TODAY),
    # Once an hour, for those who ask: then as often as there is something new.
    (replace(OUT, ago=11, recent=7), etr(2), Kind.ETR, at(40 / 60), Reason.ONCE_AN_HOUR),
    (replace(OUT, ago=31, recent=7), etr(2), Kind.ETR, None, None),
    (replace(NEW, ago=11), OPEN, Kind.DETECTED, None, None),
    # The longest wait counts.
    (replace(OUT, recent=4, quiet=4), etr(2), Kind.ETR, at(4), Reason.ENOUGH_TODAY),
    (replace(OUT, recent=4, quiet=40), etr(2), Kind.ETR, at(10), Reason.QUIET_HOURS),
]


@pytest.mark.parametrize(("situation", "facts", "kind", "after", "wait"), LATER)
def test_what_is_told_later_has_its_time_and_reason(
    situation: Situation, facts: Facts, kind: Kind, after: datetime | None, wait: Reason | None
) -> None:
    decision = decide(situation, facts, MANNERS, NOW)
    assert (decision.kind, decision.after, decision.wait) == (kind, after, wait)


QUIET = {
    Kind.REPORTED: Quiet.SENT,
    Kind.STILL_OUT_RECEIVED: Quiet.SENT,
    Kind.DETECTED: Quiet.SENT,
    Kind.NO_ETR_YET: Quiet.WAITS,
    Kind.ETR: Quiet.WAITS,
    Kind.ETR_LATER: Quiet.WAITS,
    Kind.ETR_PASSED: Quiet.WAITS,
    Kind.CREW: Quiet.WAITS,
    Kind.PARTLY_RESTORED: Quiet.WAITS,
    Kind.RESTORED: Quiet.WAITS,
    Kind.CORRECTION_OUT: Quiet.SENT,
    Kind.CORRECTION_INTERMITTENT: Quiet.SENT,
    Kind.CORRECTION_UNAFFECTED: Quiet.WAITS,
    Kind.CANCELLED: Quiet.WAITS,
    Kind.PLANNED_NOTICE: Quiet.WAITS,
    Kind.PLANNED_REMINDER: Quiet.WAITS,
    Kind.PLANNED_STARTED: Quiet.WAITS,
    Kind.PLANNED_CHANGED: Quiet.WAITS,
    Kind.PLANNED_CANCELLED: Quiet.WAITS,
    Kind.PLANNED_DONE: Quiet.WAITS,
    Kind.ADVISORY: Quiet.SENT,
    Kind.ADVISORY_LIFTED: Quiet.SENT,
    Kind.STORM_WATCH: Quiet.WAITS,
}


@pytest.mark.parametrize(
    ("situation", "facts", "kind"), [line[:3] for line in TABLE if line[2] is not None]
)
def test_in_quiet_hours_each_kind_does_what_the_table_says(
    situation: Situation, facts: Facts, kind: Kind
) -> None:
    quiet = replace(situation, quiet=36)
    about_safety = situation.told is Told.ADVISED and facts.advisory
    morning = at(9) if QUIET[kind] is Quiet.WAITS and not about_safety else None
    assert decide(quiet, facts, MANNERS, NOW).after == morning
    assert decide(replace(quiet, medical=True), facts, MANNERS, NOW).after is None


@pytest.mark.parametrize(
    ("situation", "facts", "hold"),
    [
        (NEW, OPEN, MANNERS.hold),
        (NEW, replace(OPEN, planned=True), timedelta(0)),
        (Situation(told=Told.OUT, back=True), OVER, MANNERS.restored_hold),
        (Situation(told=Told.INTERMITTENT, back=True), OVER, MANNERS.steady),
        (replace(NEW, told=Told.BACK), OPEN, timedelta(0)),
        (LISTED, UNSAFE, timedelta(0)),
    ],
)
def test_what_may_be_momentary_is_held(situation: Situation, facts: Facts, hold: timedelta) -> None:
    assert decide(situation, facts, MANNERS, NOW).hold == hold


NEAR = replace(WORK, starts=at(9))
COMING_AND_GOING = replace(OUT, told=Told.INTERMITTENT)
BACK_WITH_CREW = replace(NEW, told=Told.BACK, told_crew=True)
WITH_CREW = etr(2, crew_on_site=True)
MORE_AT_NINE = replace(OPEN, next_update=at(1))


@pytest.mark.parametrize(
    ("kind", "situation", "facts", "known"),
    [
        (Kind.DETECTED, NEW, etr(2), Belief(told=Told.OUT, time=at(2), places=1)),
        (Kind.DETECTED, NEW, etr(-1), Belief(told=Told.OUT, places=1)),
        (
            Kind.DETECTED,
            NEW,
            MORE_AT_NINE,
            Belief(told=Told.OUT, time=at(1), update=True, places=1),
        ),
        (Kind.CREW, OUT, WITH_CREW, Belief(told=Told.OUT, time=at(2), crew=True, places=1)),
        (
            Kind.ETR,
            replace(OUT, told_crew=True),
            etr(2),
            Belief(told=Told.OUT, time=at(2), crew=True, places=1),
        ),
        (
            Kind.ETR,
            COMING_AND_GOING,
            etr(2),
            Belief(told=Told.INTERMITTENT, time=at(2), places=1),
        ),
        (Kind.CORRECTION_OUT, BACK_WITH_CREW, OPEN, Belief(told=Told.OUT, places=1)),
        (Kind.RESTORED, OUT, etr(2), Belief(told=Told.BACK)),
        (Kind.PLANNED_NOTICE, LISTED, WORK, Belief(told=Told.NOTICED, time=at(48))),
        (
            Kind.PLANNED_NOTICE,
            LISTED,
            replace(WORK, ends=at(50)),
            Belief(told=Told.NOTICED, time=at(48), end=at(50)),
        ),
        (Kind.PLANNED_STARTED, NEW, UNTIL_TEN, Belief(told=Told.OUT, time=at(2), places=1)),
        (Kind.PLANNED_NOTICE, LISTED, NEAR, Belief(told=Told.REMINDED, time=at(9))),
    ],
)
def test_what_is_believed_afterwards(
    kind: Kind, situation: Situation, facts: Facts, known: Belief
) -> None:
    assert belief(kind, situation, facts, MANNERS, NOW) == known


def test_a_crew_that_a_text_had_no_room_for_is_still_to_be_told_of() -> None:
    def crew_known(situation: Situation) -> bool:
        known = belief(Kind.DETECTED, situation, WITH_CREW, MANNERS, NOW, crew_said=False)
        return known.crew

    assert not crew_known(NEW)
    assert crew_known(replace(OUT, told_crew=True))


situations = st.builds(
    Situation,
    channel=st.sampled_from(Channel),
    told=st.sampled_from(Told),
    places=st.integers(0, MOST_PLACES),
    told_time=st.one_of(st.just(0), st.integers(-60 * 24, 60 * 24).map(lambda m: code(m / 60))),
    **{name: st.booleans() for name in WIDTHS if WIDTHS[name] == 1},
    **{name: st.integers(0, most(name)) for name in ("ago", "recent", "backs", "quiet")},
)
hours = st.one_of(st.none(), st.integers(-600, 600).map(lambda minutes: at(minutes / 60)))
known_facts = st.builds(
    Facts,
    stage=st.sampled_from(Stage),
    etr=hours,
    next_update=hours,
    starts=hours,
    ends=hours,
    **{
        name: st.booleans()
        for name in ("advisory", "planned", "watch", "silent", "crew_on_site", "tell_unlisted")
    },
)


@given(situations)
def test_a_situation_survives_packing(situation: Situation) -> None:
    assert unpack(situation.pack()) == situation


def test_the_widths_name_every_fact_and_fit_a_bigint() -> None:
    assert set(WIDTHS) == set(Situation.__dataclass_fields__)
    assert max(SHIFTS[name] + WIDTHS[name] for name in WIDTHS) <= 62
    assert most("told") >= max(Told)


def test_more_places_than_a_text_counts_are_capped() -> None:
    assert unpack(Situation(places=400).pack()).places == MOST_PLACES


@given(st.integers(-(10**6), 10**6))
def test_a_time_that_was_told_is_known_to_the_minute_for_a_year(minutes: int) -> None:
    told = NOW + timedelta(minutes=minutes)
    near = abs(minutes) < FAR_MIN
    assert (Situation(told_time=time_code(told, NOW)).told_at(NOW) == told) is near


@given(situations, known_facts)
def test_nobody_is_told_something_untrue(situation: Situation, facts: Facts) -> None:
    decision = decide(situation, facts, MANNERS, NOW)
    if decision.kind is None:
        return
    assert situation.valid
    assert not situation.opted_out
    assert situation.wanted or decision.kind.safety(advisory=facts.advisory)
    if decision.kind in {Kind.RESTORED, Kind.PLANNED_DONE}:
        assert not situation.here
        assert not situation.elsewhere
    if decision.kind in {Kind.CORRECTION_UNAFFECTED, Kind.CANCELLED}:
        assert situation.told is not Told.NONE
    if decision.kind.told.out:
        assert situation.here
        assert facts.stage is Stage.OPEN
        assert not facts.advisory
    if decision.kind in {Kind.ETR, Kind.ETR_LATER} and decision.due(NOW):
        assert facts.back is not None
        assert facts.back > NOW


def told(situation: Situation, facts: Facts, kind: Kind) -> Situation:
    """The same endpoint once it has been told."""
    known = belief(kind, situation, facts, MANNERS, NOW)
    return replace(
        situation,
        told=known.told,
        told_time=time_code(known.time, NOW),
        told_update=known.update,
        end_moved=False,
        told_crew=known.crew,
        fewer=False,
    )


@given(situations, known_facts)
def test_once_told_the_same_truth_is_not_told_again(situation: Situation, facts: Facts) -> None:
    decision = decide(situation, facts, MANNERS, NOW)
    if decision.kind is not None:
        after = told(situation, facts, decision.kind)
        assert decide(after, facts, MANNERS, NOW).kind is None


@given(situations, known_facts)
def test_what_is_put_off_is_never_dropped(situation: Situation, facts: Facts) -> None:
    awake = replace(situation, quiet=0, recent=0, ago=0)
    wish, put_off = (decide(one, facts, MANNERS, NOW) for one in (awake, situation))
    assert put_off.kind is wish.kind
    if put_off.after is not None and wish.due(NOW):
        assert put_off.after > NOW
        assert put_off.wait in {Reason.QUIET_HOURS, Reason.ENOUGH_TODAY, Reason.ONCE_AN_HOUR}


def test_no_reason_for_silence_has_the_name_of_a_kind() -> None:
    """Decisions are tallied by name, and those to tell are what messages are held against."""
    kinds = {kind.public_name for kind in Kind}
    told = {Reason.ETR_PASSED}  # why that very kind is told
    assert {str(reason) for reason in set(Reason) - told} & kinds == set()
