"""The ways to use the database: steps, and who may write between two of them."""

import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from outage.database import Database, open_database

NORMAL, FULL = 1, 2


@pytest.fixture
def db(tmp_path: Path) -> Database:
    opened = open_database(f"sqlite:///{tmp_path / 'steps.db'}", pool_size=1)
    with opened.write() as conn:
        conn.execute(sa.text("CREATE TABLE notes (written_by TEXT)"))
    return opened


def note(conn: sa.Connection, name: str) -> None:
    conn.execute(sa.text("INSERT INTO notes VALUES (:name)"), {"name": name})


def noted(db: Database) -> list[str]:
    with db.read() as conn:
        return list(conn.execute(sa.text("SELECT written_by FROM notes ORDER BY rowid")).scalars())


def waits_for_disk(conn: sa.Connection) -> int:
    return int(conn.execute(sa.text("PRAGMA synchronous")).scalar_one())


def test_whoever_waits_during_a_step_writes_before_the_next_one(
    db: Database, tmp_path: Path
) -> None:
    other = open_database(f"sqlite:///{tmp_path / 'steps.db'}")
    asks = threading.Event()

    def command() -> None:
        asks.set()
        with other.write() as conn:
            note(conn, "command")

    desk = threading.Thread(target=command)
    for number in range(3):
        with db.bulk() as conn:
            note(conn, f"step {number}")
            if number == 0:
                desk.start()
                asks.wait()
                time.sleep(0.05)  # by now it has asked for the lock and was refused
    desk.join()
    assert noted(db) == ["step 0", "command", "step 1", "step 2"]


def test_a_step_that_nobody_waits_behind_leaves_no_gap(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    for number in range(5):
        with db.bulk() as conn:
            note(conn, f"step {number}")
    assert slept == []


def test_a_command_is_on_the_disk_whatever_step_its_connection_made_before(db: Database) -> None:
    with db.bulk(redone=True) as conn:
        assert waits_for_disk(conn) == NORMAL
    with db.write() as conn:
        assert waits_for_disk(conn) == FULL
    with db.bulk() as conn:
        assert waits_for_disk(conn) == FULL


def test_letters_beyond_ascii_have_small_ones_too(db: Database) -> None:
    with db.read() as conn:
        small = sa.text("SELECT lower('MONTRÉAL'), lower(NULL)")
        assert tuple(conn.execute(small).one()) == ("montréal", None)


def test_only_an_unchecked_step_may_refer_to_what_is_not_there(db: Database) -> None:
    with db.write() as conn:
        conn.execute(sa.text("CREATE TABLE parents (key INTEGER PRIMARY KEY)"))
        conn.execute(sa.text("CREATE TABLE children (parent INTEGER REFERENCES parents (key))"))
    orphan = sa.text("INSERT INTO children VALUES (1)")
    with db.bulk(checked=False) as conn:
        conn.execute(orphan)
    with pytest.raises(sa.exc.IntegrityError), db.bulk() as conn:
        conn.execute(orphan)


def test_a_connection_that_postgresql_has_ended_is_replaced_before_anybody_works_with_it(
    postgresql_url: str,
) -> None:
    db, server = open_database(postgresql_url), open_database(postgresql_url)
    own = sa.text("SELECT pg_backend_pid()")
    end = sa.text("SELECT pg_terminate_backend(:pid, 5000)")
    with db.read() as conn:
        before = conn.execute(own).scalar_one()
    with db.read() as conn:
        assert conn.execute(own).scalar_one() == before
    with server.write() as conn:
        assert conn.execute(end, {"pid": before}).scalar_one()
    with db.write() as conn:
        assert conn.execute(own).scalar_one() != before
    db.close()
    server.close()
