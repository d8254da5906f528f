"""Issue 2, "It must show" 7: six writers, and readers that follow meanwhile."""

import multiprocessing
import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa

from outage import commands as c
from outage import desk, journal
from outage import tables as t
from outage.database import Database, open_database
from outage.journal import JournalEntry, WorkItem
from outage.model import Actor, JournalKind, Kind, OutageId, OutageKey, Service

WRITERS = 6
TRANSACTIONS = 850
"""Of each writer, with one, two or three entries, two on average."""
ENTRIES = 10_000


@dataclass(kw_only=True)
class Follower:
    """Follows every entry, through the cursor and work items like any reader of ours."""

    name: str = "follower"
    wants: frozenset[str] = frozenset(JournalKind)
    worked: list[int] = field(default_factory=list)

    def priority(self, entry: JournalEntry) -> int:
        return entry.number % 3

    def outages(self, conn: sa.Connection, entry: JournalEntry) -> list[OutageKey]:
        del conn
        return [entry.outage_key or OutageKey(0)]

    def work(self, db: Database, item: WorkItem) -> None:
        with db.write() as conn:
            journal.finish(conn, item)
            # Once this has committed, the outage's next item is anybody's.
            self.worked.append(item.entry.number)


def write(url: str, writer: int, outages: Sequence[int]) -> None:
    """One process: many short transactions on outages that all of them share."""
    db = open_database(url)
    chance = random.Random(writer)
    for n in range(TRANSACTIONS):
        keys = sorted(chance.choices(outages, k=1 + n % 3))
        if n % 10 == 0:
            # A number that was given out and never committed leaves no gap to wait for.
            with db.write() as conn:
                append(conn, writer, keys)
                conn.rollback()
        with db.write() as conn:
            append(conn, writer, keys)
    db.close()


def append(conn: sa.Connection, writer: int, keys: Sequence[int]) -> None:
    # As `journal.append` asks of whoever appends for several outages.
    rows = sa.select(t.outages.c.key).where(t.outages.c.key.in_(keys)).order_by(t.outages.c.key)
    conn.execute(rows.with_for_update()).all()
    for key in keys:
        journal.append(conn, kind=JournalKind.PROGRESS, actor=f"crew:{writer}", outage_key=key)


def declare(db: Database) -> int:
    with db.write() as conn:
        outage = desk.declare(
            conn,
            c.Declare(
                key=OutageKey(0),
                id=OutageId(""),
                service=Service.ELECTRIC,
                kind=Kind.UNPLANNED,
            ),
            actor=Actor(kind="dispatcher"),
        )
    return outage.key


def watch(db: Database, done: threading.Event, followed: list[int]) -> None:
    """Only look, as the publisher does."""
    while True:
        last_look = done.is_set()
        with db.read() as conn:
            found = journal.entries_after(conn, followed[-1] if followed else 0)
        followed.extend(entry.number for entry in found)
        if last_look and not found:
            return
        done.wait(0.01)


def relay(db: Database, done: threading.Event) -> None:
    """Turn entries into work items, as a relay does."""
    while True:
        last_look = done.is_set()
        if not journal.expand(db, Follower()) and last_look:
            return
        done.wait(0.01)


@pytest.mark.processes
@pytest.mark.timeout(900)  # 10 s on a quiet machine
def test_no_entry_is_missed_and_each_is_seen_once_while_six_processes_write(
    database: Database, database_url: str
) -> None:
    outages = [declare(database) for _ in range(20)]
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=write, args=(database_url, number, outages), daemon=True)
        for number in range(WRITERS)
    ]
    done = threading.Event()
    followed: list[int] = []
    with ThreadPoolExecutor() as pool:
        readers = [pool.submit(watch, database, done, followed)]
        readers += [pool.submit(relay, database, done) for _ in range(2)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(600)
        done.set()
        for reader in readers:
            reader.result(60)
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    with database.read() as conn:
        written = list(conn.scalars(sa.select(t.journal.c.number).order_by(t.journal.c.number)))
        expanded = list(
            conn.scalars(sa.select(t.work_items.c.number).order_by(t.work_items.c.number))
        )
    assert len(written) >= ENTRIES
    assert written == list(range(1, len(written) + 1))
    assert followed == written
    assert expanded == written


def test_workers_of_one_reader_share_its_items_and_keep_each_outage_in_order(
    database: Database,
) -> None:
    outages = [declare(database) for _ in range(5)]
    with database.write() as conn:
        for n in range(60):
            journal.append(conn, kind=JournalKind.PROGRESS, actor="crew", outage_key=outages[n % 5])
    reader = Follower()
    threads = [threading.Thread(target=drain, args=(database, reader)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with database.read() as conn:
        assert journal.is_idle(conn, reader.name)
        of = {row.number: row.outage_key for row in conn.execute(t.journal.select())}
    assert sorted(reader.worked) == sorted(of)
    for key in outages:
        mine = [number for number in reader.worked if of[number] == key]
        assert mine == sorted(mine)


def drain(db: Database, reader: Follower) -> None:
    while True:
        if not journal.turn(db, reader):
            with db.read() as conn:
                if journal.is_idle(conn, reader.name):
                    return
