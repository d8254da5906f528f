"""Keeps the simulator to this machine: who connects, and by which name."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class LoopbackOnly:
    """Refuses a client that is not on this machine, and a Host that does not name it.

    The Host is checked too because a web page elsewhere can point its own name at 127.0.0.1.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            client = scope.get("client")
            host = urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname
            if (client and not _is_local(client[0])) or not _is_local(host or ""):
                refusal = PlainTextResponse("The simulator answers this machine only.\n", 403)
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
