"""A CIS that keeps account records by the contract (`docs/cis-openapi.yaml`), and may fail.

It shares no code with ours: signatures are another library's, records are plain values.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

import uvicorn
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from standardwebhooks.webhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

CONTRACT = Path(__file__).parents[1] / "docs" / "cis-openapi.yaml"
SECRET = "whsec_bWFkZS11cC1zZWNyZXQtMDEyMzQ1Njc4OQ=="
Record = dict[str, Any]


@cache
def contract() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(CONTRACT.read_text())
    return found


@cache
def validator(schema: str) -> Draft202012Validator:
    """What holds a body against one schema of the contract, formats of times included."""
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": contract()["components"]},
        format_checker=_FORMATS,
    )


_FORMATS = FormatChecker(["regex"])


@_FORMATS.checks("date-time", raises=ValueError)
def _is_time(given: object) -> bool:
    """RFC 3339: always with an offset. The library leaves it to others to look."""
    return not isinstance(given, str) or datetime.fromisoformat(given).tzinfo is not None


@dataclass
class Receiver:
    """Keeps the newest version of each account and outage.

    Attributes:
        refuses: account numbers that are none of its own, with the code it says.
        strict: whether one of them refuses the whole call (400) instead of its record.
        fault: what goes wrong with the next call, one of `FAULTS`, or nothing.
        held: calls that are taken in only later: out of order.
    """

    records: dict[tuple[str, str], Record] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    strict: bool = False
    fault: Callable[[], str] = lambda: ""
    held: list[dict[str, Any]] = field(default_factory=list)
    saw: Counter[str] = field(default_factory=Counter)
    stale: int = 0
    url: str = ""

    async def upsert(self, request: Request) -> Response:
        raw = await request.body()
        fault = self.fault()
        self.saw[fault] += 1
        if (early := await self._fails(fault)) is not None:
            return early
        body = Webhook(SECRET).verify(raw, dict(request.headers))
        self.ids.append(request.headers["webhook-id"])
        self.problems += [error.message for error in validator("Call").iter_errors(body)]
        self.calls.append(body)
        refused = [
            {"key": account["key"], "code": self.refuses[account["account"]]}
            for event in body["data"]["events"]
            for account in event["accounts"]
            if account["account"] in self.refuses
        ]
        if refused and self.strict:
            return Response(status_code=400)
        if fault == "later":
            self.held.append(body)
            return Response(status_code=504)
        self.take(body)
        if fault == "doubled":
            self.take(body)
        if fault == "lost answer":
            await asyncio.sleep(0.4)
        if fault == "error after":
            return Response(status_code=500)
        return JSONResponse({"refused": refused}) if refused else Response(status_code=204)

    async def _fails(self, fault: str) -> Response | None:
        """The answer of a CIS that has not even looked; None where it goes on."""
        if fault == "time-out":
            await asyncio.sleep(0.4)
            return Response(status_code=500)
        statuses = {"down": 503, "error": 500, "busy": 429, "no door": 404}
        if fault in statuses:
            wait = {"Retry-After": "1"} if fault == "busy" else {}
            return Response(status_code=statuses[fault], headers=wait)
        return Response("<p>Welcome</p>") if fault == "a page" else None

    def take(self, body: dict[str, Any]) -> None:
        """Newest wins, whatever comes twice or late."""
        for event in body["data"]["events"]:
            shared = {name: value for name, value in event.items() if name != "accounts"}
            for account in event["accounts"]:
                if account["account"] in self.refuses:
                    continue
                which = (event["outage"], account["account"])
                if which in self.records and self.records[which]["version"] >= event["version"]:
                    self.stale += 1
                    continue
                self.records[which] = shared | account

    def take_held(self) -> None:
        while self.held:
            self.take(self.held.pop(0))


FAULTS = (
    *("time-out", "lost answer", "error", "error after", "busy", "doubled", "later", "no door"),
    "a page",
)


def at_random(seed: int, share: float) -> Callable[[], str]:
    """Faults of every kind in turn, ``share`` of all calls."""
    dice, kinds = random.Random(seed), cycle(FAULTS)
    return lambda: next(kinds) if dice.random() < share else ""


@contextmanager
def serving(receiver: Receiver) -> Iterator[Receiver]:
    """The receiver behind real HTTP, in a thread."""
    app = Starlette(routes=[Route("/cis/v1/account-outages", receiver.upsert, methods=["POST"])])
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    receiver.url = f"http://127.0.0.1:{listener.getsockname()[1]}/cis"
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=lambda: server.run([listener]), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
    assert receiver.problems == [], json.dumps(receiver.problems[:5])
