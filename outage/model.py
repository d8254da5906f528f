"""What an outage is: frozen values and enums. Standard library only.

State words are spelled as in CIM / IEC 61968-3.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType

OutageId = NewType("OutageId", str)
"""Public id of an outage: short and says nothing, like ``O-7K3M9``."""
OutageKey = NewType("OutageKey", int)
PremiseKey = NewType("PremiseKey", int)
AccountKey = NewType("AccountKey", int)
EndpointKey = NewType("EndpointKey", int)
JournalNumber = NewType("JournalNumber", int)


class Service(enum.StrEnum):
    """A service a premise receives."""

    ELECTRIC = "electric"
    WATER = "water"
    GAS = "gas"

    @property
    def bit(self) -> int:
        """The service as one bit, as stored on premises: electric 1, water 2, gas 4."""
        return {"electric": 1, "water": 2, "gas": 4}[self.value]


class Kind(enum.StrEnum):
    """What sort of event an outage is."""

    UNPLANNED = "unplanned"
    PLANNED = "planned"
    ADVISORY = "advisory"


class Status(enum.StrEnum):
    """Where an outage is in its life."""

    PREDICTED = "predicted"
    CONFIRMED = "confirmed"
    PARTIALLY_RESTORED = "partiallyRestored"
    RESTORED = "restored"
    CLOSED = "closed"
    CANCELLED = "cancelled"


OPEN = frozenset({Status.PREDICTED, Status.CONFIRMED, Status.PARTIALLY_RESTORED})
"""Statuses of an outage that is still going on or expected."""
INTERRUPTING = frozenset({Status.CONFIRMED, Status.PARTIALLY_RESTORED})
"""Statuses in which members are without service (advisories never are)."""


class CrewStatus(enum.StrEnum):
    """Where the crew is."""

    AWAITING = "awaitingCrewAssignment"
    ASSIGNED = "assigned"
    ENROUTE = "enroute"
    ARRIVED = "arrived"
    FIELD_COMPLETE = "fieldComplete"


class Confidence(enum.StrEnum):
    """How sure an ETR is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class EtrSource(enum.StrEnum):
    """Who or what gave an ETR."""

    CREW = "crew"
    DISPATCHER = "dispatcher"
    MODEL = "model"
    AREA = "area"


class Cause(enum.StrEnum):
    """Coded causes: translated wherever the public reads them."""

    UNKNOWN = "unknown"
    INVESTIGATING = "investigating"
    WIND = "wind"
    SNOW_ICE = "snowIce"
    LIGHTNING = "lightning"
    FLOOD = "flood"
    WEATHER = "weather"
    TREE = "tree"
    WIRE_DOWN = "wireDown"
    POLE_DOWN = "poleDown"
    VEHICLE = "vehicle"
    ANIMAL = "animal"
    OBJECT = "object"
    FIRE = "fire"
    EQUIPMENT = "equipment"
    TRANSFORMER = "transformer"
    CUSTOMER_EQUIPMENT = "customerEquipment"
    LANDSLIDE = "landslide"
    PLANNED_WORK = "plannedWork"
    WORK = "work"
    MAIN_BREAK = "mainBreak"
    WATER_QUALITY = "waterQuality"
    GAS_LEAK = "gasLeak"
    OTHER = "other"


STORMS = frozenset({Cause.WIND, Cause.SNOW_ICE, Cause.LIGHTNING, Cause.WEATHER})
"""Causes of a predicted advisory that is a storm watch: what may come, and is not here.

A flood is none: who is told to expect a storm does not look after the water.
"""


class Reason(enum.StrEnum):
    """Coded reasons why an ETR moved, a crew waits, or an outage ended."""

    MORE_DAMAGE = "moreDamage"
    ACCESS = "access"
    WEATHER = "weather"
    PARTS = "parts"
    SAFETY = "safety"
    PRIORITY = "priority"
    SUSPENDED = "suspended"
    NO_LONGER_LISTED = "no_longer_listed"
    DONE = "done"
    MERGED = "merged"
    WRONG_AREA = "wrongArea"
    MISTAKE = "mistake"
    STILL_OUT = "stillOut"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedShape:
    """A place that has passed the gate and been matched by the caller (DECISIONS 2).

    ``wkb`` is a WGS 84 polygon or multipolygon, ``digest`` its SHA-256 in hex; a place that is
    named and not drawn has a ``spec`` (`outage.where`), whose digest it is, and no ``wkb``.
    ``premise_count`` is how many premises of ``premises_version`` are inside.
    """

    wkb: bytes
    digest: str
    vertices: int
    premise_count: int
    premises_version: int
    spec: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """An outage's place parted in two by the caller (DECISIONS 2).

    ``part`` is what somebody said; ``moving`` is what of the outage's place is inside it,
    ``staying`` what is not. ``moves`` and ``stays`` are how many premises that is.
    """

    part: MatchedShape
    moving: MatchedShape
    staying: MatchedShape
    moves: int
    stays: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Etr:
    """One version of an estimated time of restoration."""

    version: int
    latest: datetime
    earliest: datetime | None = None
    confidence: Confidence = Confidence.MEDIUM
    source: EtrSource = EtrSource.DISPATCHER
    reason: Reason | None = None
    published: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """One event. The shape itself is not part of the value; its digest is."""

    key: OutageKey
    id: OutageId
    service: Service
    kind: Kind
    status: Status
    cause: Cause = Cause.UNKNOWN
    crew_status: CrewStatus | None = None
    crew_reason: Reason | None = None
    crew_eta: datetime | None = None
    source: str | None = None
    source_id: str | None = None
    place: str = ""
    """Where, in words for the public: "North of Roseglen Ct, Burnaby"."""
    started_at: datetime
    planned_start: datetime | None = None
    planned_end: datetime | None = None
    etr: Etr | None = None
    etr_count: int = 0
    """How many ETR versions it has had."""
    etr_withdrawn: bool = False
    next_update_by: datetime | None = None
    reported_customers: int | None = None
    shape_digest: str | None = None
    public_message_key: int | None = None
    declared_at: datetime
    updated_at: datetime
    restored_at: datetime | None = None
    closed_at: datetime | None = None
    close_reason: Reason | None = None
    unlisted_since: datetime | None = None
    silent: bool = False
    """Nobody is told about this outage (a feed's baseline, DECISIONS 26)."""
    version: int = 1
    observed: dict[str, datetime] = field(default_factory=dict)
    """When each field that crews report was last observed (DECISIONS 15)."""

    @property
    def is_open(self) -> bool:
        """Whether it is still going on or expected."""
        return self.status in OPEN

    @property
    def interrupts(self) -> bool:
        """Whether its members are without service now."""
        return self.kind is not Kind.ADVISORY and self.status in INTERRUPTING


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A journal entry that a command wants to append. ``data`` holds ids and codes only."""

    kind: str
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something: ``kind`` cli, dispatcher, crew, feed, gis, clock; ``name`` an id."""

    kind: str
    name: str = ""

    def __str__(self) -> str:
        """Return ``kind:name`` as stored in the journal."""
        return f"{self.kind}:{self.name}" if self.name else self.kind


class JournalKind(enum.StrEnum):
    """Everything that can stand in the journal."""

    DECLARED = "declared"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    STARTED = "started"
    REVISED = "revised"
    """Shape, place, cause or another declared fact changed (``data.fields``)."""
    PROGRESS = "progress"
    """Crew status, ETR, note or public message.

    ``data.fields`` names what was applied, ``data.recorded`` what came too late to be.
    """
    RESTORING = "restoring"
    """A step was recorded (``data.restoration``); gis ends its interruptions, then `matched`."""
    REOPENED = "reopened"
    CANCELLED = "cancelled"
    CLOSED = "closed"
    UNLISTED = "unlisted"
    """A feed no longer lists it."""
    LISTED = "listed"
    """A feed lists it again before anything ended."""
    MERGED = "merged"
    """It goes on under another outage (``data.into``), or another under it (``data.from``)."""
    SPLIT = "split"
    """A part of it goes on as another outage (``data.into``), or it was a part (``data.from``)."""
    MATCHED = "matched"
    """gis has finished with entry ``data.of``: counts on the outage are current."""
    PREMISES_CHANGED = "premisesChanged"
    FEED_HELD = "feedHeld"
    """Too many outages vanished from a feed at once: nothing ends until a person looks."""
    FEED_REVIEWED = "feedReviewed"
    """A person has looked at (or answers for) a mass absence; `actor` says who."""
    ETR_PASSED = "etrPassed"
    REPORTED = "reported"
    """A customer says how service is at a premise (``data.report``); changes nothing by itself."""
    UPDATE_PROMPTED = "updatePrompted"
    """The update that was promised falls due soon: a reminder for the desk."""
    UPDATE_PASSED = "updatePassed"
    """The time by which an update was promised has come."""
    START_NEAR = "startNear"
    """Planned work begins soon."""
    SENDING_STOPPED = "sendingStopped"
    """Nothing is sent any more (``data.stop``)."""
    SENDING_RESUMED = "sendingResumed"
    SEND_DECIDED = "sendDecided"
    """A large send was approved, held or withdrawn (``data.number``, ``data.state``)."""


GIS_ACTS_ON = frozenset(
    {
        JournalKind.DECLARED,
        JournalKind.CONFIRMED,
        JournalKind.REJECTED,
        JournalKind.STARTED,
        JournalKind.REVISED,
        JournalKind.RESTORING,
        JournalKind.REOPENED,
        JournalKind.CANCELLED,
        JournalKind.CLOSED,
        JournalKind.MERGED,
        JournalKind.SPLIT,
        JournalKind.PREMISES_CHANGED,
    }
)
TELLING = frozenset({JournalKind.MATCHED, JournalKind.PROGRESS})
"""What may change what somebody should be told: notifier and cis follow these."""
MAY_TELL = TELLING | {
    JournalKind.LISTED,
    JournalKind.ETR_PASSED,
    JournalKind.UPDATE_PASSED,
    JournalKind.START_NEAR,
}
"""What the notifier follows: with the timers after which silence would be wrong."""
