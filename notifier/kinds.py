"""What can be told, over what, and what may be believed afterwards."""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, StrEnum


class Channel(IntEnum):
    """How an endpoint is reached; the number is what the tables hold."""

    SMS = 0
    EMAIL = 1


class Kind(StrEnum):
    """What a message says."""

    DETECTED = "detected"
    ETR = "etr"
    RESTORED = "restored"
    CANCELLED = "cancelled"
    CORRECTION_OUT = "correction_out"
    CORRECTION_UNAFFECTED = "correction_unaffected"

    @property
    def told(self) -> "Told":
        """What the endpoint believes once it has been told this."""
        return _RULES[self].told

    @property
    def urgency(self) -> int:
        """Order in the queue: 0 goes first."""
        return _RULES[self].urgency

    @property
    def expires_after(self) -> timedelta | None:
        """How long after planning it may still be sent; None is for ever.

        What takes back or ends something told is never stale: the person
        still believes the old thing.
        """
        return _RULES[self].expires_after

    @property
    def held(self) -> bool:
        """Whether it waits out the hold, so that a momentary loss tells nobody."""
        return self is Kind.DETECTED

    @property
    def public_name(self) -> str:
        """The kind as counted and shown: both corrections are ``correction``."""
        return self.value.partition("_")[0]

    @property
    def variant(self) -> str:
        """What tells the two corrections apart, as the tables hold it: ``out``, ``unaffected``."""
        return self.value.partition("_")[2]

    @classmethod
    def of(cls, public_name: str, variant: str) -> "Kind":
        """The kind that the tables hold as these two words."""
        return cls(f"{public_name}_{variant}" if variant else public_name)


class Told(IntEnum):
    """What an endpoint believes about an outage; the number is packed and stored."""

    NONE = 0
    OUT = 1
    BACK = 2
    UNAFFECTED = 3
    CANCELLED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    told: Told
    urgency: int
    expires_after: timedelta | None


_RULES = {
    Kind.CORRECTION_OUT: _Rule(told=Told.OUT, urgency=0, expires_after=None),
    Kind.CORRECTION_UNAFFECTED: _Rule(told=Told.UNAFFECTED, urgency=0, expires_after=None),
    Kind.CANCELLED: _Rule(told=Told.CANCELLED, urgency=0, expires_after=None),
    Kind.RESTORED: _Rule(told=Told.BACK, urgency=1, expires_after=None),
    Kind.DETECTED: _Rule(told=Told.OUT, urgency=1, expires_after=timedelta(hours=6)),
    Kind.ETR: _Rule(told=Told.OUT, urgency=2, expires_after=timedelta(hours=2)),
}
