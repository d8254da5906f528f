"""E-mail through SendGrid's SDK: up to a thousand people in one call."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.error import URLError

import orjson
from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient

from notifier import links
from notifier.channels.base import (
    TIMEOUT_S,
    Finding,
    MaySend,
    Outcome,
    Outgoing,
    Result,
    Sought,
    not_sent,
    unknowable,
)
from notifier.channels.codes import judge
from notifier.channels.deadline import Deadline, NotConnectedError
from notifier.rendering import Text

MOST_PEOPLE = 1000
"""Personalizations one call may carry."""
BAD_ADDRESS = "bad_address"
"""Our code for a person SendGrid refuses a whole call for."""
TOO_LARGE = str(HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value)

# The SDK's transport logs whole payloads at DEBUG, addresses among them.
logging.getLogger("python_http_client").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendGridAccount:
    """How to reach SendGrid. ``base_url`` stands in for its API host (the simulator)."""

    api_key: str = field(repr=False)
    sender: str
    sender_name: str = ""
    base_url: str = ""
    timeout_s: float = TIMEOUT_S


class EmailChannel:
    """E-mails, grouped by text; a call refused as a whole is halved until the bad one is found."""

    def __init__(self, account: SendGridAccount, provider: str = "sendgrid") -> None:
        self.provider = provider
        self.account = account
        sdk = (
            SendGridAPIClient(account.api_key, host=account.base_url)
            if account.base_url
            else SendGridAPIClient(account.api_key)
        )
        self._client = sdk.client

    def send(self, batch: Sequence[Outgoing], may_send: MaySend) -> Iterator[Outcome]:
        """Send a batch, one call for each thousand people who get the same text."""
        groups: dict[Text, list[Outgoing]] = defaultdict(list)
        for outgoing in batch:
            groups[outgoing.text].append(outgoing)
        for text, people in groups.items():
            for start in range(0, len(people), MOST_PEOPLE):
                yield from self._send(text, people[start : start + MOST_PEOPLE], may_send)

    def find(self, sought: Sequence[Sought], _may_ask: Callable[[], bool]) -> Iterator[Finding]:
        """SendGrid's events carry our id; asking it is an extra that not every account has."""
        return unknowable(sought)

    def close(self) -> None:
        """Nothing is kept open: the SDK opens a connection for each call."""

    def _send(self, text: Text, some: Sequence[Outgoing], may_send: MaySend) -> Iterator[Outcome]:
        people = []
        for outgoing in some:
            if may_send(outgoing):
                people.append(outgoing)
            else:
                yield not_sent(outgoing)
        if not people:
            return
        result, provider_id, code = self._call(text, people)
        if code in (BAD_ADDRESS, TOO_LARGE) and len(people) > 1:
            middle = len(people) // 2
            yield from self._send(text, people[:middle], may_send)
            yield from self._send(text, people[middle:], may_send)
            return
        for number, outgoing in enumerate(people):
            yield Outcome(
                message_key=outgoing.message_key,
                result=result,
                provider_id=provider_id,
                code=code,
                same_call=number > 0,
            )

    def _call(self, text: Text, people: Sequence[Outgoing]) -> tuple[Result, str, str]:
        try:
            with Deadline(self.account.timeout_s) as deadline:
                response = self._by(deadline).post(
                    # Any other type than the SDK's own makes it send the body as it is:
                    # orjson is about ten times cheaper than its helpers.
                    request_body=orjson.dumps(self._payload(text, people)).decode(),
                    request_headers={"Content-Type": "application/json; charset=utf-8"},
                    timeout=self.account.timeout_s,
                )
        except HTTPError as refusal:
            code = _code(refusal)
            return judge(self.provider, code, refusal.status_code), "", code
        except (URLError, OSError, HTTPException) as lost:
            return _lost(lost)
        if response.status_code != HTTPStatus.ACCEPTED:
            # A proxy's page, or where a redirect led: SendGrid itself says 202 and nothing else.
            return Result.AMBIGUOUS, "", str(response.status_code)
        return Result.ACCEPTED, response.headers.get("X-Message-Id", ""), ""

    def _by(self, deadline: Deadline) -> Any:  # noqa: ANN401  # the SDK ships no types
        """The SDK's call, which ends in time: what opens its connection is made anew for each."""
        call = self._client.mail.send
        make = call._make_request  # noqa: SLF001  # it is apart to be replaced, says the SDK

        def in_time(_opener: object, request: Any, timeout: float) -> Any:  # noqa: ANN401  # as above
            return make(deadline.opener(), request, timeout=timeout)

        call._make_request = in_time  # noqa: SLF001  # as above
        return call

    def _payload(self, text: Text, people: Sequence[Outgoing]) -> dict[str, Any]:
        sender = {"email": self.account.sender}
        if self.account.sender_name:
            sender["name"] = self.account.sender_name
        return {
            "personalizations": [
                {
                    "to": [{"email": outgoing.address}],
                    "custom_args": {"m": str(outgoing.message_key)},
                    **_own(outgoing),
                }
                for outgoing in people
            ],
            "from": sender,
            "subject": text.subject,
            "content": [
                {"type": kind, "value": value}
                for kind, value in (("text/plain", text.body), ("text/html", text.html))
                if value  # an empty part is refused
            ],
            "tracking_settings": {
                "click_tracking": {"enable": False, "enable_text": False},
                "open_tracking": {"enable": False},
            },
        }


def _own(outgoing: Outgoing) -> dict[str, dict[str, str]]:
    """What of a mail that many get is this person's own: the link."""
    if not outgoing.link:
        return {}
    return {
        "headers": outgoing.mail_headers,
        "substitutions": {links.BLANK: outgoing.link[-len(links.BLANK) :]},
    }


def _code(refusal: HTTPError) -> str:
    """The status; for a call that one of its people spoils, our own word for that.

    SendGrid names the field that it does not take, like ``personalizations.3.to.0.email``. Where
    it names others only, no half of the people would be taken either.
    """
    if refusal.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TOO_LARGE
    if refusal.status_code == HTTPStatus.BAD_REQUEST and _blames_somebody(refusal.body):
        return BAD_ADDRESS
    return str(refusal.status_code)


def _blames_somebody(body: bytes) -> bool:
    try:
        errors = orjson.loads(body)["errors"]
        fields = [str(error.get("field") or "") for error in errors]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return True
    named = [field for field in fields if field]
    return not named or any(field.startswith("personalizations") for field in named)


def _lost(error: Exception) -> tuple[Result, str, str]:
    """A call without an answer: harmless only if it never got as far as the provider."""
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, NotConnectedError):
        return Result.RETRY, "", "no_connection"
    return Result.AMBIGUOUS, "", "no_answer"
