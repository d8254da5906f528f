"""Channels that make one call for each message: several at a time, on a loop of their own."""

import asyncio
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import uvloop

from notifier.channels.base import (
    Finding,
    MaySend,
    Outcome,
    Outgoing,
    Result,
    Silent,
    Sought,
    not_asked,
    not_sent,
    unknowable,
)

_Wish = TypeVar("_Wish")
_Answer = TypeVar("_Answer")

HAND_OVER_S = 0.010
"""How long an answer may wait for others: to leave the loop with each costs a tenth of a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way(Generic[_Wish, _Answer]):
    """What calls are made for: ``refused`` is the answer where none may be made.

    An answer that ``matters`` may keep others from being called, and waits for none.
    """

    may_call: Callable[[_Wish], bool]
    call: Callable[[_Wish], Awaitable[_Answer]]
    refused: Callable[[_Wish], _Answer]
    matters: Callable[[_Answer], bool]


class FanOut(ABC):
    """What such a channel does beside its call.

    What it opens is kept for as long as it lives, over all its batches; use it from one thread.
    """

    provider: str

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self._loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        self._closers: list[Callable[[], Awaitable[object]]] = []
        # Also when nobody calls it: a worker keeps its channels until its end.
        self.close = weakref.finalize(self, _close, self._loop, self._closers)

    def send(self, batch: Sequence[Outgoing], may_send: MaySend) -> Iterator[Outcome]:
        """Send a batch; outcomes come in the order in which the provider answers."""
        way = _Way(may_call=may_send, call=self._call, refused=not_sent, matters=_was_not_taken)
        yield from self._each(batch, way)

    def find(self, sought: Sequence[Sought], may_ask: Callable[[], bool]) -> Iterator[Finding]:
        """Ask for messages; findings come in the order in which the provider answers."""
        if not self.can_ask:
            yield from unknowable(sought)
            return
        way = _Way(
            may_call=lambda _one: may_ask(),
            call=self._ask,
            refused=not_asked,
            matters=lambda _finding: True,
        )
        yield from self._each(sought, way)

    @property
    @abstractmethod
    def calls(self) -> int:
        """How many calls may be under way now; it is asked before each."""

    @abstractmethod
    async def call(self, outgoing: Outgoing) -> Outcome:
        """Make the call for one message and say what became of it.

        Whatever this raises makes the message ambiguous: the call may have been made.
        """

    can_ask = False
    """Whether its provider keeps a list of what it took."""

    async def ask(self, sought: Sought) -> Finding:
        """Ask for one message, where `can_ask`; whatever this raises is no answer."""
        raise NotImplementedError

    def _run(self, work: Awaitable[Any]) -> Any:  # noqa: ANN401  # whatever the work returns
        return self._loop.run_until_complete(work)

    def _each(self, wishes: Sequence[_Wish], way: _Way[_Wish, _Answer]) -> Iterator[_Answer]:
        answers = self._several(wishes, way)
        try:
            while (some := self._run(anext(answers, None))) is not None:
                yield from some
        finally:
            self._run(answers.aclose())

    async def _several(
        self, wishes: Sequence[_Wish], way: _Way[_Wish, _Answer]
    ) -> AsyncGenerator[list[_Answer]]:
        """Give answers as they come, all there are at a time."""
        waiting, running = deque(wishes), 0
        ended: asyncio.Queue[_Answer | None] = asyncio.Queue()
        tasks: set[asyncio.Task[None]] = set()
        came: list[_Answer] = []
        try:
            while waiting or running:
                while waiting and running < max(1, self.calls):
                    wish = waiting.popleft()
                    if not way.may_call(wish):
                        yield [way.refused(wish)]
                        continue
                    task = asyncio.ensure_future(_into(ended, way.call(wish)))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                    running += 1
                if not running:
                    continue
                some = [await ended.get()]
                while not ended.empty():
                    some.append(ended.get_nowait())
                new = [answer for answer in some if answer is not None]
                running -= len(new)
                if new and not came:
                    # None: what came first has waited long enough.
                    self._loop.call_later(HAND_OVER_S, ended.put_nowait, None)
                came += new
                if not running or len(new) < len(some) or any(map(way.matters, new)):
                    yield came
                    came = []
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _call(self, outgoing: Outgoing) -> Outcome:
        try:
            return await self.call(outgoing)
        except Exception as error:  # noqa: BLE001  # a channel never raises; the name says no more
            return Outcome(
                message_key=outgoing.message_key,
                result=Result.AMBIGUOUS,
                code=type(error).__name__,
            )

    async def _ask(self, sought: Sought) -> Finding:
        try:
            return await self.ask(sought)
        except Exception as error:  # noqa: BLE001  # as above
            return Silent(message_key=sought.message_key, code=type(error).__name__)


def _was_not_taken(outcome: Outcome) -> bool:
    return outcome.result is not Result.ACCEPTED


async def _into(ended: "asyncio.Queue[_Answer | None]", call: Awaitable[_Answer]) -> None:
    ended.put_nowait(await call)


def _close(loop: asyncio.AbstractEventLoop, closers: list[Callable[[], Awaitable[object]]]) -> None:
    async def close() -> None:
        for closer in closers:
            await closer()

    if loop.is_running():
        return  # at the end of a process whose other thread was cut off in a call
    loop.run_until_complete(close())
    loop.close()
