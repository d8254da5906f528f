"""How a page process speaks HTTP: as uvicorn does, with its connections open to `/stream`.

A frame is written straight to thousands of transports; going through an application's `send` for
each costs half as much again. Closing politely waits for the client to read, and one that never
does would stay for ever: a transport can be aborted.
"""

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CONNECTION = "outage.connection"
"""Name among a request's extensions under which its `Protocol` stands, by the key ``""``."""


class Protocol(HttpToolsProtocol):
    """A connection. ``on_lost``, where set, is called once when it is gone."""

    on_lost: Callable[[], None] | None = None
    transport: asyncio.Transport

    def on_message_begin(self) -> None:
        """Begin a request; uvicorn's parser calls this."""
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: {"": self}}

    def connection_lost(self, exc: Exception | None) -> None:
        """End; the event loop calls this."""
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()
            self.on_lost = None
