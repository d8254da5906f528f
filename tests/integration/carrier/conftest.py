"""The simulator as a real process, and somebody who receives its callbacks."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import uvicorn
from sendgrid import SendGridAPIClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

ACCOUNT_SID = "AC" + "5" * 32
AUTH_TOKEN = "auth-token-of-the-tests"
API_KEY = "SG.key-of-the-tests"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LocalTwilio:
    """The SDK's own HTTP client with the host rewritten, and nothing else."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._client = TwilioHttpClient(timeout=20)

    def request(self, method: str, url: str, **arguments: Any) -> Any:  # noqa: ANN401 - the SDK's
        url = url.replace("https://api.twilio.com", self._base)
        return self._client.request(method, url, **arguments)

    def close(self) -> None:
        self._client.session.close()


@dataclass(kw_only=True)
class Carrier:
    """One simulator process; `start` and `kill` as often as wanted over the same folder."""

    folder: Path
    port: int = field(default_factory=free_port)
    settings: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Carrier:
        given = {
            "account_sid": ACCOUNT_SID,
            "auth_token": AUTH_TOKEN,
            "sendgrid_api_key": API_KEY,
            "folder": str(self.folder),
            "callback_delay_ms": 0,
            "retry_base_ms": 50,
            "port": self.port,
            **self.settings,
        }
        command = [sys.executable, "-m", "tests.integration.carrier.serve", json.dumps(given)]
        self.process = subprocess.Popen(command)
        try:
            wait_until(self._answers, "the simulator answers", timeout_s=120)
        except BaseException:
            self.kill()
            raise
        return self

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def json(self, path: str) -> Any:  # noqa: ANN401 - JSON
        with urllib.request.urlopen(self.base + path, timeout=20) as answer:
            return json.load(answer)

    def control(self, **conditions: object) -> Any:  # noqa: ANN401 - JSON
        return self.post("/control", conditions)

    def post(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        request = urllib.request.Request(
            self.base + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def wait_idle(self) -> dict[str, int]:
        found: dict[str, int] = {}

        def idle() -> bool:
            found.update(self.json("/json/counts"))
            return bool(found["idle"])

        wait_until(idle, "nothing moves and no callback waits")
        return found

    @contextlib.contextmanager
    def twilio(self) -> Iterator[Any]:
        http_client = LocalTwilio(self.base)
        try:
            yield Client(ACCOUNT_SID, AUTH_TOKEN, http_client=http_client)
        finally:
            http_client.close()

    def sendgrid(self, key: str = API_KEY) -> Any:  # noqa: ANN401 - the SDK's
        client = SendGridAPIClient(key, host=self.base)
        client.client.timeout = 20
        return client

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "the simulator ended by itself"
        try:
            with urllib.request.urlopen(f"{self.base}/healthz", timeout=5):
                return True
        except (urllib.error.URLError, ConnectionError):
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One callback as it came in."""

    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(kw_only=True)
class Receiver:
    """Takes callbacks; answers `status` to each."""

    base: str
    deliveries: list[Delivery] = field(default_factory=list)
    status: int = 204

    def statuses(self, our_id: str) -> list[str]:
        return [
            delivery.form["MessageStatus"]
            for delivery in self.deliveries
            if f"m={our_id}" in delivery.url
        ]

    def events(self) -> list[dict[str, Any]]:
        return [event for delivery in self.deliveries for event in json.loads(delivery.body)]


def wait_until(
    holds: Callable[[], bool], what: str | Callable[[], str], *, timeout_s: float = 20
) -> None:
    end = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > end:
            pytest.fail(f"waited {timeout_s} s for {what if isinstance(what, str) else what()}")
        time.sleep(0.02)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    port = free_port()
    found = Receiver(base=f"http://127.0.0.1:{port}")

    async def take(request: Request) -> Response:
        body = await request.body()
        url = f"{found.base}{request.scope['raw_path'].decode()}"
        if query := request.scope["query_string"].decode():
            url += f"?{query}"
        found.deliveries.append(Delivery(url=url, headers=dict(request.headers), body=body))
        return Response(status_code=found.status)

    app = Starlette(routes=[Route("/{rest:path}", take, methods=["POST"])])
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, "the receiver listens")
    yield found
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def carrier(tmp_path: Path, receiver: Receiver) -> Iterator[Carrier]:
    found = Carrier(folder=tmp_path / "carrier")
    found.settings["events_url"] = f"{receiver.base}/hooks/sendgrid/events"
    yield found.start()
    found.kill()
