"""What can be told, over what, by which rules, and what may be believed afterwards."""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, StrEnum


class Channel(IntEnum):
    """How an endpoint is reached; the number is what the tables hold."""

    SMS = 0
    EMAIL = 1


class Told(IntEnum):
    """What an endpoint believes about an outage; the number is packed and stored."""

    NONE = 0
    OUT = 1
    BACK = 2
    UNAFFECTED = 3
    CANCELLED = 4
    REPORTED = 5
    """We have their report, and have said no more."""
    NOTICED = 6
    """Planned work lies ahead."""
    REMINDED = 7
    """The same, and it is near."""
    ADVISED = 8
    LIFTED = 9
    WATCHED = 10
    """A storm may come."""
    INTERMITTENT = 11
    """Out, and it has come and gone."""
    AREA_OUT = 12
    """Others are out, in an area that they watch."""
    AREA_OVER = 13
    """That is over, or was taken back."""

    @property
    def out(self) -> bool:
        """Whether they believe to be without service."""
        return self in {Told.OUT, Told.INTERMITTENT}

    @property
    def by_area(self) -> bool:
        """Whether they know of it as who watches an area, and not of a place of their own."""
        return self in {Told.AREA_OUT, Told.AREA_OVER}


class Hold(StrEnum):
    """What a message waits for before it is first sent."""

    NONE = "none"
    DETECTED = "detected"
    """That the loss is no momentary one."""
    RESTORED = "restored"
    """That service stays."""


class Quiet(StrEnum):
    """What becomes of a message in somebody's quiet hours."""

    SENT = "sent"
    WAITS = "waits"
    """Until the morning; not for medical customers, nor for who asked for no quiet hours."""


class Kind(StrEnum):
    """What a message says."""

    REPORTED = "reported"
    DETECTED = "detected"
    NO_ETR_YET = "no_etr_yet"
    ETR = "etr"
    ETR_LATER = "etr_later"
    ETR_PASSED = "etr_passed"
    CREW = "crew"
    PARTLY_RESTORED = "partly_restored"
    RESTORED = "restored"
    STILL_OUT_RECEIVED = "still_out_received"
    CORRECTION_OUT = "correction_out"
    CORRECTION_INTERMITTENT = "correction_intermittent"
    CORRECTION_UNAFFECTED = "correction_unaffected"
    CANCELLED = "cancelled"
    PLANNED_NOTICE = "planned_notice"
    PLANNED_REMINDER = "planned_reminder"
    PLANNED_STARTED = "planned_started"
    PLANNED_CHANGED = "planned_changed"
    PLANNED_CANCELLED = "planned_cancelled"
    PLANNED_DONE = "planned_done"
    ADVISORY = "advisory"
    ADVISORY_LIFTED = "advisory_lifted"
    STORM_WATCH = "storm_watch"
    AREA_OUT = "area_out"
    AREA_ETR = "area_etr"
    AREA_OVER = "area_over"
    AREA_AGAIN = "area_again"
    AREA_WITHDRAWN = "area_withdrawn"

    @property
    def by_area(self) -> bool:
        """Whether it goes to who watches an area, and says nothing of a place of theirs."""
        return RULES[self].told.by_area

    @property
    def rule(self) -> "Rule":
        """The kind's line in the table."""
        return RULES[self]

    def safety(self, *, advisory: bool) -> bool:
        """Whether it is a matter of safety: an advisory, its end, and what takes one back."""
        return self.rule.safety or (advisory and self.rule.takes_back)

    @property
    def told(self) -> Told:
        """What the endpoint believes once it has been told this."""
        return RULES[self].told

    @property
    def urgency(self) -> int:
        """Order in the queue: 0 goes first."""
        return RULES[self].urgency

    @property
    def expires_after(self) -> timedelta | None:
        """How long after planning it may still be sent; None is for ever."""
        return RULES[self].expires_after

    @property
    def public_name(self) -> str:
        """The kind as counted and shown: the corrections are all ``correction``."""
        return _CORRECTION if self.value.startswith(_CORRECTION) else self.value

    @property
    def variant(self) -> str:
        """What tells the corrections apart, as the tables hold it: ``out`` or ``unaffected``."""
        return self.value.removeprefix(self.public_name).removeprefix("_")

    @classmethod
    def of(cls, public_name: str, variant: str) -> "Kind":
        """The kind that the tables hold as these two words."""
        return cls(f"{public_name}_{variant}" if variant else public_name)


_CORRECTION = "correction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the table of kinds.

    ``critical``: it does not count against the most a day may bring, and is never put off for
    it. ``resent``: sent once more where nobody knows whether the provider has the first one: a
    text twice is better than none. ``safety``: it goes to who wants no outage alerts, too (never
    to who has opted out), and in English where a translation has not been reviewed.
    ``expires_after``: what takes back or ends something told is never stale, since the person
    still believes the old thing. ``answer``: it is said only in answer to somebody's words.
    ``beyond_cap``: it goes also when the month's money is spent: what ends or takes back something
    told, and safety.
    ``followed``: where it cannot be delivered, an e-mail takes its place, or it is tried once more.
    ``takes_back``: an advisory that it takes back makes it as much a matter of safety.
    """

    told: Told
    urgency: int
    critical: bool
    resent: bool
    quiet: Quiet
    expires_after: timedelta | None = None
    hold: Hold = Hold.NONE
    safety: bool = False
    answer: bool = False
    beyond_cap: bool = False
    takes_back: bool = False
    followed: bool = True


def _rule(
    told: Told,
    urgency: int,
    quiet: Quiet,
    hours: float | None = None,
    *,
    critical: bool = True,
    resent: bool = True,
    hold: Hold = Hold.NONE,
    safety: bool = False,
    answer: bool = False,
    beyond_cap: bool = False,
    takes_back: bool = False,
    followed: bool | None = None,
) -> Rule:
    return Rule(
        told=told,
        urgency=urgency,
        critical=critical,
        resent=resent,
        quiet=quiet,
        expires_after=None if hours is None else timedelta(hours=hours),
        hold=hold,
        safety=safety,
        answer=answer,
        beyond_cap=beyond_cap,
        takes_back=takes_back,
        # What somebody could do without a day long, they can do without altogether.
        followed=not answer and (critical if followed is None else followed),
    )


_S, _W = Quiet.SENT, Quiet.WAITS

RULES = {
    # Answers are said at once to whoever is awake and asking.
    Kind.REPORTED: _rule(Told.REPORTED, 1, _S, 1, resent=False, answer=True),
    Kind.STILL_OUT_RECEIVED: _rule(Told.OUT, 1, _S, 1, resent=False, answer=True),
    Kind.DETECTED: _rule(Told.OUT, 1, _S, 6, hold=Hold.DETECTED),
    # What repeats in other words what the next one will say again is not sent twice.
    Kind.NO_ETR_YET: _rule(Told.OUT, 2, _W, 2, critical=False, resent=False),
    Kind.ETR: _rule(Told.OUT, 2, _W, 2, critical=False),
    Kind.ETR_LATER: _rule(Told.OUT, 2, _W, 2, critical=False),
    # Bounded by the times that were told, and those are counted: silence would be worse.
    Kind.ETR_PASSED: _rule(Told.OUT, 2, _W, 2),
    Kind.CREW: _rule(Told.OUT, 2, _W, 1, critical=False, resent=False),
    Kind.PARTLY_RESTORED: _rule(Told.OUT, 1, _W, hold=Hold.RESTORED, beyond_cap=True),
    Kind.RESTORED: _rule(Told.BACK, 1, _W, hold=Hold.RESTORED, beyond_cap=True),
    # Whoever was told "back" may rely on it, also at night.
    Kind.CORRECTION_OUT: _rule(Told.OUT, 0, _S, beyond_cap=True),
    Kind.CORRECTION_INTERMITTENT: _rule(Told.INTERMITTENT, 0, _S, beyond_cap=True),
    Kind.CORRECTION_UNAFFECTED: _rule(Told.UNAFFECTED, 0, _W, beyond_cap=True, takes_back=True),
    Kind.CANCELLED: _rule(Told.CANCELLED, 0, _W, beyond_cap=True, takes_back=True),
    Kind.PLANNED_NOTICE: _rule(Told.NOTICED, 3, _W, critical=False, followed=True),
    Kind.PLANNED_REMINDER: _rule(Told.REMINDED, 3, _W, 24, critical=False),
    Kind.PLANNED_STARTED: _rule(Told.OUT, 1, _W, 6),
    Kind.PLANNED_CHANGED: _rule(Told.NOTICED, 1, _W, beyond_cap=True),
    Kind.PLANNED_CANCELLED: _rule(Told.CANCELLED, 1, _W, beyond_cap=True),
    Kind.PLANNED_DONE: _rule(Told.BACK, 1, _W, hold=Hold.RESTORED, beyond_cap=True),
    Kind.ADVISORY: _rule(Told.ADVISED, 0, _S, safety=True, beyond_cap=True),
    Kind.ADVISORY_LIFTED: _rule(Told.LIFTED, 0, _S, safety=True, beyond_cap=True),
    Kind.STORM_WATCH: _rule(Told.WATCHED, 3, _W, 24, critical=False, resent=False),
    # Who watches an area is not in the dark: it goes behind all that tells somebody of their own.
    # That is counted over all outages of a day, the first word of each with it.
    Kind.AREA_OUT: _rule(Told.AREA_OUT, 3, _W, 6, critical=False, hold=Hold.DETECTED),
    Kind.AREA_ETR: _rule(Told.AREA_OUT, 3, _W, 2, critical=False),
    Kind.AREA_OVER: _rule(
        Told.AREA_OVER, 3, _W, hold=Hold.RESTORED, beyond_cap=True, followed=False
    ),
    Kind.AREA_AGAIN: _rule(Told.AREA_OUT, 3, _W, beyond_cap=True, followed=False),
    Kind.AREA_WITHDRAWN: _rule(Told.AREA_OVER, 3, _W, beyond_cap=True, followed=False),
}
"""Every kind and its rules; `docs/messages.md` shows this table, by test."""

OF_AREAS = tuple(kind.public_name for kind in Kind if kind.by_area)
"""Kinds that go to who watches an area, as the tables name them."""
COUNTED = tuple(kind.public_name for kind in Kind if not kind.rule.critical)
"""Kinds that count against the most a day may bring, as the tables name them."""
COUNTED_OF_AREAS = tuple(name for name in COUNTED if name in OF_AREAS)
"""Those of them that go to who watches an area: these count over all outages of a day."""
