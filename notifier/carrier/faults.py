"""A fault on demand: what goes wrong, how often, and whether the message was taken first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from notifier.carrier.errors import ControlRefusal

KINDS = ("too_many_requests", "server_error", "timeout")
APIS = ("sms", "email", "list", "any")
_LONGEST_HOLD_S = 600


@dataclass(slots=True, kw_only=True)
class Fault:
    """One way to go wrong, and how often.

    api: `sms`, `email`, `list` (what Twilio's list is asked) or `any`. kind: one of KINDS;
    `too_many_requests` was never accepted. accepted: whether the message was taken before it went
    wrong. status: of a `server_error`.
    rate: the share of requests hit, evenly spread rather than drawn, so that a run can be
    repeated. count: how many are still hit; None: no end. hold_s: how long a `timeout` stays
    silent before it gives up with 504.
    """

    kind: str
    api: str = "any"
    accepted: bool = False
    status: int = 503
    rate: float = 1.0
    count: int | None = None
    hold_s: float = 60.0
    _share: float = 0.0

    def hits(self, api: str) -> bool:
        """Say whether this request is hit, and count it."""
        if self.api not in {"any", api} or self.count == 0:
            return False
        self._share += self.rate
        # A rate such as 0.1 is not exact in binary: ten of them must still make one.
        if self._share < 1 - 1e-9:
            return False
        self._share -= 1
        if self.count is not None:
            self.count -= 1
        return True

    def view(self) -> dict[str, Any]:
        """Show the fault as the control endpoint takes it."""
        names = ("kind", "api", "accepted", "status", "rate", "count", "hold_s")
        return {name: getattr(self, name) for name in names}


def parse_fault(given: Mapping[str, Any]) -> Fault:
    """Read one fault of a control request.

    Raises:
        ControlRefusal: a name it does not know, or a value out of range.
    """
    try:
        fault = Fault(**{name: value for name, value in given.items() if name != "_share"})
        wrong = _wrong(fault)
    except TypeError as error:
        raise ControlRefusal(
            "A fault has kind, and may have api, accepted, status, rate, count, hold_s."
        ) from error
    if wrong:
        raise ControlRefusal(f"In a fault, {wrong}.")
    return fault


def _wrong(fault: Fault) -> str | None:
    """Name the first value that is out of range.

    Raises:
        TypeError: a value that cannot be compared with its range.
    """
    in_range = {
        f"kind is one of {', '.join(KINDS)}": fault.kind in KINDS,
        f"api is one of {', '.join(APIS)}": fault.api in APIS,
        "accepted is true or false": fault.accepted in (True, False),
        "status is 500 to 599": fault.status in range(500, 600),
        "rate is above 0 and at most 1": 0 < fault.rate <= 1,
        "count is 1 or more": fault.count is None or fault.count >= 1,
        "hold_s is 0 to 600 seconds": 0 <= fault.hold_s <= _LONGEST_HOLD_S,
    }
    return next((sentence for sentence, holds in in_range.items() if not holds), None)
