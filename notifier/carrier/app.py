"""The simulator as one app: both APIs, the control endpoint, the pages, and the callbacks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from notifier.carrier import sendgrid_api, twilio_api
from notifier.carrier.callbacks import Callbacks, callback_session
from notifier.carrier.conditions import Conditions
from notifier.carrier.control import Control, refused
from notifier.carrier.errors import ControlRefusal, MailRefusal, TwilioRefusal
from notifier.carrier.inbound import Inbound
from notifier.carrier.loopback import LoopbackOnly
from notifier.carrier.progress import Progress
from notifier.carrier.settings import CarrierSettings
from notifier.carrier.store import CarrierStore, now_ms
from notifier.carrier.views import Views

_log = logging.getLogger(__name__)
_REST_S = 0.1
_REST_AFTER_ERROR_S = 1.0


def create_app(store: CarrierStore, settings: CarrierSettings) -> Starlette:
    """Build the simulator over its store; the app opens and closes the store itself.

    Run it with uvicorn on a loopback address, and with `timeout_graceful_shutdown` set: a
    time-out fault keeps its connection open for as long as it was told.
    """
    conditions = Conditions(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        store.open()
        try:
            async with _moving(store, settings, conditions):
                yield
        finally:
            store.close()

    return Starlette(
        routes=[
            *twilio_api.MessagesApi(store, settings, conditions).routes(),
            *sendgrid_api.MailSendApi(store, settings, conditions).routes(),
            *Control(conditions).routes(),
            *Inbound(store=store, settings=settings).routes(),
            *Views(store).routes(),
        ],
        middleware=[Middleware(LoopbackOnly)],
        exception_handlers={
            TwilioRefusal: _answer_refusal,
            MailRefusal: _answer_refusal,
            ControlRefusal: _answer_refusal,
            HTTPException: _answer_status,
        },
        lifespan=lifespan,
    )


@contextlib.asynccontextmanager
async def _moving(
    store: CarrierStore, settings: CarrierSettings, conditions: Conditions
) -> AsyncIterator[None]:
    """Keep messages and callbacks moving for as long as the app lives."""

    async def progress() -> int:
        now = now_ms()
        due = await store.read(
            lambda db: db.execute(
                "SELECT 1 FROM messages WHERE due_ms <= ? LIMIT 1", (now,)
            ).fetchone()
        )
        if due is None:
            return 0
        rules = Progress(
            delay_ms=conditions.callback_delay_ms,
            service_number=settings.service_number,
            statuses=settings.callback_statuses,
            events_url=settings.events_url,
        )
        return await store.write(lambda db: rules.step(db, now_ms()))

    async with callback_session(settings.callback_timeout_s) as session:
        callbacks = Callbacks(store, settings, session)
        inbound = Inbound(store=store, settings=settings)
        steps = (
            progress,
            callbacks.deliver_texts,
            callbacks.deliver_events,
            partial(inbound.deliver, callbacks),
        )
        tasks = [asyncio.create_task(_repeat(step)) for step in steps]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(step: Callable[[], Awaitable[int]]) -> None:
    while True:
        try:
            moved = await step()
        except Exception:  # noqa: BLE001 - the loop must outlive whatever it was
            # What was not settled is on disk and is tried again.
            _log.exception("A step of the simulator failed; it goes on in a second.")
            await asyncio.sleep(_REST_AFTER_ERROR_S)
            continue
        if not moved:
            await asyncio.sleep(_REST_S)


def _answer_refusal(_request: Request, error: Exception) -> Response:
    if isinstance(error, TwilioRefusal):
        return twilio_api.error_response(error)
    if isinstance(error, MailRefusal):
        return sendgrid_api.error_response(error)
    if isinstance(error, ControlRefusal):
        return refused(error)
    raise error


def _answer_status(request: Request, error: Exception) -> Response:
    """Answer a bare status in the words of the API whose path was asked for."""
    if not isinstance(error, HTTPException):
        raise error
    if request.url.path.startswith("/2010-04-01/"):
        return twilio_api.status_error(error.status_code)
    if request.url.path.startswith("/v3/"):
        return sendgrid_api.status_error(error.status_code)
    return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)
