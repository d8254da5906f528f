"""The `counter` process: the way in for providers and the public; no staff route is reachable."""

import asyncio
from functools import partial
from http import HTTPStatus

import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from counter.crew.routes import Crew
from counter.door import Door
from counter.hooks import Hooks
from counter.lookup import Lookup
from counter.nonces import Nonces
from counter.personal import Personal
from counter.reporting import Reporting
from counter.showing import Showing
from counter.subscribing import Subscribing
from counter.visiting import Visitors
from notifier import inbound, receipts
from notifier.channels.providers import sent_by
from notifier.links import Links
from notifier.replies.lexicon import lexicons
from outage import tables as t
from outage.database import Database
from outage.settings import Settings
from outage.site import NEUTRAL, Site


def create_app(settings: Settings, db: Database, site: Site = NEUTRAL) -> Starlette:
    """Build the application. The database stays the caller's to close."""
    lexicons()  # read now, and not while the first text waits for its answer
    showing, visitors = Showing(site, settings), Visitors(settings)
    door = Door(site, showing, visitors)
    lookup = Lookup(db, site, door)
    personal = Personal(db, settings, site, showing, visitors, lookup)
    nonces = Nonces(settings.secret_key)
    subscribing = Subscribing(
        db,
        site,
        door,
        lookup,
        nonces,
        Links.of(settings),
        test=settings.test_numbers,
        by=sent_by(settings),
    )
    reporting = Reporting(db, site, door, lookup, nonces, test=settings.test_numbers)
    crew = Crew(db, settings, site, visitors)
    hooks = Hooks(settings, partial(receipts.apply, db), partial(inbound.accept, db))

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        try:
            await asyncio.to_thread(_look, db)
        except Exception:  # noqa: BLE001  # whatever it is, this process cannot work now
            return PlainTextResponse(
                "The database does not answer.\n", HTTPStatus.SERVICE_UNAVAILABLE
            )
        return PlainTextResponse("ok\n")

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            *hooks.routes(),
            *personal.routes(),
            *lookup.routes(),
            *reporting.routes(),
            *subscribing.routes(),
            *crew.routes(),
        ]
    )


def _look(db: Database) -> None:
    with db.read() as conn:
        conn.execute(sa.select(t.facts.c.name).limit(1)).first()
