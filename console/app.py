"""The `web` process: the console and the API, for staff and their machines."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus

import anyio.to_thread
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Lifespan

from console import bodies, changes, preview, problems, reading, sending
from console.desk import Command, Desk, Do
from gis.keeping import Keeper
from gis.matching import Matcher
from gis.preview import Previewer
from outage import clock
from outage.database import Database
from outage.settings import Settings
from outage.site import NEUTRAL, Site
from outage.tokens import Right


def create_app(
    db: Database, settings: Settings, site: Site, *, matcher: Matcher | None = None
) -> Starlette:
    """Build the application on an open database (whose commits ring the bell by themselves)."""
    matcher = matcher or Matcher(db)
    keeper = Keeper(db, matcher)
    app = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Mount("/api/v1", routes=api(settings, site)),
        ],
        exception_handlers=dict(problems.HANDLERS),
        lifespan=_kept(keeper),
    )
    app.state.db = db
    app.state.site = site
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
    """Every address of the API."""
    look, most = reading.reading, settings.max_recipients

    def write(path: str, command: Command, method: str = "POST") -> Route:
        return Route(path, command.answer, methods=[method])

    def dispatch(do: Do, body: type[bodies.Body]) -> Command:
        return Command(right=Right.DISPATCH, body=body, do=do)

    declare = Command(
        right=Right.DISPATCH,
        body=bodies.DeclareBody,
        do=changes.declare(most),
        created=True,
    )
    split = Command(right=Right.DISPATCH, body=bodies.SplitBody, do=changes.split, created=True)
    one = "/outages/{id}"
    return [
        Route("/outages", look(reading.outages, Right.SEE), methods=["GET"]),
        write("/outages", declare),
        Route(one, look(reading.outage, Right.SEE), methods=["GET"]),
        write(one, dispatch(changes.revise(most), bodies.ReviseBody), "PATCH"),
        Route(f"{one}/memberships", look(reading.memberships), methods=["GET"]),
        Route(f"{one}/messages", look(reading.messages), methods=["GET"]),
        Route(f"{one}/journal", look(reading.journal), methods=["GET"]),
        write(
            f"{one}/updates",
            Command(right=Right.REPORT, body=bodies.UpdateBody, do=changes.update),
        ),
        write(f"{one}/messages/{{key:int}}/approve", dispatch(changes.approve, bodies.EmptyBody)),
        write(f"{one}/restorations", dispatch(changes.restore, bodies.RestoreBody)),
        write(f"{one}/confirm", dispatch(changes.confirm, bodies.ConfirmBody)),
        write(f"{one}/reject", dispatch(changes.reject, bodies.ReasonBody)),
        write(f"{one}/start", dispatch(changes.start, bodies.StartBody)),
        write(f"{one}/reopen", dispatch(changes.reopen, bodies.ReasonBody)),
        write(f"{one}/merge", dispatch(changes.merge(most), bodies.MergeBody)),
        write(f"{one}/split", split),
        write(f"{one}/cancel", dispatch(changes.cancel, bodies.ReasonBody)),
        write(f"{one}/close", dispatch(changes.close, bodies.ReasonBody)),
        write(f"{one}/take-back", dispatch(changes.take_back, bodies.EmptyBody)),
        Route("/match", preview.answer, methods=["POST"]),
        Route("/queue", look(sending.queue(settings, site)), methods=["GET"]),
        Route("/sending", look(sending.state), methods=["GET"]),
        write("/sending/stop", dispatch(sending.stop, bodies.WhyBody)),
        write("/sending/resume", dispatch(sending.resume, bodies.EmptyBody)),
        write("/approvals/{id}/approve", dispatch(sending.approve, bodies.ApproveBody)),
        write("/approvals/{id}/hold", dispatch(sending.hold, bodies.HoldBody)),
        write("/approvals/{id}/withdraw", dispatch(sending.withdraw, bodies.WhyBody)),
        Route("/accounts/{id}", look(reading.account), methods=["GET"]),
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
