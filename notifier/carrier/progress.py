"""Moves accepted messages on and writes down which callbacks that makes."""

from __future__ import annotations

import ipaddress
import logging
import sqlite3
from dataclasses import dataclass
from urllib.parse import urlsplit

from notifier.carrier.journey import Move, next_mail_state, next_text_state

_log = logging.getLogger(__name__)
_LARGEST_STEP = 500

_DUE = """
SELECT number, channel, status, failure, callback_url, validity_s, accepted_ms, due_ms
FROM messages WHERE due_ms <= ? ORDER BY due_ms LIMIT ?
"""
_MOVE = """
UPDATE messages SET status = :status, error_code = :error_code, updated_ms = :at,
    sent_ms = CASE WHEN :status IN ('sent', 'processed') THEN :at ELSE sent_ms END,
    sender = CASE WHEN channel = 'sms' THEN coalesce(sender, :sender) ELSE sender END,
    due_ms = :due
WHERE number = :number
"""
_CALL_BACK = """
INSERT INTO callbacks (message, channel, event, error_code, url, at_ms, due_ms, outcome, ended_ms)
VALUES (:number, :channel, :status, :error_code, :url, :at, :at, :outcome, :ended)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The rules by which messages move on.

    delay_ms: between two states. service_number: what a Messaging Service sends from.
    statuses: which of Twilio's statuses are called back. events_url: SendGrid's webhook, or None.
    """

    delay_ms: int
    service_number: str
    statuses: frozenset[str]
    events_url: str | None

    def step(self, connection: sqlite3.Connection, now: int) -> int:
        """Move on every message that is due (500 at most); give how many."""
        due = connection.execute(_DUE, (now, _LARGEST_STEP)).fetchall()
        moves = [self._move(row, now) for row in due]
        connection.executemany(_MOVE, moves)
        connection.executemany(
            _CALL_BACK, [move for move in moves if move["url"] and self._is_reported(move)]
        )
        return len(due)

    def _move(self, row: sqlite3.Row, now: int) -> dict[str, object]:
        move = _next(row, now)
        url = row["callback_url"] if row["channel"] == "sms" else self.events_url
        allowed = url is None or is_loopback(url)
        return {
            "number": row["number"],
            "channel": row["channel"],
            "status": move.status,
            "error_code": move.error_code,
            "at": now,
            "due": None if move.last else now + self.delay_ms,
            "sender": self.service_number,
            "url": url,
            "outcome": None if allowed else "refused",
            "ended": None if allowed else now,
        }

    def _is_reported(self, move: dict[str, object]) -> bool:
        return move["channel"] == "email" or move["status"] in self.statuses


def _next(row: sqlite3.Row, now: int) -> Move:
    if row["channel"] == "email":
        return next_mail_state(row["status"], row["failure"])
    expired = row["validity_s"] is not None and now - row["accepted_ms"] > row["validity_s"] * 1000
    failure = None if row["failure"] is None else int(row["failure"])
    return next_text_state(row["status"], failure, expired=expired)


_refused_hosts: set[str] = set()


def is_loopback(url: str) -> bool:
    """Say whether a callback stays on this machine; the first refusal of a host is logged."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        if ipaddress.ip_address(host).is_loopback:
            return True
    except ValueError:
        pass
    if host not in _refused_hosts:
        _refused_hosts.add(host)
        _log.warning(
            "Callbacks to %s are refused: the simulator only calls this machine. "
            "Set OUTAGE_HOOKS_URL to a loopback address.",
            host,
        )
    return False
