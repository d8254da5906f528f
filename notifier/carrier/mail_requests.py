"""What a POST /v3/mail/send says: checked as SendGrid checks it, one acceptance per recipient."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import orjson

from notifier.carrier.bad_numbers import mailbox_failure
from notifier.carrier.errors import MailRefusal
from notifier.carrier.store import Acceptance

_ADDRESS = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\".]{2,}")
_MOST_PERSONALIZATIONS = 1000
_MOST_RECIPIENTS = 1000
_MOST_CATEGORIES = 10
_LARGEST_PART_BYTES = 10_000
_Field = tuple[str | int, ...]
"""A field by the way to it: it is put into words only for who is refused."""
# Published, but not simulated: better refused than quietly ignored.
_NOT_SIMULATED = ("template_id", "attachments", "send_at", "batch_id")


class _Shared(NamedTuple):
    """What a mail says once for all of its personalizations."""

    sender: str
    subject: Any
    plain: str
    html: str
    arguments: Mapping[str, str]
    categories: list[Any]

    @classmethod
    def of(cls, mail: Mapping[str, Any]) -> Self:
        blocks = {block["type"]: block["value"] for block in mail["content"]}
        return cls(
            sender=mail["from"]["email"],
            subject=mail.get("subject"),
            plain=blocks.get("text/plain", ""),
            html=blocks.get("text/html", ""),
            arguments=mail.get("custom_args", {}),
            categories=mail.get("categories", []),
        )


def parse_mail(mail: Any) -> tuple[str, list[Acceptance]]:  # noqa: ANN401 - anything JSON may hold
    """Read a mail: its X-Message-Id and an acceptance for every recipient.

    Raises:
        MailRefusal: the first thing SendGrid would not take, with its field.
    """
    if not isinstance(mail, dict):
        raise MailRefusal("Bad Request")
    _check_envelope(mail)
    message_id = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
    shared = _Shared.of(mail)
    accepted: list[Acceptance] = []
    for place, personalization in enumerate(mail["personalizations"]):
        accepted += _personalized(shared, personalization, place, f"{message_id}.recvd-{place}")
    return message_id, accepted


def is_sandboxed(mail: Mapping[str, Any]) -> bool:
    """Say whether the mail is only to be checked (mail_settings.sandbox_mode)."""
    settings = mail.get("mail_settings")
    mode = settings.get("sandbox_mode") if isinstance(settings, dict) else None
    return isinstance(mode, dict) and mode.get("enable") is True


def _check_envelope(mail: Mapping[str, Any]) -> None:
    personalizations = mail.get("personalizations")
    if not isinstance(personalizations, list) or not personalizations:
        raise MailRefusal(
            "The personalizations field is required and must have at least one personalization.",
            "personalizations",
        )
    if len(personalizations) > _MOST_PERSONALIZATIONS:
        raise MailRefusal(
            "The personalizations field cannot have more than 1000 personalizations.",
            "personalizations",
        )
    _check_address(mail.get("from"), ("from",))
    if "reply_to" in mail:
        _check_address(mail["reply_to"], ("reply_to",))
    for name in _NOT_SIMULATED:
        if name in mail:
            raise MailRefusal(f"The simulator does not take {name}.", name)
    _check_content(mail.get("content"))
    categories = mail.get("categories", [])
    if not isinstance(categories, list) or len(categories) > _MOST_CATEGORIES:
        raise MailRefusal("A mail may have up to 10 categories.", "categories")
    _check_arguments(mail.get("custom_args", {}), ("custom_args",))


def _check_content(content: Any) -> None:  # noqa: ANN401 - anything JSON may hold
    if not isinstance(content, list) or not content:
        raise MailRefusal(
            "Unless a valid template_id is provided, the content parameter is required. There "
            "must be at least one defined content block.",
            "content",
        )
    for place, block in enumerate(content):
        for name in ("type", "value"):
            if not isinstance(block, dict) or not _is_text(block.get(name)):
                raise MailRefusal(
                    f"The content {name} must be a string at least one character in length.",
                    f"content.{place}.{name}",
                )


def _personalized(
    shared: _Shared,
    personalization: Any,  # noqa: ANN401 - anything JSON may hold
    place: int,
    stem: str,
) -> list[Acceptance]:
    field: _Field = ("personalizations", place)
    if not isinstance(personalization, dict):
        raise MailRefusal("Invalid type. Expected: object.", _named(field))
    if "send_at" in personalization:
        raise MailRefusal("The simulator does not take send_at.", _named((*field, "send_at")))
    addresses = _addresses(personalization, field)
    subject = personalization.get("subject") or shared.subject
    if not isinstance(subject, str) or not subject:
        raise MailRefusal(
            "The subject is required. You can get around this requirement if you use a template "
            "with a subject defined or if every personalization has a subject defined.",
            "subject",
        )
    substitutions = personalization.get("substitutions", {})
    _check_arguments(substitutions, (*field, "substitutions"))
    arguments = personalization.get("custom_args", {})
    _check_arguments(arguments, (*field, "custom_args"))
    arguments = {**shared.arguments, **arguments}
    sender = personalization["from"]["email"] if "from" in personalization else shared.sender
    body = _substituted(shared.plain, substitutions)
    kept = {"custom_args": arguments, "categories": shared.categories}
    details = orjson.dumps(kept).decode()
    our_id = arguments.get("m")
    return [
        Acceptance(
            sid=f"{stem}.{number}",
            channel="email",
            recipient=address,
            sender=sender,
            subject=_substituted(subject, substitutions),
            body=body,
            # Nobody is shown the HTML of a mail that has a text, and a storm's worth of it is much.
            html=None if body else _substituted(shared.html, substitutions),
            our_id=our_id,
            first=number == 0,
            failure=mailbox_failure(address),
            status="accepted",
            details=details,
        )
        for number, address in enumerate(addresses)
    ]


def _addresses(personalization: Mapping[str, Any], field: _Field) -> list[str]:
    found: list[str] = []
    for kind in ("to", "cc", "bcc"):
        if kind != "to" and kind not in personalization:
            continue
        people = personalization.get(kind, [])
        if not isinstance(people, list) or (kind == "to" and not people):
            raise MailRefusal(
                "The to array is required for all personalization objects, and must have at "
                "least one email object with a valid email address.",
                _named((*field, kind)),
            )
        for place, person in enumerate(people):
            found.append(_check_address(person, (*field, kind, place)))
    if "from" in personalization:
        _check_address(personalization["from"], (*field, "from"))
    if len(found) > _MOST_RECIPIENTS:
        raise MailRefusal("A personalization cannot have more than 1000 recipients.", _named(field))
    if len(found) > 1 and len({address.lower() for address in found}) < len(found):
        raise MailRefusal(
            "Each email address in the personalization block should be unique between to, cc, "
            "and bcc.",
            _named(field),
        )
    return found


def _named(field: _Field) -> str:
    return ".".join(map(str, field))


def _check_address(person: Any, field: _Field) -> str:  # noqa: ANN401 - anything JSON may hold
    address = person.get("email") if isinstance(person, dict) else None
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        raise MailRefusal("Does not contain a valid address.", _named((*field, "email")))
    return address


def _check_arguments(arguments: Any, field: _Field) -> None:  # noqa: ANN401 - anything JSON may hold
    if not isinstance(arguments, dict):
        raise MailRefusal("Invalid type. Expected: an object of strings.", _named(field))
    length = 0
    for name, value in arguments.items():
        if not isinstance(value, str):
            raise MailRefusal("Invalid type. Expected: an object of strings.", _named(field))
        length += len(name.encode()) + len(value.encode())
    if length > _LARGEST_PART_BYTES:
        raise MailRefusal("This may not exceed 10,000 bytes.", _named(field))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _substituted(text: str, substitutions: Mapping[str, str]) -> str:
    for tag, value in substitutions.items():
        text = text.replace(tag, value)
    return text
