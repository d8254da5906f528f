"""What has been answered from a published file is answered again from memory.

Most requests ask for the same few pages. Finding out anew which file a request means costs more
than sending it; here only the file's stat is looked at, so that an answer is never older than its
file.
"""

import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from status_page.headers import SECURITY
from status_page.shelf import Item

SERVED = "outage.served"
"""Name in a request's scope under which `Pages` leaves what it has answered with."""
_MOST = 2_048
_MOST_BYTES = 64 * 1024 * 1024
_LARGEST = 1024 * 1024
_LONGEST = 2_048
"""Characters of an address and the headers below; a question longer than that is not kept."""
_CHOICE = (b"accept", b"accept-encoding", b"accept-language", b"sec-fetch-site", b"sec-fetch-mode")
"""Every request header by which `Pages` chooses a file; the same words get the same answer."""

Key = tuple[str, bytes, tuple[bytes | None, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A file as it was answered with: its content and the answer's own headers."""

    item: Item
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    item: Item
    etag: bytes
    full: Message
    body: Message
    unchanged: Message


_NOTHING: Message = {"type": "http.response.body", "body": b""}


class KeptAnswers:
    """Answers what the inner application has answered before, as long as the file is the same."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if len(headers) != len(scope["headers"]):
            # A header that comes twice: which of them counts is not for here.
            await self.app(scope, receive, send)
            return
        key = (scope["path"], scope["query_string"], tuple(map(headers.get, _CHOICE)))
        if _length(key) > _LONGEST:
            # It may be megabytes, and a thousand of them would be kept.
            await self.app(scope, receive, send)
            return
        kept = self._kept.get(key)
        if kept is not None and _is_current(kept.item):
            known = headers.get(b"if-none-match")
            if known is None:
                await send(kept.full)
                await send(kept.body)
                return
            if known == kept.etag:
                await send(kept.unchanged)
                await send(_NOTHING)
                return
        await self.app(scope, receive, send)
        served = scope.get(SERVED)
        if served is not None:
            self._keep(key, served)

    def _keep(self, key: Key, served: Served) -> None:
        size = len(served.item.content)
        if size > _LARGEST:
            return
        old = self._kept.pop(key, None)
        self._bytes += size - (len(old.item.content) if old else 0)
        self._kept[key] = _kept(served)
        # Anybody may make up words to ask with.
        while len(self._kept) > _MOST or self._bytes > _MOST_BYTES:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= len(gone.item.content)


def _length(key: Key) -> int:
    path, query, chosen = key
    return len(path) + len(query) + sum(len(each) for each in chosen if each)


def _is_current(item: Item) -> bool:
    try:
        stat = os.stat(item.path)  # noqa: PTH116  half of what Path.stat costs, for each request
    except OSError:
        return False
    return (stat.st_mtime_ns, stat.st_ino, stat.st_size) == item.signature


def _kept(served: Served) -> _Kept:
    item = served.item
    own = [(name.encode(), value.encode("latin-1")) for name, value in served.headers.items()]
    more = [
        (name.encode(), value.encode())
        for name, value in SECURITY.items()
        if name not in served.headers
    ]
    length = (b"content-length", str(len(item.content)).encode())
    return _Kept(
        item=item,
        etag=item.etag.encode(),
        full=_start(HTTPStatus.OK, [*own, length, *more]),
        body={"type": "http.response.body", "body": item.content},
        unchanged=_start(HTTPStatus.NOT_MODIFIED, [*own, *more]),
    )


def _start(status: int, headers: list[tuple[bytes, bytes]]) -> Message:
    return {"type": "http.response.start", "status": int(status), "headers": headers}
