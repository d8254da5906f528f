"""What the simulator is told when it starts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from notifier.carrier.bad_numbers import ERROR_CODES

ALL_STATUSES = frozenset({"queued", "sent", "delivered", "undelivered", "failed"})
"""The statuses Twilio reports to a StatusCallback for a text that the API created."""

_ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
_PATTERN = re.compile(r"\+[1-9]\d{1,14}|\*\d{1,14}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierSettings:
    """One simulated Twilio account and one simulated SendGrid account.

    folder: where the store and the event webhook's signing key live; made when missing.
    events_url: where SendGrid's Event Webhook posts; SendGrid has it configured for the account,
        not per mail. None: no events are sent.
    latency_ms: added to every answer of both APIs.
    callback_delay_ms: between a message's states (accepted, sent, delivered).
    callback_statuses: which of ALL_STATUSES are called back; fewer makes a large drill cheaper.
    retry_base_ms: the wait before a failed callback's second attempt; each later one waits twice
        as long.
    inbound_url: where a text that somebody sends us is posted, with Twilio's connection overrides
        in its fragment. None: nowhere.
    keeps_opt_outs: whether Twilio's keywords act here as with its Advanced Opt-Out: STOP refuses
        further texts to the number (21610) until START, and the hook is told (OptOutType).
    service_number: the sender a Messaging Service puts on a text that names none.
    bad_numbers: a number in E.164, or its last digits after a star ("*0137"), to one of the error
        codes of `bad_numbers.ERROR_CODES`. The documented magic numbers hold besides.
    """

    account_sid: str
    auth_token: str = field(repr=False)
    sendgrid_api_key: str = field(repr=False)
    folder: Path
    events_url: str | None = None
    latency_ms: int = 0
    callback_delay_ms: int = 200
    callback_statuses: frozenset[str] = ALL_STATUSES
    callback_timeout_s: float = 15.0
    retry_base_ms: int = 1000
    service_number: str = "+15005550006"
    inbound_url: str | None = None
    keeps_opt_outs: bool = False
    bad_numbers: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _ACCOUNT_SID.fullmatch(self.account_sid):
            raise ValueError("account_sid must be AC and 32 hexadecimal digits, as Twilio's are.")
        if self.latency_ms < 0 or self.callback_delay_ms < 0 or self.retry_base_ms < 1:
            raise ValueError(
                "latency_ms and callback_delay_ms are 0 or more, retry_base_ms is 1 or more."
            )
        if unknown := self.callback_statuses - ALL_STATUSES:
            raise ValueError(f"callback_statuses has no {', '.join(sorted(unknown))}.")
        check_bad_numbers(self.bad_numbers)


def check_bad_numbers(bad_numbers: Mapping[str, int]) -> None:
    """Refuse a pattern or a code that the simulator does not know.

    Raises:
        ValueError: with a sentence that says what is taken.
    """
    for pattern, code in bad_numbers.items():
        if not _PATTERN.fullmatch(pattern) or code not in ERROR_CODES:
            raise ValueError(
                "bad_numbers maps a number in E.164, or * and its last digits, to one of "
                f"{', '.join(map(str, ERROR_CODES))}."
            )
