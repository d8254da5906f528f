"""Delivers what is owed: Twilio's status callbacks and SendGrid's event batches."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urldefrag, urlencode

import aiohttp
from yarl import URL

from notifier.carrier.settings import CarrierSettings
from notifier.carrier.signing import event_signature, private_key, twilio_signature
from notifier.carrier.store import CarrierStore, now_ms

_log = logging.getLogger(__name__)
_CONNECTIONS = 32
_TEXTS_A_ROUND = 400
_EVENTS_A_BATCH = 500
_BATCHES_A_ROUND = 4
_CLIENT_ERROR = 400
_SERVER_ERROR = 500
_SUCCESS = range(200, 300)
_LONGEST_WAIT_MS = 60_000
# SendGrid goes on for a day; at a minute's pace that is this many attempts.
_EVENT_RETRIES = 24 * 60
_MOST_RETRIES = 5

_DUE = """
SELECT c.number, c.event, c.error_code, c.url, c.at_ms, c.attempts, m.sid, m.recipient, m.sender,
    m.service_sid, m.details
FROM callbacks AS c JOIN messages AS m ON m.number = c.message
WHERE c.outcome IS NULL AND c.channel = ? AND c.due_ms <= ? ORDER BY c.due_ms, c.number LIMIT ?
"""
_SETTLE = """
UPDATE callbacks SET attempts = attempts + 1, outcome = :outcome, ended_ms = :ended, due_ms = :due
WHERE number = :number
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the other side made of a callback.

    status: HTTP status, 0 when there was no answer. timed_out: it connected and then was silent.
    """

    status: int
    timed_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Twilio's connection overrides: `rc` retries on what `rp` names.

    Source: twilio.com/docs/usage/webhooks/webhooks-connection-overrides.
    """

    retries: int
    causes: frozenset[str]

    @classmethod
    def of_url(cls, url: str) -> RetryPolicy:
        """Read the overrides from the URL's fragment; without any, one retry on no connection."""
        given = {name: values[-1] for name, values in parse_qs(urldefrag(url).fragment).items()}
        count = given.get("rc", "1")
        retries = min(int(count), _MOST_RETRIES) if count.isdecimal() else 1
        return cls(retries=retries, causes=frozenset(given.get("rp", "ct").split(",")))

    def tries_again(self, answer: Answer, attempts: int) -> bool:
        """Say whether a failed callback is tried again after so many attempts."""
        if attempts > self.retries:
            return False
        if answer.status == 0:
            cause = "rt" if answer.timed_out else "ct"
        elif answer.status >= _SERVER_ERROR:
            cause = "5xx"
        else:
            cause = "4xx" if answer.status >= _CLIENT_ERROR else "other"
        return bool(self.causes & {"all", cause})


class Callbacks:
    """The two delivering loops over one store and one session."""

    def __init__(
        self, store: CarrierStore, settings: CarrierSettings, session: aiohttp.ClientSession
    ) -> None:
        self._store = store
        self._settings = settings
        self._session = session
        self._key = private_key(settings.folder)

    async def deliver_texts(self) -> int:
        """Post the status callbacks that are due; give how many were tried."""
        due = await self._due("sms", _TEXTS_A_ROUND)
        answers = await asyncio.gather(*(self._post_status(row) for row in due))
        await self._settle(
            [
                self._end(row, answer, RetryPolicy.of_url(row["url"]))
                for row, answer in zip(due, answers, strict=True)
            ]
        )
        return len(due)

    async def deliver_events(self) -> int:
        """Post the mail events that are due, in batches; give how many were tried."""
        due = await self._due("email", _EVENTS_A_BATCH * _BATCHES_A_ROUND)
        batches = [
            due[start : start + _EVENTS_A_BATCH] for start in range(0, len(due), _EVENTS_A_BATCH)
        ]
        answers = await asyncio.gather(*(self._post_events(batch) for batch in batches))
        policy = RetryPolicy(retries=_EVENT_RETRIES, causes=frozenset({"all"}))
        await self._settle(
            [
                self._end(row, answer, policy)
                for batch, answer in zip(batches, answers, strict=True)
                for row in batch
            ]
        )
        return len(due)

    async def _due(self, channel: str, limit: int) -> list[sqlite3.Row]:
        values = (channel, now_ms(), limit)
        return await self._store.read(lambda db: db.execute(_DUE, values).fetchall())

    async def _settle(self, ends: list[dict[str, Any]]) -> None:
        if not ends:
            return

        def settle(connection: sqlite3.Connection) -> None:
            connection.executemany(_SETTLE, ends)

        await self._store.write(settle)
        if failed := sum(end["outcome"] == "failed" for end in ends):
            _log.warning("%d callbacks were given up after their last attempt.", failed)

    def _end(self, row: sqlite3.Row, answer: Answer, policy: RetryPolicy) -> dict[str, Any]:
        now, attempts = now_ms(), row["attempts"] + 1
        end = {"number": row["number"], "outcome": "sent", "ended": now, "due": now}
        if answer.status in _SUCCESS:
            return end
        if not policy.tries_again(answer, attempts):
            return end | {"outcome": "failed"}
        wait = min(self._settings.retry_base_ms * 2 ** min(attempts - 1, 20), _LONGEST_WAIT_MS)
        return end | {"outcome": None, "ended": None, "due": now + wait}

    async def _post_status(self, row: sqlite3.Row) -> Answer:
        url = urldefrag(row["url"]).url
        form = _status_form(row, self._settings.account_sid)
        headers = {
            "User-Agent": "TwilioProxy/1.1",
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "X-Twilio-Signature": twilio_signature(self._settings.auth_token, url, form),
            "I-Twilio-Idempotency-Token": _digest(f"{row['sid']}:{row['event']}"),
        }
        return await self.post(url, urlencode(form).encode(), headers)

    async def _post_events(self, batch: list[sqlite3.Row]) -> Answer:
        body = json.dumps([_event(row) for row in batch], separators=(",", ":")).encode()
        timestamp = str(int(time.time()))
        headers = {
            "User-Agent": "SendGrid Event API",
            "Content-Type": "application/json",
            "X-Twilio-Email-Event-Webhook-Signature": event_signature(self._key, timestamp, body),
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        }
        return await self.post(batch[0]["url"], body, headers)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Call back once, and say what came of it."""
        try:
            # The URL goes out as it was signed, letter by letter; no redirect is followed, since it
            # could lead off this machine.
            async with self._session.post(
                URL(url, encoded=True), data=body, headers=headers, allow_redirects=False
            ) as response:
                await response.read()
                return Answer(status=response.status)
        except aiohttp.ServerTimeoutError as error:
            return Answer(status=0, timed_out=not isinstance(error, aiohttp.ConnectionTimeoutError))
        except (aiohttp.ClientError, OSError, ValueError):
            return Answer(status=0)


def callback_session(timeout_s: float) -> aiohttp.ClientSession:
    """Open the one session all callbacks share.

    timeout_s: how long the other side may be silent before it counts as no answer.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
        # No total: it would count the wait for a free connection.
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def _status_form(row: sqlite3.Row, account_sid: str) -> dict[str, str]:
    form = {
        "AccountSid": account_sid,
        "ApiVersion": "2010-04-01",
        "From": row["sender"],
        "MessageSid": row["sid"],
        "MessageStatus": row["event"],
        "SmsSid": row["sid"],
        "SmsStatus": row["event"],
        "To": row["recipient"],
    }
    if row["service_sid"]:
        form["MessagingServiceSid"] = row["service_sid"]
    if row["error_code"] is not None:
        form["ErrorCode"] = str(row["error_code"])
    return form


_OUTCOME_FIELDS: Mapping[str, Mapping[str, str]] = {
    "delivered": {"response": "250 OK"},
    "bounce": {"reason": "550 5.1.1 No such mailbox", "status": "5.1.1", "type": "bounce"},
    "dropped": {"reason": "Bounced Address"},
}


def _event(row: sqlite3.Row) -> dict[str, Any]:
    details = json.loads(row["details"])
    event: dict[str, Any] = {
        "email": row["recipient"],
        "timestamp": row["at_ms"] // 1000,
        "smtp-id": f"<{row['sid'].partition('.')[0]}@ismtpd>",
        "event": row["event"],
        # It differs from one attempt to the next, as SendGrid's does.
        "sg_event_id": _digest(f"{row['sid']}:{row['event']}:{row['attempts']}"),
        "sg_message_id": row["sid"],
        **_OUTCOME_FIELDS.get(row["event"], {}),
    }
    if details["categories"]:
        event["category"] = details["categories"]
    return {**details["custom_args"], **event}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
