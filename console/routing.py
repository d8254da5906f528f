"""Routes that name the right they need, and are not reached without it.

A route that names none cannot be made part of the application: it fails at the start, and not
when somebody finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import anyio.to_thread
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

from console import access
from outage import sessions
from outage.database import Database
from outage.rights import Right


class Open(Route):
    """A route for everybody: signs of life, the style sheet, and what signing in needs."""


class Guarded(Route):
    """A route for who has a right. The endpoint finds the caller in ``request.state.caller``.

    It looks before anything of a body is read. What the endpoint then writes, it looks for again
    in its own transaction (`access.allowed`): a body can take minutes to arrive.

    ``used``: whoever asks uses their session. What a page asks for by itself, while nobody may be
    sitting there, keeps no session alive.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        right: Right,
        methods: Sequence[str] = ("GET",),
        used: bool = True,
    ) -> None:
        super().__init__(path, endpoint, methods=list(methods))
        self.right = right
        self.used = used

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look who asks, and hand on."""
        if self.methods and scope["method"] in self.methods:
            scope["right"] = self.right
            request = Request(scope)
            db: Database = scope["app"].state.db

            def look() -> access.Caller:
                with db.read() as conn:
                    caller = access.allowed(conn, request)
                if self.used and caller.session is not None and sessions.is_due(caller.session):
                    with db.write() as conn:
                        sessions.note_use(conn, caller.session.key)
                return caller

            request.state.caller = await anyio.to_thread.run_sync(look)
        await super().handle(scope, receive, send)


class ForPeople(Guarded):
    """A page, for who is signed in; a token opens none."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Say so before it is looked who asks."""
        scope[access.PEOPLE] = True
        await super().handle(scope, receive, send)


def check(routes: Iterable[BaseRoute]) -> None:
    """Refuse routes that do not say who may use them. Raises `RuntimeError`."""
    for path, route in walk(routes):
        if not isinstance(route, Open | Guarded):
            message = f"the route {path} names no right; make it Guarded, or Open to everybody"
            raise RuntimeError(message)  # noqa: TRY004  # a fault of ours, found at the start


def walk(routes: Iterable[BaseRoute], above: str = "") -> Iterator[tuple[str, BaseRoute]]:
    """Yield every route with its whole path."""
    for route in routes:
        if isinstance(route, Mount) and route.routes:
            yield from walk(route.routes, above + route.path)
        else:
            yield above + getattr(route, "path", "?"), route
