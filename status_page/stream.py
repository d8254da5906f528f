"""`/stream`: what changes, as server-sent events."""

import asyncio
import contextlib
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from outage import visitors
from status_page.broadcaster import Broadcaster
from status_page.crowd import Client, Refusal, origin_of
from status_page.frames import Wanted
from status_page.headers import SECURITY, SecurityHeaders
from status_page.pages import problem
from status_page.protocol import CONNECTION, Protocol

PATH = "/stream"
_LONGEST_ID = 60
_LONGEST_NAME = 100
_UNHEARD_MS = 30_000
"""After which the system gives up a connection whose other end acknowledges nothing."""
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_BEGIN: Message = {
    "type": "http.response.start",
    "status": int(HTTPStatus.OK),
    "headers": [*_HEADERS, *((name.encode(), value.encode()) for name, value in SECURITY.items())],
}
_END: Message = {"type": "http.response.body", "body": b""}
_WHY = {
    Refusal.NOTHING: "Nothing has been published yet; try again in a few seconds",
    Refusal.CLOSING: "This server is being stopped; read /status.json meanwhile",
    Refusal.FULL: "No more live streams can be opened now; read /status.json instead",
    Refusal.ADDRESS: "Too many live streams are open from your network; read /status.json instead",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What one request asks for, from the generation that it has."""

    origin: str
    language: str
    wanted: Wanted
    have: str


class Stream:
    """Answers `/stream` itself, and lets the inner application answer everything else.

    It stands before the router and all that is around it: each layer would be kept for each of
    the thousands of streams as long as they are open.
    """

    def __init__(
        self,
        app: ASGIApp,
        broadcaster: Broadcaster,
        trusted: Sequence[IPv4Network | IPv6Network] = (),
    ) -> None:
        self.app = app
        self._broadcaster = broadcaster
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        origin = self._origin(request)
        refused = self._refused(request, origin)
        if refused is not None:
            await SecurityHeaders(refused)(scope, receive, send)
        elif scope["method"] == "HEAD":
            await send(_BEGIN)
            await send(_END)
        else:
            asked = self._asked(request, origin)
            # What waits below, for hours, needs it no more.
            del request
            await self._hold(scope, asked, send)

    def _refused(self, request: Request, origin: str) -> Response | None:
        if request.method not in {"GET", "HEAD"}:
            status = HTTPStatus.METHOD_NOT_ALLOWED
            return problem(request, status, status.phrase, {"allow": "GET, HEAD"})
        refusal = self._broadcaster.refusal(origin)
        if refusal is not None:
            later = str(random.randint(5, 30))  # noqa: S311 spreads reconnections
            status = HTTPStatus.SERVICE_UNAVAILABLE
            return problem(request, status, _WHY[refusal], {"retry-after": later})
        if request.method == "GET" and CONNECTION not in request.scope.get("extensions", {}):
            status = HTTPStatus.NOT_IMPLEMENTED
            return problem(request, status, "This server keeps no live streams open")
        return None

    async def _hold(self, scope: Scope, asked: _Asked, send: Send) -> None:
        connection: Protocol = scope["extensions"][CONNECTION][""]
        client = Client(
            transport=connection.transport,
            origin=asked.origin,
            over=asyncio.get_running_loop().create_future(),
        )
        crowd = self._broadcaster.crowd
        crowd.join(client)
        connection.on_lost = client.end
        _give_up_when_unheard(connection.transport)
        try:
            # By the server, which knows how: chunks follow, since no length is said.
            await send(_BEGIN)
            await self._broadcaster.greet(client, asked.have, asked.language, asked.wanted)
            # What they asked with is needed no more.
            scope["headers"].clear()
            await client.over
            await send(_END)
        finally:
            crowd.leave(client)
            connection.on_lost = None

    def _asked(self, request: Request, origin: str) -> _Asked:
        language, wanted = self._wanted(request)
        # A browser's script cannot set the header; it says in the address what its page holds.
        have = request.headers.get("last-event-id") or request.query_params.get("from", "")
        return _Asked(origin=origin, language=language, wanted=wanted, have=have[:_LONGEST_ID])

    def _wanted(self, request: Request) -> tuple[str, Wanted]:
        asked = request.query_params
        pointer = self._broadcaster.pointer
        languages = pointer.languages if pointer is not None else ()
        language = asked.get("lang", "")
        if language not in languages:
            language = next(iter(languages), "")
        # Cut off: a name that long is none, and one is kept for every group of streams.
        return language, Wanted(
            outage=asked.get("outage", "")[:_LONGEST_ID].upper(),
            area=asked.get("area", "").strip()[:_LONGEST_NAME].casefold(),
        )

    def _origin(self, request: Request) -> str:
        peer = request.client.host if request.client else ""
        forwarded = ", ".join(request.headers.getlist("x-forwarded-for")) if self._trusted else ""
        return origin_of(visitors.address(peer, forwarded, self._trusted))


def _give_up_when_unheard(transport: asyncio.Transport) -> None:
    """A phone that has left its network says nothing; what is sent to it waits in the system."""
    peer: socket.socket | None = transport.get_extra_info("socket")
    if peer is not None and peer.family in {socket.AF_INET, socket.AF_INET6}:
        with contextlib.suppress(OSError):
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNHEARD_MS)
