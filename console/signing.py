"""Signing in and out, the one-time link, and giving password and code again."""

from __future__ import annotations

import logging
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from console import square
from console.access import COOKIE
from console.routing import ForPeople, Open
from console.showing import SECRET_HEADERS
from console.visits import Visit, go, page, safely
from outage import audit, passwords, sessions, signing_in, staff, visitors
from outage.database import wall_now
from outage.rights import Right
from outage.signing_in import Given, Refusal
from outage.staff import Member, Welcome

log = logging.getLogger(__name__)

KNOWN = "__Host-known"
KNOWN_FOR_S = 180 * 24 * 3600
BACK = {"sends": "/sends", "staff": "/staff", "tokens": "/tokens", "me": "/me", "sending": "/"}
"""Where somebody was who had to give password and code again."""


def routes() -> list[BaseRoute]:
    """Every address of this."""
    return [
        Open("/sign-in", page(safely(door)), methods=["GET"]),
        Open("/sign-in", page(safely(sign_in), door="strangers"), methods=["POST"]),
        Open("/welcome/{token}", page(safely(welcome)), methods=["GET"]),
        Open("/welcome/{token}", page(safely(settle), door="strangers"), methods=["POST"]),
        ForPeople("/sign-out", page(sign_out), right=Right.SELF, methods=["POST"]),
        ForPeople("/again", page(again), right=Right.SELF, methods=["GET"]),
        ForPeople("/again", page(given_again, door="staff"), right=Right.SELF, methods=["POST"]),
    ]


def door(visit: Visit) -> Response:
    """The form to sign in."""
    return _door(visit)


def sign_in(visit: Visit) -> Response:
    """Let somebody in, or say that it was not right."""
    found = signing_in.check(visit.db, given(visit, visit.field("name", 80)))
    if isinstance(found, Refusal):
        status = {Refusal.WRONG: HTTPStatus.FORBIDDEN, Refusal.WAIT: HTTPStatus.TOO_MANY_REQUESTS}
        return _door(visit, status[found], str(found))
    with visit.db.write() as conn:
        member = staff.get(conn, found)
        return begin(visit, conn, member, "sign in", go("/"))


def _door(visit: Visit, status: int = HTTPStatus.OK, wrong: str = "") -> Response:
    provider = urlsplit(visit.settings.oidc_issuer).hostname
    return visit.page("sign_in.html", status=status, wrong=wrong, provider=provider)


def welcome(visit: Visit) -> Response:
    """The form behind a one-time link: a password, and the authenticator's square.

    The first time it is opened is on the audit log, so that later ones can say that it was.
    """
    with visit.db.write() as conn:
        opened = staff.welcome(conn, visit.request.path_params["token"])
        if opened is None:
            return _gone(visit)
        mine, about = opened.member.actor, f"link:{opened.key}"
        before = audit.first_time(conn, actor=mine, action="open link", about=about)
        if before is None:
            audit.append(conn, actor=mine, action="open link", about=about)
    return _welcome(visit, before=before)


def settle(visit: Visit) -> Response:
    """Set both, and let them in."""
    token, password = visit.request.path_params["token"], visit.form.get("password", "")
    with visit.db.read() as conn:
        opened = staff.welcome(conn, token)
    if opened is None:
        return _welcome(visit)
    wrong = passwords.is_weak(password, opened.member.name)
    if not wrong and password != visit.form.get("password_again", ""):
        wrong = "The two passwords differ."
    if wrong:
        return _welcome(visit, wrong)
    kept = passwords.hashed(password)
    with visit.db.write() as conn:
        opened = staff.welcome(conn, token)
        step = None if opened is None else _step(conn, opened, visit.field("code"))
        if opened is not None and step is not None:
            codes = staff.settle(conn, opened, password_hash=kept, step=step)
            if codes is None:
                return _gone(visit)
            sessions.end_others(conn, opened.member.key)
            signing_in.forget_browsers(conn, opened.member.key)
            shown = visit.page("codes.html", codes=codes, first=True)
            return begin(visit, conn, opened.member, "use link", shown)
    return _welcome(visit, "The code is not right; take the one that the authenticator shows now.")


def sign_out(visit: Visit) -> Response:
    """End this session."""
    mine = visit.session
    with visit.deed("sign out") as deed:
        sessions.end(deed.conn, mine.key, of=mine.member.key)
    answer = go("/sign-in")
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True)
    return answer


def again(visit: Visit) -> Response:
    """The form that asks for password and code again."""
    return visit.page("again.html", wrong="", to=_to(visit.request.query_params.get("to", "")))


def given_again(visit: Visit) -> Response:
    """Take them, and go back to where they were needed."""
    mine, to = visit.session, _to(visit.field("to"))
    found = signing_in.check(visit.db, given(visit, mine.member.name))
    if found != mine.member.key:
        wrong = str(found if isinstance(found, Refusal) else Refusal.WRONG)
        return visit.page("again.html", status=HTTPStatus.FORBIDDEN, wrong=wrong, to=to)
    with visit.deed("sign in again") as deed:
        sessions.refresh(deed.conn, mine.key)
    return go(BACK[to])


def begin(
    visit: Visit,
    conn: Connection,
    member: Member,
    action: str,
    answer: Response,
    *,
    proved_at: datetime | None = None,
) -> Response:
    """Begin a session in the transaction that its entry on the audit log is in."""
    earlier = sessions.find(conn, visit.request.cookies.get(COOKIE, ""))
    if earlier is not None:  # its cookie is written over, and nobody could end it
        sessions.end(conn, earlier.key, of=earlier.member.key)
    browser = visit.request.headers.get("user-agent", "")
    words = sessions.begin(conn, member, browser, proved_at=proved_at)
    known = signing_in.remember(conn, member, visit.request.cookies.get(KNOWN, ""))
    audit.append(
        conn,
        actor=member.actor,
        action=action,
        about=f"staff:{member.key}",
        detail={"sealed": True} if member.sealed else {},
    )
    if member.sealed:
        log.error("the sealed account %s was used: %s (docs/access.md)", member.name, action)
    answer.set_cookie(COOKIE, words, path="/", secure=True, httponly=True, samesite="lax")
    answer.set_cookie(
        KNOWN, known, KNOWN_FOR_S, path="/", secure=True, httponly=True, samesite="strict"
    )
    return answer


def given(visit: Visit, name: str, *, field: str = "password") -> Given:
    """What somebody gives to prove who they are."""
    return Given(
        name=name,
        password=visit.form.get(field, "")[: passwords.LONGEST],
        code=visit.field("code", 40),
        address=_address(visit),
        browser=visit.request.cookies.get(KNOWN, ""),
    )


def _address(visit: Visit) -> str:
    """Whose tries are counted together."""
    request: Request = visit.request
    peer = request.client.host if request.client else ""
    forwarded = ", ".join(request.headers.getlist("x-forwarded-for"))
    return visitors.household(visitors.address(peer, forwarded, visit.settings.trusted_proxies))


def _step(conn: Connection, opened: Welcome, code: str) -> int | None:
    now_s = int(wall_now(conn).timestamp())
    return passwords.totp_step(opened.totp_secret, code, now_s, after=None)


def _gone(visit: Visit) -> Response:
    said = "This link opens nothing: it was used, is older than a day, or was replaced."
    return visit.showing.sentence(visit.request, "No longer a link", said, HTTPStatus.GONE)


def _welcome(visit: Visit, wrong: str = "", before: datetime | None = None) -> Response:
    with visit.db.read() as conn:
        opened = staff.welcome(conn, visit.request.path_params["token"])
    if opened is None:
        return _gone(visit)
    site = visit.request.app.state.site
    address = passwords.totp_uri(opened.totp_secret, opened.member.name, site.short_name)
    secret = opened.totp_secret
    return visit.page(
        "welcome.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        headers=SECRET_HEADERS,
        wrong=wrong,
        before=before,
        name=opened.member.name,
        square=square.drawn(address, "Square for the authenticator"),
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        shortest=passwords.SHORTEST,
    )


def _to(given: str) -> str:
    return given if given in BACK else "me"
