"""`outage db`: the database's schema and backups, by hand."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from outage import schema, settings
from outage.database import Database, open_database
from outage.settings import Settings
from workers import opening, roster
from workers.errors import InUse, NoEmbeddedDatabase, NotADatabase


@click.group()
def db() -> None:
    """Upgrade, check, back up and restore the database."""


@db.command()
def upgrade() -> None:
    """Bring the schema up to date; an embedded database is backed up first."""
    found = settings.load()
    with _opened(found) as database:
        with database.read() as conn:
            before = schema.found(conn)
        if before == schema.needed():
            click.echo(f"The schema is up to date ({before}).")
            return
        if before is not None and not found.database_url:
            click.echo(f"Backed up to {schema.backup(database, found.home / 'backups')}")
        schema.upgrade(database)
    click.echo(f"The schema is now {schema.needed()} (it was {before or 'not there'}).")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
def check(*, as_json: bool) -> None:
    """Say whether the database can be used; exit 1 if not."""
    found = settings.load()
    with _opened(found) as database:
        schema.check(database)
        with database.read() as conn:
            have = schema.found(conn)
    kind = "sqlite" if database.is_sqlite else "postgresql"
    if as_json:
        click.echo(json.dumps({"database": kind, "schema": have, "needed": schema.needed()}))
    else:
        click.echo(f"The {kind} database has schema {have}; it can be used.")


@db.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), required=False)
def backup(folder: Path | None) -> None:
    """Copy the embedded database, consistent while in use, to FOLDER (default: in the home)."""
    found = settings.load()
    _embedded_only(found)
    with _opened(found) as database:
        click.echo(schema.backup(database, folder or found.home / "backups"))


@db.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Put a backup FILE in the place of the embedded database, which is backed up first."""
    found = settings.load()
    _embedded_only(found)
    if roster.pids(found.home):
        raise InUse(found.home)
    target = opening.embedded_file(found)
    if target.exists():
        with _opened(found) as database:
            click.echo(f"Backed up to {schema.backup(database, found.home / 'backups')}")
    try:
        schema.restore(file, target)
    except ValueError as error:
        raise NotADatabase(file) from error
    click.echo(f"{target} is now what {file} was; readers and pages start a new life from it.")


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
