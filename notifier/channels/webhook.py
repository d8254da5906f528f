"""Webhooks: each message posted to a URL, signed as Standard Webhooks has it.

Source: standardwebhooks.com, version 1.0. The id stays the same when a message is sent again, so
that who receives it twice can tell.
"""

import base64
import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus

import aiohttp
import orjson
from aiohttp.abc import AbstractResolver
from yarl import URL

from notifier.channels.base import TIMEOUT_S, Outcome, Outgoing, Result
from notifier.channels.codes import judge
from notifier.channels.fan_out import FanOut
from notifier.channels.outward import ForbiddenAddressError, Network, Outward, may_call

SECRET_PREFIX = "whsec_"  # noqa: S105  # how every such secret begins
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
        url = self._url(outgoing.address)
        if url is None:
            return Outcome(message_key=outgoing.message_key, result=Result.FAILED, code=FORBIDDEN)
        body = _body(outgoing)
        try:
            async with self._open(secure=url.scheme == "https").post(
                url, data=body, headers=self._headers(outgoing, body), allow_redirects=False
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

    def _url(self, address: str) -> URL | None:
        """The URL to post to; none when it is no address that may be called."""
        try:
            url = URL(address)
        except ValueError:
            return None
        host, secure = url.host or "", url.scheme == "https"
        plain = url.scheme == "http" and bool(self.sender.allowed)
        if not host or url.user is not None or not (secure or plain):
            return None
        # A name is looked at where it is resolved; of a plain URL nothing outside is called.
        forbidden = _is_ip(host) and not may_call(host, self.sender.allowed, public=secure)
        return None if forbidden else url

    def _headers(self, outgoing: Outgoing, body: bytes) -> dict[str, str]:
        name, at = f"msg_{outgoing.message_key}", str(int(self._now()))
        return {
            "Content-Type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": at,
            "webhook-signature": signature(self.sender.secret, name, at, body),
        }

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


def signature(secret: str, name: str, at: str, body: bytes) -> str:
    """The signature of one message, over its id, its timestamp and its bytes."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    made = hmac.new(key, f"{name}.{at}.".encode() + body, sha256)
    return f"v1,{base64.b64encode(made.digest()).decode()}"


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


def _is_ip(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
