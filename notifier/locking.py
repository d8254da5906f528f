"""Rows that several transactions want are locked in the order of their keys, messages first."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def lock(conn: Connection, rows: sa.Table, where: sa.ColumnElement[bool]) -> None:
    """Lock rows until commit, lowest key first, so that no two wait for each other.

    Whoever locks messages and endpoints locks the messages first. SQLite has one writer anyway.
    """
    if conn.dialect.name == "postgresql":
        statement = sa.select(rows.c.key).where(where).order_by(rows.c.key)
        conn.execute(statement.with_for_update())
