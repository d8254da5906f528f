"""`/stream`: what changes, as server-sent events."""

import asyncio
import random
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from status_page.broadcaster import Broadcaster
from status_page.pages import problem
from status_page.protocol import HANG_UP

_LONGEST_ID = 40
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class Stream:
    """One open stream per request, fed by the process's broadcaster."""

    def __init__(self, broadcaster: Broadcaster) -> None:
        self._broadcaster = broadcaster

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.method not in {"GET", "HEAD"}:
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"allow": "GET, HEAD"})
        pointer = self._broadcaster.pointer
        if pointer is None or self._broadcaster.is_full:
            self._broadcaster.figures.refused += 1
            later = str(random.randint(5, 30))  # noqa: S311 spreads reconnections
            answer = problem(
                request,
                HTTPStatus.SERVICE_UNAVAILABLE,
                "No more live streams can be opened now; read /status.json instead",
                {"retry-after": later},
            )
            await answer(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": _HEADERS})
        if request.method == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        wanted = request.query_params.get("lang", "")
        language = wanted if wanted in pointer.languages else pointer.languages[0]
        await self._stream(request, language, receive, send)

    async def _stream(self, request: Request, language: str, receive: Receive, send: Send) -> None:
        # Cut off: a name that long is no id, and one is kept for every open stream.
        outage = request.query_params.get("outage", "")[:_LONGEST_ID].upper()
        extensions = request.scope.get("extensions") or {}
        hang_up = extensions.get(HANG_UP, {}).get("", lambda: None)
        client = self._broadcaster.join(language, outage, hang_up)

        async def watch_for_the_end() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            client.close()

        watching = asyncio.create_task(watch_for_the_end())
        # A browser's script cannot set the header; it says in the address what its page holds.
        have = request.headers.get("last-event-id") or request.query_params.get("from", "")
        try:
            await self._broadcaster.greet(client, have)
            async for content in self._broadcaster.lines(client):
                await send({"type": "http.response.body", "body": content, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except asyncio.CancelledError:
            # Dropped because it did not read; anything else that cancels goes on upwards.
            if not client.closed:
                raise
        finally:
            watching.cancel()
            self._broadcaster.leave(client)
