"""Group commit: what comes in within a few milliseconds is written in one transaction."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")

GATHER_S = 0.025
"""How long the first waits for others; nobody waits for longer than 50 ms in all."""


class Gathering(Generic[Item]):
    """Hands what many callers bring to one `commit`, in a thread; each is answered after it."""

    def __init__(self, commit: Callable[[Sequence[Item]], object]) -> None:
        self._commit = commit
        self._waiting: list[Item] = []
        self._next: asyncio.Task[None] | None = None

    async def put(self, items: Sequence[Item]) -> None:
        """Return once these are on record; raise what the commit raised."""
        self._waiting.extend(items)
        if self._next is None:
            self._next = asyncio.create_task(self._commit_soon())
        # A caller that goes away takes nobody else's commit along.
        await asyncio.shield(self._next)

    async def _commit_soon(self) -> None:
        await asyncio.sleep(GATHER_S)
        items, self._waiting, self._next = self._waiting, [], None
        await asyncio.to_thread(self._commit, items)
