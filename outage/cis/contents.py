"""What an account's record contains: frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One thing that was written on the account: what held then, and what was said."""

    at: datetime
    kind: str
    actor: str
    status: str
    crew_status: str | None
    crew_reason: str | None
    etr_version: int | None
    etr_latest: datetime | None
    note: str | None
    public_message: str | None
    public_message_approved: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """One premise of the account without one service."""

    premise: str
    service: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the provider said of a message."""

    event: str
    at: datetime
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one endpoint of the account; ``to`` shows only as much as identifies it."""

    kind: str
    channel: str
    to: str
    state: str
    reason: str | None
    planned_at: datetime
    accepted_at: datetime | None
    ended_at: datetime | None
    text: str | None
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOutage:
    """One outage as the account had it."""

    id: str
    service: str
    kind: str
    status: str
    cause: str
    place: str
    started_at: datetime
    restored_at: datetime | None
    premises: int
    outcome: str | None
    """How it ended for the account; None while it is concerned.

    ``merged`` and ``split`` are no end: it went on under another outage, for this account too.
    """
    merged_into: str | None
    split_from: str | None
    versions: tuple[Version, ...]
    interruptions: tuple[Interruption, ...]
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A premise the account holds or held."""

    id: str
    address: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """Everything on record for one account, newest outage first."""

    id: str
    name: str
    medical: bool
    critical: bool
    outage_alerts: bool
    premises: tuple[Holding, ...]
    outages: tuple[AccountOutage, ...]


def as_json(value: Any) -> Any:  # noqa: ANN401 a tree of frozen values becomes a tree of JSON
    """Return a record, or a part of one, as JSON values; times as RFC 3339."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [as_json(part) for part in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: as_json(getattr(value, name)) for name in value.__dataclass_fields__}
    return value
