"""Accounts for whoever answers a call: found by anything that the caller says.

What is looked for comes in the body of a request, by POST: an address is kept by browsers, proxies
and logs, and a name, a phone or an e-mail is in none (DECISIONS 34).
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Any

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from console import access, bodies, searching
from console.desk import SMALL
from console.errors import TooLittleToFind
from console.routing import ForPeople
from console.searching import Found, Page
from console.visits import Visit, page
from outage.database import Database
from outage.rights import Right
from outage.settings import Settings

LONGEST, LONGEST_CURSOR = 160, 400
BY = {
    "id": "account id",
    "meter": "meter or premise",
    "phone": "phone",
    "email": "e-mail",
    "address": "address",
    "name": "name",
    "street": "street",
}
"""What an account was found by, for people."""


def routes() -> list[BaseRoute]:
    """Every page of this."""
    right = Right.SEARCH
    return [
        ForPeople("/accounts", page(asking), right=right, methods=["GET"]),
        ForPeople("/accounts", page(found), right=right, methods=["POST"]),
    ]


def asking(visit: Visit) -> Response:
    """The one box."""
    return _shown(visit, "", None)


def found(visit: Visit) -> Response:
    """Who fits."""
    asked, after = visit.field("q", LONGEST), visit.field("after", LONGEST_CURSOR)
    try:
        with visit.db.read() as conn:
            some = searching.search(
                conn, asked, after=after, test_numbers=visit.settings.test_numbers
            )
    except TooLittleToFind as refused:
        return _shown(visit, asked, None, str(refused))
    return _shown(visit, asked, some)


def _shown(visit: Visit, asked: str, some: Page | None, wrong: str = "") -> Response:
    return visit.page(
        "accounts.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        asked=asked,
        some=some,
        wrong=wrong,
        by=BY,
        longest=LONGEST,
    )


async def answer(request: Request) -> Response:
    """Answer `POST /api/v1/accounts/search`, which changes nothing."""
    access.check_origin(request, request.headers.get(access.CSRF_HEADER, ""))
    raw = await bodies.read(request, SMALL)
    return await anyio.to_thread.run_sync(partial(_work, request, raw))


def _work(request: Request, raw: bytes) -> Response:
    body = bodies.parse(raw, bodies.SearchBody)
    db: Database = request.app.state.db
    settings: Settings = request.app.state.settings
    with db.read() as conn:
        # A body can take minutes to arrive; a token revoked meanwhile finds nobody any more.
        access.allowed(conn, request)
        some = searching.search(
            conn,
            body.q,
            after=body.after,
            limit=body.limit,
            test_numbers=settings.test_numbers,
        )
    return JSONResponse({"accounts": list(map(_facts, some.found)), "next": some.after or None})


def _facts(one: Found) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "place": one.place,
        "places": one.places,
        "out": one.out,
        "closed_at": None if one.closed_at is None else one.closed_at.isoformat(),
        "found_by": one.by,
    }
