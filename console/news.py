"""What has changed, for pages that keep themselves up to date: one stream for each tab.

One task looks, for all of them, and only while somebody has a page open. The bell makes it look
sooner; without it each second is soon enough. A stream says that something has changed and never
what: the page asks for that itself, with its own rights.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator

import anyio
import anyio.to_thread
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from console import access
from console.errors import TooManyLook
from console.routing import ForPeople
from outage import journal
from outage import tables as t
from outage.bell import JOURNAL, Bell
from outage.database import Database
from outage.errors import ForbiddenError, NotSignedInError, OutageError
from outage.rights import Right

MOST = 300
"""Streams of the whole process."""
LOOKS_S, RESTS_S = 1.0, 2.0
"""How often it looks when no bell rings, and how long it leaves pages alone after a change."""
BEATS_S = 15.0
"""How often a stream that has nothing to say shows that it lives, and looks who listens."""
SENDS_S = 10


def routes() -> list[BaseRoute]:
    """The stream."""
    return [ForPeople("/news", stream, right=Right.SEE, methods=["GET"], used=False)]


class News:
    """Tells open pages that something has changed."""

    def __init__(self, db: Database, bell: Bell) -> None:
        self._db, self._bell = db, bell
        self._listeners = 0
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.mark = ""

    @property
    def is_full(self) -> bool:
        """Whether no more streams are taken."""
        return self._listeners >= MOST

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Look for changes as long as anybody is in here."""
        self._listeners += 1
        try:
            if self._task is None:
                mark = await anyio.to_thread.run_sync(self._look)
                # Who came meanwhile may have begun already.
                if self._task is None:
                    self._changed, self.mark = asyncio.Event(), mark
                    self._task = asyncio.create_task(self._watch())
            yield
        finally:
            self._listeners -= 1
            if not self._listeners and self._task is not None:
                self._task.cancel()
                self._task = None

    async def after(self, mark: str) -> str:
        """Wait until something has changed since ``mark``, or for a beat; return the new mark."""
        with anyio.move_on_after(BEATS_S):
            while self.mark == mark:
                await self._changed.wait()
        return self.mark

    async def _watch(self) -> None:
        ring, stop = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def wake() -> None:
            # It may ring once more while the loop is being closed.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(ring.set)

        ear = threading.Thread(target=self._bell.listen, args=(wake, stop, JOURNAL), daemon=True)
        ear.start()
        try:
            while True:
                with anyio.move_on_after(LOOKS_S):
                    await ring.wait()
                ring.clear()
                # A database that is away for a moment is no news, and ends no stream.
                with contextlib.suppress(OutageError, SQLAlchemyError):
                    await self._tell(await anyio.to_thread.run_sync(self._look))
        finally:
            stop.set()

    async def _tell(self, mark: str) -> None:
        if mark == self.mark:
            return
        self.mark = mark
        before, self._changed = self._changed, asyncio.Event()
        before.set()
        await asyncio.sleep(RESTS_S)

    def _look(self) -> str:
        """What is newest of all that a page shows; asked by keys alone."""
        newest = (
            sa.func.max(column)
            for column in (t.approvals.c.number, t.public_reports.c.key, t.replies.c.key)
        )
        with self._db.read() as conn:
            keys = [conn.execute(sa.select(each)).scalar() or 0 for each in newest]
            return "-".join(map(str, (journal.last_number(conn), *keys)))


async def stream(request: Request) -> Response:
    """Say when something has changed, until the session ends or the page is left."""
    news: News = request.app.state.news
    if news.is_full:
        raise TooManyLook
    return EventSourceResponse(
        _events(request, news),
        ping=int(4 * BEATS_S),
        send_timeout=SENDS_S,
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _events(request: Request, news: News) -> AsyncIterator[ServerSentEvent]:
    async with news.listening():
        mark = news.mark
        yield ServerSentEvent(event="beat", data=mark)
        while True:
            now = await news.after(mark)
            if not await anyio.to_thread.run_sync(_still_in, request):
                yield ServerSentEvent(event="ended", data="")
                return
            yield ServerSentEvent(event="beat" if now == mark else "changed", data=now)
            mark = now


def _still_in(request: Request) -> bool:
    db: Database = request.app.state.db
    try:
        with db.read() as conn:
            access.allowed(conn, request)
    except (NotSignedInError, ForbiddenError):
        return False
    except (OutageError, SQLAlchemyError):
        # Nobody can say so now: it is looked again at the next beat.
        return True
    return True
