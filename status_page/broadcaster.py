"""One broadcaster per process hands ready-made bytes to every open stream.

A process learns of generations from the pointer, which it looks at twice a second and more; Redis
only makes it look sooner (`status_page.wake`). Nothing here knows about outages.
"""

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from status_page.errors import UnreadablePublication
from status_page.frames import Change, frame
from status_page.history import History
from status_page.pointer import Pointer
from status_page.store import POINTER

log = logging.getLogger(__name__)

LOOK_S = 0.25
HEARTBEAT_S = 15.0
WAITING_BYTES = 2 * 1024 * 1024
"""What a client may leave unread here; beyond it the client is dropped."""
STUCK_S = 20.0
"""How long one write may take before the client is dropped."""
RETRY_MS = (1_000, 8_000)


@dataclass(eq=False, slots=True, kw_only=True)
class Client:
    """One open stream: what it asked for and what it has not been given yet."""

    language: str
    outage: str
    task: asyncio.Task[object] | None
    hang_up: Callable[[], None] = lambda: None
    waiting: deque[bytes] = field(default_factory=deque)
    waiting_bytes: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False
    ready: bool = False
    writing_since: float | None = None

    def give(self, content: bytes) -> None:
        """Put bytes in line."""
        self.waiting.append(content)
        self.waiting_bytes += len(content)
        self.news.set()

    def take(self) -> bytes:
        """Return everything in line."""
        content = b"".join(self.waiting)
        self.waiting.clear()
        self.waiting_bytes = 0
        return content

    def close(self) -> None:
        """Let the stream end once it has been given what is in line."""
        self.closed = True
        self.news.set()


@dataclass(slots=True, kw_only=True)
class Figures:
    """What `/metrics` shows."""

    frames: int = 0
    dropped: int = 0
    refused: int = 0
    resets: int = 0


class Broadcaster:
    """Watches the pointer and gives each change to every client it concerns."""

    def __init__(self, folder: Path, *, most_streams: int) -> None:
        self.pointer: Pointer | None = None
        self.figures = Figures()
        self.look_now = asyncio.Event()
        self.closing = False
        self.most_streams = most_streams
        self._path = folder / POINTER
        self._signature: tuple[int, int, int] | None = None
        self._history = History(folder)
        self._clients: set[Client] = set()

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._clients)

    @property
    def is_full(self) -> bool:
        """Whether no more streams are taken."""
        return self.closing or len(self._clients) >= self.most_streams

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._beat())
            while True:
                self.look_now.clear()
                try:
                    await self.look()
                except OSError as error:
                    log.warning("the published folder cannot be read: %s", error.strerror)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self.look_now.wait()

    async def look(self) -> None:
        """Look at the pointer once; pass on what it says that is new."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return
        signature = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        if signature == self._signature:
            return
        try:
            pointer = Pointer.from_bytes(self._path.read_bytes())
        except (UnreadablePublication, FileNotFoundError) as error:
            log.warning("%s", error)
            return
        self._signature = signature
        if self.pointer is not None and self.pointer.id != pointer.id:
            await self._pass_on(self.pointer, pointer)
        self.pointer = pointer

    def join(
        self, language: str, outage: str, hang_up: Callable[[], None] = lambda: None
    ) -> Client:
        """Take a client in; from now on changes are put in line for it.

        Args:
            language: In which it is told.
            outage: Public id that it looks at; empty for the whole list.
            hang_up: Ends its connection without waiting for it to read.
        """
        client = Client(
            language=language, outage=outage, task=asyncio.current_task(), hang_up=hang_up
        )
        self._clients.add(client)
        return client

    def leave(self, client: Client) -> None:
        """Forget a client."""
        self._clients.discard(client)

    async def greet(self, client: Client, have: str) -> None:
        """Put at the head of the line what a client has missed since ``have``, then a hello.

        The hello carries the current id: whoever has read it has everything up to there.
        """
        pointer = self.pointer
        if pointer is None:
            return
        missed = b""
        if have and have != pointer.id:
            changes = await asyncio.to_thread(
                self._history.between, have, pointer.id, client.language
            )
            if changes is None:
                self.figures.resets += 1
                missed = _reset(pointer)
            else:
                missed = b"".join(_frames(changes, client.outage))
        hello = frame("heartbeat", pointer.beat(), event_id=pointer.id, retry_ms=_retry_ms())
        client.waiting.appendleft(missed + hello)
        client.waiting_bytes += len(missed) + len(hello)
        client.ready = True

    async def lines(self, client: Client) -> AsyncIterator[bytes]:
        """Yield what is in line for a client until it is closed."""
        loop = asyncio.get_running_loop()
        while True:
            while client.waiting:
                client.writing_since = loop.time()
                yield client.take()
                client.writing_since = None
            if client.closed:
                return
            client.news.clear()
            await client.news.wait()

    def close(self) -> None:
        """End every stream, telling each client to come back at a moment of its own."""
        self.closing = True
        for client in list(self._clients):
            client.give(frame("goodbye", {}, retry_ms=_retry_ms()))
            client.close()

    def drop_stuck(self, now: float) -> None:
        """Let go of clients that do not read."""
        for client in list(self._clients):
            since = client.writing_since
            if since is not None and now - since > STUCK_S:
                self._drop(client)

    async def _pass_on(self, old: Pointer, pointer: Pointer) -> None:
        told = {
            language: await asyncio.to_thread(self._history.between, old.id, pointer.id, language)
            for language in {*old.languages, *pointer.languages}
        }
        # From here to the end nothing waits: whoever joins before is told below, whoever joins
        # after is greeted with the new pointer, and nobody is told twice.
        self.pointer = pointer
        self.figures.resets += None in told.values()
        for client in list(self._clients):
            changes = told.get(client.language)
            self._give(
                client, [_reset(pointer)] if changes is None else _frames(changes, client.outage)
            )

    def _give(self, client: Client, told: Iterable[bytes]) -> None:
        for content in told:
            self.figures.frames += 1
            client.give(content)
        if client.ready and client.waiting_bytes > WAITING_BYTES:
            self._drop(client)

    def _drop(self, client: Client) -> None:
        self.figures.dropped += 1
        self.leave(client)
        client.closed = True
        client.hang_up()
        if client.task is not None:
            client.task.cancel()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            self.drop_stuck(asyncio.get_running_loop().time())
            if self.pointer is None:
                continue
            beat = frame("heartbeat", self.pointer.beat(), event_id=self.pointer.id)
            for client in list(self._clients):
                if client.ready:
                    self._give(client, [beat])


def _frames(changes: Iterable[Change], outage: str) -> list[bytes]:
    told = (change.frame_for(outage) for change in changes)
    return [content for content in told if content is not None]


def _reset(pointer: Pointer) -> bytes:
    # No event id: a client must not claim to have a generation that it has yet to load.
    return frame("reset", {"id": pointer.id})


def _retry_ms() -> int:
    return random.randint(*RETRY_MS)  # noqa: S311 spreads reconnections, keeps no secret
