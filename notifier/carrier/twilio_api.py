"""Twilio's Messages API, 2010-04-01: create, fetch, list, as published in twilio_api_v2010."""

from __future__ import annotations

import base64
import hmac
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from notifier.carrier.bad_numbers import ERROR_CODES
from notifier.carrier.bodies import read_body
from notifier.carrier.conditions import Conditions, through_faults
from notifier.carrier.errors import TwilioRefusal
from notifier.carrier.inbound import has_stopped
from notifier.carrier.settings import CarrierSettings
from notifier.carrier.store import CarrierStore, now_ms, row_of
from notifier.carrier.text_requests import Listing, parse_listing, parse_text

_LARGEST_FORM_BYTES = 1024 * 1024
_UNAUTHORIZED = 401
_NOT_FOUND = 404
_VERSION = "2010-04-01"
_STOPPED = 21610
_STATUS_CODES = {
    429: (20429, "Too Many Requests"),
    404: (20404, "Not Found"),
    413: (20413, "Content Too Large"),
}


def error_response(refusal: TwilioRefusal) -> JSONResponse:
    """Answer with Twilio's error body: code, message, more_info, status."""
    headers = (
        {"WWW-Authenticate": 'Basic realm="Twilio API"'}
        if refusal.status == _UNAUTHORIZED
        else None
    )
    return JSONResponse(
        {
            "code": refusal.code,
            "message": refusal.message,
            "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
            "status": refusal.status,
        },
        refusal.status,
        headers,
    )


def status_error(status: int) -> JSONResponse:
    """Answer with the error body for a bare HTTP status."""
    code, message = _STATUS_CODES.get(status, (20000 + status, "Service Unavailable"))
    return error_response(TwilioRefusal(code, message, status=status))


class MessagesApi:
    """The three endpoints over one store."""

    def __init__(
        self, store: CarrierStore, settings: CarrierSettings, conditions: Conditions
    ) -> None:
        self._store = store
        self._settings = settings
        self._conditions = conditions

    def routes(self) -> list[Route]:
        """Give the endpoints at their published paths."""
        base = f"/{_VERSION}/Accounts/{{account_sid}}/Messages"
        return [
            Route(f"{base}.json", self.create, methods=["POST"]),
            Route(f"{base}.json", self.browse, methods=["GET"]),
            Route(f"{base}/{{sid}}.json", self.fetch, methods=["GET"]),
        ]

    async def create(self, request: Request) -> Response:
        """Take one text; 201 with the message once it is on disk."""
        self._admit(request)
        body = await read_body(request, _LARGEST_FORM_BYTES)
        form = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))

        async def accept() -> Response:
            to = form.get("To", "")
            stopped = await self._store.read(lambda db: has_stopped(db, to))
            failure = _STOPPED if stopped else self._conditions.error_code(to)
            text = parse_text(form, failure=failure)
            due = now_ms() + self._conditions.callback_delay_ms
            at = await self._store.accept([text], due_ms=due)
            return JSONResponse(self._message(row_of(text, at, due)), 201)

        return await through_faults(request, "sms", self._conditions, accept, status_error)

    async def fetch(self, request: Request) -> Response:
        """Show one text by its sid."""
        self._admit(request)
        sid = request.path_params["sid"]
        row = await self._store.read(lambda db: _by_sid(db, sid))
        if row is None:
            raise _not_found(request)
        return JSONResponse(self._message(row))

    async def browse(self, request: Request) -> Response:
        """Show texts, newest first, filtered and paged as published."""
        self._admit(request)
        listing = parse_listing(request.query_params)

        async def show() -> Response:
            found = await self._store.read(lambda db: _page(db, listing))
            return JSONResponse(self._page(request, listing, found[0], further=found[1]))

        return await through_faults(request, "list", self._conditions, show, status_error)

    def _admit(self, request: Request) -> None:
        settings = self._settings
        wanted = base64.b64encode(f"{settings.account_sid}:{settings.auth_token}".encode()).decode()
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic" or not hmac.compare_digest(given.encode(), wanted.encode()):
            raise TwilioRefusal(20003, "Authenticate", status=_UNAUTHORIZED)
        if request.path_params["account_sid"] != settings.account_sid:
            raise _not_found(request)

    def _message(self, row: Mapping[str, Any] | sqlite3.Row) -> dict[str, Any]:
        uri = f"/{_VERSION}/Accounts/{self._settings.account_sid}/Messages/{row['sid']}"
        error = row["error_code"]
        # As published: no segments are known before a Messaging Service has picked a sender.
        segments = 0 if row["sender"] is None else row["segments"]
        return {
            "account_sid": self._settings.account_sid,
            "api_version": _VERSION,
            "body": row["body"],
            "date_created": _rfc_2822(row["accepted_ms"]),
            "date_sent": _rfc_2822(row["sent_ms"]),
            "date_updated": _rfc_2822(row["updated_ms"]),
            "direction": "outbound-api",
            "error_code": error,
            "error_message": None if error is None else ERROR_CODES[error].message,
            "from": row["sender"],
            "messaging_service_sid": row["service_sid"],
            "num_media": "0",
            "num_segments": str(segments),
            "price": None,
            "price_unit": None,
            "sid": row["sid"],
            "status": row["status"],
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": row["recipient"],
            "uri": f"{uri}.json",
        }

    def _page(
        self, request: Request, listing: Listing, page: list[sqlite3.Row], *, further: bool
    ) -> dict[str, Any]:
        def uri(number: int, token: str | None = None) -> str:
            kept = {
                name: value
                for name, value in request.query_params.items()
                if name not in {"PageSize", "Page", "PageToken"}
            }
            kept |= {"PageSize": str(listing.page_size), "Page": str(number)}
            if token:
                kept["PageToken"] = token
            return f"{request.url.path}?{urlencode(kept)}"

        start = listing.page * listing.page_size
        before = listing.page > 0 and bool(page)
        return {
            "end": max(start, start + len(page) - 1),
            "first_page_uri": uri(0),
            "next_page_uri": uri(listing.page + 1, f"PA{page[-1]['sid']}") if further else None,
            "page": listing.page,
            "page_size": listing.page_size,
            "previous_page_uri": uri(listing.page - 1, f"PB{page[0]['sid']}") if before else None,
            "messages": [self._message(row) for row in page],
            "start": start,
            "uri": uri(listing.page, request.query_params.get("PageToken")),
        }


def _not_found(request: Request) -> TwilioRefusal:
    return TwilioRefusal(
        20404, f"The requested resource {request.url.path} was not found", status=_NOT_FOUND
    )


def _rfc_2822(milliseconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(milliseconds // 1000, UTC))


def _by_sid(connection: sqlite3.Connection, sid: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM messages WHERE sid = ? AND channel = 'sms'", (sid,)
    ).fetchone()
    return row


def _page(connection: sqlite3.Connection, listing: Listing) -> tuple[list[sqlite3.Row], bool]:
    where = ["channel = 'sms'"]
    values: dict[str, Any] = {"limit": listing.page_size + 1, "offset": 0}
    filters: Mapping[str, Any] = {
        "recipient = :to": listing.recipient,
        "sender = :from": listing.sender,
        "sent_ms >= :start": listing.sent_from_ms,
        "sent_ms < :end": listing.sent_before_ms,
        "number < (SELECT number FROM messages WHERE sid = :before)": listing.before,
        "number > (SELECT number FROM messages WHERE sid = :after)": listing.after,
    }
    for clause, value in filters.items():
        if value is not None:
            where.append(clause)
            values[clause.rpartition(":")[2].rstrip(")")] = value
    if listing.before is None and listing.after is None:
        values["offset"] = listing.page * listing.page_size
    # A page before is read backwards from the one it precedes.
    order = "ASC" if listing.after else "DESC"
    found = connection.execute(
        f"SELECT * FROM messages WHERE {' AND '.join(where)} "  # noqa: S608 - clauses are ours, values are bound
        f"ORDER BY number {order} LIMIT :limit OFFSET :offset",
        values,
    ).fetchall()
    page = found[: listing.page_size]
    if listing.after:
        return page[::-1], True
    return page, len(found) > listing.page_size
