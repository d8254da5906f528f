"""Many rows by one statement, straight to the driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.sql.dml import Insert


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """An insert that has been written out for a driver.

    To prepare rows for a driver one by one takes longer than to write them. So values are handed
    on as they are, and must be what the driver takes: text, numbers, None.

    Attributes:
        sql: the statement.
        names: its parameters.
        positional: whether the driver wants them by their place.
    """

    sql: str
    names: tuple[str, ...]
    positional: bool

    def rows(self, columns: Mapping[str, Sequence[Any]]) -> list[Any]:
        """Turn columns of one length into what the driver takes."""
        rows = zip(*(columns[name] for name in self.names), strict=True)
        if self.positional:
            return list(rows)
        return [dict(zip(self.names, row, strict=True)) for row in rows]

    def write(self, conn: Connection, rows: list[Any]) -> None:
        """Insert rows."""
        conn.exec_driver_sql(self.sql, rows)


def written_out(dialect: Dialect, statement: Insert, names: Sequence[str]) -> Many:
    """Write an insert of these columns out."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    return Many(
        sql=str(compiled),
        names=tuple(compiled.positiontup or names),
        positional=bool(compiled.positional),
    )
