"""`outage db`: the database's schema and backups, by hand."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy.exc import SQLAlchemyError

from outage import moving, schema, settings
from outage.database import Database, open_database
from outage.settings import Settings
from workers import opening, roster
from workers.commands import options
from workers.errors import (
    AlreadyRunning,
    InUse,
    NoEmbeddedDatabase,
    NotADatabase,
    NothingToCopy,
    NowhereToMove,
)
from workers.progress import progress_bar
from workers.session import say_json


@click.group()
def db() -> None:
    """Upgrade, check, back up, restore and move the database."""


@db.command()
@options.as_json
def upgrade(*, as_json: bool) -> None:
    """Bring the schema up to date; an embedded database is backed up first."""
    found = settings.load()
    copy = None
    with _opened(found) as database:
        with database.read() as conn:
            before = schema.found(conn)
        stays = before == schema.needed() or schema.is_newer(before)
        if before is not None and not stays and not found.database_url:
            copy = schema.backup(database, found.home / "backups")
        changed = schema.upgrade(database)
        with database.read() as conn:
            after = schema.found(conn)
    if as_json:
        facts = {"changed": changed, "before": before, "schema": after}
        say_json(facts | {"backup": None if copy is None else str(copy)})
        return
    if copy is not None:
        click.echo(f"Backed up to {copy}")
    if changed:
        click.echo(f"The schema is now {after} (it was {before or 'not there'}).")
    elif schema.is_newer(after):
        click.echo(f"The schema ({after}) is newer than this program; nothing was changed.")
    else:
        click.echo(f"The schema is up to date ({after}).")


@db.command()
@options.as_json
def check(*, as_json: bool) -> None:
    """Say whether the database can be used; exit 1 if not."""
    found = settings.load()
    with _opened(found) as database:
        schema.check(database)
        with database.read() as conn:
            have = schema.found(conn)
    kind = "sqlite" if database.is_sqlite else "postgresql"
    if as_json:
        say_json({"database": kind, "schema": have, "needed": schema.needed()})
    else:
        click.echo(f"The {kind} database has schema {have}; it can be used.")


@db.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), required=False)
@options.as_json
def backup(folder: Path | None, *, as_json: bool) -> None:
    """Copy the embedded database, consistent while in use, to FOLDER (default: in the home)."""
    found = settings.load()
    _embedded_only(found)
    if not opening.embedded_file(found).exists():
        raise NothingToCopy(found.home)
    with _opened(found) as database:
        copy = schema.backup(database, folder or found.home / "backups")
    say_json({"backup": str(copy)}) if as_json else click.echo(copy)


@db.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options.as_json
def restore(file: Path, *, as_json: bool) -> None:
    """Put a backup FILE in the place of the embedded database, which is kept in `backups`."""
    found = settings.load()
    _embedded_only(found)
    target = opening.embedded_file(found)
    kept: list[Path] = []
    try:
        # Held to the end: nothing is started on a database that is being replaced.
        with roster.hold(found.home):
            schema.restore(file, target, lambda: kept.extend(_keep(found, target)))
    except AlreadyRunning as error:
        raise InUse(found.home) from error
    except ValueError as error:
        raise NotADatabase(file) from error
    if as_json:
        say_json({"database": str(target), "backup": str(kept[0]) if kept else None})
        return
    for before in kept:
        click.echo(f"Backed up to {before}")
    click.echo(f"{target} is now what {file} was; readers and pages start a new life from it.")
    click.echo("If messages were sent from it, senders wait until `outage sending resume`.")


@db.command()
@options.as_json
def move(*, as_json: bool) -> None:
    """Move all of the embedded database into the PostgreSQL that OUTAGE_DATABASE_URL names.

    That database has to be empty. The embedded one is put into `backups`, so that nobody goes on
    with it; senders wait until `outage sending resume`.
    """
    found = settings.load()
    source = opening.embedded_file(found)
    if not found.database_url:
        raise NowhereToMove
    if not source.exists():
        raise NothingToCopy(found.home)
    try:
        # Held to the end: nothing is started on a database that is being moved.
        with roster.hold(found.home):
            counts = _moved(source, found, shown=not as_json)
            kept = schema.set_aside(source, found.home / "backups", mark="-moved")
    except AlreadyRunning as error:
        raise InUse(found.home) from error
    rows = sum(counts.values())
    if as_json:
        say_json({"rows": rows, "tables": dict(counts), "backup": str(kept)})
        return
    click.echo(f"{rows:,} rows of {len(counts)} tables are moved; the embedded database is now")
    click.echo(
        f"{kept}. If messages were sent from it, senders wait until `outage sending resume`."
    )


def _moved(source: Path, found: Settings, *, shown: bool) -> Mapping[str, int]:
    before = open_database(f"sqlite:///{source}", pool_size=1)
    try:
        with _opened(found) as target, progress_bar("moving", shown=shown) as progress:
            return moving.move(before, target, progress)
    finally:
        before.close()


def _keep(found: Settings, target: Path) -> list[Path]:
    """Keep what is there now: as a copy, or as it is if it cannot be read any more."""
    folder = found.home / "backups"
    if not target.exists():
        return []
    try:
        with _opened(found) as database:
            return [schema.backup(database, folder)]
    except (sqlite3.DatabaseError, SQLAlchemyError):
        return [schema.set_aside(target, folder)]


@contextmanager
def _opened(found: Settings) -> Iterator[Database]:
    """The database as it is, whatever its schema."""
    if not found.database_url:
        found.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = open_database(found.database, pool_size=1)
    try:
        yield database
    finally:
        database.close()


def _embedded_only(found: Settings) -> None:
    if found.database_url:
        raise NoEmbeddedDatabase
