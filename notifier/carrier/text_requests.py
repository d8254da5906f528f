"""What a request to Twilio's Messages API says: the message to take, the list to show."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, urlsplit

from notifier.carrier.bad_numbers import ERROR_CODES
from notifier.carrier.errors import TwilioRefusal
from notifier.carrier.segments import segment_count
from notifier.carrier.store import Acceptance

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_SENDER = re.compile(r"\+[1-9]\d{6,14}|\d{3,8}|[A-Za-z0-9 ]{1,11}")
_LONGEST_BODY = 1600
_LONGEST_VALIDITY_S = 36_000
_LARGEST_PAGE = 1000
# Published, but a text alert has no use for them: better refused than quietly ignored.
_NOT_SIMULATED = ("MediaUrl", "ContentSid", "SendAt", "ScheduleType", "PersistentAction")


def parse_text(form: Mapping[str, str], *, failure: int | None) -> Acceptance:
    """Read the form of POST Messages.json.

    failure: the error code this recipient fails with, if it does.

    Raises:
        TwilioRefusal: what Twilio would not take, by its code.
    """
    recipient, sender = form.get("To", ""), form.get("From") or None
    service_sid = form.get("MessagingServiceSid") or None
    body = form.get("Body", "")
    _check_addresses(recipient, sender, service_sid)
    for name in _NOT_SIMULATED:
        if name in form:
            raise TwilioRefusal(20001, f"The simulator does not take {name}; send a Body.")
    if not body:
        raise TwilioRefusal(21602, "Message body is required.")
    if len(body) > _LONGEST_BODY:
        raise TwilioRefusal(
            21617, "The concatenated message body exceeds the 1600 character limit."
        )
    if failure is not None and ERROR_CODES[failure].status is None:
        raise TwilioRefusal(failure, f"{ERROR_CODES[failure].message}: {recipient}")
    callback_url = form.get("StatusCallback") or None
    return Acceptance(
        sid=f"SM{uuid.uuid4().hex}",
        channel="sms",
        recipient=recipient,
        sender=sender,
        service_sid=service_sid,
        body=body,
        # As published: a Messaging Service accepts first and picks the sender afterwards.
        status="queued" if sender else "accepted",
        segments=segment_count(body),
        our_id=_our_id(callback_url),
        failure=None if failure is None else str(failure),
        callback_url=callback_url,
        validity_s=_validity_s(form.get("ValidityPeriod")),
    )


def _check_addresses(recipient: str, sender: str | None, service_sid: str | None) -> None:
    if not recipient:
        raise TwilioRefusal(21604, "A 'To' phone number is required.")
    if not _E164.fullmatch(recipient):
        raise TwilioRefusal(21211, f"Invalid 'To' Phone Number: {recipient}")
    if sender is None and service_sid is None:
        raise TwilioRefusal(21603, "A 'From' phone number is required.")
    if sender is not None and not _SENDER.fullmatch(sender):
        raise TwilioRefusal(21212, f"Invalid From Number (caller ID): {sender}")
    if service_sid is not None and not re.fullmatch(r"MG[0-9a-fA-F]{32}", service_sid):
        raise TwilioRefusal(21701, "The Messaging Service does not exist.")
    if sender == recipient:
        raise TwilioRefusal(21266, "'To' and 'From' number cannot be the same.")


def _our_id(callback_url: str | None) -> str | None:
    if callback_url is None:
        return None
    try:
        parts = urlsplit(callback_url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise TwilioRefusal(21609, "The 'StatusCallback' URL is not a valid URL.")
    return next(iter(parse_qs(parts.query).get("m", [])), None)


def _validity_s(text: str | None) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= _LONGEST_VALIDITY_S:
        raise TwilioRefusal(20001, "ValidityPeriod must be a whole number from 1 to 36000.")
    return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which texts GET Messages.json shows.

    sent_from_ms, sent_before_ms: half-open, milliseconds since the epoch. before, after: the sid
    a neighbouring page ended or began with.
    """

    recipient: str | None
    sender: str | None
    sent_from_ms: int | None
    sent_before_ms: int | None
    page: int
    page_size: int
    before: str | None
    after: str | None


def parse_listing(query: Mapping[str, str]) -> Listing:
    """Read the query of GET Messages.json.

    Raises:
        TwilioRefusal: a date, page or page size that Twilio would not read.
    """
    starts: list[int] = []
    ends: list[int] = []
    for name, bounds in (("DateSent", "both"), ("DateSent>", "start"), ("DateSent<", "end")):
        if text := query.get(name):
            # Equality is by the GMT day; the SDKs write a day as its first moment.
            start, end = _instants(text, whole_day=bounds == "both")
            if bounds != "end":
                starts.append(start)
            if bounds != "start":
                ends.append(end)
    token = query.get("PageToken", "")
    return Listing(
        recipient=query.get("To") or None,
        sender=query.get("From") or None,
        sent_from_ms=max(starts, default=None),
        sent_before_ms=min(ends, default=None),
        page=_whole(query.get("Page", "0"), "Page", 0, 1_000_000),
        page_size=_whole(query.get("PageSize", "50"), "PageSize", 1, _LARGEST_PAGE),
        before=token[2:] if token.startswith("PA") else None,
        after=token[2:] if token.startswith("PB") else None,
    )


def _whole(text: str, name: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise TwilioRefusal(20001, f"{name} must be a whole number from {least} to {most}.")
    return int(text)


def _instants(text: str, *, whole_day: bool) -> tuple[int, int]:
    """Read a date or an instant in one of the contract's forms: its first and next moment."""
    moment, length = _read(text).astimezone(UTC), timedelta(seconds=1)
    if whole_day or re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        moment, length = moment.replace(hour=0, minute=0, second=0), timedelta(days=1)
    # To the second, as RFC 2822 dates are.
    moment = moment.replace(microsecond=0)
    return int(moment.timestamp() * 1000), int((moment + length).timestamp() * 1000)


def _read(text: str) -> datetime:
    if american := re.fullmatch(r"(\d\d)/(\d\d)/(\d{4}) (.+)", text):
        month, day, year, rest = american.groups()
        name = datetime(2000, int(month) % 12 or 12, 1, tzinfo=UTC).strftime("%b")
        text = f"{day} {name} {year} {rest}"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError as error:
            raise TwilioRefusal(20001, "DateSent must be a date, such as 2026-11-22.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
