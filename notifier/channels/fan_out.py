"""Channels that make one call for each message: several at a time, on a loop of their own."""

import asyncio
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from typing import Any

from notifier.channels.base import Outcome, Outgoing, Result, not_sent


class FanOut(ABC):
    """What such a channel does beside its call.

    What it opens is kept for as long as it lives, over all its batches; use it from one thread.
    """

    provider: str

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self._loop = asyncio.new_event_loop()
        self._closers: list[Callable[[], Awaitable[object]]] = []
        # Also when nobody calls it: a worker keeps its channels until its end.
        self.close = weakref.finalize(self, _close, self._loop, self._closers)

    def send(self, batch: Sequence[Outgoing], may_send: Callable[[], bool]) -> Iterator[Outcome]:
        """Send a batch; outcomes come in the order in which the provider answers."""
        outcomes = self._send(batch, may_send)
        try:
            while (outcome := self._run(anext(outcomes, None))) is not None:
                yield outcome
        finally:
            self._run(outcomes.aclose())

    @property
    @abstractmethod
    def calls(self) -> int:
        """How many calls may be under way now; it is asked before each."""

    @abstractmethod
    async def call(self, outgoing: Outgoing) -> Outcome:
        """Make the call for one message and say what became of it.

        Whatever this raises makes the message ambiguous: the call may have been made.
        """

    def _run(self, work: Awaitable[Any]) -> Any:  # noqa: ANN401  # whatever the work returns
        return self._loop.run_until_complete(work)

    async def _send(
        self, batch: Sequence[Outgoing], may_send: Callable[[], bool]
    ) -> AsyncGenerator[Outcome]:
        waiting, running = deque(batch), 0
        ended: asyncio.Queue[Outcome] = asyncio.Queue()
        tasks: set[asyncio.Task[None]] = set()
        try:
            while waiting or running:
                while waiting and running < max(1, self.calls):
                    outgoing = waiting.popleft()
                    if not may_send():
                        yield not_sent(outgoing)
                        continue
                    task = asyncio.ensure_future(self._call(outgoing, ended))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                    running += 1
                if running:
                    yield await ended.get()
                    running -= 1
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _call(self, outgoing: Outgoing, ended: asyncio.Queue[Outcome]) -> None:
        try:
            outcome = await self.call(outgoing)
        except Exception as error:  # noqa: BLE001  # a channel never raises; the name says no more
            outcome = Outcome(
                message_key=outgoing.message_key,
                result=Result.AMBIGUOUS,
                code=type(error).__name__,
            )
        ended.put_nowait(outcome)


def _close(loop: asyncio.AbstractEventLoop, closers: list[Callable[[], Awaitable[object]]]) -> None:
    async def close() -> None:
        for closer in closers:
            await closer()

    if loop.is_running():
        return  # at the end of a process whose other thread was cut off in a call
    loop.run_until_complete(close())
    loop.close()
