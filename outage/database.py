"""The engine, and the three ways to use it: read, write, bulk (DECISIONS 5).

`read` is a snapshot, `write` a command or a claim, `bulk` one short step of a reader's long work.
Nobody calls a network or writes a file inside any of them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.pool import ConnectionPoolEntry

from outage.columns import from_ms
from outage.errors import DatabaseError

RETRY_S = 0.002
"""How long a SQLite writer waits before it asks for the lock again."""
PATIENCE_S = 30.0
"""How long it asks in all."""
APPENDED = "outage_appended"
"""Marks a connection whose transaction appended to the journal, with the entry's number."""
PAGE_BYTES = 8192
"""Of a new SQLite file; one that is there keeps its own. A commit costs by the page, and
large ones are fewer."""
GAP_S = 0.010
"""How long a bulk step leaves the lock to other writers that wait for it, at most."""
ASK_AFTER_S = 1.0
"""How long a connection to PostgreSQL lies unused before it is asked whether it is still there."""


class Database:
    """One database, SQLite or PostgreSQL. Open it with `open_database`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        path = engine.url.database if self.is_sqlite else None
        self._bulk_lock = Path(f"{path}.bulk-lock") if path else None
        self.after_append: Callable[[], None] | None = None
        """Called after a commit that appended to the journal: rings the bell."""

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one snapshot; nothing it writes is kept."""
        options: dict[str, Any] = (
            {"outage_begin": "BEGIN"}
            if self.is_sqlite
            else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        )
        with self.engine.connect() as raw:
            conn = raw.execution_options(**options)
            try:
                yield conn
            finally:
                conn.rollback()

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose work commits together at the end, or not at all."""
        with self.engine.connect() as raw, self._commit(raw, _COMMAND) as conn:
            yield conn

    @contextlib.contextmanager
    def bulk(self, *, checked: bool = True, redone: bool = False) -> Iterator[Connection]:
        """Give a connection for one step of long work, at most 50 ms of it.

        On SQLite steps of all processes take turns by a file lock and let others write before the
        next one, so that a dispatcher's command never waits behind more than one of them.

        Args:
            checked: False for a step that writes of nothing but rows it has read. SQLite looks up
                row by row what is referred to, which is then a third of the whole work.
            redone: whether the work is done again where a power cut takes it back. It is on the
                disk with the next commit that is not such a step, so nobody outside may be told
                of it before.
        """
        with self.engine.connect() as raw, self._step(raw, checked=checked, redone=redone) as conn:
            yield conn

    @contextlib.contextmanager
    def ahead(self) -> Iterator[Ahead]:
        """Give a connection for steps that are looked up before it is their turn to write."""
        with self.engine.connect() as raw:
            yield Ahead(self, raw)

    @contextlib.contextmanager
    def _step(self, raw: Connection, *, checked: bool, redone: bool) -> Iterator[Connection]:
        if self._bulk_lock is None:
            with self._commit(raw, ()) as conn:
                conn.execute(_STEP)
                if redone:
                    conn.execute(_LATER)
                yield conn
            return
        with _opened(self._bulk_lock) as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            with self._commit(raw, _pragmas(checked=checked, redone=redone)) as conn:
                yield conn
            _let_others_write(f"{self.engine.url.database}{_WAITING}")

    @contextlib.contextmanager
    def _commit(self, raw: Connection, pragmas: tuple[str, ...]) -> Iterator[Connection]:
        options = {"outage_begin": "BEGIN IMMEDIATE", "outage_pragmas": pragmas}
        conn = raw.execution_options(**options) if self.is_sqlite else raw
        conn.info.pop(APPENDED, None)
        begun = conn.get_transaction()
        with conn.begin() if begun is None else begun:
            yield conn
        if conn.info.pop(APPENDED, False) and self.after_append is not None:
            self.after_append()

    @contextlib.contextmanager
    def alone(self, work: str) -> Iterator[bool]:
        """Say whether nobody else does this work; if so, nobody can until the context ends.

        A killed process does not keep it.
        """
        if self.is_sqlite:
            with _opened(f"{self.engine.url.database}.{work}-lock") as handle:
                yield _is_locked(handle)
            return
        key = sa.func.hashtextextended(sa.func.concat(sa.func.current_schema(), ".", work), 0)
        with self.engine.connect() as raw:
            # Of the session, and so of no transaction that would stay open all the while.
            conn = raw.execution_options(isolation_level="AUTOCOMMIT")
            ours = bool(conn.execute(sa.select(sa.func.pg_try_advisory_lock(key))).scalar())
            try:
                yield ours
            finally:
                if ours:
                    conn.execute(sa.select(sa.func.pg_advisory_unlock(key)))

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


class Ahead:
    """A connection for steps of two parts: what is looked up while others write, and the writing.

    What a step has found lies in temporary tables of the connection, and is of a moment before it
    writes. Whoever writes by it looks whether it still holds.
    """

    def __init__(self, db: Database, raw: Connection) -> None:
        self._db, self._raw = db, raw

    @contextlib.contextmanager
    def look(self) -> Iterator[Connection]:
        """Look up; of what is written temporary tables alone are kept, and on PostgreSQL all."""
        if not self._db.is_sqlite:
            # One transaction for both: there each statement sees what is committed before it.
            self._raw.rollback()
            self._raw.begin()
            self._raw.execute(_STEP)
            yield self._raw
            return
        options = {"outage_begin": "BEGIN", "outage_pragmas": _pragmas(checked=False, redone=True)}
        with self._raw.execution_options(**options).begin():
            yield self._raw

    @contextlib.contextmanager
    def bulk(self) -> Iterator[Connection]:
        """Write: as `Database.bulk` for what is read and done again."""
        with self._db._step(self._raw, checked=False, redone=True) as conn:  # noqa: SLF001 - of one module
            yield conn


@contextlib.contextmanager
def _opened(path: str | Path) -> Iterator[int]:
    """Open a file for its lock, which whoever closes it or is killed lets go."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _let_others_write(path: str) -> None:
    """Wait until nobody waits for SQLite's lock any more, but not for long."""
    until = time.monotonic() + GAP_S
    while time.monotonic() < until:
        with _opened(path) as handle:
            if _is_locked(handle):
                return
        time.sleep(RETRY_S / 2)


def _is_locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def open_database(url: str | URL, *, pool_size: int = 5) -> Database:
    """Open the database at a SQLAlchemy URL (``postgresql://`` means psycopg 3).

    The schema is not touched: see `outage.schema`.
    """
    parsed = make_url(url)
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "postgresql":
        engine = sa.create_engine(
            parsed,
            pool_size=pool_size,
            max_overflow=pool_size,
            # An error's text must not quote phones, addresses or notes (DECISIONS 34).
            hide_parameters=True,
        )
        sa.event.listen(engine, "checkin", _note_return)
        sa.event.listen(engine, "checkout", _look_at)
        return Database(engine)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise DatabaseError(why="OUTAGE_DATABASE_URL must name a PostgreSQL or an SQLite file")
    if not Path(parsed.database).exists():
        with contextlib.suppress(OSError):  # whoever connects first says better what is wrong
            # It will hold phones and addresses; SQLite gives its log the same rights.
            Path(parsed.database).touch(mode=0o600)
    engine = sa.create_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=-1,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": 0, "isolation_level": None},
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return Database(engine)


_RETURNED = "outage_returned"
"""Keeps with a connection to PostgreSQL when it was given back, by the monotonic clock."""


def _note_return(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info[_RETURNED] = time.monotonic()


def _look_at(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:  # noqa: ANN401 - psycopg's, which SQLite does without
    """Replace a connection that is no more before somebody works with it.

    A server that ends one says so, and there is something to read: that costs nothing to see,
    where asking each time costs as much as most statements. Only who went without a word has to
    be asked, after a while.
    """
    returned = record.info.get(_RETURNED)
    if returned is None:
        return  # it was made just now
    try:
        said = select.poll()
        said.register(connection.pgconn.socket, select.POLLIN)
        if time.monotonic() - returned > ASK_AFTER_S or said.poll(0):
            connection.execute("SELECT 1")
            connection.rollback()
    except connection.Error as error:
        raise sa.exc.InvalidatePoolError from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in (
        "busy_timeout=0",
        f"page_size={PAGE_BYTES}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "cache_size=-65536",
        "temp_store=MEMORY",
    ):
        _patiently(partial(_run, connection, f"PRAGMA {pragma}"))
    # SQLite's own knows no letters beyond ASCII.
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(words: str | None) -> str | None:
    return None if words is None else words.lower()


def _run(connection: sqlite3.Connection, statement: str) -> None:
    connection.execute(statement).fetchall()


_CHECKED, _UNCHECKED = ("foreign_keys=ON",), ("foreign_keys=OFF",)
# Pages of the log that make a commit move it into the database. Nobody else waits for that, but
# whoever commits does: seldom, and steps before commands.
_COMMAND = ("wal_autocheckpoint=8000", "synchronous=FULL", *_CHECKED)
_LASTING = ("wal_autocheckpoint=6000", "synchronous=FULL")
_REDONE = ("wal_autocheckpoint=6000", "synchronous=NORMAL")
_STEP = sa.select(
    *(
        sa.func.set_config(name, value, sa.true())
        for name, value in (
            ("plan_cache_mode", "force_custom_plan"),
            ("random_page_cost", "1.1"),
            ("jit", "off"),
        )
    )
)
"""A step is about a range of a large table: to PostgreSQL, for this transaction.

Its plans for any range, and those by its cost of a disk that turns, go through whole tables.
"""
_LATER = sa.text("SET LOCAL synchronous_commit = off")
"""The same to PostgreSQL: it keeps the order of commits too."""


def _pragmas(*, checked: bool, redone: bool) -> tuple[str, ...]:
    """Of a bulk step."""
    return (*(_REDONE if redone else _LASTING), *(_CHECKED if checked else _UNCHECKED))


_PRAGMAS = "outage_pragmas"
"""Keeps with a connection which of them it has."""
_WAITING = ".waiting-lock"
"""Whoever waits for SQLite's lock shares this one meanwhile."""


def _begin_sqlite(conn: Connection) -> None:
    options = conn.get_execution_options()
    statement = options.get("outage_begin", "BEGIN IMMEDIATE")
    cursor = conn.connection.cursor()
    try:
        _set(conn, cursor, options.get("outage_pragmas", _COMMAND))
        waiting = f"{conn.engine.url.database}{_WAITING}" if "IMMEDIATE" in statement else None
        _patiently(lambda: cursor.execute(statement), waiting)
        if statement == "BEGIN":
            # SQLite takes its snapshot at the first read, not at BEGIN.
            _patiently(lambda: cursor.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall())
    finally:
        cursor.close()


def _set(conn: Connection, cursor: Any, pragmas: tuple[str, ...]) -> None:  # noqa: ANN401 - of any driver
    """Set what is not set so already: SQLite forgets every statement it has prepared when told."""
    known = conn.info.setdefault(_PRAGMAS, {})
    for pragma in pragmas:
        name, _, value = pragma.partition("=")
        if known.get(name) != value:
            cursor.execute(f"PRAGMA {pragma}")
            known[name] = value


def _patiently(attempt: Callable[[], object], waiting: str | None = None) -> None:
    """Try until SQLite has its lock; ``waiting`` is the file by which steps see that."""
    if _succeeds(attempt):
        return
    deadline = time.monotonic() + PATIENCE_S
    with contextlib.nullcontext() if waiting is None else _opened(waiting) as handle:
        if handle is not None:
            fcntl.flock(handle, fcntl.LOCK_SH)
        while not _succeeds(attempt):
            if time.monotonic() > deadline:
                raise DatabaseError(
                    why=f"another process held it for {PATIENCE_S:.0f} s; try again"
                )
            time.sleep(RETRY_S)


def _succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except sqlite3.OperationalError as error:
        if "locked" not in str(error) and "busy" not in str(error):
            raise
        return False
    return True


def wall_now(conn: Connection) -> datetime:
    """Return the database's own clock: what leases are measured by."""
    if conn.dialect.name == "sqlite":
        return from_ms(time.time_ns() // 1_000_000)
    return from_ms(conn.execute(_WALL).scalar_one())


_WALL = sa.text("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")


def next_value(conn: Connection, name: str, step: int = 1) -> int:
    """Add ``step`` to a named counter and return it; the row stays locked until commit.

    Numbers therefore become visible in the order in which they were given out, which a
    PostgreSQL sequence does not promise.
    """
    return int(conn.execute(_NEXT_VALUE, {"name": name, "step": step}).scalar_one())


_NEXT_VALUE = sa.text(
    "INSERT INTO counters (name, value) VALUES (:name, :step) "
    "ON CONFLICT (name) DO UPDATE SET value = counters.value + :step RETURNING value"
)
