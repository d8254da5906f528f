"""Who is told what, and why not: one pure function over packed situations.

The same function decides when messages are planned and again when they are claimed. It compares
what an endpoint was last told with what is true: whatever was put off before is told by that.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from notifier import watching
from notifier.kinds import Hold, Kind, Told
from notifier.manners import Manners
from notifier.reasons import Belief, Decision, Facts, Reason, Stage, ahead
from notifier.situation import MOST_PLACES, SHIFTS, WIDTHS, Situation, minute, time_code, unpack

__all__ = [
    "MOST_PLACES",
    "SHIFTS",
    "WIDTHS",
    "Belief",
    "Decision",
    "Facts",
    "Manners",
    "Reason",
    "Situation",
    "Stage",
    "belief",
    "decide",
    "unpack",
]


def decide(situation: Situation, facts: Facts, manners: Manners, now: datetime) -> Decision:
    """What this endpoint is to be told: the difference between belief and truth, in good time."""
    difference = watching.difference if situation.by_area else _difference
    wish = difference(situation, facts, manners, now)
    if wish.kind is None:
        return wish
    safety = wish.kind.safety(advisory=facts.advisory)
    for forbidden, reason in (
        (not situation.wanted and not safety, Reason.NO_ALERTS_WANTED),
        (situation.opted_out, Reason.OPTED_OUT),
        (not situation.valid, Reason.INVALID_ENDPOINT),
    ):
        if forbidden:
            return _silent(reason)
    awake = replace(situation, quiet=0) if safety else situation
    return _in_good_time(wish, wish.kind, awake, manners, now)


def belief(
    kind: Kind,
    situation: Situation,
    facts: Facts,
    manners: Manners,
    now: datetime,
    *,
    crew_said: bool = True,
) -> Belief:
    """What is believed after this kind was told now, beside what the kind itself says.

    ``crew_said``: whether the text had room for the crew. Times are in every text of their kind.
    """
    if kind.told in _AHEAD_OF_WORK:
        near = facts.starts is not None and facts.starts - now <= manners.reminder
        told = Told.REMINDED if near else Told.NOTICED
        return Belief(told=told, time=facts.starts, end=facts.ends)
    if kind.told is Told.AREA_OUT:
        return Belief(told=kind.told, time=facts.etr_ahead(now))
    if not kind.told.out:
        return Belief(told=kind.told)
    flapping = situation.told is Told.INTERMITTENT and kind is not Kind.CORRECTION_OUT
    etr = facts.etr_ahead(now)
    update = None if etr else facts.update_ahead(now)
    return Belief(
        told=Told.INTERMITTENT if flapping else kind.told,
        time=etr or update,
        update=update is not None,
        crew=(facts.crew_on_site and crew_said) or (situation.told.out and situation.told_crew),
        places=situation.places,
    )


def _silent(reason: Reason) -> Decision:
    return Decision(kind=None, reason=reason)


def _tell(kind: Kind, reason: Reason, after: datetime | None = None) -> Decision:
    return Decision(
        kind=kind, reason=reason, after=after, wait=None if after is None else Reason.NOT_DUE
    )


def _in_good_time(
    wish: Decision, kind: Kind, situation: Situation, manners: Manners, now: datetime
) -> Decision:
    waits = {
        Reason.NOT_DUE: wish.after,
        Reason.QUIET_HOURS: manners.quiet_until(kind, situation, now),
    }
    if not kind.rule.critical:
        waits[Reason.ONCE_AN_HOUR] = manners.hour_over(situation, now)
        waits[Reason.ENOUGH_TODAY] = manners.day_over(situation, now)
    wait: Reason | None = None
    after: datetime | None = None
    for reason, at in waits.items():
        if at is not None and at > (after or now):
            wait, after = reason, at
    return replace(wish, after=after, wait=wait, hold=_hold(kind, situation, manners))


def _hold(kind: Kind, situation: Situation, manners: Manners) -> timedelta:
    if kind.rule.hold is Hold.DETECTED:
        return manners.hold
    if kind.rule.hold is Hold.RESTORED:
        return manners.steady if situation.told is Told.INTERMITTENT else manners.restored_hold
    return timedelta(0)


def _difference(situation: Situation, facts: Facts, manners: Manners, now: datetime) -> Decision:
    if facts.silent:
        return _silent(Reason.SILENT)
    if facts.stage is Stage.CANCELLED:
        return _taken_back(situation)
    if facts.advisory:
        return _advised(situation, facts)
    if facts.stage is Stage.PREDICTED:
        return _silent(Reason.PREDICTED)
    if facts.stage is Stage.AHEAD:
        return _work_ahead(situation, facts, manners, now)
    if situation.here:
        return _out(situation, facts, manners, now)
    if situation.elsewhere:
        return _silent(Reason.OUT_IN_OTHER_OUTAGE)
    return _not_out(situation, facts)


_AHEAD_OF_WORK = frozenset({Told.NOTICED, Told.REMINDED})
_NOTHING_TO_CORRECT = _AHEAD_OF_WORK | {
    Told.NONE,
    Told.REPORTED,
    Told.WATCHED,
    Told.ADVISED,
    Told.LIFTED,
    Told.AREA_OUT,
    Told.AREA_OVER,
}
"""What is believed by who has never heard whether service is out."""


def _taken_back(situation: Situation) -> Decision:
    if situation.told.out and situation.elsewhere:
        return _silent(Reason.OUT_IN_OTHER_OUTAGE)
    if situation.told.out or situation.told is Told.ADVISED:
        return _tell(Kind.CANCELLED, Reason.TAKEN_BACK)
    if situation.told in _AHEAD_OF_WORK and situation.elsewhere:
        # Not that service stays on.
        return _tell(Kind.CANCELLED, Reason.TAKEN_BACK)
    if situation.told in _AHEAD_OF_WORK:
        return _tell(Kind.PLANNED_CANCELLED, Reason.TAKEN_BACK)
    return _silent(Reason.NEVER_TOLD if situation.told is Told.NONE else Reason.NOTHING_NEW)


def _advised(situation: Situation, facts: Facts) -> Decision:
    """Advisories have no ETR and no "restored" (DECISIONS 27)."""
    told = situation.told
    if facts.stage is Stage.UNLISTED:
        return _silent(Reason.NO_LONGER_LISTED)
    if facts.stage is Stage.OVER:
        if told is Told.ADVISED:
            return _tell(Kind.ADVISORY_LIFTED, Reason.SAFE_AGAIN)
        return _silent(Reason.NEVER_TOLD if told is Told.NONE else Reason.NOTHING_NEW)
    if not situation.member:
        if told is Told.ADVISED and situation.left:
            return _tell(Kind.CORRECTION_UNAFFECTED, Reason.NOT_AFFECTED)
        return _silent(Reason.NEVER_TOLD if told is Told.NONE else Reason.NOTHING_NEW)
    if facts.stage is Stage.OPEN and not facts.watch:
        return (
            _silent(Reason.NOTHING_NEW)
            if told is Told.ADVISED
            else _tell(Kind.ADVISORY, Reason.NOT_SAFE)
        )
    if not facts.watch:
        return _silent(Reason.PREDICTED)
    return (
        _silent(Reason.NOTHING_NEW)
        if told is Told.WATCHED
        else _tell(Kind.STORM_WATCH, Reason.STORM_MAY_COME)
    )


def _work_ahead(situation: Situation, facts: Facts, manners: Manners, now: datetime) -> Decision:
    told = situation.told
    if not situation.member:
        if told in _AHEAD_OF_WORK and situation.left:
            return _tell(Kind.CORRECTION_UNAFFECTED, Reason.NOT_AFFECTED)
        return _silent(Reason.NEVER_TOLD if told is Told.NONE else Reason.NOTHING_NEW)
    if ahead(facts.starts, now) is None or facts.starts is None:
        return _silent(Reason.PLANNED_NOT_STARTED)
    if told not in _AHEAD_OF_WORK:
        return _tell(Kind.PLANNED_NOTICE, Reason.WORK_AHEAD)
    if time_code(facts.starts, now) != situation.told_time or situation.end_moved:
        return _tell(Kind.PLANNED_CHANGED, Reason.WORK_MOVED)
    if told is Told.NOTICED and facts.starts - now <= manners.reminder:
        return _tell(Kind.PLANNED_REMINDER, Reason.WORK_NEAR)
    return _silent(Reason.NOTHING_NEW)


def _out(situation: Situation, facts: Facts, manners: Manners, now: datetime) -> Decision:
    if facts.stage is Stage.UNLISTED:
        return _silent(Reason.NO_LONGER_LISTED)
    if facts.stage is not Stage.OPEN:
        # The outage has ended and its interruptions have not yet: gis is at work.
        return _silent(Reason.NOT_SETTLED)
    if situation.told in _NOTHING_TO_CORRECT:
        if facts.planned:
            return _tell(Kind.PLANNED_STARTED, Reason.WORK_BEGUN)
        return _tell(Kind.DETECTED, Reason.NEWLY_OUT)
    if not situation.told.out:
        if situation.told is Told.BACK and situation.backs >= manners.flaps:
            return _tell(Kind.CORRECTION_INTERMITTENT, Reason.COMES_AND_GOES)
        return _tell(Kind.CORRECTION_OUT, Reason.OUT_AFTER_ALL)
    return _news(situation, facts, manners, now)


def _news(situation: Situation, facts: Facts, manners: Manners, now: datetime) -> Decision:
    """Who knows that service is out: the most weighty news that is due, else the next one."""
    found = [
        _some_back(situation),
        _when(situation, facts, manners, now),
        _crew(situation, facts),
    ]
    news = [decision for decision in found if decision.kind is not None]
    due = [decision for decision in news if decision.due(now)]
    if due:
        return due[0]
    if news:
        return min(news, key=lambda decision: decision.after or now)
    silent = found[1]
    if silent.reason is Reason.NOTHING_NEW and situation.back:
        return _silent(Reason.PARTLY_OUT)
    return silent


def _some_back(situation: Situation) -> Decision:
    if situation.back and situation.fewer:
        return _tell(Kind.PARTLY_RESTORED, Reason.PARTLY_BACK)
    return _silent(Reason.NOTHING_NEW)


def _crew(situation: Situation, facts: Facts) -> Decision:
    if facts.crew_on_site and not situation.told_crew:
        return _tell(Kind.CREW, Reason.CREW_ON_SITE)
    return _silent(Reason.NOTHING_NEW)


def _when(situation: Situation, facts: Facts, manners: Manners, now: datetime) -> Decision:
    """What there is to say of the time at which service will be back."""
    told, etr = situation.told_at(now), facts.etr_ahead(now)
    if told is None or situation.told_update:
        if etr is not None:
            return _tell(Kind.ETR, Reason.ETR_FIRST)
        return _more_to_come(told, facts, now)
    if etr is None:
        if told <= now:
            return _tell(Kind.ETR_PASSED, Reason.ETR_PASSED)
        if facts.back is None:
            return _tell(Kind.NO_ETR_YET, Reason.ETR_WITHDRAWN)
        # They were told a later time than the one that has passed, and it may still hold.
        return _tell(Kind.ETR_PASSED, Reason.ETR_PASSED, after=told)
    if time_code(etr, now) == situation.told_time:
        return _silent(Reason.NOTHING_NEW)
    after = manners.etr_told_at(told, etr, now)
    if after is None:
        return _silent(Reason.ETR_MOVED_LITTLE)
    kind = Kind.ETR_LATER if etr > told else Kind.ETR
    return _tell(kind, Reason.ETR_MOVED, after=ahead(after, now))


def _more_to_come(told: datetime | None, facts: Facts, now: datetime) -> Decision:
    """No ETR: when there will be more. What was promised is kept, with news or without."""
    update = facts.update_ahead(now)
    if told is None:
        if update is not None:
            return _tell(Kind.NO_ETR_YET, Reason.UPDATE_PROMISED)
        return _silent(Reason.NOTHING_NEW if facts.back is None else Reason.ETR_OVER)
    if update is not None and minute(update) == told:
        return _silent(Reason.NOTHING_NEW)
    if told <= now:
        return _tell(Kind.NO_ETR_YET, Reason.UPDATE_DUE)
    if update is not None and update < told:
        return _silent(Reason.NOTHING_NEW)
    # No timer of the outage rings when they expect to hear more.
    return _tell(Kind.NO_ETR_YET, Reason.UPDATE_DUE, after=told)


def _not_out(situation: Situation, facts: Facts) -> Decision:
    told = situation.told
    if told is Told.NONE:
        return _silent(Reason.NEVER_TOLD)
    if told in _AHEAD_OF_WORK:
        return _work_over(situation, facts)
    if not told.out and not (told is Told.REPORTED and situation.back):
        return _silent(Reason.NOTHING_NEW)
    if facts.stage is Stage.UNLISTED and not facts.tell_unlisted:
        return _silent(Reason.NO_LONGER_LISTED)
    if situation.back:
        if facts.planned:
            return _tell(Kind.PLANNED_DONE, Reason.WORK_DONE)
        return _tell(Kind.RESTORED, Reason.BACK)
    if situation.left:
        return _tell(Kind.CORRECTION_UNAFFECTED, Reason.NOT_AFFECTED)
    return _silent(Reason.NOT_SETTLED if situation.listed else Reason.NO_LONGER_HERE)


def _work_over(situation: Situation, facts: Facts) -> Decision:
    """Who only knew that work lies ahead, and is not without service."""
    if situation.back or (facts.stage is Stage.OVER and situation.listed):
        return _tell(Kind.PLANNED_DONE, Reason.WORK_DONE)
    if situation.left:
        return _tell(Kind.CORRECTION_UNAFFECTED, Reason.NOT_AFFECTED)
    return _silent(Reason.NOT_SETTLED if situation.listed else Reason.NO_LONGER_HERE)
