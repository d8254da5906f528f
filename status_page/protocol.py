"""How a page process speaks HTTP: as uvicorn does, with a way to hang up on who does not read."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HANG_UP = "outage.hang_up"
"""Name among a request's extensions of what ends its connection at once."""


class Protocol(HttpToolsProtocol):
    """Closing politely waits for the client to read; one that never does would stay for ever."""

    def on_message_begin(self) -> None:
        """Begin a request; uvicorn's parser calls this."""
        super().on_message_begin()
        self.scope["extensions"] = {HANG_UP: {"": self.transport.abort}}
