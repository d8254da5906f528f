"""Texts that people send us: taken from a test or a drill, handed to the hook as Twilio does."""

from __future__ import annotations

import json
import sqlite3
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urldefrag, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from notifier.carrier.bodies import read_body
from notifier.carrier.callbacks import Answer, Callbacks, RetryPolicy
from notifier.carrier.errors import ControlRefusal
from notifier.carrier.progress import is_loopback
from notifier.carrier.segments import segment_count
from notifier.carrier.settings import CarrierSettings
from notifier.carrier.signing import twilio_signature
from notifier.carrier.store import CarrierStore, now_ms

_LARGEST_BYTES = 16 * 1024
_LONGEST_BODY = 1600
_MOST_AT_ONCE = 100
_LONGEST_WAIT_MS = 60_000
_SUCCESS = range(200, 300)
_MOST_MEDIA = 10
# Twilio's own keywords; source: its help page on opt-out keywords, with those of 2025.
_KEYWORDS = {
    **dict.fromkeys(
        ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"), "STOP"
    ),
    **dict.fromkeys(("START", "YES", "UNSTOP"), "START"),
    **dict.fromkeys(("HELP", "INFO"), "HELP"),
}

_TAKE = """
INSERT INTO inbound (sid, sender, recipient, body, media, opt_out_type, at_ms, due_ms, outcome)
VALUES (:sid, :sender, :recipient, :body, :media, :opt_out_type, :at, :at, :outcome)
"""
_DUE = "SELECT * FROM inbound WHERE outcome IS NULL AND due_ms <= ? ORDER BY number LIMIT ?"
_SETTLE = """
UPDATE inbound SET attempts = attempts + 1, outcome = :outcome, due_ms = :due
WHERE number = :number
"""
_LAST_WORD = """
SELECT opt_out_type FROM inbound WHERE sender = ? AND opt_out_type IN ('STOP', 'START')
ORDER BY number DESC LIMIT 1
"""


def has_stopped(connection: sqlite3.Connection, number: str) -> bool:
    """Say whether a number's last word was STOP; only a simulator that keeps opt-outs knows."""
    row = connection.execute(_LAST_WORD, (number,)).fetchone()
    return row is not None and row["opt_out_type"] == "STOP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """The endpoint that takes a text, and the step that hands it on."""

    store: CarrierStore
    settings: CarrierSettings

    def routes(self) -> list[Route]:
        """Give the endpoint at its path."""
        return [Route("/inbound", self.take, methods=["POST"])]

    async def take(self, request: Request) -> Response:
        """Take a text as if its sender had sent it to our number; 201 once it is on disk."""
        # A page of another site cannot send this type without being asked first.
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise ControlRefusal("Send the text as application/json.")
        row = self._row(_parsed(await read_body(request, _LARGEST_BYTES)))

        def insert(connection: sqlite3.Connection) -> None:
            connection.execute(_TAKE, row)

        await self.store.write(insert)
        return JSONResponse({"sid": row["sid"], "opt_out_type": row["opt_out_type"]}, 201)

    async def deliver(self, callbacks: Callbacks) -> int:
        """Hand on what is due, oldest first; give how many were tried."""
        url = self.settings.inbound_url
        if url is None:
            return 0
        due = await self.store.read(
            lambda db: db.execute(_DUE, (now_ms(), _MOST_AT_ONCE)).fetchall()
        )
        # One by one: what one person writes comes in the order in which it was written.
        ends = [self._end(row, await self._post(callbacks, url, row), url) for row in due]
        if ends:
            await self.store.write(lambda db: db.executemany(_SETTLE, ends))
        return len(due)

    def _row(self, given: dict[str, Any]) -> dict[str, Any]:
        url, keyword = self.settings.inbound_url, given["body"].strip().upper()
        return {
            "sid": f"SM{uuid.uuid4().hex}",
            "sender": given["from"],
            "recipient": given.get("to") or self.settings.service_number,
            "body": given["body"],
            "media": given.get("media", 0),
            "opt_out_type": _KEYWORDS.get(keyword) if self.settings.keeps_opt_outs else None,
            "at": now_ms(),
            "outcome": None if url is not None and is_loopback(url) else "refused",
        }

    async def _post(self, callbacks: Callbacks, url: str, row: sqlite3.Row) -> Answer:
        target, form = urldefrag(url).url, _form(row, self.settings.account_sid)
        headers = {
            "User-Agent": "TwilioProxy/1.1",
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "X-Twilio-Signature": twilio_signature(self.settings.auth_token, target, form),
        }
        return await callbacks.post(target, urlencode(form).encode(), headers)

    def _end(self, row: sqlite3.Row, answer: Answer, url: str) -> dict[str, Any]:
        attempts = row["attempts"] + 1
        end = {"number": row["number"], "outcome": "sent", "due": row["due_ms"]}
        if answer.status in _SUCCESS:
            return end
        if not RetryPolicy.of_url(url).tries_again(answer, attempts):
            return end | {"outcome": "failed"}
        wait = min(self.settings.retry_base_ms * 2 ** min(attempts - 1, 20), _LONGEST_WAIT_MS)
        return end | {"outcome": None, "due": now_ms() + wait}


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body)
    except ValueError as error:
        raise ControlRefusal("The body is not JSON.") from error
    fits = (
        isinstance(given, dict)
        and given.keys() <= {"from", "to", "body", "media"}
        and isinstance(given.get("from"), str)
        and isinstance(given.get("body"), str)
        and isinstance(given.get("to", ""), str)
        and isinstance(given.get("media", 0), int)
    )
    if not fits:
        raise ControlRefusal("A text is an object with from and body, and perhaps to and media.")
    if len(given["body"]) > _LONGEST_BODY or not 0 <= given.get("media", 0) <= _MOST_MEDIA:
        raise ControlRefusal(
            f"A text holds at most {_LONGEST_BODY} characters and {_MOST_MEDIA} pictures."
        )
    return dict(given)


def _form(row: sqlite3.Row, account_sid: str) -> dict[str, str]:
    """The parameters of Twilio's request to a messaging webhook."""
    form = {
        "AccountSid": account_sid,
        "ApiVersion": "2010-04-01",
        "Body": row["body"],
        "From": row["sender"],
        "MessageSid": row["sid"],
        "NumMedia": str(row["media"]),
        "NumSegments": str(segment_count(row["body"])),
        "SmsMessageSid": row["sid"],
        "SmsSid": row["sid"],
        "SmsStatus": "received",
        "To": row["recipient"],
    }
    if row["opt_out_type"]:
        form["OptOutType"] = row["opt_out_type"]
    return form
