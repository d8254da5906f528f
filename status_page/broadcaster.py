"""One broadcaster per process hands ready-made bytes to every open stream.

A process learns of generations from the pointer, which it looks at four times a second; Redis
only makes it look sooner (`status_page.wake`). Nothing here knows about outages.
"""

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from status_page.crowd import WAITING_BYTES, Client, Crowd, Fault, Group, Refusal
from status_page.errors import UnreadablePublication
from status_page.frames import Wanted, chunk, frame, frames_for
from status_page.history import History
from status_page.pointer import Pointer
from status_page.replay import Replays
from status_page.store import POINTER

log = logging.getLogger(__name__)

LOOK_S = 0.25
HEARTBEAT_S = 15.0
RETRY_MS = (1_000, 8_000)
_MOMENTS = 50
_AT_ONCE = 500
"""Clients written to before others get a turn: pages are served meanwhile."""
_Same = tuple[str, Wanted]
"""Language and filter: groups that are told the same."""


@dataclass(slots=True, kw_only=True)
class Figures:
    """What `/metrics` shows."""

    frames: int = 0
    dropped: Counter[Fault] = field(default_factory=Counter)
    refused: Counter[Refusal] = field(default_factory=Counter)
    resets: int = 0


class Broadcaster:
    """Watches the pointer and gives each change to every client it concerns."""

    def __init__(self, folder: Path, *, most_streams: int, most_from_one: int) -> None:
        self.pointer: Pointer | None = None
        self.figures = Figures()
        self.look_now = asyncio.Event()
        self.crowd = Crowd(most=most_streams, most_from_one=most_from_one)
        self._closing = False
        self._path = folder / POINTER
        self._signature: tuple[int, int, int] | None = None
        self._history = History(folder)
        self._replays = Replays(self._history)
        self._hellos: tuple[Pointer, list[bytes]] | None = None

    def refusal(self, origin: str) -> Refusal | None:
        """Return, and count, why a stream is not opened; None when it may be."""
        if self._closing:
            why: Refusal | None = Refusal.CLOSING
        elif self.pointer is None:
            why = Refusal.NOTHING
        else:
            why = self.crowd.refusal(origin)
        if why is not None:
            self.figures.refused[why] += 1
        return why

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        beat_at = loop.time() + HEARTBEAT_S
        while True:
            self.look_now.clear()
            try:
                try:
                    await self.look()
                except OSError as error:
                    log.warning("the published folder cannot be read: %s", error.strerror)
                # In the same task: a heartbeat must not overtake the change that it follows.
                if loop.time() >= beat_at:
                    beat_at = loop.time() + HEARTBEAT_S
                    await self.beat()
            except Exception:
                # Whatever it was, ending here would silence every stream for good. No heartbeat
                # follows what was not passed on: who hears none asks for the pointer.
                log.exception("a change could not be passed on; it is tried again")
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
        if self.pointer is not None and self.pointer.id != pointer.id:
            await self._pass_on(self.pointer, pointer)
        self.pointer = pointer
        # Last: what could not be passed on is looked at again.
        self._signature = signature

    async def beat(self) -> None:
        """Let go of who does not read; tell everybody else which generation is in force."""
        for client in self.crowd.stuck():
            self._drop(client, Fault.STUCK)
        if self.pointer is not None:
            beat = chunk(frame("heartbeat", self.pointer.beat(), event_id=self.pointer.id))
            await self._give(lambda _group: beat)

    async def greet(self, client: Client, have: str, language: str, wanted: Wanted) -> None:
        """Give a client what it has missed since ``have``, then a hello; from now on it is told.

        The hello carries the current id: whoever has read it has everything up to there.
        """
        missed: bytes | None = b""
        while True:
            pointer = self.pointer
            if pointer is None:
                return
            if have and have != pointer.id:
                missed = await self._replays.since(have, pointer.id, language, wanted)
            # From here to the end nothing waits. What came meanwhile is looked up as well.
            if self.pointer is not None and self.pointer.id == pointer.id:
                break
        if missed is None:
            self.figures.resets += 1
            missed = _reset(pointer)
        if not client.transport.is_closing():
            client.transport.write(missed + self._hello(pointer))
            self.crowd.stand(client, language, wanted)

    def close(self) -> None:
        """End every stream, telling each client to come back at a moment of its own."""
        self._closing = True
        goodbyes = _spread("goodbye", {})
        for client in self.crowd.everybody():
            if client.group is not None and not client.transport.is_closing():
                client.transport.write(random.choice(goodbyes))  # noqa: S311 as for hellos
            self.crowd.leave(client)
            client.end()

    def _hello(self, pointer: Pointer) -> bytes:
        if self._hellos is None or self._hellos[0] is not pointer:
            self._hellos = (pointer, _spread("heartbeat", pointer.beat(), pointer.id))
        return random.choice(self._hellos[1])  # noqa: S311 spreads reconnections, keeps no secret

    async def _pass_on(self, old: Pointer, pointer: Pointer) -> None:
        told: dict[_Same, bytes | None] = {}
        while asked := {_same(group) for group in self.crowd.groups()} - told.keys():
            told |= await asyncio.to_thread(self._frames, old.id, pointer.id, asked)
        reset = _reset(pointer)
        self.figures.resets += None in told.values()
        # Only now that all is made: what could not be is tried again. Whoever joins from here on is
        # greeted with the new pointer, and nobody is told twice.
        self.pointer = pointer

        def content(group: Group) -> bytes:
            frames = told[_same(group)]
            return reset if frames is None else frames

        await self._give(content)

    def _frames(self, have: str, target: str, asked: Iterable[_Same]) -> dict[_Same, bytes | None]:
        """Make what each group is told; None: more than it should be, or there is no way."""
        languages = {language for language, _ in asked}
        ways = {each: self._history.between(have, target, each) for each in languages}
        return {
            (language, wanted): None if (way := ways[language]) is None else frames_for(way, wanted)
            for language, wanted in asked
        }

    async def _give(self, content: Callable[[Group], bytes]) -> None:
        told = [(group, tuple(group.clients), content(group)) for group in self.crowd.groups()]
        for group, clients, frames in told:
            if not frames:
                continue
            group.given += len(frames)
            for start in range(0, len(clients), _AT_ONCE):
                self._write(group, clients[start : start + _AT_ONCE], frames)
                await asyncio.sleep(0)

    def _write(self, group: Group, clients: tuple[Client, ...], frames: bytes) -> None:
        standing = group.clients
        for client in clients:
            transport = client.transport
            # It may have left since the list was made, and its connection serve something else.
            if client in standing and not transport.is_closing():
                if transport.get_write_buffer_size() > WAITING_BYTES:
                    self._drop(client, Fault.BEHIND)
                else:
                    transport.write(frames)
                    self.figures.frames += 1

    def _drop(self, client: Client, fault: Fault) -> None:
        # It has been told when to come back: each hello says so.
        self.figures.dropped[fault] += 1
        self.crowd.leave(client)
        client.transport.abort()
        client.end()


def _same(group: Group) -> _Same:
    return group.language, group.wanted


def _reset(pointer: Pointer) -> bytes:
    # No event id: a client must not claim to have a generation that it has yet to load.
    return chunk(frame("reset", {"id": pointer.id}))


def _spread(event: str, data: object, event_id: str | None = None) -> list[bytes]:
    """Return the same event with as many different times to come back as make no herd."""
    low, high = RETRY_MS
    return [
        chunk(frame(event, data, event_id=event_id, retry_ms=retry_ms))
        for retry_ms in range(low, high, (high - low) // _MOMENTS)
    ]
