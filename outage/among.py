"""Whether a column's value is one of very many: one parameter, whatever their number."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection


def among(
    conn: Connection, column: sa.ColumnElement[Any], values: Sequence[int] | Sequence[str]
) -> sa.ColumnElement[bool]:
    """Say that a column is one of the values; an index on it is used on both databases."""
    if conn.dialect.name == "sqlite":
        each = sa.func.json_each(json.dumps(list(values))).table_valued("value")
        return column.in_(sa.select(each.c.value))
    return column == sa.any_(sa.literal(list(values), ARRAY(column.type)))


def among_each(
    conn: Connection, column: sa.ColumnElement[Any], name: str
) -> sa.ColumnElement[bool]:
    """Say the same of a parameter of the statement, whose value is `listed`."""
    if conn.dialect.name == "sqlite":
        each = sa.func.json_each(sa.bindparam(name, type_=sa.String)).table_valued("value")
        return column.in_(sa.select(each.c.value))
    return column == sa.any_(sa.bindparam(name, type_=ARRAY(column.type)))


def listed(conn: Connection, values: Iterable[int]) -> str | list[int]:
    """Values as the parameter of `among_each` takes them."""
    return json.dumps(list(values)) if conn.dialect.name == "sqlite" else list(values)


def given(dialect: str, name: str, **columns: sa.types.TypeEngine[Any]) -> sa.FromClause:
    """Rows that are one parameter of the statement, whatever their number: see `as_given`."""
    types = list(columns.values())
    if dialect == "sqlite":
        row = sa.func.json_each(sa.bindparam(name, type_=sa.String)).table_valued("value").c.value
        found = (
            sa.cast(sa.func.json_extract(row, f"$[{place}]"), kind).label(column)
            for place, (column, kind) in enumerate(columns.items())
        )
        return sa.select(*found).subquery(name)
    arrays = (
        sa.bindparam(f"{name}_{place}", type_=ARRAY(kind)) for place, kind in enumerate(types)
    )
    return sa.func.unnest(*arrays).table_valued(*columns, name=name).render_derived()


def as_given(conn: Connection, name: str, rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Rows as the parameter of `given` takes them."""
    if conn.dialect.name == "sqlite":
        return {name: json.dumps(rows)}
    return {f"{name}_{place}": list(column) for place, column in enumerate(zip(*rows, strict=True))}
