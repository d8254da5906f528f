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
