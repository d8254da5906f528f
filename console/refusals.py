"""Refusals as whoever asked can read them: problem details of the API, a page of the console."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console import access, problems
from console.showing import Showing
from outage.errors import NotSignedInError

_MACHINES = ("/api/", "/healthz", "/readyz", "/metrics")
"""Where no person reads the answer."""
Handler = Callable[[Request, Exception], Response]


def handlers(showing: Showing) -> Mapping[Any, Any]:
    """What answers each kind of error."""
    return {kind: _readable(showing, answer) for kind, answer in problems.HANDLERS.items()}


def _readable(showing: Showing, answer: Handler) -> Handler:
    def handle(request: Request, error: Exception) -> Response:
        found = answer(request, error)
        if request.url.path.startswith(_MACHINES):
            return found
        if isinstance(error, NotSignedInError):
            to = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
            to.headers["cache-control"] = "no-store"
            if access.COOKIE in request.cookies:
                to.delete_cookie(access.COOKIE, path="/", secure=True, httponly=True)
            return to
        status = HTTPStatus(found.status_code)
        return showing.sentence(request, status.phrase, problems.said(found), status)

    return handle
