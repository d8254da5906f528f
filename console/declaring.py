"""Pages by which an outage is declared: say where, see whom it reaches, review, declare.

All of it works without script. What was typed goes with the form from page to page, so that
nothing is lost and nothing is on record before somebody has declared it.
"""

from __future__ import annotations

import json
import secrets
import time
from http import HTTPStatus

from starlette.responses import Response
from starlette.routing import BaseRoute

from console import declared, plans, statics, uploads, wording
from console.counting import REFUSALS, counting, density
from console.desk import AROUND_SHAPE, Desk
from console.drafts import WAYS, Draft
from console.errors import BadBody, BadForm, OthersInside
from console.preview import Previews
from console.routing import ForPeople
from console.showing import WITH_SCRIPT
from console.visits import Answer, Visit, go, page
from gis import asked
from gis.errors import GisError
from gis.matching import PATIENCE_S, limits_of
from gis.shapes import accept_file, as_geojson
from notifier.explain import SAID
from notifier.explain import WHY as WHY_NOT
from notifier.kinds import Channel, Quiet
from notifier.terms import Terms
from outage import idempotency
from outage.clock import business_now
from outage.errors import (
    IdempotencyInProgressError,
)
from outage.model import Cause, Confidence, Kind, Reason
from outage.rights import Right
from outage.settings import Settings
from outage.site import Site
from outage.where import AreaKind, Side
from status_page.words import Words

WORDS = Words("en", "UTC")
"""What codes are called; the console speaks English."""
_KEY_LENGTH = 60
_TWICE_FOR_S, _TWICE_EACH_S = 5.0, 0.1
"""How long a second click waits for what the first one does, and how often it looks."""
_CHANNELS = {Channel.SMS: "text", Channel.EMAIL: "e-mail"}
_KINDS = {Kind.UNPLANNED: "Unplanned", Kind.PLANNED: "Planned work", Kind.ADVISORY: "Advisory"}


def routes(settings: Settings) -> list[BaseRoute]:
    """Every address of this."""
    # A file comes as it is, and goes from page to page as base64, which is a third longer.
    fields = uploads.reading(3 * settings.shape_max_bytes + AROUND_SHAPE)

    right = Right.DISPATCH

    def way(path: str, answer: Answer, method: str, *, large: bool = False) -> ForPeople:
        endpoint = page(answer, fields=fields if large else None)
        return ForPeople(path, endpoint, right=right, methods=[method])

    return [
        way("/declare", blank, "GET"),
        way("/declare", declare, "POST", large=True),
        way("/declare/change", change, "POST", large=True),
        way("/declare/review", review, "POST", large=True),
        ForPeople("/declare/count", counting(fields), right=right, methods=["POST"]),
        way("/declare/density", density, "GET"),
        *declared.routes(),
    ]


def blank(visit: Visit) -> Response:
    """The form, with nothing in it."""
    return _form(visit, Draft(said={}))


def change(visit: Visit) -> Response:
    """The form again, with what was typed."""
    return _form(visit, Draft.of(visit.form))


def review(visit: Visit) -> Response:
    """Whom it would reach, and every message as it will read."""
    return _review(visit, _draft(visit))


def _review(visit: Visit, draft: Draft, wrong: str = "") -> Response:
    try:
        found = _plan(visit, draft)
    except REFUSALS as refused:
        return _refused(visit, draft, refused)
    settings, kind = visit.settings, found.forecast.kind
    waits = settings.approve_above and found.forecast.contacts > settings.approve_above
    return visit.page(
        "declare_review.html",
        status=HTTPStatus.CONFLICT if wrong else HTTPStatus.OK,
        wrong=wrong,
        draft=draft,
        plan=found,
        body=found.wanted.body,
        channels=_CHANNELS,
        ways=WAYS,
        kinds=_KINDS,
        word=WORDS,
        said="" if kind is None else SAID[kind],
        why_not=WHY_NOT.get(found.forecast.decision.reason, ""),
        quiet=kind is not None and kind.rule.quiet is Quiet.WAITS,
        large=settings.approve_above if waits else 0,
        mode=str(settings.send),
        key=secrets.token_urlsafe(18),
    )


def declare(visit: Visit) -> Response:
    """Put it on record, once however often it is clicked."""
    draft = _draft(visit)
    key = visit.field("key", _KEY_LENGTH)
    if not key:
        raise BadForm(problem="it does not come from the page of the review")
    once = idempotency.Request(
        actor=str(visit.caller.actor), route="POST /declare", key=key, body_hash=draft.digest
    )
    try:
        made = _declared(visit, draft, once)
    except OthersInside as changed:
        return _review(visit, draft, wrong=str(changed))
    except REFUSALS as refused:
        return _refused(visit, draft, refused)
    return go(f"/declare/{made}")


def _draft(visit: Visit) -> Draft:
    form = dict(visit.form)
    if form.pop("drop_file", ""):
        form.pop(uploads.FILE, None)
        form.pop(uploads.FILE_NAME, None)
    return Draft.of(form)


def _plan(visit: Visit, draft: Draft) -> plans.Plan:
    state = visit.request.app.state
    desk: Desk = state.desk
    previews: Previews = state.previews
    terms: Terms = state.terms
    site: Site = state.site
    wanted = plans.read(desk, site, visit.caller, draft)
    return plans.plan(desk, previews.previewer, terms, wanted)


def _declared(visit: Visit, draft: Draft, once: idempotency.Request) -> str:
    """Id of the outage: a new one, or that of the same request before."""
    state = visit.request.app.state
    desk: Desk = state.desk
    site: Site = state.site
    wanted = plans.read(desk, site, visit.caller, draft)
    reviewed = visit.field("inside")
    until = time.monotonic() + _TWICE_FOR_S
    while True:
        try:
            with visit.deed("declare") as deed:
                stored = idempotency.once(deed.conn, once)
                if stored is not None:
                    deed.kept = False
                    return str(json.loads(stored.body)["id"])
                # Premises come and go between the review and the click.
                if wanted.inside != reviewed:
                    raise OthersInside
                made = plans.carry_out(deed.conn, desk, wanted)
                deed.about = made.id
                body = json.dumps({"id": made.id})
                answer = idempotency.Answer(status=HTTPStatus.SEE_OTHER, body=body)
                idempotency.store(deed.conn, once, answer)
                return str(made.id)
        except IdempotencyInProgressError:
            if time.monotonic() > until:
                raise
            time.sleep(_TWICE_EACH_S)


def _refused(visit: Visit, draft: Draft, refused: Exception) -> Response:
    if wording.is_gone(refused):
        raise refused
    said = [wording.on_page(refused)]
    if isinstance(refused, BadBody):
        said = [f"{each['field']}: {each['problem']}." for each in refused.problems]
    return _form(visit, draft, wrong=said)


def _form(visit: Visit, draft: Draft, wrong: list[str] | None = None) -> Response:
    site: Site = visit.request.app.state.site
    with visit.db.read() as conn:
        now = business_now(conn)
    return visit.page(
        "declare.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        draft=draft,
        wrong=wrong or [],
        ways=WAYS,
        kinds=_KINDS,
        services=site.services,
        causes=list(Cause),
        reasons=list(Reason),
        confidences=list(Confidence),
        area_kinds=list(AreaKind),
        sides=list(Side),
        word=WORDS,
        zone=now.astimezone(site.zone).strftime("%Z"),
        headers=WITH_SCRIPT,
        bounds=_bounds(visit),
        drawn=_drawn(visit, draft),
        tiles=statics.tiles_of(visit.settings, site),
    )


def _bounds(visit: Visit) -> str:
    """Where premises are: what the map shows first."""
    desk: Desk = visit.request.app.state.desk
    try:
        box = desk.matcher.index(PATIENCE_S).bounds()
    except GisError:  # the index is being built; the map begins with the world
        box = None
    return "" if box is None else json.dumps(box)


def _drawn(visit: Visit, draft: Draft) -> str:
    """What came as a file, or in words that are no GeoJSON, as the map draws it."""
    desk: Desk = visit.request.app.state.desk
    limits = limits_of(desk.settings)
    try:
        place = draft.asked(draft.body(visit.request.app.state.site.zone), limits)
        if not isinstance(place, asked.Shape) or not isinstance(place.source, bytes):
            return ""
        shape = accept_file(place.source, limits=limits, crs=place.crs, layer=place.layer)
    except REFUSALS:
        return ""
    return as_geojson(shape)
