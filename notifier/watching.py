"""What who watches an area is told: the part of policy for who has no place in an outage. Pure.

They are not in the dark, so that a first word, a time that moves and the end are enough; what is
said is of the outage, never of somebody's service.
"""

from datetime import datetime

from notifier.kinds import Kind, Told
from notifier.manners import Manners
from notifier.reasons import Decision, Facts, Reason, Stage, ahead
from notifier.situation import Situation, time_code


def difference(situation: Situation, facts: Facts, manners: Manners, now: datetime) -> Decision:
    """The difference between what they were told and what is so, as `policy.decide` asks for it."""
    told = situation.told
    if facts.silent:
        return _silent(Reason.SILENT)
    if told is not Told.NONE and not told.by_area:
        # They heard of a place of theirs, and how that goes on is for that to say.
        return _silent(Reason.TOLD_OF_THEIRS)
    if facts.stage is Stage.CANCELLED or facts.advisory:
        return _taken_back(situation, facts)
    if facts.stage is Stage.PREDICTED:
        return _silent(Reason.PREDICTED)
    if facts.stage is Stage.AHEAD:
        return _silent(Reason.PLANNED_NOT_STARTED)
    if facts.stage is Stage.OPEN:
        return _open(situation, facts, manners, now)
    return _over(situation, facts)


def _taken_back(situation: Situation, facts: Facts) -> Decision:
    told = situation.told
    if told is Told.AREA_OUT and situation.elsewhere:
        return _silent(Reason.OUT_IN_OTHER_OUTAGE)
    if told is Told.AREA_OUT:
        return _tell(Kind.AREA_WITHDRAWN, Reason.TAKEN_BACK)
    return _silent(_nothing(told) if facts.stage is Stage.CANCELLED else Reason.NOT_OF_AREAS)


def _open(situation: Situation, facts: Facts, manners: Manners, now: datetime) -> Decision:
    told = situation.told
    if situation.back:
        return _silent(Reason.NOT_SETTLED)
    if told is Told.AREA_OUT:
        if situation.left and not situation.listed:
            # Most of it lies elsewhere now. Those who were out in the area may be out still.
            return _silent(Reason.NOT_IN_AREA)
        return _when(situation, facts, manners, now)
    if situation.here:
        if told is Told.AREA_OVER:
            return _tell(Kind.AREA_AGAIN, Reason.OUT_AFTER_ALL)
        return _tell(Kind.AREA_OUT, Reason.OUT_IN_AREA)
    return _silent(Reason.FEW_IN_AREA if situation.listed else Reason.NO_LONGER_HERE)


def _when(situation: Situation, facts: Facts, manners: Manners, now: datetime) -> Decision:
    """What there is to say of the time of return. One that passes is not apologised for."""
    told, etr = situation.told_at(now), facts.etr_ahead(now)
    if etr is None:
        if told is not None and told > now and facts.back is None:
            return _tell(Kind.AREA_ETR, Reason.ETR_WITHDRAWN)
        return _silent(Reason.NOTHING_NEW if told is None else Reason.ETR_OVER)
    if told is None:
        return _tell(Kind.AREA_ETR, Reason.ETR_FIRST)
    if time_code(etr, now) == situation.told_time:
        return _silent(Reason.NOTHING_NEW)
    after = manners.etr_told_at(told, etr, now)
    if after is None:
        return _silent(Reason.ETR_MOVED_LITTLE)
    return _tell(Kind.AREA_ETR, Reason.ETR_MOVED, after=ahead(after, now))


def _over(situation: Situation, facts: Facts) -> Decision:
    if situation.told is not Told.AREA_OUT:
        return _silent(_nothing(situation.told))
    if facts.stage is Stage.UNLISTED and not facts.tell_unlisted:
        return _silent(Reason.NO_LONGER_LISTED)
    if situation.elsewhere:
        return _silent(Reason.OUT_IN_OTHER_OUTAGE)
    if not situation.back:
        return _silent(Reason.NOT_SETTLED)
    return _tell(Kind.AREA_OVER, Reason.OVER_IN_AREA)


def _nothing(told: Told) -> Reason:
    return Reason.NEVER_TOLD if told is Told.NONE else Reason.NOTHING_NEW


def _silent(reason: Reason) -> Decision:
    return Decision(kind=None, reason=reason)


def _tell(kind: Kind, reason: Reason, after: datetime | None = None) -> Decision:
    wait = None if after is None else Reason.NOT_DUE
    return Decision(kind=kind, reason=reason, after=after, wait=wait)
