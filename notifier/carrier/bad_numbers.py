"""Which numbers and mailboxes fail, and how: one table, by the providers' own codes.

Sources: Twilio's error dictionary (twilio.com/docs/api/errors) and the magic numbers of its test
credentials (twilio.com/docs/iam/test-credentials). Everything here lies outside NPA-555-01XX.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How a number fails.

    message: Twilio's sentence. status: the text's last status, or None when the API refuses it
    at once with HTTP 400 and nothing is accepted.
    """

    message: str
    status: str | None


ERROR_CODES: Mapping[int, Failure] = {
    21211: Failure(message="Invalid 'To' Phone Number", status=None),
    21408: Failure(
        message="Permission to send an SMS has not been enabled for the region indicated by the "
        "'To' number",
        status=None,
    ),
    21610: Failure(message="Attempt to send to unsubscribed recipient", status=None),
    21612: Failure(
        message="Message cannot be sent with the current combination of 'To' and/or 'From' "
        "parameters",
        status=None,
    ),
    21614: Failure(message="'To' number is not a valid mobile number", status=None),
    30003: Failure(message="Unreachable destination handset", status="undelivered"),
    30005: Failure(message="Unknown destination handset", status="undelivered"),
    30006: Failure(message="Landline or unreachable carrier", status="undelivered"),
    30007: Failure(message="Carrier violation", status="undelivered"),
    30008: Failure(message="Unknown error", status="undelivered"),
    30036: Failure(message="Validity Period Expired", status="failed"),
}
EXPIRED = 30036

MAGIC_NUMBERS: Mapping[str, int] = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
"""The recipients of Twilio's own test credentials."""

UNASSIGNED_PREFIX = "+999"
"""No country has it. A number that starts so fails with its last five digits as the error code:
+9990030003 is unreachable (30003), +9990021610 has opted out (21610)."""


def error_code(number: str, configured: Mapping[str, int]) -> int | None:
    """Name the error code this number fails with, or None when texts reach it."""
    if (code := configured.get(number, MAGIC_NUMBERS.get(number))) is not None:
        return code
    for pattern, suffix_code in configured.items():
        if pattern.startswith("*") and number.endswith(pattern[1:]):
            return suffix_code
    if number.startswith(UNASSIGNED_PREFIX) and number[-5:].isdigit():
        code = int(number[-5:])
        return code if code in ERROR_CODES else None
    return None


def mailbox_failure(address: str) -> str | None:
    """Name the event a mailbox ends with instead of `delivered`: `bounce` or `dropped`.

    A mailbox fails by the first word of its local part: bounce@…, bounce+anything@…,
    dropped@…, dropped+anything@….
    """
    local = address.partition("@")[0].partition("+")[0].lower()
    return local if local in {"bounce", "dropped"} else None
