"""Calls to the utility's own CIS over HTTP, several at a time, and what each answer means."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from hashlib import sha256
from http import HTTPStatus
from typing import Any

import aiohttp
import orjson
from pydantic import BaseModel

from outage import signed_calls
from outage.outward import ForbiddenAddressError, Network, Outward, callable_url

PATH = "/v1/account-outages"
MOST_ANSWER = 1_000_000
"""Bytes of an answer that are read."""
LONGEST_WAIT_S = 3600.0
"""A CIS that asks for more patience is asked again after this."""
_AGAIN = frozenset(
    {
        # Of the way to it and not of what was said: nothing of that would be better left out.
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.MISDIRECTED_REQUEST,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Said(StrEnum):
    """What came of a call."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one call. ``code`` is a status or a word of ours or the CIS's, never its prose.

    ``refused`` are records of an accepted call that were not taken, by key; ``wait_s`` is how long
    the CIS asks to be left alone.
    """

    said: Said
    code: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)
    wait_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How the CIS is reached."""

    url: str
    secret: str = field(repr=False)
    allowed: Sequence[Network] = ()
    timeout_s: float = 20.0


class Caller:
    """Makes the calls, on an event loop of its own; use it from one thread."""

    def __init__(self, line: Line, now: Callable[[], float] = time.time) -> None:
        self._line, self._now = line, now
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session: aiohttp.ClientSession | None = None

    def close(self) -> None:
        """Give the connections back; they are opened again when they are needed."""
        if self._loop is None:
            return
        if self._session is not None:
            self._loop.run_until_complete(self._session.close())
        self._loop.close()
        self._loop = self._session = None

    def call(self, bodies: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """Make a call with each of the bodies, all at once; answers are in their order."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop.run_until_complete(self._all(bodies))

    async def _all(self, bodies: Sequence[Mapping[str, Any]]) -> list[Answer]:
        return await asyncio.gather(*(self._one(orjson.dumps(body)) for body in bodies))

    async def _one(self, sent: bytes) -> Answer:
        url = callable_url(f"{self._line.url}{PATH}", self._line.allowed)
        if url is None:
            return Answer(said=Said.FAILED, code="forbidden_address")
        # Of what is said: the same again has the same id.
        name = f"cis_{sha256(sent).hexdigest()[:32]}"
        headers = signed_calls.headers(self._line.secret, name, self._now(), sent)
        try:
            async with self._open(secure=url.scheme == "https").post(
                url, data=sent, headers=headers, allow_redirects=False
            ) as response:
                return judged(response.status, response.headers, await _read(response))
        except aiohttp.ClientConnectorError as lost:
            forbidden = isinstance(lost.os_error, ForbiddenAddressError)
            code = "forbidden_address" if forbidden else "no_connection"
        except (aiohttp.ClientError, TimeoutError):
            code = "no_answer"
        return Answer(said=Said.FAILED, code=code)

    def _open(self, *, secure: bool) -> aiohttp.ClientSession:
        if self._session is None:
            line = self._line
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=line.timeout_s),
                connector=aiohttp.TCPConnector(resolver=Outward(line.allowed, public=secure)),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """What was answered, or None where it is longer than any answer of the contract."""
    read = bytearray()
    async for part in response.content.iter_chunked(65_536):
        read += part
        if len(read) > MOST_ANSWER:
            return None
    return bytes(read)


def judged(status: int, headers: Mapping[str, str], answer: bytes | None) -> Answer:
    """What an answer means: a 2xx may refuse single records, another 4xx refuses the whole."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        try:
            return Answer(said=Said.ACCEPTED, refused=_refused(answer))
        except ValueError:
            # Who answers what is none of the contract may have taken it or not.
            return Answer(said=Said.FAILED, code="unreadable")
    code = str(status)
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _AGAIN:
        return Answer(said=Said.REFUSED, code=code)
    return Answer(said=Said.FAILED, code=code, wait_s=_wait_s(headers.get("Retry-After", "")))


class _Refusal(BaseModel):
    key: str
    code: str = ""


class _Taken(BaseModel):
    """What the contract has a CIS say that has taken a call; more is passed over."""

    refused: list[_Refusal] = []


def _refused(answer: bytes | None) -> dict[str, str]:
    """Which records were not taken, and why. Raises `ValueError` for what is no such answer."""
    if answer is None:
        raise ValueError("longer than any answer of the contract")
    if not answer.strip():
        return {}
    # A word alone: a sentence might quote somebody's name or number.
    return {
        one.key: one.code if _CODE.fullmatch(one.code) else "refused"
        for one in _Taken.model_validate_json(answer).refused
    }


def _wait_s(given: str) -> float | None:
    """Seconds of `Retry-After`, which is a number of them or a date."""
    text = given.strip()
    if text.isascii() and text.isdecimal():
        wait_s = float(text[:9])
    else:
        try:
            until = parsedate_to_datetime(text)
        except ValueError:
            return None
        aware = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
        wait_s = (aware - datetime.now(UTC)).total_seconds()
    return min(max(wait_s, 0.0), LONGEST_WAIT_S)
