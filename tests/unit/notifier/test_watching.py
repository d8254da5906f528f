"""What who watches an area is told: a table, and what must hold for every situation."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from notifier.kinds import Kind, Told
from notifier.policy import Facts, Reason, Situation, Stage, belief, decide, unpack
from tests.unit.notifier.test_policy import MANNERS, NOW, at, code, etr, known_facts, situations

NEW = Situation(by_area=True, here=True, listed=True)
SMALL = replace(NEW, here=False)
TOLD = replace(NEW, told=Told.AREA_OUT)
AT_TEN = replace(TOLD, told_time=code(2))
ENDED = replace(NEW, told=Told.AREA_OVER)
BACK = Situation(by_area=True, told=Told.AREA_OUT, back=True)
GONE = Situation(by_area=True, told=Told.AREA_OUT, left=True)
OPEN, OVER = Facts(stage=Stage.OPEN), Facts(stage=Stage.OVER)
UNLISTED = Facts(stage=Stage.UNLISTED)

TABLE = [
    ("a large outage begins", NEW, OPEN, Kind.AREA_OUT, Reason.OUT_IN_AREA),
    ("a small one does", SMALL, OPEN, None, Reason.FEW_IN_AREA),
    ("it is only predicted", NEW, Facts(stage=Stage.PREDICTED), None, Reason.PREDICTED),
    ("work lies ahead", NEW, Facts(stage=Stage.AHEAD), None, Reason.PLANNED_NOT_STARTED),
    ("an advisory", NEW, Facts(stage=Stage.OPEN, advisory=True), None, Reason.NOT_OF_AREAS),
    ("a baseline", NEW, Facts(stage=Stage.OPEN, silent=True), None, Reason.SILENT),
    ("nothing is new", TOLD, OPEN, None, Reason.NOTHING_NEW),
    ("it has become small", replace(TOLD, here=False), OPEN, None, Reason.NOTHING_NEW),
    ("a first time", TOLD, etr(3), Kind.AREA_ETR, Reason.ETR_FIRST),
    ("a time of a small one", replace(TOLD, here=False), etr(3), Kind.AREA_ETR, Reason.ETR_FIRST),
    ("the same time", AT_TEN, etr(2), None, Reason.NOTHING_NEW),
    ("a later time", AT_TEN, etr(5), Kind.AREA_ETR, Reason.ETR_MOVED),
    ("a little earlier", AT_TEN, etr(1.75), None, Reason.ETR_MOVED_LITTLE),
    ("the time is taken back", AT_TEN, OPEN, Kind.AREA_ETR, Reason.ETR_WITHDRAWN),
    ("the time passes", replace(TOLD, told_time=code(-1)), etr(-1), None, Reason.ETR_OVER),
    ("most of it lies elsewhere by now", GONE, OPEN, None, Reason.NOT_IN_AREA),
    ("that one ends", replace(GONE, back=True), OVER, Kind.AREA_OVER, Reason.OVER_IN_AREA),
    ("it lay elsewhere all along", replace(GONE, told=Told.NONE), OPEN, None,
     Reason.NO_LONGER_HERE),
    ("it ends", BACK, OVER, Kind.AREA_OVER, Reason.OVER_IN_AREA),
    ("it ends while gis counts", replace(BACK, back=False, listed=True), OVER, None,
     Reason.NOT_SETTLED),
    ("losses go on elsewhere", replace(BACK, elsewhere=True), OVER, None,
     Reason.OUT_IN_OTHER_OUTAGE),
    ("it ends unheard of", replace(BACK, told=Told.NONE), OVER, None, Reason.NEVER_TOLD),
    ("its feed lists it no longer", BACK, UNLISTED, None, Reason.NO_LONGER_LISTED),
    ("that is told as an end", BACK, replace(UNLISTED, tell_unlisted=True), Kind.AREA_OVER,
     Reason.OVER_IN_AREA),
    ("it is taken back", TOLD, Facts(stage=Stage.CANCELLED), Kind.AREA_WITHDRAWN,
     Reason.TAKEN_BACK),
    ("it is taken back, and losses go on elsewhere", replace(TOLD, elsewhere=True),
     Facts(stage=Stage.CANCELLED), None, Reason.OUT_IN_OTHER_OUTAGE),
    ("it goes on after all", ENDED, OPEN, Kind.AREA_AGAIN, Reason.OUT_AFTER_ALL),
    ("they were out themselves", replace(NEW, told=Told.OUT), OPEN, None, Reason.TOLD_OF_THEIRS),
    ("they have stopped", replace(NEW, opted_out=True), OPEN, None, Reason.OPTED_OUT),
    ("their number is bad", replace(NEW, valid=False), OPEN, None, Reason.INVALID_ENDPOINT),
]  # fmt: skip


@pytest.mark.parametrize(
    ("situation", "about", "kind", "reason"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_who_watches_an_area_is_told(
    situation: Situation, about: Facts, kind: Kind | None, reason: Reason
) -> None:
    decision = decide(situation, about, MANNERS, NOW)
    assert (decision.kind, decision.reason) == (kind, reason)


def test_every_kind_for_who_watches_an_area_has_a_line_in_the_table() -> None:
    assert {row[3] for row in TABLE} - {None} == {kind for kind in Kind if kind.by_area}


def test_nobody_is_woken_for_an_area() -> None:
    for situation, about in ((NEW, OPEN), (AT_TEN, etr(5)), (BACK, OVER), (ENDED, OPEN)):
        decision = decide(replace(situation, quiet=8), about, MANNERS, NOW)
        assert (decision.after, decision.wait) == (at(2), Reason.QUIET_HOURS)


def test_what_they_can_do_without_waits_for_the_next_day_and_what_ends_it_does_not() -> None:
    for situation, about, kind in (
        (NEW, OPEN, Kind.AREA_OUT),
        (AT_TEN, etr(5), Kind.AREA_ETR),
        (AT_TEN, OPEN, Kind.AREA_ETR),
    ):
        much = replace(situation, recent=MANNERS.most_a_day)
        for heard in (much, replace(much, ago=31)):
            decision = decide(heard, about, MANNERS, NOW)
            assert (decision.kind, decision.wait) == (kind, Reason.ENOUGH_TODAY)
            assert decision.after == MANNERS.day(NOW + timedelta(days=1))
        assert decide(replace(much, recent=much.recent - 1), about, MANNERS, NOW).due(NOW)
    cancelled = Facts(stage=Stage.CANCELLED)
    for situation, about in ((BACK, OVER), (TOLD, cancelled), (ENDED, OPEN)):
        assert decide(replace(situation, recent=7), about, MANNERS, NOW).due(NOW)


@given(situations, known_facts)
def test_what_was_told_is_not_told_again_and_an_end_never_of_what_goes_on(
    situation: Situation, about: Facts
) -> None:
    watching = replace(situation, by_area=True)
    assert unpack(watching.pack()) == watching
    decision = decide(watching, about, MANNERS, NOW)
    if decision.kind is None:
        return
    assert decision.kind.by_area
    assert not watching.opted_out
    if decision.kind is Kind.AREA_OVER:
        assert about.stage in {Stage.OVER, Stage.UNLISTED}
    if not decision.due(NOW):
        return
    known = belief(decision.kind, watching, about, MANNERS, NOW)
    time = 0 if known.time is None else code((known.time - NOW).total_seconds() / 3600)
    after = replace(watching, told=known.told, told_time=time)
    again = decide(after, about, MANNERS, NOW)
    assert again.kind is not decision.kind
