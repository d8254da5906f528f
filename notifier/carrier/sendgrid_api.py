"""SendGrid's POST /v3/mail/send, as published in tsg_mail_v3."""

from __future__ import annotations

import gzip
import hmac
import zlib
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from notifier.carrier.bodies import read_body
from notifier.carrier.conditions import Conditions, through_faults
from notifier.carrier.errors import MailRefusal
from notifier.carrier.mail_requests import is_sandboxed, parse_mail
from notifier.carrier.settings import CarrierSettings
from notifier.carrier.store import CarrierStore, now_ms

LARGEST_MAIL_BYTES = 30 * 1024 * 1024
_UNAUTHORIZED = 401
_TOO_LARGE = 413
_STATUS_MESSAGES = {
    404: "not found",
    405: "method not allowed",
    413: "content too large",
    429: "too many requests",
    500: "internal server error",
}


def error_response(refusal: MailRefusal) -> JSONResponse:
    """Answer with SendGrid's error body: a list of errors with message, field, help."""
    error = {"message": refusal.message, "field": refusal.field, "help": None}
    return JSONResponse({"errors": [error]}, refusal.status)


def status_error(status: int) -> JSONResponse:
    """Answer with the error body for a bare HTTP status."""
    message = _STATUS_MESSAGES.get(status, "service unavailable")
    return error_response(MailRefusal(message, status=status))


class MailSendApi:
    """The one endpoint over one store."""

    def __init__(
        self, store: CarrierStore, settings: CarrierSettings, conditions: Conditions
    ) -> None:
        self._store = store
        self._settings = settings
        self._conditions = conditions

    def routes(self) -> list[Route]:
        """Give the endpoint at its published path."""
        return [Route("/v3/mail/send", self.send, methods=["POST"])]

    async def send(self, request: Request) -> Response:
        """Take a mail for all its recipients; 202 once it is on disk."""
        wanted = f"Bearer {self._settings.sendgrid_api_key}"
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            raise MailRefusal(
                "The provided authorization grant is invalid, expired, or revoked",
                status=_UNAUTHORIZED,
            )
        body = await read_body(request, LARGEST_MAIL_BYTES)
        zipped = request.headers.get("content-encoding", "").lower() == "gzip"

        async def accept() -> Response:
            mail = _read(body, zipped=zipped)
            message_id, acceptances = parse_mail(mail)
            if is_sandboxed(mail):
                return Response(status_code=200)
            due = now_ms() + self._conditions.callback_delay_ms
            await self._store.accept(acceptances, due_ms=due)
            return Response(status_code=202, headers={"X-Message-Id": message_id})

        return await through_faults(request, "email", self._conditions, accept, status_error)


def _read(body: bytes, *, zipped: bool) -> Any:  # noqa: ANN401 - anything JSON may hold
    try:
        return orjson.loads(_unzipped(body) if zipped else body)
    except (ValueError, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise MailRefusal("Bad Request") from error


def _unzipped(body: bytes) -> bytes:
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    plain = unzip.decompress(body, LARGEST_MAIL_BYTES)
    if unzip.unconsumed_tail:
        raise MailRefusal("content too large", status=_TOO_LARGE)
    return plain
