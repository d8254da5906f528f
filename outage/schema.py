"""The schema: what version a database has, what this program needs, and how to get there.

DECISIONS 37: a process accepts a schema one release newer and refuses an older one.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.database import Database, open_database
from outage.errors import SchemaError

MIGRATIONS = Path(__file__).parent / "migrations"


def needed() -> str:
    """Return the schema revision this program was written for."""
    return max(_known())


def found(conn: Connection) -> str | None:
    """Return the schema revision the database has, None for an empty one."""
    if not sa.inspect(conn).has_table("alembic_version"):
        return None
    have: str | None = conn.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return have


def is_newer(have: str | None) -> bool:
    """Whether a revision is a later release's: one that this program has never heard of."""
    return have is not None and have not in _known()


@cache
def _known() -> frozenset[str]:
    """Our revisions, by the names of their files: Alembic is loaded by nobody but who migrates."""
    return frozenset(file.name[:4] for file in MIGRATIONS.glob("versions/[0-9]*.py"))


def _migrate(conn: Connection) -> None:
    from alembic import command  # noqa: PLC0415  # see `_known`
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = conn
    command.upgrade(config, "head")


def upgrade(db: Database) -> bool:
    """Bring the schema up to date; return whether anything changed.

    A schema that is newer than this program is left as it is.
    """
    with db.write() as conn:
        if not db.is_sqlite:
            # Two upgrades at once: the second waits, and finds nothing left to do.
            conn.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('outage schema'))"))
        before = found(conn)
        if before == needed() or is_newer(before):
            return False
        _migrate(conn)
        conn.execute(
            sa.text(
                "INSERT INTO facts (name, value) VALUES ('epoch', :epoch) "
                "ON CONFLICT (name) DO NOTHING"
            ),
            {"epoch": secrets.token_hex(4)},
        )
        return True


def check(db: Database) -> None:
    """Refuse, with a sentence, a database whose schema is older than this program's.

    An unknown revision is a newer release's: migrations come so that the release before runs on
    them.
    """
    with db.read() as conn:
        have = found(conn)
    if have != needed() and not is_newer(have):
        raise SchemaError(found=have or "none", needed=needed())


def backup(db: Database, folder: Path) -> Path:
    """Copy an SQLite database, consistent while in use, and return the copy's path."""
    source = Path(str(db.engine.url.database))
    target = _place(source, folder)
    # Made before it is filled: nobody else reads it at any moment.
    target.touch(mode=0o600)
    try:
        with (
            contextlib.closing(sqlite3.connect(source)) as origin,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            origin.backup(copy)
    except sqlite3.Error:
        target.unlink()
        raise
    return target


def set_aside(file: Path, folder: Path, mark: str = "-damaged") -> Path:
    """Move a database, with its log, where backups are; return its path.

    One that cannot be copied, or, with another ``mark``, one that is used no more.
    """
    target = _place(file, folder, mark=mark)
    for suffix in ("-wal", "-shm", ""):
        part = file.with_name(file.name + suffix)
        if part.exists():
            part.rename(target.with_name(target.name + suffix))
    return target


def _place(source: Path, folder: Path, mark: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    return folder / f"{source.stem}{mark}-{stamp}{source.suffix}"


def restore(copy: Path, target: Path, keep: Callable[[], None]) -> None:
    """Put a backup in the place of the embedded database; nothing may be using that one.

    ``keep`` is called once the backup has proved to be whole, to keep what is there now. The
    restored database starts a new life (epoch), so that nobody takes its published generations
    for those of the one before.

    Raises `ValueError` for a file that is no database of ours; nothing is changed then.
    """
    fresh = target.with_name(f"{target.name}.restoring")
    fresh.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh.touch(mode=0o600)
    if not _copied(copy, fresh):
        fresh.unlink()
        raise ValueError("not a backup of an outage database")
    keep()
    for suffix in ("-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    fresh.replace(target)


def _copied(copy: Path, fresh: Path) -> bool:
    """Copy a backup under a new epoch; return whether it is whole, and ours."""
    given = f"{copy.absolute().as_uri()}?mode=ro"
    try:
        with (
            contextlib.closing(sqlite3.connect(given, uri=True)) as origin,
            contextlib.closing(sqlite3.connect(fresh)) as target,
        ):
            origin.backup(target)
            with target:
                changed = target.execute(
                    "UPDATE facts SET value = ? WHERE name = 'epoch'", (secrets.token_hex(4),)
                )
            whole: bool = target.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            return whole and changed.rowcount == 1
    except sqlite3.Error:
        return False


def open_embedded(path: Path) -> Database:
    """Open the embedded SQLite database, made if there is none, upgraded after a backup."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    db = open_database(f"sqlite:///{path}")
    with db.read() as conn:
        current = found(conn)
    if current != needed() and not is_newer(current):
        if current is not None:
            backup(db, path.parent / "backups")
        upgrade(db)
    return db


def epoch(conn: Connection) -> str:
    """Return the name of this database's life; a restored backup gets a new one."""
    return str(conn.execute(_EPOCH).scalar_one())


_EPOCH = sa.select(t.facts.c.value).where(t.facts.c.name == "epoch")


def renew_epoch(conn: Connection, name: str) -> None:
    """Begin a new life under another name: what was published before belongs to an earlier one."""
    conn.execute(t.facts.update().where(t.facts.c.name == "epoch").values(value=name))
