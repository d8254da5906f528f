"""What the simulator has accepted and still has to report: one SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from notifier.carrier.group_commit import GroupCommit
from notifier.carrier.schema import connect, create_store

_Result = TypeVar("_Result")


def now_ms() -> int:
    """Wall time in milliseconds since the epoch; providers know no business time."""
    return time.time_ns() // 1_000_000


class Acceptance(NamedTuple):
    """One text or e-mail to one recipient, as it was taken: a tuple, for a thousand come at once.

    first: False for a further recipient of the same personalization, which is no second
    acceptance of its our_id. failure: how it will end when it does not arrive (an error code as
    text, `bounce`, `dropped`).
    """

    sid: str
    channel: str
    recipient: str
    sender: str | None
    body: str
    status: str
    service_sid: str | None = None
    subject: str | None = None
    html: str | None = None
    segments: int = 0
    our_id: str | None = None
    first: bool = True
    failure: str | None = None
    callback_url: str | None = None
    validity_s: int | None = None
    details: str = "{}"


_NAMES = Acceptance._fields
_AT = {name: f"?{place}" for place, name in enumerate((*_NAMES, "at", "due"), 1)}
_GIVEN = tuple(name for name in _NAMES if name != "first")
_ACCEPT = f"""
INSERT INTO messages ({", ".join(_GIVEN)}, again, accepted_ms, sent_ms, updated_ms, due_ms)
VALUES ({", ".join(_AT[name] for name in _GIVEN)},
    {_AT["first"]} AND EXISTS (SELECT 1 FROM messages WHERE our_id = {_AT["our_id"]}),
    {_AT["at"]}, {_AT["at"]}, {_AT["at"]}, {_AT["due"]})
"""  # noqa: S608 - names and places are ours, values are bound


class CarrierStore:
    """The simulator's file. Opened by `open`, closed by `close`; writing is a group commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer: GroupCommit | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []

    def open(self) -> None:
        """Make what is missing and start the writing thread."""
        create_store(self.folder)
        self._writer = GroupCommit(self.folder)
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="carrier-reader")

    def close(self) -> None:
        """Finish the writing that was handed in, then let go of the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._readers is not None:
            self._readers.shutdown()
            self._readers = None
        while self._connections:
            self._connections.pop().close()
        self._local = threading.local()

    async def write(self, do: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Run `do` in a transaction; it is on disk when this returns."""
        if self._writer is None:
            raise RuntimeError("The carrier's store is closed; open it first.")
        return await self._writer.run(do)

    async def read(self, do: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Run `do` on a reading connection, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(
            self._readers, lambda: do(self._reading_connection())
        )

    async def accept(self, acceptances: Sequence[Acceptance], *, due_ms: int) -> int:
        """Take messages, all or none; they are on disk when this returns the time of it.

        due_ms: when they first move on; both in milliseconds since the epoch.
        """
        now = now_ms()
        rows = [(*acceptance, now, due_ms) for acceptance in acceptances]

        def insert(connection: sqlite3.Connection) -> None:
            # One by one: each row's `again` has to see the rows before it.
            connection.executemany(_ACCEPT, rows)

        await self.write(insert)
        return now

    def _reading_connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = connect(self.folder)
            connection.execute("PRAGMA query_only = ON")
            self._local.connection = connection
            self._connections.append(connection)
        return connection


def row_of(acceptance: Acceptance, now: int, due: int) -> dict[str, Any]:
    """The row of a message as it was just taken."""
    row: dict[str, Any] = acceptance._asdict()
    # Until it is sent, a text's date_sent is its date of creation, as in the published examples.
    return row | {
        "accepted_ms": now,
        "sent_ms": now,
        "updated_ms": now,
        "due_ms": due,
        "error_code": None,
    }
