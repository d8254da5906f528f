"""The values of policy: what is so, what is decided, and why."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from notifier.kinds import Kind, Told


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
    ETR_PASSED = "etr_passed"
    ETR_WITHDRAWN = "etr_withdrawn"
    UPDATE_PROMISED = "update_promised"
    UPDATE_DUE = "update_due"
    CREW_ON_SITE = "crew_on_site"
    PARTLY_BACK = "partly_back"
    BACK = "back"
    TAKEN_BACK = "taken_back"
    OUT_AFTER_ALL = "out_after_all"
    COMES_AND_GOES = "comes_and_goes"
    NOT_AFFECTED = "not_affected"
    WORK_AHEAD = "work_ahead"
    WORK_NEAR = "work_near"
    WORK_MOVED = "work_moved"
    WORK_BEGUN = "work_begun"
    WORK_DONE = "work_done"
    NOT_SAFE = "not_safe"
    SAFE_AGAIN = "safe_again"
    STORM_MAY_COME = "storm_may_come"
    OUT_IN_AREA = "out_in_area"
    OVER_IN_AREA = "over_in_area"
    # Told later.
    QUIET_HOURS = "quiet_hours"
    ENOUGH_TODAY = "enough_today"
    ONCE_AN_HOUR = "once_an_hour"
    NOT_DUE = "not_due"
    # Nothing to tell.
    NOTHING_NEW = "nothing_new"
    NEVER_TOLD = "never_told"
    ETR_MOVED_LITTLE = "etr_moved_little"
    ETR_OVER = "etr_over"
    PARTLY_OUT = "partly_out"
    OUT_IN_OTHER_OUTAGE = "out_in_other_outage"
    NOT_SETTLED = "not_settled"
    NO_LONGER_HERE = "no_longer_here"
    PREDICTED = "predicted"
    PLANNED_NOT_STARTED = "planned_not_started"
    SILENT = "silent_baseline"
    NO_LONGER_LISTED = "no_longer_listed"
    FEW_IN_AREA = "few_in_area"
    NOT_IN_AREA = "not_in_area"
    TOLD_OF_THEIRS = "told_of_theirs"
    NOT_OF_AREAS = "not_of_areas"
    # Something to tell, and it may not be told.
    NO_ALERTS_WANTED = "no_alerts_wanted"
    OPTED_OUT = "opted_out"
    INVALID_ENDPOINT = "invalid_endpoint"
    SEND_MODE = "send_mode"
    NO_PROVIDER = "no_provider"
    SPENDING_CAP = "spending_cap"
    # Something to tell that is being told already, or came too late.
    ALREADY_PENDING = "already_pending"
    TOLD_FOR_OTHER_OUTAGE = "told_for_other_outage"
    NEWER_DECISION = "newer_decision"
    EXPIRED = "expired"
    NOT_APPROVED = "not_approved"
    # Nobody knows whether it was told, and it is not told again.
    NOT_RESENT = "not_resent"
    TRIED_ENOUGH = "tried_enough"
    NO_WORD = "no_word"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What holds for everybody in an outage.

    ``etr`` is the latest instant of the published ETR; ``next_update`` when the desk wants to say
    more; ``starts`` and ``ends`` when planned work is to begin and to end, which is its ETR once it
    has begun, unless there is another. ``watch``: an advisory that a storm may come.
    ``silent`` is an outage of a feed's first snapshot: a baseline, told to nobody.
    ``tell_unlisted`` lets a source's "no longer listed" be told as restored.
    """

    stage: Stage
    advisory: bool = False
    planned: bool = False
    watch: bool = False
    silent: bool = False
    etr: datetime | None = None
    next_update: datetime | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    crew_on_site: bool = False
    tell_unlisted: bool = False

    def etr_ahead(self, now: datetime) -> datetime | None:
        """The ETR while it lies ahead: a time that has passed is no promise."""
        return ahead(self.back, now)

    @property
    def back(self) -> datetime | None:
        """When service should be back: planned work that has begun is to end as it was planned."""
        by_plan = self.ends if self.planned and self.stage is Stage.OPEN else None
        return by_plan if self.etr is None else self.etr

    def update_ahead(self, now: datetime) -> datetime | None:
        """When there will be more, while that lies ahead."""
        return ahead(self.next_update, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A kind to tell, or None; always the reason.

    Told not before ``after``, which ``wait`` gives the reason for, and when it is planned not
    before ``hold`` has passed. What comes up in between is decided anew then.
    """

    kind: Kind | None
    reason: Reason
    after: datetime | None = None
    wait: Reason | None = None
    hold: timedelta = timedelta(0)

    def due(self, now: datetime) -> bool:
        """Whether there is something to tell, and now."""
        return self.kind is not None and (self.after is None or self.after <= now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """What an endpoint believes once it was told something: what a message row freezes."""

    told: Told
    time: datetime | None = None
    update: bool = False
    end: datetime | None = None
    crew: bool = False
    places: int = 0


def ahead(at: datetime | None, now: datetime) -> datetime | None:
    """A time while it lies ahead."""
    return at if at is not None and at > now else None
