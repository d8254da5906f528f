"""How a message travels once it is accepted: pure, from one state to the next."""

from __future__ import annotations

from dataclasses import dataclass

from notifier.carrier.bad_numbers import ERROR_CODES, EXPIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The state a message comes to; error_code as Twilio gives it; last: it ends there."""

    status: str
    error_code: int | None = None
    last: bool = False


def next_text_state(status: str, failure: int | None, *, expired: bool) -> Move:
    """Accepted (by a Messaging Service) → queued → sent → delivered, undelivered or failed.

    failure: the error code this number ends with. expired: its validity period has run out.
    """
    if status == "accepted":
        return Move(status="queued")
    if status == "queued" and expired:
        failure = EXPIRED
    if failure is not None and (end := ERROR_CODES[failure].status) is not None:
        # `failed` never left the provider; `undelivered` did, and came back.
        if end == "failed" or status == "sent":
            return Move(status=end, error_code=failure, last=True)
        return Move(status="sent")
    return Move(status="delivered", last=True) if status == "sent" else Move(status="sent")


def next_mail_state(status: str, failure: str | None) -> Move:
    """Accepted → processed → delivered or bounce; dropped at once where SendGrid will not try."""
    if status == "accepted":
        dropped = failure == "dropped"
        return Move(status="dropped" if dropped else "processed", last=dropped)
    return Move(status=failure or "delivered", last=True)
