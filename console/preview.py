"""`POST /api/v1/match`: who is inside, while a corner is being dragged; changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from console import access, bodies
from console.desk import Desk
from console.errors import NowhereSaid, TooManyPreviews
from gis.preview import Previewer
from outage import register
from outage.model import Service
from outage.rights import Right
from outage.site import Site

AT_ONCE = 2
"""Previews that are worked on together: the rest of the process goes on beside them."""
WAITING = 30
"""Previews that may wait for their turn."""
NOBODY_LISTENS = 499
"""The status for a client that has gone, as nginx has it; nobody gets to see it."""


class Previews:
    """Previews take turns; who has hung up loses theirs, and only so many may wait."""

    def __init__(self, previewer: Previewer) -> None:
        self.previewer = previewer
        self._turns = anyio.CapacityLimiter(AT_ONCE)

    async def answer(self, request: Request, raw: bytes) -> Response:
        """Answer one request when it is its turn.

        Raises `TooManyPreviews`, and what `gis.preview` raises.
        """
        return await self.in_turn(request, partial(self._work, request, raw))

    async def in_turn(self, request: Request, work: Callable[[], Response]) -> Response:
        """Do this when it is its turn, if somebody still waits for it. Raises `TooManyPreviews`."""
        if self._turns.statistics().tasks_waiting >= WAITING:
            raise TooManyPreviews(waiting=WAITING)
        async with self._turns:
            # The corner has been dragged on: nobody reads this answer any more.
            if await request.is_disconnected():
                return Response(status_code=NOBODY_LISTENS)
            return await anyio.to_thread.run_sync(work)

    def _work(self, request: Request, raw: bytes) -> Response:
        body = bodies.parse(raw, bodies.MatchBody)
        asked = body.asked()
        if asked is None:
            raise NowhereSaid(ways=", ".join(bodies.WAYS))
        facts = self.previewer.preview(
            asked, _service(request, body), against=body.difference_from, ids=body.ids
        )
        # Of one home after another it would say who depends on power.
        hidden = {} if request.state.caller.may(Right.MEDICAL) else {"medical": None}
        return JSONResponse({**facts, **hidden})


async def answer(request: Request) -> Response:
    """Answer a request, or raise what `problems` makes a document of."""
    desk: Desk = request.app.state.desk
    previews: Previews = request.app.state.previews
    access.check_origin(request, request.headers.get(access.CSRF_HEADER, ""))
    return await previews.answer(request, await bodies.read(request, desk.body_limit))


def _service(request: Request, body: bodies.MatchBody) -> Service:
    if body.service is not None:
        return body.service
    site: Site = request.app.state.site
    if body.difference_from is None:
        return site.services[0]
    desk: Desk = request.app.state.desk
    with desk.db.read() as conn:
        return register.load(conn, body.difference_from).service
