"""What a change replaced, as the journal keeps it, and back again: pure. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from outage.model import Cause, CrewStatus, Kind, Outage, Reason

_READ: Mapping[str, Callable[[Any], object]] = {
    "cause": Cause,
    "kind": Kind,
    "crew_status": CrewStatus,
    "crew_reason": Reason,
    **dict.fromkeys(
        ("started_at", "planned_start", "planned_end", "crew_eta", "next_update_by"),
        datetime.fromisoformat,
    ),
    "shape_digest": str,
    "reported_customers": int,
    "public_message_key": int,
}
"""Facts that are codes, ids and times. The place is none of them: it stands beside the journal."""


def facts(outage: Outage, names: Iterable[str]) -> dict[str, object]:
    """Those facts of an outage as JSON; of its ETR the version."""
    found: dict[str, object] = {}
    for name in sorted(names):
        if name == "etr":
            found[name] = None if outage.etr is None else outage.etr.version
        elif name in _READ:
            value = getattr(outage, name)
            found[name] = value.isoformat() if isinstance(value, datetime) else value
    return found


def read(before: Mapping[str, Any]) -> dict[str, Any]:
    """The same facts as values; the ETR is left to who knows its versions."""
    return {
        name: None if value is None else _READ[name](value)
        for name, value in before.items()
        if name in _READ
    }
