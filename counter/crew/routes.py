"""`/crew`: a link opens it, a cookie keeps it open, and what is tapped there goes to the desk.

The link's token stands in one address alone, which is traded for a cookie at once and never shown
or kept; the cookie is of no use to scripts or to other sites. Whether the link still holds is
looked at again in the transaction of each tap.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from counter.crew.asking import MOST_BYTES, Form, Unusable, word
from counter.crew.knowing import know
from counter.crew.showing import HEADERS, SAID, Showing
from counter.limits import Limit
from counter.visiting import Visitors
from outage import audit, crew_links, crew_words, idempotency, sessions
from outage.clock import business_now
from outage.crew_links import Link
from outage.crew_words import Limits
from outage.database import Database, wall_now
from outage.errors import (
    IdempotencyConflictError,
    IdempotencyInProgressError,
    OutageError,
)
from outage.settings import Settings
from outage.site import Site

log = logging.getLogger(__name__)

COOKIE = "__Host-crew"
"""The prefix binds it to this host and to https (on a machine's own address, to that)."""
PER_VISITOR, WRONG, OPENED, PER_BROWSER = 600, 20, 60, 120
"""A minute: requests and wrong links of an address, openings of a link, taps of a browser."""
AT_ONCE, MOST_WAITING = 4, 200
"""Requests that ask the database at once, and that wait to."""
_ROUTE = "POST /crew/say"
_ENDED = (
    "This link has ended, or was not opened on this telephone. Ask your dispatcher for a new one; "
    "what you have tapped and is not sent yet stays here until then."
)
_ELSEWHERE = "This did not come from your page. Load it anew."
_OTHER_JOB = "This was tapped for another job. Open the link of that job once more to send it."
_OFTEN = "That was often. Wait a minute."
_STATUS: Mapping[type[Exception], HTTPStatus] = {IdempotencyInProgressError: HTTPStatus.CONFLICT}
_SENTENCES: Mapping[type[Exception], str] = {
    IdempotencyConflictError: (
        "This form was sent before, with something else in it. Look what is on record."
    )
}


class Crew:
    """Takes crews in, over one database."""

    def __init__(self, db: Database, settings: Settings, site: Site, visitors: Visitors) -> None:
        self._db, self._site, self._visitors = db, site, visitors
        self._limits = Limits(restores=settings.crew_restores, etr=settings.crew_etr)
        self._showing = Showing(site)
        self._per_visitor, self._wrong = Limit(PER_VISITOR), Limit(WRONG)
        self._opened, self._per_browser = Limit(OPENED), Limit(PER_BROWSER)
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="crews")
        self._waiting = 0

    def routes(self) -> list[Route]:
        """Every address of this; the one with a token last, as it takes any name."""
        showing = self._showing
        return [
            Route("/crew", self.page),
            Route("/crew/say", self.say, methods=["POST"], max_body_size=MOST_BYTES),
            Route("/crew/app.webmanifest", showing.manifest),
            *(Route(f"/crew/{name}", showing.file) for name in showing.names),
            Route("/crew/{token}", self.open),
        ]

    async def open(self, request: Request) -> Response:
        """Trade a link's token for a cookie, and go where the address has no token."""
        # Programs that look at links ask for the head; they need no cookie.
        trades = request.method == "GET"
        token = request.path_params["token"][:100]
        return await self._answered(request, partial(self._open, request, token, trades=trades))

    async def page(self, request: Request) -> Response:
        """Show the job."""
        return await self._answered(request, partial(self._page, request))

    async def say(self, request: Request) -> Response:
        """Take what was tapped."""
        body = await request.body()
        return await self._answered(request, partial(self._say, request, body))

    async def _answered(self, request: Request, answer: Callable[[], Response]) -> Response:
        who = self._visitors.who(request)
        if who and not self._per_visitor.allows(who):
            return self._busy(request)
        if self._waiting >= MOST_WAITING:
            return self._away(request)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, answer)
        except Exception as error:  # noqa: BLE001  # whatever it is, a crew reads a sentence
            # No traceback, no path: both could hold the token.
            log.error("a crew's page failed with %s", type(error).__name__)  # noqa: TRY400
            return self._away(request)
        finally:
            self._waiting -= 1

    def _open(self, request: Request, token: str, *, trades: bool) -> Response:
        with self._db.read() as conn:
            link = crew_links.of_token(conn, token)
        if link is None:
            who = self._visitors.who(request)
            return self._busy(request) if who and not self._wrong.allows(who) else self._ended()
        answer = RedirectResponse("/crew", HTTPStatus.SEE_OTHER, headers=HEADERS)
        if not trades:
            return answer
        if not self._opened.allows(str(link.key)):
            return self._busy(request)
        with audit.deed(self._db, actor=link.actor, action="crew open", about=link.outage_id) as it:
            still = crew_links.of_token(it.conn, token)
            # On the log stands the first opening; a link that opens each morning fills no log.
            it.kept = still is not None and still.opened_at is None
            if still is None:
                return self._ended()
            cookie = crew_links.trade(it.conn, still)
            lasts_s = math.ceil((still.until - wall_now(it.conn)).total_seconds())
        answer.set_cookie(
            COOKIE, cookie, max_age=lasts_s, path="/", secure=True, httponly=True, samesite="lax"
        )
        return answer

    def _page(self, request: Request, wrong: str = "") -> Response:
        cookie = request.cookies.get(COOKIE, "")
        with self._db.read() as conn:
            link = crew_links.of_cookie(conn, cookie)
            if link is None:
                return self._ended()
            job, now = know(conn, link), business_now(conn)
        said = request.query_params.get("said", "")
        return self._showing.page(job, cookie, now=now, said=said, wrong=wrong)

    def _say(self, request: Request, body: bytes) -> Response:
        cookie = request.cookies.get(COOKIE, "")
        try:
            outcome = self._take(cookie, *self._checked(request, cookie, body))
        except _Refused as refused:
            return self._refused(request, str(refused), refused.status)
        except (Unusable, OutageError) as error:
            status = _STATUS.get(type(error), HTTPStatus.UNPROCESSABLE_ENTITY)
            return self._refused(request, _SENTENCES.get(type(error), str(error)), status)
        if _wants_json(request):
            return _json({"outcome": outcome, "sentence": SAID[outcome]}, HTTPStatus.OK)
        to = f"/crew?said={outcome}"
        return RedirectResponse(to, HTTPStatus.SEE_OTHER, headers=HEADERS)

    def _checked(self, request: Request, cookie: str, body: bytes) -> tuple[Link, Form]:
        """The link and the form, if the form may be taken. Raises `_Refused` and `Unusable`."""
        with self._db.read() as conn:
            link = crew_links.of_cookie(conn, cookie)
        if link is None:
            raise _Refused(_ENDED, HTTPStatus.UNAUTHORIZED)
        if not self._per_browser.allows(cookie):
            raise _Refused(_OFTEN, HTTPStatus.TOO_MANY_REQUESTS)
        form = Form.of(body)
        if _is_elsewhere(request) or not sessions.is_csrf(cookie, form.get("csrf")):
            raise _Refused(_ELSEWHERE, HTTPStatus.FORBIDDEN)
        if form.get("job") != link.outage_id:
            raise _Refused(_OTHER_JOB, HTTPStatus.FORBIDDEN)
        return link, form

    def _take(self, cookie: str, link: Link, form: Form) -> str:
        """Do it once. Raises `_Refused` where the link has ended meanwhile."""
        asked = idempotency.Request(
            # Of the job and not of the link: who was given a new one sends the same taps by it.
            actor=f"crew of {link.outage_id}",
            route=_ROUTE,
            key=form.key,
            body_hash=form.body_hash,
        )
        action = f"crew {form.get('do')[:10]}" if form.get("do").isalpha() else "crew"
        with audit.deed(self._db, actor=link.actor, action=action, about=link.outage_id) as deed:
            conn = deed.conn
            if crew_links.of_cookie(conn, cookie) is None:
                raise _Refused(_ENDED, HTTPStatus.UNAUTHORIZED)
            before = idempotency.once(conn, asked)
            if before is not None:
                deed.kept = False
                return before.body
            observed_at = form.observed_at(business_now(conn))
            said = word(form, observed_at, self._site.zone)
            outcome = crew_words.say(conn, link, said, observed_at=observed_at, limits=self._limits)
            deed.detail = {"outcome": str(outcome)}
            answer = idempotency.Answer(status=HTTPStatus.OK, body=str(outcome))
            idempotency.store(conn, asked, answer)
        return str(outcome)

    def _refused(
        self,
        request: Request,
        said: str,
        status: HTTPStatus,
        headers: dict[str, str] | None = None,
    ) -> Response:
        if _wants_json(request):
            return _json({"outcome": "refused", "sentence": said}, status, headers)
        if status is HTTPStatus.UNPROCESSABLE_ENTITY:
            return self._page(request, wrong=said)
        return self._showing.sentence("Not taken", said, status, headers)

    def _ended(self) -> Response:
        return self._showing.sentence("No link", _ENDED, HTTPStatus.UNAUTHORIZED)

    def _busy(self, request: Request) -> Response:
        headers = {"retry-after": "60"}
        return self._refused(request, _OFTEN, HTTPStatus.TOO_MANY_REQUESTS, headers)

    def _away(self, request: Request) -> Response:
        said = "This cannot be answered just now. Try again in a moment."
        headers = {"retry-after": "30"}
        return self._refused(request, said, HTTPStatus.SERVICE_UNAVAILABLE, headers)


class _Refused(Exception):
    """The message says why; whether it may be sent again, the status."""

    def __init__(self, said: str, status: HTTPStatus) -> None:
        super().__init__(said)
        self.status = status


def _is_elsewhere(request: Request) -> bool:
    return request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _json(facts: object, status: int, headers: dict[str, str] | None = None) -> Response:
    more = {**HEADERS, **(headers or {})}
    return Response(orjson.dumps(facts), status, more, "application/json")
