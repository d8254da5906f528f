"""The `page` process: hands out published bytes and streams what changes.

It knows a folder and, if there is one, a bell. It has no database, no site file and no secret;
whatever it says about a utility stands in the published files.
"""

import asyncio
import contextlib
import ipaddress
import resource
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from types import FrameType
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from status_page.answers import KeptAnswers
from status_page.broadcaster import Broadcaster
from status_page.forwarding import Forwarding
from status_page.headers import SecurityHeaders
from status_page.metrics import metrics_of
from status_page.pages import Pages, problem
from status_page.shelf import Shelf
from status_page.stream import Stream
from status_page.wake import listen

MOST_STREAMS = 19_000
MOST_FROM_ONE = 1_000
_SPARE_FILES = 256
"""Descriptors kept for page requests when streams take the rest."""


def create_app(
    folder: Path,
    redis_url: str | None = None,
    *,
    most_streams: int = MOST_STREAMS,
    most_from_one: int = MOST_FROM_ONE,
    trusted: Sequence[IPv4Network | IPv6Network] = (),
    forwarding: Forwarding | None = None,
) -> Starlette:
    """Build the application over a published folder.

    Args:
        folder: Where the publisher writes; it need not exist yet.
        redis_url: Makes changes appear sooner than the next look, a quarter of a second away.
        most_streams: Open streams; beyond them 503, and browsers poll the pointer instead.
        most_from_one: The same for streams from one address, or one IPv6 network of 64 bits.
        trusted: Proxies that are believed when they say for whom they ask.
        forwarding: Where paths go that no file answers; without it there are none.
    """
    pages = Pages(Shelf(folder))
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = most_streams if files < 0 else max(1, min(most_streams, files - _SPARE_FILES))
    broadcaster = Broadcaster(folder, most_streams=most, most_from_one=most_from_one)

    tasks: list[asyncio.Task[None]] = []

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await broadcaster.look()
        tasks[:] = [asyncio.create_task(broadcaster.run(), name="watch the pointer")]
        if redis_url:
            tasks.append(asyncio.create_task(listen(redis_url, broadcaster.look_now)))
        with _before_stopping(broadcaster.close):
            yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if forwarding is not None:
            await forwarding.close()

    async def healthy(_request: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers={"cache-control": "no-store"})

    async def ready(request: Request) -> Response:
        return _readiness(request, broadcaster, tasks)

    async def metrics(request: Request) -> Response:
        if not _is_local(request):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return PlainTextResponse(metrics_of(broadcaster))

    routes = [
        Route("/", pages.home),
        Route("/outages/{id}", pages.outage),
        Route("/status.json", pages.pointer),
        Route("/generations/{name:path}", pages.generation),
        Route("/feeds/{name:path}", pages.feed),
        Route("/embed", pages.embed),
        Route("/static/{name}", pages.static),
        Route("/tiles/{name}", pages.tiles),
        Route("/healthz", healthy),
        Route("/readyz", ready),
        Route("/metrics", metrics),
        *(() if forwarding is None else forwarding.routes(pages.away)),
        Route("/{language}", pages.add_slash),
        Route("/{language}/", pages.home),
        Route("/{language}/outages/{id}", pages.outage),
    ]
    handlers: dict[Any, Any] = {HTTPException: pages.problem}
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(Stream, broadcaster=broadcaster, trusted=trusted),
            Middleware(KeptAnswers),
            Middleware(SecurityHeaders),
        ],
        exception_handlers=handlers,
        lifespan=lifespan,
    )
    app.state.broadcaster = broadcaster
    return app


@contextlib.contextmanager
def _before_stopping(end: Callable[[], None]) -> Iterator[None]:
    """Call ``end`` as soon as the process is told to stop.

    The server waits for open answers before it ends the lifespan, and a stream never ends by
    itself.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}

    def told(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(end)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for each in before:
        signal.signal(each, told)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _readiness(
    request: Request, broadcaster: Broadcaster, tasks: Sequence["asyncio.Task[None]"]
) -> Response:
    if broadcaster.pointer is None:
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, "Nothing is published yet")
    if any(task.done() for task in tasks):
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, "Changes are not watched for")
    found = {"status": "ready", "generation": broadcaster.pointer.id}
    return JSONResponse(found, headers={"cache-control": "no-store"})


def _is_local(request: Request) -> bool:
    forwarded = {"forwarded", "x-forwarded-for", "x-real-ip"} & set(request.headers.keys())
    host = request.client.host if request.client else ""
    try:
        return not forwarded and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
