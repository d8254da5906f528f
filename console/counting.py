"""Whom a declaration would reach, while it is typed or a corner is dragged: for scripts."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from console import access, plans, showing, wording
from console.desk import Desk
from console.drafts import Draft
from console.errors import BadQuery, ConsoleError
from console.preview import Previews
from console.uploads import Fields
from console.visits import Visit
from gis.errors import GisError
from gis.matching import PATIENCE_S, limits_of
from notifier import foretelling
from notifier.facts import OutageFacts
from notifier.kinds import Channel
from notifier.terms import Terms
from outage.clock import business_now
from outage.errors import OutageError
from outage.site import Site

REFUSALS = (OutageError, GisError, ConsoleError)
ACROSS = 64
"""Columns and rows in which premises are counted for the map."""
_BOX, _ROUND, _UP = "west,south,east,north in degrees", 180, 90
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_NAMES = {Channel.SMS: "texts", Channel.EMAIL: "e-mails"}
_COUNTED = ("premises", "accounts", "medical", "critical", "unreachable", "overlapping")


class Tried:
    """What outages are told as, by what was typed of them, place apart; a few of the newest.

    To find it out takes the database's lock for a moment, which a corner that is dragged must not.
    """

    MOST = 200

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[OutageFacts, datetime] | None] = OrderedDict()

    def of(self, draft: Draft, desk: Desk, wanted: plans.Wanted) -> OutageFacts | None:
        """The facts; None for what would be refused."""
        digest = draft.besides_place.digest
        if digest not in self._known:
            try:
                self._known[digest] = plans.tried(desk, wanted.nowhere)
            except REFUSALS:
                self._known[digest] = None
            while len(self._known) > self.MOST:
                self._known.popitem(last=False)
        found = self._known[digest]
        return None if found is None else found[0]


def counting(fields: Fields) -> Any:  # noqa: ANN401  # an endpoint
    """Make the endpoint that counts whom a form would reach."""

    async def endpoint(request: Request) -> Response:
        previews: Previews = request.app.state.previews
        form = await fields(request)
        access.check_origin(request, form.get(access.CSRF_FIELD, ""))
        return await previews.in_turn(request, partial(_count, request, Draft.of(form)))

    return endpoint


def _count(request: Request, draft: Draft) -> Response:
    try:
        return JSONResponse(_counted(request, draft), headers=_HEADERS)
    except REFUSALS as refused:
        if wording.is_gone(refused):
            raise
        said = {"wrong": wording.on_page(refused)}
        return JSONResponse(said, HTTPStatus.UNPROCESSABLE_ENTITY, headers=_HEADERS)


def _counted(request: Request, draft: Draft) -> dict[str, Any]:
    state = request.app.state
    desk: Desk = state.desk
    site: Site = state.site
    terms: Terms = state.terms
    previews: Previews = state.previews
    body = draft.body(site.zone)
    place = draft.asked(body, limits_of(desk.settings))
    if place is None:
        return {"nowhere": True}
    counts = previews.previewer.preview(place, body.service)
    found = {name: counts[name] for name in _COUNTED}
    found |= {"contacts": counts["contacts"], "milliseconds": counts["milliseconds"]}
    wanted = plans.unmatched(request.state.caller, draft, body)
    about = state.tried.of(draft, desk, wanted)
    if about is None:
        return found
    with desk.db.read() as conn:
        now = business_now(conn)
        forecast = foretelling.foretell(about, counts["contacts"], terms, now)
        takes = foretelling.takes(conn, desk.settings, forecast.segments)
    return found | {
        "messages": forecast.contacts,
        "cost": plans.cost(terms, forecast),
        "takes": {
            _NAMES[channel]: None if span is None else showing.span(span)
            for channel, span in takes.items()
        },
    }


def density(visit: Visit) -> Response:
    """How many premises lie where, for the map of the staff: never for the public."""
    given = visit.request.query_params.get("within", "")
    try:
        west, south, east, north = map(float, given[:200].split(","))
    except ValueError as error:
        raise BadQuery(name="within", wanted=_BOX) from error
    if not (-_ROUND <= west < east <= _ROUND and -_UP <= south < north <= _UP):
        raise BadQuery(name="within", wanted=_BOX)
    desk: Desk = visit.request.app.state.desk
    cells = desk.matcher.index(PATIENCE_S).density((west, south, east, north), ACROSS)
    return JSONResponse({"cells": cells}, headers=_HEADERS)
