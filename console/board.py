"""The board: every open outage by urgency, and what waits for somebody. `/` of the console.

It works without a script; with one it asks for its middle part anew when there is news, and by
that keeps no session alive.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from importlib.resources import files
from urllib.parse import urlencode

from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from console import standing, terms, urgent
from console.errors import BadQuery
from console.medical import Medical
from console.people import called
from console.routing import ForPeople, Open
from console.urgent import ORDERS, Asked
from console.visits import Answer, Visit, fresh, go, page
from notifier import stopping
from notifier.errors import NotifierError
from notifier.replies import listing
from outage import register
from outage.clock import business_now
from outage.errors import UnknownOutageError
from outage.model import Actor
from outage.rights import Right

LONGEST, MOST_PAGES = 60, 1_000
SCRIPTED = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}
"""Of pages that keep themselves up to date, by our own script."""


def routes() -> list[BaseRoute]:
    """Every address of this."""

    def post(path: str, answer: Answer, right: Right) -> ForPeople:
        return ForPeople(path, page(answer), right=right, methods=["POST"])

    return [
        ForPeople("/", page(board), right=Right.SEE, methods=["GET"]),
        ForPeople("/now", page(now), right=Right.SEE, methods=["GET"], used=False),
        Open("/now.js", script),
        post("/sending/stop", stop, Right.SEND),
        post("/sending/resume", fresh(resume), Right.SEND),
        post("/replies/{key:int}/seen", seen, Right.SEND),
    ]


def board(visit: Visit) -> Response:
    """The whole page; the id of an outage in its box leads to that outage."""
    asked = _asked(visit)
    if asked.words and (known := _known(visit, asked.words)):
        return go(f"/outages/{known}")
    return _board(visit, "board.html", asked)


def now(visit: Visit) -> Response:
    """Its middle part, as it is at this moment."""
    return _board(visit, "board_now.html", _asked(visit))


async def script(_request: Request) -> Response:
    """What keeps a page up to date."""
    said = files("console").joinpath("static", "now.js").read_text("utf-8")
    headers = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}
    return Response(said, media_type="text/javascript", headers=headers)


def stop(visit: Visit) -> Response:
    """Stop all sending."""
    why = visit.field("why", stopping.LONGEST_WHY)
    return _sending(visit, "sending stop", lambda conn, by: stopping.stop(conn, actor=by, why=why))


def resume(visit: Visit) -> Response:
    """Let it go on."""
    return _sending(visit, "sending resume", lambda conn, by: stopping.resume(conn, actor=by))


def seen(visit: Visit) -> Response:
    """Note that somebody has looked at what a customer wrote."""
    with visit.deed("reply seen", f"reply:{visit.number()}") as deed:
        by = str(visit.caller.actor)
        deed.kept = listing.handle(deed.conn, visit.number(), by=by)
    return go("/")


def _sending(visit: Visit, action: str, do: Callable[[Connection, Actor], object]) -> Response:
    try:
        with visit.deed(action) as deed:
            do(deed.conn, visit.caller.actor)
    except NotifierError as refused:
        return _board(visit, "board.html", Asked(), str(refused))
    return go("/")


def _asked(visit: Visit) -> Asked:
    given = visit.request.query_params
    by, words, number = given.get("by", "urgency"), given.get("q", ""), given.get("page", "1")
    if by not in ORDERS:
        raise BadQuery(name="by", wanted=f"one of {', '.join(ORDERS)}")
    if len(words) > LONGEST or not words.isprintable():
        raise BadQuery(name="q", wanted=f"a place or the id of an outage, of {LONGEST} signs")
    if not number.isascii() or not number.isdecimal() or not 0 < int(number[:9]) <= MOST_PAGES:
        raise BadQuery(name="page", wanted=f"a whole number from 1 to {MOST_PAGES}")
    words = " ".join(words.split())
    return Asked(by=by, over=given.get("show") == "over", words=words, page=int(number))


def _known(visit: Visit, words: str) -> str:
    with visit.db.read() as conn:
        try:
            return register.load(conn, words).id
        except UnknownOutageError:
            return ""


def _board(visit: Visit, template: str, asked: Asked, wrong: str = "") -> Response:
    with visit.db.read() as conn:
        at = business_now(conn)
        names = called(conn)
        medical: Medical = visit.request.app.state.medical
        # Of an outage of one home it would say who depends on power; its place in the list, too.
        ill = medical.counts(conn) if visit.caller.may(Right.MEDICAL) else {}
        found, more = urgent.listed(conn, asked, at, ill)
        decides = visit.caller.may(Right.DISPATCH)
        dangers, texts = standing.dangers(conn, at) if decides else ([], [])
        facts = {
            "totals": urgent.totals(conn, at, ill),
            "waiting": standing.waiting(conn) if decides else None,
            "sending": standing.sending(conn, visit.settings),
            "feeds": standing.feeds(conn),
        }
    return visit.page(
        template,
        status=HTTPStatus.CONFLICT if wrong else HTTPStatus.OK,
        headers=SCRIPTED,
        now=at,
        asked=asked,
        orders=list(ORDERS),
        found=found,
        more=more,
        dangers=dangers,
        texts=texts,
        shown=standing.SHOWN,
        stale=standing.STALE,
        late=urgent.LATE,
        near=urgent.NEAR,
        link=_link(asked),
        declares=any(getattr(each, "path", "") == "/declare" for each in visit.request.app.routes),
        words=terms.words,
        called=terms.who(names),
        distance=lambda then: terms.distance(then, at),
        may=lambda right: visit.caller.may(Right(right)),
        longest=LONGEST,
        wrong=wrong,
        **facts,
    )


def _link(asked: Asked) -> Callable[..., str]:
    """Addresses of the same list, with something else asked of it."""

    def link(**other: object) -> str:
        wanted = {
            "by": other.get("by", asked.by),
            "q": other.get("q", asked.words),
            "show": "over" if other.get("over", asked.over) else "",
            "page": other.get("page", 1),
        }
        usual = {"by": "urgency", "page": 1}
        said = {name: each for name, each in wanted.items() if each and each != usual.get(name)}
        return "/?" + urlencode(said) if said else "/"

    return link
