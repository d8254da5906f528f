"""Links by which a crew reports on one outage from its telephone: made, listed, revoked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus

from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from console import square
from console.changes import Asked
from console.errors import BadForm
from console.reading import Facts
from console.routing import ForPeople
from console.visits import Visit, go, page
from outage import crew_links, crew_proposals, register, summary
from outage.crew_links import LONGEST_LABEL, Link
from outage.database import wall_now
from outage.errors import OutageError, UnknownLinkError
from outage.rights import Right
from outage.settings import Settings

SHOWN, OFFERED = 100, 500
"""Links of a list, and open outages that one can be made for by choosing."""
MOST_HOURS = 336
ONCE = frozenset({"link"})
"""Of an answer of the API: a repetition of the request does not show it again."""


def routes() -> list[BaseRoute]:
    """The pages."""
    right = Right.CREWS
    return [
        ForPeople("/crews", page(crews), right=right, methods=["GET"]),
        ForPeople("/crews", page(new_link), right=right, methods=["POST"]),
        ForPeople("/crews/{key:int}/revoke", page(revoke), right=right, methods=["POST"]),
        ForPeople("/crews/proposals/{key:int}", page(decide), right=right, methods=["POST"]),
    ]


def crews(visit: Visit) -> Response:
    """The form, and the links that hold."""
    return _crews(visit)


def new_link(visit: Visit) -> Response:
    """Make a link and show it, this one time."""
    outage_id, label = visit.field("outage", 40), visit.field("label", LONGEST_LABEL)
    hours = visit.field("hours", 4)
    if not hours.isascii() or not hours.isdecimal() or not 0 < int(hours) <= MOST_HOURS:
        raise BadForm(problem=f"hours must be a whole number from 1 to {MOST_HOURS}")
    lasts = timedelta(hours=int(hours))
    try:
        with visit.deed("crew link") as deed:
            words, made = crew_links.make(deed.conn, outage_id, lasts=lasts, label=label)
            deed.about, deed.detail = made.outage_id, deed.detail | {"crew_link": made.key}
    except OutageError as refused:
        return _crews(visit, wrong=str(refused))
    return _crews(visit, made=made, address=_address(visit.settings, words))


def revoke(visit: Visit) -> Response:
    """Let a link hold no longer."""
    with visit.deed("crew revoke") as deed:
        gone = crew_links.revoke(deed.conn, visit.number())
        deed.about, deed.detail = gone.outage_id, deed.detail | {"crew_link": gone.key}
    return go("/crews")


def decide(visit: Visit) -> Response:
    """Agree to what a crew proposes, or let it come to nothing."""
    what = visit.field("do", 10)
    if what not in _DECIDES:
        raise BadForm(problem=f"do must be one of {', '.join(_DECIDES)}")
    try:
        with visit.deed(f"crew {what}") as deed:
            found = _DECIDES[what](deed.conn, visit.number(), actor=visit.caller.actor)
            deed.about = found.outage_id
            deed.detail = deed.detail | {"proposal": found.key}
    except OutageError as refused:
        return _crews(visit, wrong=str(refused))
    return go("/crews")


_DECIDES = {"agree": crew_proposals.agree, "refuse": crew_proposals.refuse}


def link(settings: Settings) -> Callable[..., Facts]:
    """Make a link, by the API."""

    def do(conn: Connection, asked: Asked) -> Facts:
        lasts = timedelta(hours=asked.body.hours or settings.crew_link_h)
        words, made = crew_links.make(conn, asked.id, lasts=lasts, label=asked.body.label)
        return _facts(made) | {"id": made.outage_id, "link": _address(settings, words)}

    return do


def revoke_by_api(conn: Connection, asked: Asked) -> Facts:
    """Let a link to this outage hold no longer, by the API."""
    key = asked.message
    if crew_links.get(conn, key).outage_key != register.load(conn, asked.id).key:
        raise UnknownLinkError(key=key)
    gone = crew_links.revoke(conn, key)
    return _facts(gone) | {"id": gone.outage_id}


def every(conn: Connection, request: Request) -> Facts:
    """The newest links."""
    del request
    return {"links": [_facts(each) for each in crew_links.every(conn, limit=SHOWN)]}


def _address(settings: Settings, words: str) -> str:
    return f"{settings.hooks}/crew/{words}"


def _facts(each: Link) -> Facts:
    times = ("made_at", "until", "opened_at", "revoked_at")
    return {"key": each.key, "outage": each.outage_id, "label": each.label} | {
        name: summary.as_json(getattr(each, name)) for name in times
    }


def _crews(
    visit: Visit, *, wrong: str = "", made: Link | None = None, address: str = ""
) -> Response:
    with visit.db.read() as conn:
        found = crew_links.every(conn, limit=SHOWN, holding=True)
        proposals = crew_proposals.waiting(conn, limit=SHOWN)
        outages = summary.summaries(conn, ended=False, limit=OFFERED)
        now = wall_now(conn)
    return visit.page(
        "crews.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        found=found,
        outages=outages,
        proposals=proposals,
        moment=datetime.fromisoformat,
        wrong=wrong,
        made=made,
        address=address,
        square=square.drawn(address, "Square for the crew's telephone") if address else "",
        now=now,
        label=LONGEST_LABEL,
        hours=visit.settings.crew_link_h,
        most_hours=MOST_HOURS,
    )
