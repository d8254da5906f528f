"""A total time for one call over urllib, whose own time-out begins anew with each byte."""

import socket
import threading
import time
from contextlib import suppress
from functools import partial
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from types import TracebackType
from typing import Self
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, Request, build_opener


class NotConnectedError(OSError):
    """No connection was made in time, so that nothing can have been sent over it."""


class Deadline:
    """Cuts the connections that are still open when its time is over."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def opener(self) -> OpenerDirector:
        """What opens connections that are held to it."""
        return build_opener(_Http(self), _Https(self))

    def watch(self, opened: socket.socket) -> None:
        """Cut this connection in time. Raises `NotConnectedError` when that is over already."""
        self._sockets.append(opened)
        if time.monotonic() >= self._until:
            raise NotConnectedError

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()

    def _cut(self) -> None:
        for opened in self._sockets:
            with suppress(OSError):  # it has ended by itself
                # Not TLS's own, which would have whoever reads go on without it.
                socket.socket.shutdown(opened, socket.SHUT_RDWR)


class _Watched(HTTPConnection):
    def __init__(self, deadline: Deadline, host: str, **more: object) -> None:
        super().__init__(host, **more)  # type: ignore[arg-type]  # as urllib gives them
        self._deadline = deadline

    def connect(self) -> None:
        try:
            super().connect()
        except OSError as error:
            raise NotConnectedError from error
        self._deadline.watch(self.sock)


class _WatchedTls(_Watched, HTTPSConnection):
    """The same over TLS: nothing is sent before both have shaken hands."""


class _Http(HTTPHandler):
    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_Watched, self._deadline), req)


class _Https(HTTPSHandler):
    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_WatchedTls, self._deadline), req)
