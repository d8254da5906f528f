import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from outage import journal
from outage.bell import JOURNAL, Bell
from outage.database import Database
from outage.model import JournalKind


@pytest.fixture
def heard(valkey: str) -> Iterator[threading.Event]:
    stop, wake = threading.Event(), threading.Event()
    thread = threading.Thread(target=Bell(valkey).listen, args=(wake.set, stop, JOURNAL))
    thread.start()
    assert wake.wait(5)  # connected
    wake.clear()
    yield wake
    stop.set()
    thread.join(5)


def test_a_commit_that_appends_rings(
    database: Database, valkey: str, heard: threading.Event
) -> None:
    database.after_append = Bell(valkey).ring

    with database.write() as conn:
        journal.append(conn, kind=JournalKind.FEED_HELD, actor="test")
        assert not heard.is_set()

    assert heard.wait(5)


def test_a_commit_that_does_not_append_is_silent(database: Database) -> None:
    rings: list[int] = []
    database.after_append = lambda: rings.append(1)

    with database.write() as conn:
        journal.move_cursor(conn, "test", 1)
    with pytest.raises(ZeroDivisionError):
        _append_and_fail(database)
    with database.write() as conn:
        journal.move_cursor(conn, "test", 2)

    assert rings == []


def test_a_bell_that_is_away_costs_nothing_but_silence(tmp_path: Path) -> None:
    bell = Bell(f"unix://{tmp_path}/nobody.sock")

    bell.ring()

    assert not bell.answers()


def test_without_an_address_nothing_rings_and_nobody_listens() -> None:
    Bell("").ring()
    Bell("").listen(lambda: None, threading.Event(), JOURNAL)
    assert not Bell("").answers()


def _append_and_fail(database: Database) -> None:
    with database.write() as conn:
        journal.append(conn, kind=JournalKind.FEED_HELD, actor="test")
        raise ZeroDivisionError
