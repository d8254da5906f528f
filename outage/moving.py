"""From the embedded database to PostgreSQL: every row as it is, all of them or none."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import schema
from outage import tables as t
from outage.database import Database
from outage.errors import NotEmptyError, UnmovableError
from outage.loading import Progress

AT_A_TIME = 10_000
_HOLDS = ("journal", "premises", "accounts", "outages", "staff", "audit")
"""Where one of these has a row, somebody works with the database."""


def move(source: Database, target: Database, progress: Progress | None = None) -> Mapping[str, int]:
    """Copy everything; return how many rows each table has.

    ``source`` is an SQLite database whose schema is ours, ``target`` one on PostgreSQL that holds
    nothing; its schema is made. Nobody can write to the source meanwhile. The target begins a new
    life (epoch), and stays empty if anything goes wrong.

    Raises:
        NotEmptyError: the target is in use.
        UnmovableError: a row holds what PostgreSQL cannot, or the source is a later release's.
        SchemaError: the source's schema is older than this program's.
    """
    schema.check(source)
    with source.read() as conn:
        have = schema.found(conn)
    if schema.is_newer(have):
        # It has tables and columns that this program does not know, and would leave behind.
        raise UnmovableError(table="alembic_version", why=f"{have} is a later release's")
    schema.upgrade(target)
    with target.write() as there, source.write() as here:
        tables = t.outages.metadata.sorted_tables
        in_use = [name for name in _HOLDS if _count(there, name)]
        if in_use:
            raise NotEmptyError(tables=", ".join(in_use))
        counts = {table.name: _count(here, table.name) for table in tables}
        # Its own rows of a new database: the clock, and the name of its life.
        for table in tables[::-1]:
            if _count(there, table.name):
                there.execute(table.delete())
        done, of = 0, sum(counts.values())
        for table in tables:
            for moved in _rows_moved(here, there, table):
                done += moved
                if progress is not None:
                    progress(done, of)
            _refer_to_itself(here, there, table)
            _go_on_counting(there, table)
            found = _count(there, table.name)
            if found != counts[table.name]:
                raise UnmovableError(table=table.name, why=f"{found:,} rows arrived")
        schema.renew_epoch(there, secrets.token_hex(4))
    with target.write() as there:
        there.execute(sa.text("ANALYZE"))
    return counts


def _rows_moved(here: Connection, there: Connection, table: sa.Table) -> Iterator[int]:
    """Copy one table, some rows at a time; gives how many."""
    referring = _own_references(table)
    columns = [column.name for column in table.columns if column.name not in referring]
    names = ", ".join(map(_quoted, columns))
    # As the drivers have them: what both databases keep is the same, and it is many.
    read = here.connection.cursor()
    write = there.connection.cursor()
    read.execute(f"SELECT {names} FROM {_quoted(table.name)}")  # noqa: S608  # names of ours
    try:
        with write.copy(f"COPY {_quoted(table.name)} ({names}) FROM STDIN") as copy:
            while rows := read.fetchmany(AT_A_TIME):
                for row in rows:
                    copy.write_row(row)
                yield len(rows)
    except (ValueError, there.dialect.loaded_dbapi.Error) as error:
        # Of the driver's words, which quote the row, only what kind of fault it is.
        raise UnmovableError(table=table.name, why=type(error).__name__) from None
    finally:
        read.close()
        write.close()


def _refer_to_itself(here: Connection, there: Connection, table: sa.Table) -> None:
    """Fill in what refers to rows of the same table, now that all of them are there."""
    (key,) = table.primary_key.columns if len(table.primary_key.columns) == 1 else (None,)
    for name in _own_references(table):
        column = table.c[name]
        assert key is not None  # noqa: S101  # nothing else can be referred to
        rows = here.execute(
            sa.select(key.label("b_key"), column.label("b_to")).where(column.is_not(None))
        ).all()
        if rows:
            mine = key == sa.bindparam("b_key")
            there.execute(
                table.update().where(mine).values({name: sa.bindparam("b_to")}),
                [dict(row._mapping) for row in rows],  # noqa: SLF001  # SQLAlchemy's public name
            )


def _own_references(table: sa.Table) -> list[str]:
    return [
        column.name
        for column in table.columns
        if any(key.column.table is table for key in column.foreign_keys)
    ]


def _go_on_counting(there: Connection, table: sa.Table) -> None:
    """Let new rows get keys that no row of before has."""
    for column in table.primary_key.columns:
        if not isinstance(column.type, sa.Integer):
            continue
        which = sa.text("SELECT pg_get_serial_sequence(:name, :column)")
        names: dict[str, Any] = {"name": _quoted(table.name), "column": column.name}
        sequence = there.execute(which, names).scalar()
        if sequence is not None:
            last = there.execute(sa.select(sa.func.max(column))).scalar()
            there.execute(
                sa.text("SELECT setval(CAST(:sequence AS regclass), :last, :used)"),
                {"sequence": sequence, "last": last or 1, "used": last is not None},
            )


def _count(conn: Connection, name: str) -> int:
    table = t.outages.metadata.tables[name]
    return int(conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _quoted(name: str) -> str:
    return f'"{name}"'
