"""The control endpoint: read the conditions, change them, go back to the settings."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from notifier.carrier.bodies import read_body
from notifier.carrier.conditions import Conditions
from notifier.carrier.errors import ControlRefusal

_LARGEST_BYTES = 1024 * 1024


class Control:
    """GET shows the conditions, POST changes what its JSON names, DELETE goes back."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions

    def routes(self) -> list[Route]:
        """Give the endpoint at its path."""
        return [Route("/control", self.control, methods=["GET", "POST", "DELETE"])]

    async def control(self, request: Request) -> Response:
        """Answer with the conditions as they are afterwards."""
        if request.method == "POST":
            # A page of another site cannot send this type without being asked first.
            if request.headers.get("content-type", "").partition(";")[0] != "application/json":
                raise ControlRefusal("Send the conditions as application/json.")
            try:
                given = json.loads(await read_body(request, _LARGEST_BYTES))
            except ValueError as error:
                raise ControlRefusal("The body is not JSON.") from error
            if not isinstance(given, dict):
                raise ControlRefusal("Send one JSON object with the conditions to change.")
            self._conditions.change(given)
        elif request.method == "DELETE":
            self._conditions.reset()
        return JSONResponse(self._conditions.view())


def refused(refusal: ControlRefusal) -> JSONResponse:
    """Say why nothing was changed, as a problem document (RFC 9457)."""
    return JSONResponse(
        {"type": "about:blank", "title": "Refused", "status": 400, "detail": str(refusal)},
        400,
        media_type="application/problem+json",
    )
