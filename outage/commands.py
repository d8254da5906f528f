"""What may be asked of an outage: one frozen value per command. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from outage.model import (
    Cause,
    Confidence,
    CrewStatus,
    EtrSource,
    Kind,
    OutageId,
    OutageKey,
    Reason,
    Service,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenEtr:
    """An ETR as somebody gives it; it becomes a version if it says something new."""

    latest: datetime
    earliest: datetime | None = None
    confidence: Confidence = Confidence.MEDIUM
    source: EtrSource = EtrSource.DISPATCHER
    reason: Reason | None = None
    published: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Declare:
    """Put a new outage on record.

    ``started_at`` is when service went off; for planned work that has not begun it is None and
    ``planned_start`` says when it will.
    """

    key: OutageKey
    id: OutageId
    service: Service
    kind: Kind
    cause: Cause = Cause.UNKNOWN
    place: str = ""
    started_at: datetime | None = None
    planned_start: datetime | None = None
    planned_end: datetime | None = None
    predicted: bool = False
    etr: GivenEtr | None = None
    crew_status: CrewStatus | None = None
    crew_reason: Reason | None = None
    crew_eta: datetime | None = None
    next_update_by: datetime | None = None
    shape_digest: str | None = None
    reported_customers: int | None = None
    source: str | None = None
    source_id: str | None = None
    silent: bool = False
    lenient: bool = False
    """A feed's ETR may lie in the past; a person's may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """Say that a predicted outage is real."""

    started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """Say that a predicted outage is none."""

    reason: Reason = Reason.MISTAKE


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Say that planned work has actually begun."""

    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revise:
    """Change declared facts. None leaves a fact as it is.

    ``observed_at`` is when they were seen to be so, where that was before now: the history
    keeps it.
    """

    shape_digest: str | None = None
    cause: Cause | None = None
    place: str | None = None
    kind: Kind | None = None
    started_at: datetime | None = None
    planned_start: datetime | None = None
    planned_end: datetime | None = None
    reported_customers: int | None = None
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Progress, from a crew, a dispatcher or a feed, as ``observed_at`` (DECISIONS 15)."""

    observed_at: datetime
    crew_status: CrewStatus | None = None
    crew_reason: Reason | None = None
    crew_eta: datetime | None = None
    etr: GivenEtr | None = None
    withdraw_etr: bool = False
    next_update_by: datetime | None = None
    note_key: int | None = None
    public_message_key: int | None = None
    publish_message: bool = False
    lenient: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """Record a restoration step; the outage changes only once gis has concluded it."""

    restoration_key: int
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclude:
    """gis has ended the interruptions of a step: ``out`` premises are left without service.

    ``more`` may come of a place that has changed meanwhile.
    """

    restoration_key: int
    whole: bool
    out: int
    at: datetime
    more: bool = False
    inferred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen:
    """Take back the restoration ``restoration_key``: it was not true.

    ``partly`` says that earlier ones stand, so that a part stays restored.
    """

    restoration_key: int | None
    partly: bool = False
    reason: Reason = Reason.STILL_OUT


@dataclass(frozen=True, slots=True, kw_only=True)
class StillOut:
    """Take back, for these premises alone, that the step ``restoration_key`` restored them."""

    restoration_key: int
    premises: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """Say that an advisory holds no longer; the note says by whose word (DECISIONS 27)."""

    note_key: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Say that there never was such an outage, or that planned work will not take place."""

    reason: Reason = Reason.MISTAKE


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Put an outage that is over away."""

    reason: Reason = Reason.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlist:
    """A feed no longer lists it, ``since`` then or now (DECISIONS 12). Not a restoration."""

    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relist:
    """A feed lists it again; ``restoration_key`` is the inferred end to take back, if any.

    ``partly`` is as `Reopen` has it.
    """

    restoration_key: int | None
    partly: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBack:
    """Let facts be again what they were before the entry ``number`` changed them.

    ``revision``: they are declared facts, and no progress.
    """

    facts: Mapping[str, object]
    number: int
    revision: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Let the part of an outage inside ``moving`` go on as a new one, ``key`` and ``id``."""

    key: OutageKey
    id: OutageId
    moving: str
    staying: str
    """Digests of the two places."""


Command = (
    Confirm
    | Reject
    | Start
    | Revise
    | Report
    | Restore
    | Conclude
    | Reopen
    | StillOut
    | Cancel
    | Close
    | Lift
    | Unlist
    | Relist
    | TakeBack
)
"""Everything that may be asked of an outage that is on record."""
