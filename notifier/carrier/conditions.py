"""The conditions a request meets: latency, bad numbers, faults. They can be changed at any time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from notifier.carrier.bad_numbers import error_code
from notifier.carrier.errors import ControlRefusal
from notifier.carrier.faults import Fault, parse_fault
from notifier.carrier.settings import CarrierSettings, check_bad_numbers

_TOO_MANY_REQUESTS = 429
_GATEWAY_TIMEOUT = 504
_ERROR_REFUSAL = 400


class Conditions:
    """The present conditions. They live in memory: a restart brings back those of the settings."""

    def __init__(self, settings: CarrierSettings) -> None:
        self._settings = settings
        self.reset()

    def reset(self) -> None:
        """Go back to the settings, without faults."""
        self.latency_ms = self._settings.latency_ms
        self.callback_delay_ms = self._settings.callback_delay_ms
        self.bad_numbers: Mapping[str, int] = dict(self._settings.bad_numbers)
        self.faults: list[Fault] = []

    def change(self, given: Mapping[str, Any]) -> None:
        """Take what a control request names, all or nothing; what it leaves out stays.

        Raises:
            ControlRefusal: an unknown name, or a value out of range.
        """
        known = {"latency_ms", "callback_delay_ms", "bad_numbers", "faults"}
        if unknown := given.keys() - known:
            raise ControlRefusal(
                f"There is no {', '.join(sorted(unknown))} here; use {', '.join(sorted(known))}."
            )
        latency = _milliseconds(given, "latency_ms", self.latency_ms)
        delay = _milliseconds(given, "callback_delay_ms", self.callback_delay_ms)
        numbers = given.get("bad_numbers", self.bad_numbers)
        try:
            check_bad_numbers(numbers)
        except (ValueError, AttributeError, TypeError) as error:
            raise ControlRefusal(str(error)) from error
        listed = given.get("faults")
        if listed is not None:
            if not isinstance(listed, list):
                raise ControlRefusal("faults is a list of faults; [] ends them.")
            self.faults = [parse_fault(one) for one in listed]
        self.latency_ms, self.callback_delay_ms, self.bad_numbers = latency, delay, dict(numbers)

    def view(self) -> dict[str, Any]:
        """Show the conditions in the form `change` takes."""
        return {
            "latency_ms": self.latency_ms,
            "callback_delay_ms": self.callback_delay_ms,
            "bad_numbers": dict(self.bad_numbers),
            "faults": [fault.view() for fault in self.faults],
        }

    def fault_for(self, api: str) -> Fault | None:
        """Give the first fault that hits this request, by its API, if one does."""
        return next((fault for fault in self.faults if fault.hits(api)), None)

    def error_code(self, number: str) -> int | None:
        """Name the error code this number fails with, or None when texts reach it."""
        return error_code(number, self.bad_numbers)


def _milliseconds(given: Mapping[str, Any], name: str, present: int) -> int:
    value = given.get(name, present)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 600_000:  # noqa: PLR2004 - ten minutes
        raise ControlRefusal(f"{name} is a whole number of milliseconds, 0 to 600000.")
    return value


async def through_faults(
    request: Request,
    api: str,
    conditions: Conditions,
    accept: Callable[[], Awaitable[Response]],
    error: Callable[[int], Response],
) -> Response:
    """Answer a request as the present conditions have it.

    accept: takes the message and gives the true answer. error: the provider's body for a status.
    """
    fault = conditions.fault_for(api)
    answer: Response | None = None
    if fault is None or (fault.accepted and fault.kind != "too_many_requests"):
        answer = await accept()
    if conditions.latency_ms:
        await asyncio.sleep(conditions.latency_ms / 1000)
    if answer is not None and (fault is None or answer.status_code >= _ERROR_REFUSAL):
        return answer
    if fault is None or fault.kind == "too_many_requests":
        return error(_TOO_MANY_REQUESTS)
    if fault.kind == "timeout":
        await _stay_silent(request, fault.hold_s)
        return error(_GATEWAY_TIMEOUT)
    return error(fault.status)


async def _stay_silent(request: Request, hold_s: float) -> None:
    """Hold the connection until the client gives up, or the time is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(hold_s):
            while (await request.receive())["type"] != "http.disconnect":
                pass
