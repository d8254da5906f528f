"""SMS through Twilio's SDK: its async client, a bounded number of calls at a time."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from notifier.channels.base import TIMEOUT_S, Outcome, Outgoing, Result, not_sent
from notifier.channels.codes import judge

if TYPE_CHECKING:
    from collections.abc import Awaitable

LONGEST_VALIDITY_S = 36_000
"""Twilio drops what it has queued for ten hours, and takes no longer ValidityPeriod."""
CALLBACK_OPTIONS = "#rc=5&rp=all"
"""Connection overrides: callbacks are tried five times, after any failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioAccount:
    """How to reach Twilio. ``base_url`` stands in for its API host (the simulator)."""

    account_sid: str
    auth_token: str
    messaging_service_sid: str = ""
    sender: str = ""
    base_url: str = ""
    hooks_url: str
    timeout_s: float = TIMEOUT_S
    concurrency: int = 50


class _Http(AsyncTwilioHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's async transport with a time-out, without retries, and mute.

    The SDK passes no time-out of its own on to aiohttp, which then waits for
    ever, and logs whole requests, phone numbers among them.
    """

    def __init__(self, account: TwilioAccount) -> None:
        super().__init__(pool_connections=False, timeout=account.timeout_s)
        self.base = urlsplit(account.base_url)
        self.client_timeout = aiohttp.ClientTimeout(
            total=account.timeout_s, sock_connect=account.timeout_s / 2
        )
        self.session = aiohttp.ClientSession(
            timeout=self.client_timeout,
            connector=aiohttp.TCPConnector(limit=account.concurrency),
        )

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
            data=data,
            headers={**(headers or {}), **_authorization(auth)},
            timeout=aiohttp.ClientTimeout(total=timeout) if timeout else self.client_timeout,
            allow_redirects=allow_redirects,
        ) as response:
            return Response(response.status, await response.text(), response.headers)


def _authorization(auth: tuple[str, str] | None) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(*auth)} if auth else {}


class SmsChannel:
    """Texts, sent one call each, up to ``concurrency`` at a time over kept connections."""

    provider = "twilio"

    def __init__(self, account: TwilioAccount) -> None:
        self.account = account
        self._loop = asyncio.new_event_loop()
        self._http: _Http | None = None

    def send(self, batch: Sequence[Outgoing], may_send: Callable[[], bool]) -> Iterator[Outcome]:
        """Send a batch; outcomes come in the order in which the provider answers."""
        outcomes = self._send(batch, may_send)
        try:
            while (outcome := self._run(anext(outcomes, None))) is not None:
                yield outcome
        finally:
            self._run(outcomes.aclose())

    def close(self) -> None:
        """Close the connections and the loop they live in."""
        if self._http is not None:
            self._run(self._http.session.close())
        self._loop.close()

    def _run(self, work: "Awaitable[Any]") -> Any:  # noqa: ANN401  # whatever the work returns
        return self._loop.run_until_complete(work)

    async def _send(
        self, batch: Sequence[Outgoing], may_send: Callable[[], bool]
    ) -> AsyncGenerator[Outcome]:
        if self._http is None:
            self._http = _Http(self.account)
        account = self.account
        client = Client(account.account_sid, account.auth_token, http_client=self._http)
        free = asyncio.Semaphore(account.concurrency)
        calls = [
            asyncio.ensure_future(self._send_one(client, outgoing, may_send, free))
            for outgoing in batch
        ]
        try:
            for done in asyncio.as_completed(calls):
                yield await done
        finally:
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

    async def _send_one(
        self,
        client: Client,
        outgoing: Outgoing,
        may_send: Callable[[], bool],
        free: asyncio.Semaphore,
    ) -> Outcome:
        async with free:
            if not may_send():
                return not_sent(outgoing)
            try:
                message = await client.messages.create_async(**self._parameters(outgoing))
            except (TwilioRestException, TwilioServiceException) as refusal:
                return self._refused(outgoing, refusal.status, str(refusal.code or ""))
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
                return self._lost(outgoing, Result.RETRY, "no_connection")
            except (aiohttp.ClientError, TimeoutError, ValueError):
                # ValueError: an answer that is not JSON says nothing about the message.
                return self._lost(outgoing, Result.AMBIGUOUS, "no_answer")
            return Outcome(
                message_key=outgoing.message_key, result=Result.ACCEPTED, provider_id=message.sid
            )

    def _parameters(self, outgoing: Outgoing) -> dict[str, object]:
        account = self.account
        parameters: dict[str, object] = {
            "to": outgoing.address,
            "body": outgoing.text.body,
            "status_callback": (
                f"{account.hooks_url}/hooks/twilio/status"
                f"?m={outgoing.message_key}{CALLBACK_OPTIONS}"
            ),
        }
        if account.messaging_service_sid:
            parameters["messaging_service_sid"] = account.messaging_service_sid
        else:
            parameters["from_"] = account.sender
        if outgoing.valid_for_s is not None:
            parameters["validity_period"] = max(1, min(outgoing.valid_for_s, LONGEST_VALIDITY_S))
        return parameters

    def _refused(self, outgoing: Outgoing, status: int, code: str) -> Outcome:
        return Outcome(
            message_key=outgoing.message_key,
            result=judge(self.provider, code, status),
            code=code or str(status),
        )

    @staticmethod
    def _lost(outgoing: Outgoing, result: Result, code: str) -> Outcome:
        return Outcome(message_key=outgoing.message_key, result=result, code=code)
