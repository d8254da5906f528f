"""Signing in through the identity provider, and being signed out by it."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from console.oidc import BACK, OUT, Provider
from console.routing import Open
from console.signing import begin
from console.visits import Visit, go, page, unsigned
from outage import audit, sessions, staff
from outage.model import Actor

COOKIE, LASTS_S = "__Host-oidc", 600


def routes() -> list[BaseRoute]:
    """Every address of this."""
    return [
        Open("/oidc/start", page(start, door="provider"), methods=["GET"]),
        Open(BACK, page(back, door="provider"), methods=["GET"]),
        Open(OUT, unsigned(out, door="provider"), methods=["POST"]),
    ]


def start(visit: Visit) -> Response:
    """Send a browser to the provider."""
    if not _provider(visit).is_used:
        return go("/sign-in")
    url, cookie = _provider(visit).begin(anew="anew" in visit.request.query_params)
    answer = RedirectResponse(url, HTTPStatus.SEE_OTHER, headers={"cache-control": "no-store"})
    answer.set_cookie(COOKIE, cookie, LASTS_S, path="/", secure=True, httponly=True, samesite="lax")
    return answer


def back(visit: Visit) -> Response:
    """Let somebody in whom the provider sends back, as what their groups make them."""
    request = visit.request
    person = _provider(visit).finish(request.query_params, request.cookies.get(COOKIE, ""))
    with visit.db.write() as conn:
        before = staff.of_subject(conn, person.subject)
        member = staff.guest(conn, subject=person.subject, name=person.name, role=person.role)
        if member is None:
            if before is not None:
                about = f"staff:{before.key}"
                audit.append(conn, actor=before.actor, action="sign in refused", about=about)
            said = "You are in no group that may use the console. Ask an administrator."
            return visit.showing.sentence(request, "Not let in", said, HTTPStatus.FORBIDDEN)
        if before is not None and before.role is not member.role:
            audit.append(
                conn,
                actor=Actor(kind="oidc"),
                action="user role",
                about=f"staff:{member.key}",
                detail={"before": str(before.role), "role": str(member.role)},
            )
        at = min(person.signed_in_at, datetime.now(UTC))
        answer = begin(visit, conn, member, "sign in", go("/"), proved_at=at)
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True)
    return answer


def out(visit: Visit) -> Response:
    """End all sessions of somebody, because the provider says so (back-channel logout)."""
    subject = _provider(visit).logout(visit.form.get("logout_token", ""))
    with audit.deed(visit.db, actor=Actor(kind="oidc"), action="end sessions") as deed:
        member = staff.of_subject(deed.conn, subject)
        deed.kept = member is not None
        if member is not None:
            deed.about = f"staff:{member.key}"
            deed.detail = {"sessions": sessions.end_others(deed.conn, member.key)}
    return PlainTextResponse("", headers={"cache-control": "no-store"})


def _provider(visit: Visit) -> Provider:
    provider: Provider = visit.request.app.state.provider
    return provider
