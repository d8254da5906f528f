"""Mails that came back: what a mail server says later of one of ours (RFC 3464, RFC 5965).

Only a mail that carries a mark of ours is believed, in the address it came back to or in what it
quotes; an answer that somebody wrote, or that they are on holiday, says nothing.
"""

import re
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage, Message

from notifier.channels.marks import Marks
from notifier.receipts import Receipt

_CAME_BACK_TO = ("To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_EVENTS = {"failed": "bounce", "delayed": "delayed", "delivered": "delivered"}
"""What the report's action makes of a message; ``relayed`` and ``expanded`` promise nothing."""


def read(raw: bytes, marks: Marks) -> Receipt | None:
    """The receipt a mail stands for; None when it is no report about a mail of ours."""
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)  # noqa: S101  # this policy makes no other
    parts = list(mail.walk())
    found = _complaint(parts) or _report(parts)
    key = _message_key(mail, parts, marks)
    if found is None or key is None:
        return None
    event, code = found
    return Receipt(
        provider="smtp",
        message_key=key,
        event=event,
        provider_id=marks.of(key),
        code=code,
    )


def _message_key(mail: Message, parts: Sequence[Message], marks: Marks) -> int | None:
    """Our mark: where the mail came back to, else in what it returns of ours."""
    texts = [str(value) for name in _CAME_BACK_TO for value in mail.get_all(name, [])]
    for part in parts:
        if part.get_content_type() == "message/rfc822":
            inner = part.get_payload()
            texts += [str(one.get("Message-ID", "")) for one in inner if isinstance(one, Message)]
        if part.get_content_type() == "text/rfc822-headers":
            texts.append(_text(part))
    return next((key for text in texts if (key := marks.read(text)) is not None), None)


def _report(parts: Sequence[Message]) -> tuple[str, str] | None:
    """Event and status of a delivery report; mails of ours go to one person each."""
    for fields in _groups(parts, "message/delivery-status"):
        event = _EVENTS.get(str(fields.get("Action", "")).strip().lower())
        if event is not None:
            status = _STATUS.search(str(fields.get("Status", "")))
            code = status.group() if status and event == "bounce" else ""
            return event, code or ("5.0.0" if event == "bounce" else "")
    return None


def _complaint(parts: Sequence[Message]) -> tuple[str, str] | None:
    """What a provider's feedback loop sends when somebody calls our mail spam."""
    for fields in _groups(parts, "message/feedback-report"):
        if str(fields.get("Feedback-Type", "")).strip().lower() == "abuse":
            return "spamreport", "spamreport"
    return None


def _groups(parts: Sequence[Message], content_type: str) -> list[Message]:
    """The groups of fields in parts of this type."""
    found: list[Message] = []
    for part in parts:
        if part.get_content_type() == content_type:
            inner = part.get_payload()
            if isinstance(inner, list):
                found += [one for one in inner if isinstance(one, Message)]
            else:
                found.append(message_from_bytes(_text(part).encode()))
    return found


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
