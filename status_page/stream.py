"""`/stream`: what changes, as server-sent events."""

import asyncio
import contextlib
import random
import socket
from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from outage import visitors
from status_page.broadcaster import Broadcaster
from status_page.crowd import Client, Refusal, origin_of
from status_page.frames import Wanted
from status_page.pages import problem
from status_page.protocol import CONNECTION, Protocol

_LONGEST_ID = 40
_LONGEST_NAME = 100
_UNHEARD_MS = 30_000
"""After which the system gives up a connection whose other end acknowledges nothing."""
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_WHY = {
    Refusal.NOTHING: "Nothing has been published yet; try again in a few seconds",
    Refusal.CLOSING: "This server is being stopped; read /status.json meanwhile",
    Refusal.FULL: "No more live streams can be opened now; read /status.json instead",
    Refusal.ADDRESS: "Too many live streams are open from your network; read /status.json instead",
}


class Stream:
    """One open stream per request, fed by the process's broadcaster."""

    def __init__(
        self, broadcaster: Broadcaster, trusted: Sequence[IPv4Network | IPv6Network] = ()
    ) -> None:
        self._broadcaster = broadcaster
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.method not in {"GET", "HEAD"}:
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"allow": "GET, HEAD"})
        origin = self._origin(request)
        refusal = self._broadcaster.refusal(origin)
        if refusal is not None:
            later = str(random.randint(5, 30))  # noqa: S311 spreads reconnections
            answer = problem(
                request, HTTPStatus.SERVICE_UNAVAILABLE, _WHY[refusal], {"retry-after": later}
            )
            await answer(scope, receive, send)
            return
        if request.method == "HEAD":
            await _begin(send)
            await send({"type": "http.response.body", "body": b""})
            return
        connection: Protocol | None = scope.get("extensions", {}).get(CONNECTION, {}).get("")
        if connection is None:
            raise HTTPException(HTTPStatus.NOT_IMPLEMENTED)
        await self._stream(request, connection, origin, send)

    async def _stream(
        self, request: Request, connection: Protocol, origin: str, send: Send
    ) -> None:
        language, wanted = self._wanted(request)
        # A browser's script cannot set the header; it says in the address what its page holds.
        have = request.headers.get("last-event-id") or request.query_params.get("from", "")
        client = Client(
            transport=connection.transport,
            origin=origin,
            over=asyncio.get_running_loop().create_future(),
        )
        crowd = self._broadcaster.crowd
        crowd.join(client)
        connection.on_lost = client.end
        _give_up_when_unheard(connection.transport)
        try:
            # By the server, which knows how: chunks follow, since no length is said.
            await _begin(send)
            await self._broadcaster.greet(client, have, language, wanted)
            # Thousands wait here: what they asked with is needed no more.
            request.scope["headers"].clear()
            await client.over
            await send({"type": "http.response.body", "body": b""})
        finally:
            crowd.leave(client)
            connection.on_lost = None

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


async def _begin(send: Send) -> None:
    await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": _HEADERS})


def _give_up_when_unheard(transport: asyncio.Transport) -> None:
    """A phone that has left its network says nothing; what is sent to it waits in the system."""
    peer: socket.socket | None = transport.get_extra_info("socket")
    if peer is not None and peer.family in {socket.AF_INET, socket.AF_INET6}:
        with contextlib.suppress(OSError):
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNHEARD_MS)
