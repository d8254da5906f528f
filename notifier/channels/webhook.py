"""Webhooks: each message posted to a URL, signed as Standard Webhooks has it.

Source: standardwebhooks.com, version 1.0. The id stays the same when a message is sent again, so
that who receives it twice can tell.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp
import orjson
from aiohttp.abc import AbstractResolver

from notifier.channels.base import TIMEOUT_S, Outcome, Outgoing, Result
from notifier.channels.codes import judge
from notifier.channels.fan_out import FanOut
from outage import signed_calls
from outage.outward import ForbiddenAddressError, Network, Outward, callable_url

FORBIDDEN = "forbidden_address"
"""Our code for a URL that may not be called, or is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSender:
    """How webhooks are sent. ``allowed`` may be called although inside, and without TLS."""

    secret: str = field(repr=False)
    allowed: Sequence[Network] = ()
    timeout_s: float = TIMEOUT_S
    concurrency: int = 20
    resolver: AbstractResolver | None = None


class WebhookChannel(FanOut):
    """One POST for each message; only https, and http only to addresses that are allowed."""

    def __init__(
        self,
        sender: WebhookSender,
        provider: str = "webhook",
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(provider)
        self.sender = sender
        self._now = now
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    @property
    def calls(self) -> int:
        return self.sender.concurrency

    async def call(self, outgoing: Outgoing) -> Outcome:
        result, code = Result.ACCEPTED, ""
        url = callable_url(outgoing.address, self.sender.allowed)
        if url is None:
            return Outcome(message_key=outgoing.message_key, result=Result.FAILED, code=FORBIDDEN)
        body = _body(outgoing)
        name = f"msg_{outgoing.message_key}"
        headers = signed_calls.headers(self.sender.secret, name, self._now(), body)
        try:
            async with self._open(secure=url.scheme == "https").post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                status = response.status
        except aiohttp.ClientConnectorError as lost:
            forbidden = isinstance(lost.os_error, ForbiddenAddressError)
            result = Result.FAILED if forbidden else Result.RETRY
            code = FORBIDDEN if forbidden else "no_connection"
        except aiohttp.ConnectionTimeoutError:
            result, code = Result.RETRY, "no_connection"
        except (aiohttp.ClientError, TimeoutError):
            result, code = Result.AMBIGUOUS, "no_answer"
        else:
            if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
                code = str(status)
                result = judge(self.provider, code, status)
        return Outcome(message_key=outgoing.message_key, result=result, code=code)

    def _open(self, *, secure: bool) -> aiohttp.ClientSession:
        """The session for https, or the one for http, which resolves no name to the outside."""
        if secure not in self._sessions:
            sender = self.sender
            resolver = Outward(sender.allowed, sender.resolver, public=secure)
            self._sessions[secure] = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(
                    total=sender.timeout_s, sock_connect=sender.timeout_s / 2
                ),
                connector=aiohttp.TCPConnector(limit=sender.concurrency, resolver=resolver),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            self._closers.append(self._sessions[secure].close)
        return self._sessions[secure]


def _body(outgoing: Outgoing) -> bytes:
    text = outgoing.text
    return orjson.dumps(
        {
            "type": "outage.message",
            "data": {
                "message": outgoing.message_key,
                "template": text.template,
                "language": text.language,
                "subject": text.subject,
                "text": outgoing.body,
                "html": outgoing.html,
            },
        }
    )
