"""Twilio's SDK as this system uses it: async, with a time-out, without retries, mute, paced."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from twilio.base.exceptions import (
    TwilioException,
    TwilioRestException,
    TwilioServiceException,
)
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from notifier.channels.base import (
    TIMEOUT_S,
    Absent,
    Finding,
    Found,
    Outcome,
    Outgoing,
    Result,
    Silent,
    Sought,
    Trace,
)
from notifier.channels.codes import judge
from notifier.channels.fan_out import FanOut
from notifier.channels.pace import Pace

CALLBACK_OPTIONS = "#rc=5&rp=all"
"""Connection overrides: callbacks are tried five times, after any failure."""
LOAD_HEADER = "Twilio-Concurrent-Requests"
CLOCKS_APART = timedelta(minutes=2)
"""How far Twilio's clock may be from the database's."""
MOST_PAGES = 20
"""Of what went to one number since a message was tried; with more, no answer is sure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioAccount:
    """How to reach Twilio. ``base_url`` stands in for its API host (the simulator).

    ``concurrency`` is the most calls that are ever under way at a time.
    """

    account_sid: str
    auth_token: str = field(repr=False)
    messaging_service_sid: str = ""
    sender: str = ""
    base_url: str = ""
    hooks_url: str
    timeout_s: float = TIMEOUT_S
    concurrency: int = 200


class Twilio(AsyncTwilioHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's client over one session, and the pace that its answers allow.

    The SDK passes no time-out of its own on to aiohttp, which then waits for
    ever, and logs whole requests, phone numbers among them.
    """

    def __init__(self, account: TwilioAccount) -> None:
        super().__init__(pool_connections=False, timeout=account.timeout_s)
        self.base = urlsplit(account.base_url)
        self.pace = Pace.of(account.concurrency)
        self.client_timeout = aiohttp.ClientTimeout(
            total=account.timeout_s, sock_connect=account.timeout_s / 2
        )
        self.session = aiohttp.ClientSession(
            timeout=self.client_timeout,
            connector=aiohttp.TCPConnector(limit=account.concurrency),
        )
        self.client = Client(account.account_sid, account.auth_token, http_client=self)

    async def request(  # noqa: PLR0917  # the SDK's own signature
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # the SDK's own signature
        allow_redirects: bool = False,  # noqa: FBT001, FBT002  # the SDK's own signature
    ) -> Response:
        if self.base.netloc:
            url = urlsplit(url)._replace(scheme=self.base.scheme, netloc=self.base.netloc).geturl()
        async with self.session.request(
            method.upper(),
            url,
            params=params,
            data=None if data is None else urlencode(data, doseq=True),
            headers={**(headers or {}), **_authorization(auth)},
            timeout=aiohttp.ClientTimeout(total=timeout) if timeout else self.client_timeout,
            allow_redirects=allow_redirects,
        ) as response:
            self._heed(response.status, response.headers)
            return Response(response.status, await response.text(), response.headers)

    def _heed(self, status: int, headers: Mapping[str, str]) -> None:
        given = headers.get(LOAD_HEADER, "")
        load = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else None  # noqa: PLR2004  # no load has ten digits
        judged = self.pace.refused if status == HTTPStatus.TOO_MANY_REQUESTS else self.pace.answered
        self.pace = judged(load=load, now=time.monotonic())


def _authorization(auth: tuple[str, str] | None) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(*auth)} if auth else {}


class TwilioChannel(FanOut):
    """What all channels at Twilio share: one session, and the pace that its answers allow."""

    can_ask = True

    def __init__(self, account: TwilioAccount, provider: str) -> None:
        super().__init__(provider)
        self.account = account
        self._twilio: Twilio | None = None

    @property
    def calls(self) -> int:
        return self._twilio.pace.calls if self._twilio else self.account.concurrency

    @property
    def client(self) -> Client:
        """The SDK's client; it is opened by the first call, in the loop that it is used in."""
        if self._twilio is None:
            self._twilio = Twilio(self.account)
            self._closers.append(self._twilio.session.close)
        return self._twilio.client

    def callback(self, hook: str, message_key: int) -> str:
        """The URL by which Twilio tells of a message."""
        return f"{self.account.hooks_url}/hooks/twilio/{hook}?m={message_key}{CALLBACK_OPTIONS}"


async def said_by_twilio(provider: str, outgoing: Outgoing, call: Awaitable[Any]) -> Outcome:
    """What a call that creates something at Twilio came to."""
    result, provider_id, code = Result.ACCEPTED, "", ""
    try:
        provider_id = (await call).sid or ""
        if not provider_id:
            # A proxy's answer, perhaps: Twilio names what it took.
            result, code = Result.AMBIGUOUS, "no_id"
    except (TwilioRestException, TwilioServiceException) as refusal:
        code = str(refusal.code or refusal.status)
        result = judge(provider, code, refusal.status)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        result, code = Result.RETRY, "no_connection"
    except (aiohttp.ClientError, TimeoutError, ValueError):
        # ValueError: an answer that is not JSON says nothing about the message.
        result, code = Result.AMBIGUOUS, "no_answer"
    return Outcome(
        message_key=outgoing.message_key, result=result, provider_id=provider_id, code=code
    )


async def listed_by_twilio(
    sought: Sought, first_page: Awaitable[Any], is_it: Callable[[Any], bool]
) -> Finding:
    """What a list of what went to one number has of a message; ``is_it`` knows it.

    The list is not narrowed down by time: it filters by when a message was sent, which one that
    still waits there has not been. It begins with the newest.
    """
    key, earliest = sought.message_key, sought.since - CLOCKS_APART
    traces: list[Trace] = []
    try:
        page = await first_page
        for _ in range(MOST_PAGES):
            lately = [one for one in page if one.date_created >= earliest] if page else []
            if not lately:
                # The oldest first: what was tried first was taken first.
                return (
                    Found(message_key=key, traces=tuple(traces[::-1]))
                    if traces
                    else Absent(message_key=key)
                )
            traces += [_trace(one) for one in lately if is_it(one)]
            page = await page.next_page_async()
    except TwilioException as refusal:
        return Silent(message_key=key, code=_status(refusal))
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return Silent(message_key=key, code="no_answer")
    return Silent(message_key=key, code="too_many")


def _trace(listed: Any) -> Trace:  # noqa: ANN401  # the SDK ships no types
    code = getattr(listed, "error_code", None)
    return Trace(
        provider_id=listed.sid, event=str(listed.status), code="" if code is None else str(code)
    )


def _status(refusal: TwilioException) -> str:
    """The HTTP status; the SDK hands a list's answer on as it came."""
    answers = [given for given in refusal.args if isinstance(given, Response)]
    return str(answers[0].status_code) if answers else "no_answer"
