"""The `web` process: the console and the API, for staff and their machines."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

import anyio.to_thread
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.types import Lifespan

from console import (
    account,
    accounts,
    board,
    bodies,
    changes,
    counting,
    crews,
    declaring,
    delivery,
    guests,
    medical,
    news,
    outages,
    own,
    people,
    preview,
    reading,
    refusals,
    routing,
    sending,
    sends,
    serving,
    signing,
    statics,
    visits,
)
from console.desk import Command, Desk, Do
from console.oidc import Provider
from console.routing import Guarded, Open
from console.showing import Showing
from gis.keeping import Keeper
from gis.matching import Matcher
from gis.preview import Previewer
from notifier import outbox
from outage import clock
from outage.bell import Bell
from outage.database import Database
from outage.rights import Right
from outage.settings import Settings
from outage.site import NEUTRAL, Site


def create_app(
    db: Database,
    settings: Settings,
    site: Site,
    *,
    matcher: Matcher | None = None,
    bell: Bell | None = None,
) -> Starlette:
    """Build the application on an open database (whose commits ring the bell by themselves).

    By ``bell`` open pages hear of news sooner than within a second.
    """
    matcher = matcher or Matcher(db)
    keeper, showing = Keeper(db, matcher), Showing(site, settings)
    app = Starlette(
        routes=[
            Open("/healthz", healthz),
            Open("/readyz", readyz),
            Open("/page.css", showing.style),
            *statics.routes(),
            *signing.routes(),
            *guests.routes(),
            *board.routes(),
            *news.routes(),
            *outages.routes(),
            *own.routes(),
            *people.routes(),
            *sends.routes(),
            *accounts.routes(),
            *crews.routes(),
            *serving.routes(),
            *account.routes(),
            *declaring.routes(settings),
            Mount("/api/v1", routes=api(settings, site)),
        ],
        exception_handlers=refusals.handlers(showing),
        lifespan=_kept(keeper),
    )
    routing.check(app.routes)
    app.state.db = db
    app.state.site = site
    app.state.settings = settings
    app.state.showing = showing
    app.state.known = delivery.Known()
    app.state.medical = medical.Medical()
    app.state.news = news.News(db, bell or Bell(""))
    app.state.doors = visits.Doors()
    app.state.provider = Provider(settings)
    app.state.tried = counting.Tried()
    app.state.terms = outbox.terms(settings, site)
    app.state.desk = Desk(db=db, settings=settings, matcher=matcher)
    app.state.previews = preview.Previews(Previewer(db, matcher, settings, keeper))
    return app


def _kept(keeper: Keeper) -> Lifespan[Starlette]:
    """Keep what previews count with at hand while the process serves."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        with keeper.running():
            yield

    return lifespan


def api(settings: Settings, site: Site = NEUTRAL) -> list[BaseRoute]:
    """Every address of the API, each with the right it needs."""
    most = settings.max_recipients

    def look(path: str, at: Callable[..., reading.Facts], right: Right = Right.READ) -> Guarded:
        return Guarded(path, reading.reading(at), right=right)

    def write(
        action: str,
        path: str,
        do: Do,
        body: type[bodies.Body],
        right: Right = Right.DISPATCH,
        *,
        method: str = "POST",
        created: bool = False,
        grave: bool = False,
        once: frozenset[str] = frozenset(),
    ) -> Guarded:
        about = "send:" if path.startswith(send) else ""
        command = Command(
            action=action,
            about=about,
            body=body,
            do=do,
            created=created,
            grave=grave,
            once=once,
        )
        return Guarded(path, command.answer, right=right, methods=[method])

    one, send = "/outages/{id}", "/approvals/{id}"
    return [
        look("/outages", reading.outages, Right.SEE),
        write("declare", "/outages", changes.declare(most), bodies.DeclareBody, created=True),
        look(one, reading.outage, Right.SEE),
        write("revise", one, changes.revise(most), bodies.ReviseBody, method="PATCH"),
        look(f"{one}/memberships", reading.memberships),
        look(f"{one}/messages", reading.messages),
        look(f"{one}/journal", reading.journal),
        write("update", f"{one}/updates", changes.update, bodies.UpdateBody, Right.REPORT),
        write(
            "approve message",
            f"{one}/messages/{{key:int}}/approve",
            changes.approve,
            bodies.EmptyBody,
        ),
        write("restore", f"{one}/restorations", changes.restore, bodies.RestoreBody),
        write("confirm", f"{one}/confirm", changes.confirm, bodies.ConfirmBody),
        write("reject", f"{one}/reject", changes.reject, bodies.ReasonBody),
        write("start", f"{one}/start", changes.start, bodies.StartBody),
        write("reopen", f"{one}/reopen", changes.reopen, bodies.ReasonBody),
        write("merge", f"{one}/merge", changes.merge(most), bodies.MergeBody),
        write("split", f"{one}/split", changes.split, bodies.SplitBody, created=True),
        write("cancel", f"{one}/cancel", changes.cancel, bodies.ReasonBody),
        write("close", f"{one}/close", changes.close, bodies.ReasonBody),
        write("take-back", f"{one}/take-back", changes.take_back, bodies.EmptyBody),
        look("/crew-links", crews.every, Right.CREWS),
        write(
            "crew link",
            f"{one}/crew-links",
            crews.link(settings),
            bodies.CrewLinkBody,
            Right.CREWS,
            once=crews.ONCE,
        ),
        write(
            "crew revoke",
            f"{one}/crew-links/{{key:int}}/revoke",
            crews.revoke_by_api,
            bodies.EmptyBody,
            Right.CREWS,
        ),
        Guarded("/match", preview.answer, right=Right.READ, methods=["POST"]),
        look("/queue", sending.queue(settings, site)),
        look("/sending", sending.state),
        write("sending stop", "/sending/stop", sending.stop, bodies.WhyBody, Right.SEND),
        write(
            "sending resume",
            "/sending/resume",
            sending.resume,
            bodies.EmptyBody,
            Right.SEND,
            grave=True,
        ),
        write(
            "approve",
            f"{send}/approve",
            sending.approve,
            bodies.ApproveBody,
            Right.SEND,
            grave=True,
        ),
        write("hold", f"{send}/hold", sending.hold, bodies.HoldBody, Right.SEND),
        write("withdraw", f"{send}/withdraw", sending.withdraw, bodies.WhyBody, Right.SEND),
        Guarded("/accounts/search", accounts.answer, right=Right.SEARCH, methods=["POST"]),
        look("/accounts/{id}", reading.account, Right.ACCOUNT),
    ]


async def healthz(request: Request) -> Response:
    """Say that the process runs."""
    del request
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Say whether requests can be answered: the database is there."""
    db: Database = request.app.state.db

    def look() -> str:
        with db.read() as conn:
            conn.execute(sa.select(1))
            return clock.business_now(conn).isoformat()

    at = await anyio.to_thread.run_sync(look)
    return JSONResponse({"status": "ready", "as_of": at}, status_code=HTTPStatus.OK)
