"""Names of areas as the premises write them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage import where as w


def names(conn: Connection, column: sa.ColumnElement[str]) -> list[str]:
    """Every name that a column of the premises has, sorted, by its index.

    From each name to the next one: DISTINCT reads every premise, and there are few names.
    """
    # What is not NULL is what the index holds.
    least = sa.select(sa.func.min(column).label("name")).where(column.is_not(None))
    first = least.cte("names", recursive=True)
    following = sa.select(sa.func.min(column)).where(column > first.c.name).scalar_subquery()
    every = first.union_all(sa.select(following).where(first.c.name.is_not(None)))
    found = conn.execute(sa.select(every.c.name).where(every.c.name.is_not(None))).scalars()
    return sorted(name for name in found if name)


def spellings(conn: Connection, kind: w.AreaKind, name: str) -> list[str]:
    """How the premises write the name of an area: capitals make no other area."""
    column = t.premises.c[kind]
    return [one for one in names(conn, column) if one.casefold() == name.casefold()]
