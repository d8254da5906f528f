"""What `outage doctor` finds: one line each, with what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a check went; only `failed` makes the doctor exit 1."""

    OK = "ok"
    NOTE = "note"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding. `says` holds no secret and no personal data."""

    name: str
    state: State
    says: str


def ok(name: str, says: str) -> Check:
    """All is well."""
    return Check(name=name, state=State.OK, says=says)


def note(name: str, says: str) -> Check:
    """Worth knowing, and nothing is wrong."""
    return Check(name=name, state=State.NOTE, says=says)


def failed(name: str, says: str) -> Check:
    """Somebody has to do something."""
    return Check(name=name, state=State.FAILED, says=says)
