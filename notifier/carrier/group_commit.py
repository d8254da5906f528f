"""One writing thread whose transactions carry everything that waits: many requests, one fsync."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from notifier.carrier.schema import connect

_Result = TypeVar("_Result")
_LARGEST_GROUP = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    do: Callable[[sqlite3.Connection], Any]
    answer: asyncio.Future[Any]


class GroupCommit:
    """Runs pieces of writing work in order; each is on disk when its `run` returns."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="carrier-writer", daemon=True)
        self._thread.start()

    async def run(self, do: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Do the work in a transaction shared with whatever else waits, and commit it."""
        answer: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
        self._waiting.put(_Work(do=do, answer=answer))
        return await answer

    def close(self) -> None:
        """Finish what was handed in, then stop."""
        self._waiting.put(None)
        self._thread.join()

    def _write(self) -> None:
        connection = connect(self._folder)
        try:
            going_on = True
            while going_on:
                group, going_on = self._next_group()
                if group:
                    _commit(connection, group)
        finally:
            connection.close()

    def _next_group(self) -> tuple[list[_Work], bool]:
        group: list[_Work] = []
        work = self._waiting.get()
        while work is not None:
            group.append(work)
            if len(group) == _LARGEST_GROUP or self._waiting.empty():
                return group, True
            # This thread alone takes from the queue: what is not empty stays so until here.
            work = self._waiting.get()
        return group, False


def _commit(connection: sqlite3.Connection, group: list[_Work]) -> None:
    try:
        connection.execute("BEGIN IMMEDIATE")
        results = [work.do(connection) for work in group]
        connection.execute("COMMIT")
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to whoever asked
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if len(group) == 1:
            _answer(group, [error])
            return
        # One piece of work spoiled the group: each again alone, so that only that one fails.
        for work in group:
            _commit(connection, [work])
    else:
        _answer(group, results)


def _answer(group: list[_Work], results: list[Any]) -> None:
    def deliver() -> None:
        for work, result in zip(group, results, strict=True):
            if work.answer.done():
                continue
            if isinstance(result, Exception):
                work.answer.set_exception(result)
            else:
                work.answer.set_result(result)

    loop = group[0].answer.get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(deliver)
