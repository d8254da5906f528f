"""The store: on disk before it answers, one fsync for many, and each failure alone."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest

from notifier.carrier.received import Question, counts, our_ids, received
from notifier.carrier.schema import connect
from notifier.carrier.store import Acceptance, CarrierStore


def test_every_commit_is_on_disk_before_it_returns(tmp_path: Path) -> None:
    connection = connect(tmp_path)
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    connection.close()


def test_acceptances_are_found_again_after_reopening(tmp_path: Path) -> None:
    asyncio.run(_accept(tmp_path, ["a", "b"]))
    connection = connect(tmp_path)
    messages, older = received(connection, Question())
    connection.close()
    assert [message.our_id for message in messages] == ["b", "a"]
    assert not older


def test_an_our_id_accepted_again_is_counted_as_doubled(tmp_path: Path) -> None:
    asyncio.run(_accept(tmp_path, ["a", "b", "a", "a"]))
    connection = connect(tmp_path)
    found = counts(connection)
    assert our_ids(connection, "", 10) == {"a": 3, "b": 1}
    connection.close()
    assert (found["sms"], found["our_ids"], found["doubled"]) == (4, 2, 2)


def test_messages_without_an_our_id_are_never_doubled(tmp_path: Path) -> None:
    asyncio.run(_accept(tmp_path, [None, None]))
    connection = connect(tmp_path)
    assert counts(connection)["doubled"] == 0
    connection.close()


def test_the_same_our_id_twice_in_one_call_is_doubled(tmp_path: Path) -> None:
    async def run() -> None:
        store = CarrierStore(tmp_path)
        store.open()
        await store.accept([_text("a", 1), _text("a", 2)], due_ms=0)
        store.close()

    asyncio.run(run())
    connection = connect(tmp_path)
    assert counts(connection)["doubled"] == 1
    connection.close()


def test_work_that_fails_fails_alone_and_its_neighbours_are_kept(tmp_path: Path) -> None:
    async def run() -> list[object]:
        store = CarrierStore(tmp_path)
        store.open()

        def spoil(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO nowhere VALUES (1)")

        results = await asyncio.gather(
            store.accept([_text("a", 1)], due_ms=0),
            store.write(spoil),
            store.accept([_text("b", 2)], due_ms=0),
            return_exceptions=True,
        )
        store.close()
        return list(results)

    results = asyncio.run(run())
    assert isinstance(results[1], sqlite3.OperationalError)
    connection = connect(tmp_path)
    assert sorted(our_ids(connection, "", 10)) == ["a", "b"]
    connection.close()


def test_what_waits_together_is_committed_together(tmp_path: Path) -> None:
    statements: list[str] = []

    def hold_up(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(statements.append)
        time.sleep(0.2)

    async def run() -> None:
        store = CarrierStore(tmp_path)
        store.open()
        holding = asyncio.create_task(store.write(hold_up))
        await asyncio.sleep(0.05)
        await asyncio.gather(
            *(store.accept([_text(str(number), number)], due_ms=0) for number in range(200))
        )
        await holding
        store.close()

    asyncio.run(run())
    assert statements.count("COMMIT") == 2


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    async def run() -> None:
        await CarrierStore(tmp_path).accept([_text("a", 1)], due_ms=0)

    with pytest.raises(RuntimeError, match="open it first"):
        asyncio.run(run())


def test_a_search_takes_percent_and_underscore_as_they_are(tmp_path: Path) -> None:
    asyncio.run(_accept(tmp_path, ["a"]))
    connection = connect(tmp_path)
    assert received(connection, Question(search="%"))[0] == []
    assert len(received(connection, Question(search="out"))[0]) == 1
    connection.close()


async def _accept(folder: Path, our_ids_given: list[str | None]) -> None:
    store = CarrierStore(folder)
    store.open()
    for number, our_id in enumerate(our_ids_given):
        await store.accept([_text(our_id, number)], due_ms=0)
    store.close()


def _text(our_id: str | None, number: int) -> Acceptance:
    return Acceptance(
        sid=f"SM{number:032x}",
        channel="sms",
        recipient=f"+1303555{100 + number:04}",
        sender="+13035550100",
        body="Power is out.",
        status="queued",
        our_id=our_id,
    )
