"""Who is told what, and why not: one pure function over packed situations.

A situation is what one endpoint was last told about one outage beside how its
premises stand now, in few small facts, packed into one integer. A storm of a
million contacts has some hundred distinct ones; each is decided once, by the
same function when messages are planned and again when they are claimed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum

from notifier.kinds import Channel, Kind, Told

MOST_PLACES = 15
"""A count of places is capped here: no text says a larger number."""


class Stage(StrEnum):
    """How far an outage is, in the words that matter to what is told."""

    PREDICTED = "predicted"
    AHEAD = "ahead"
    OPEN = "open"
    OVER = "over"
    UNLISTED = "unlisted"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """Why something is told, or is not: a closed list, shared by tallies and explanations."""

    # Told.
    NEWLY_OUT = "newly_out"
    ETR_FIRST = "etr_first"
    ETR_MOVED = "etr_moved"
    BACK = "back"
    TAKEN_BACK = "taken_back"
    OUT_AFTER_ALL = "out_after_all"
    NOT_AFFECTED = "not_affected"
    # Nothing to tell.
    NOTHING_NEW = "nothing_new"
    NEVER_TOLD = "never_told"
    ETR_MOVED_LITTLE = "etr_moved_little"
    ETR_WITHDRAWN = "etr_withdrawn"
    ETR_PASSED = "etr_passed"
    PARTLY_OUT = "partly_out"
    OUT_IN_OTHER_OUTAGE = "out_in_other_outage"
    NOT_SETTLED = "not_settled"
    NO_LONGER_HERE = "no_longer_here"
    PREDICTED = "predicted"
    PLANNED_NOT_STARTED = "planned_not_started"
    SILENT = "silent_baseline"
    NO_LONGER_LISTED = "no_longer_listed"
    ADVISORY = "advisory_not_told_in_this_version"
    # Something to tell, and it may not be told.
    NO_ALERTS_WANTED = "no_alerts_wanted"
    OPTED_OUT = "opted_out"
    INVALID_ENDPOINT = "invalid_endpoint"
    SEND_MODE = "send_mode"
    NO_PROVIDER = "no_provider"
    # Something to tell that is being told already, or came too late.
    ALREADY_PENDING = "already_pending"
    TOLD_FOR_OTHER_OUTAGE = "told_for_other_outage"
    NEWER_DECISION = "newer_decision"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One endpoint and one outage: what it was told, and how its premises stand now.

    Of the endpoint's premises in this outage: ``here`` some are without the
    service because of this outage, ``elsewhere`` some because of another one,
    ``listed`` some are members that nothing interrupts, ``back`` some were
    restored, ``left`` some fell out. ``places`` counts those out here, up to
    `MOST_PLACES`.
    """

    channel: Channel = Channel.SMS
    wanted: bool = True
    opted_out: bool = False
    valid: bool = True
    told: Told = Told.NONE
    here: bool = False
    elsewhere: bool = False
    listed: bool = False
    back: bool = False
    left: bool = False
    places: int = 0
    told_etr: int = 0

    def pack(self) -> int:
        """The situation as one integer below 2**62, ordered as `SHIFTS` says."""
        return sum(
            min(int(getattr(self, name)), (1 << WIDTHS[name]) - 1) << shift
            for name, shift in SHIFTS.items()
        )


WIDTHS = {
    "channel": 3,
    "wanted": 1,
    "opted_out": 1,
    "valid": 1,
    "told": 3,
    "here": 1,
    "elsewhere": 1,
    "listed": 1,
    "back": 1,
    "left": 1,
    "places": 4,
    "told_etr": 44,
}
"""Bits of each fact; the set-based builder in SQL reads the same table."""

ELSEWHERE = 1 << 12
"""ETR versions count within one outage. That of another one, which this one goes on from, is known
as the other's key times this, and the version."""

SHIFTS = {name: sum(list(WIDTHS.values())[:position]) for position, name in enumerate(WIDTHS)}
_TYPES = {f.name: f.type for f in fields(Situation)}


def unpack(packed: int) -> Situation:
    """The situation that `Situation.pack` made this integer of."""
    raw = {name: packed >> shift & (1 << WIDTHS[name]) - 1 for name, shift in SHIFTS.items()}
    return Situation(
        channel=Channel(raw["channel"]),
        told=Told(raw["told"]),
        places=raw["places"],
        told_etr=raw["told_etr"],
        **{name: bool(raw[name]) for name, kind in _TYPES.items() if kind is bool},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What holds for everybody in an outage.

    ``etr_version`` is the published ETR's version, 0 when none is published;
    ``etrs`` gives the latest instant of every version anybody may have been
    told, by another outage too (`ELSEWHERE`). An ETR that moves by less than
    ``etr_step`` tells nobody.
    ``silent`` is an outage of a feed's first snapshot: a baseline, told to nobody.
    ``tell_unlisted`` lets a source's "no longer listed" be told as restored.
    """

    stage: Stage
    advisory: bool = False
    silent: bool = False
    etr_version: int = 0
    etrs: Mapping[int, datetime]
    etr_step: timedelta
    tell_unlisted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A kind to tell, or None; always the reason. ``etr_version`` is what it would state."""

    kind: Kind | None
    reason: Reason
    etr_version: int = 0


def decide(situation: Situation, facts: Facts, now: datetime) -> Decision:
    """What this endpoint is to be told now: the difference between belief and truth."""
    wish = _difference(situation, facts, now)
    if wish.kind is None:
        return wish
    for forbidden, reason in (
        (not situation.wanted, Reason.NO_ALERTS_WANTED),
        (situation.opted_out, Reason.OPTED_OUT),
        (not situation.valid, Reason.INVALID_ENDPOINT),
    ):
        if forbidden:
            return _silent(reason)
    return wish


def _silent(reason: Reason) -> Decision:
    return Decision(kind=None, reason=reason)


def _difference(situation: Situation, facts: Facts, now: datetime) -> Decision:
    if facts.silent:
        return _silent(Reason.SILENT)
    if facts.advisory:
        return _silent(Reason.ADVISORY)
    if facts.stage in _NOT_YET:
        return _silent(_NOT_YET[facts.stage])
    if facts.stage is Stage.CANCELLED:
        return _taken_back(situation)
    if situation.here:
        return _out(situation, facts, now)
    if situation.elsewhere:
        return _silent(Reason.OUT_IN_OTHER_OUTAGE)
    return _not_out(situation, facts)


_NOT_YET = {
    Stage.PREDICTED: Reason.PREDICTED,
    Stage.AHEAD: Reason.PLANNED_NOT_STARTED,
}


def _taken_back(situation: Situation) -> Decision:
    if situation.told is Told.OUT:
        if situation.elsewhere:
            return _silent(Reason.OUT_IN_OTHER_OUTAGE)
        return Decision(kind=Kind.CANCELLED, reason=Reason.TAKEN_BACK)
    return _silent(Reason.NEVER_TOLD if situation.told is Told.NONE else Reason.NOTHING_NEW)


def _out(situation: Situation, facts: Facts, now: datetime) -> Decision:
    if facts.stage is Stage.UNLISTED:
        return _silent(Reason.NO_LONGER_LISTED)
    if facts.stage is not Stage.OPEN:
        # The outage has ended and its interruptions have not yet: gis is at work.
        return _silent(Reason.NOT_SETTLED)
    etr_version = _etr_to_state(facts, now)
    if situation.told is Told.NONE:
        return Decision(kind=Kind.DETECTED, reason=Reason.NEWLY_OUT, etr_version=etr_version)
    if situation.told is not Told.OUT:
        return Decision(
            kind=Kind.CORRECTION_OUT, reason=Reason.OUT_AFTER_ALL, etr_version=etr_version
        )
    return _etr(situation, facts, etr_version)


def _etr_to_state(facts: Facts, now: datetime) -> int:
    """The published version while it still lies ahead: a time that has passed is no promise."""
    etr = facts.etrs.get(facts.etr_version)
    return facts.etr_version if etr is not None and etr > now else 0


def _etr(situation: Situation, facts: Facts, etr_version: int) -> Decision:
    told = facts.etrs.get(situation.told_etr)
    same = told is not None and told == facts.etrs.get(facts.etr_version)
    if facts.etr_version == situation.told_etr or same:
        return _silent(Reason.PARTLY_OUT if situation.back else Reason.NOTHING_NEW)
    if facts.etr_version == 0:
        return _silent(Reason.ETR_WITHDRAWN)
    if etr_version == 0:
        return _silent(Reason.ETR_PASSED)
    if told is None:
        return Decision(kind=Kind.ETR, reason=Reason.ETR_FIRST, etr_version=etr_version)
    if abs(facts.etrs[etr_version] - told) >= facts.etr_step:
        return Decision(kind=Kind.ETR, reason=Reason.ETR_MOVED, etr_version=etr_version)
    return _silent(Reason.ETR_MOVED_LITTLE)


def _not_out(situation: Situation, facts: Facts) -> Decision:
    if situation.told is Told.NONE:
        return _silent(Reason.NEVER_TOLD)
    if situation.told is not Told.OUT:
        return _silent(Reason.NOTHING_NEW)
    if facts.stage is Stage.UNLISTED and not facts.tell_unlisted:
        return _silent(Reason.NO_LONGER_LISTED)
    if situation.back:
        return Decision(kind=Kind.RESTORED, reason=Reason.BACK)
    if situation.left:
        return Decision(kind=Kind.CORRECTION_UNAFFECTED, reason=Reason.NOT_AFFECTED)
    return _silent(Reason.NOT_SETTLED if situation.listed else Reason.NO_LONGER_HERE)
