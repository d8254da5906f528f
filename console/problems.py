"""Errors as RFC 9457 problem details: one clear sentence, never a trace or what people wrote."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFreeError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from console import errors as mine
from console import wording
from gis.errors import GisError, IdsUnknown, IndexBeingBuilt
from notifier import errors as sending
from outage import errors as theirs

log = logging.getLogger(__name__)

STATUS: Mapping[type[Exception], HTTPStatus] = {
    theirs.UnknownOutageError: HTTPStatus.NOT_FOUND,
    theirs.UnknownAccountError: HTTPStatus.NOT_FOUND,
    theirs.UnknownLinkError: HTTPStatus.NOT_FOUND,
    theirs.LinkNotNowError: HTTPStatus.CONFLICT,
    theirs.NotSignedInError: HTTPStatus.UNAUTHORIZED,
    theirs.ForbiddenError: HTTPStatus.FORBIDDEN,
    theirs.NotAllowedNowError: HTTPStatus.CONFLICT,
    theirs.NothingToTakeBackError: HTTPStatus.CONFLICT,
    theirs.VersionConflictError: HTTPStatus.CONFLICT,
    theirs.PlaceChangedError: HTTPStatus.CONFLICT,
    theirs.IdempotencyInProgressError: HTTPStatus.CONFLICT,
    theirs.DatabaseError: HTTPStatus.SERVICE_UNAVAILABLE,
    theirs.OutageError: HTTPStatus.UNPROCESSABLE_ENTITY,
    sending.AlreadyStopped: HTTPStatus.CONFLICT,
    sending.NotStopped: HTTPStatus.CONFLICT,
    sending.NotWaiting: HTTPStatus.CONFLICT,
    sending.SamePerson: HTTPStatus.FORBIDDEN,
    sending.UnknownApproval: HTTPStatus.NOT_FOUND,
    GisError: HTTPStatus.UNPROCESSABLE_ENTITY,
    mine.ElsewhereError: HTTPStatus.FORBIDDEN,
    mine.NotFresh: HTTPStatus.FORBIDDEN,
    mine.NotFromProvider: HTTPStatus.BAD_REQUEST,
    mine.ProviderAway: HTTPStatus.SERVICE_UNAVAILABLE,
    mine.BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    mine.NotJson: HTTPStatus.BAD_REQUEST,
    mine.BadQuery: HTTPStatus.BAD_REQUEST,
    mine.BadCursor: HTTPStatus.BAD_REQUEST,
    mine.KeyTooLong: HTTPStatus.BAD_REQUEST,
    mine.TooManyAtTheDoor: HTTPStatus.SERVICE_UNAVAILABLE,
    mine.TooManyPreviews: HTTPStatus.SERVICE_UNAVAILABLE,
    mine.TooManyLook: HTTPStatus.SERVICE_UNAVAILABLE,
    mine.Moved: HTTPStatus.CONFLICT,
    IndexBeingBuilt: HTTPStatus.SERVICE_UNAVAILABLE,
    mine.ConsoleError: HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""What each refusal is in HTTP; the nearest class counts."""


def answer(request: Request, error: Exception) -> JSONResponse:
    """Answer a refusal of ours with its own sentence."""
    del request
    kind = next(kind for kind in type(error).__mro__ if kind in STATUS)
    status = STATUS[kind]
    headers = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        # What is still on its way is not read.
        headers["Connection"] = "close"
    more: dict[str, object] = {}
    if isinstance(error, mine.BadBody):
        more["errors"] = error.problems
    if isinstance(error, IdsUnknown):
        more["ids"] = error.ids
    return problem(status, wording.refusal(error), headers=headers, more=more)


def routing(request: Request, error: Exception) -> JSONResponse:
    """Answer an address or a method that there is not."""
    assert isinstance(error, HTTPException)  # noqa: S101 registered for it alone
    said = {
        HTTPStatus.NOT_FOUND: f"There is nothing at {request.url.path}.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not for {request.url.path}.",
    }
    status = HTTPStatus(error.status_code)
    return problem(status, said.get(status, error.detail), headers=error.headers)


def away(request: Request, error: Exception) -> JSONResponse:
    """Answer while the database cannot be used."""
    del request
    said = str(getattr(error, "orig", None) or error)  # the driver's words hold no values
    log.error("the database cannot be used: %s", said.partition("\n")[0])
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE, "The database cannot be used just now; try again soon."
    )


def unusable(request: Request, error: Exception) -> JSONResponse:
    """Answer a value that the database cannot take: no text, or too large a number."""
    del request, error
    return problem(
        HTTPStatus.BAD_REQUEST,
        "The address or the body holds a number or a sign that cannot be used.",
    )


def unexpected(request: Request, error: Exception) -> JSONResponse:
    """Answer what nobody thought of, without saying what it was; the log knows."""
    del request, error
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here; nothing was changed."
    )


def problem(
    status: HTTPStatus,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, object] | None = None,
) -> JSONResponse:
    """Return a problem document."""
    facts = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    return JSONResponse(
        facts | dict(more or {}),
        status_code=status,
        headers=headers,
        media_type="application/problem+json",
    )


def said(problem: Response) -> str:
    """The sentence of a problem document."""
    return str(json.loads(bytes(problem.body))["detail"])


HANDLERS: Mapping[Any, Any] = {
    theirs.OutageError: answer,
    GisError: answer,
    mine.ConsoleError: answer,
    HTTPException: routing,
    OperationalError: away,
    NoConnectionFreeError: away,
    DataError: unusable,
    OverflowError: unusable,
    Exception: unexpected,
}
