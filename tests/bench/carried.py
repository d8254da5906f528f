"""The carrier simulator as a process of its own, and the settings that lead to it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from outage.settings import Settings, load

_SID, _TOKEN = "AC" + "5" * 32, "auth-token-of-the-bench"
SENDGRID_KEY = "SG.key-of-the-bench"
_STARTS_WITHIN_S = 60


@contextmanager
def carrier(folder: Path, latency_ms: int) -> Iterator[str]:
    """Run the simulator; gives its base. It calls nobody back but of the last state."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = {
        "account_sid": _SID,
        "auth_token": _TOKEN,
        "sendgrid_api_key": SENDGRID_KEY,
        "folder": str(folder),
        "latency_ms": latency_ms,
        "callback_delay_ms": 3_600_000,
        "port": port,
    }
    base = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.carrier.serve", json.dumps(given)]
    )
    try:
        _wait_for(base)
        yield base
    finally:
        process.kill()
        process.wait()


def _wait_for(base: str) -> None:
    until = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            with urllib.request.urlopen(f"{base}/healthz", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def configured(home: Path, base: str) -> Settings:
    """Settings under which everything goes to the simulator at ``base``."""
    return load(
        {
            "OUTAGE_HOME": str(home),
            "OUTAGE_SEND": "live",
            "OUTAGE_TEST_NUMBERS": "yes",
            "OUTAGE_QUIET_HOURS": "none",
            "OUTAGE_SECRET_KEY": "secret-key-of-the-bench-and-of-nothing-else",
            "OUTAGE_TWILIO_ACCOUNT_SID": _SID,
            "OUTAGE_TWILIO_AUTH_TOKEN": _TOKEN,
            "OUTAGE_TWILIO_MESSAGING_SERVICE_SID": "MG" + "0" * 32,
            "OUTAGE_TWILIO_BASE_URL": base,
            "OUTAGE_SENDGRID_API_KEY": SENDGRID_KEY,
            "OUTAGE_SENDGRID_FROM": "outages@example.org",
            "OUTAGE_SENDGRID_BASE_URL": base,
        }
    )


class _Local(TwilioHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's own client with the host rewritten, and nothing else."""

    def __init__(self, base: str) -> None:
        super().__init__(timeout=20)
        self._base = base

    def request(self, method: str, url: str, *more: Any, **named: Any) -> Any:  # noqa: ANN401
        return super().request(
            method, url.replace("https://api.twilio.com", self._base), *more, **named
        )


@contextmanager
def twilio(base: str) -> Iterator[Client]:
    """Give the SDK's client as its documentation makes one, over kept connections."""
    http_client = _Local(base)
    try:
        yield Client(_SID, _TOKEN, http_client=http_client)
    finally:
        http_client.session.close()
