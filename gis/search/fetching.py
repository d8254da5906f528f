"""Millions of rows of numbers, from the driver into one array."""

from __future__ import annotations

from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import DTypeLike, NDArray
from sqlalchemy.engine import Connection

_AT_A_TIME = 20_000


def fetch(conn: Connection, statement: sa.Executable, kind: DTypeLike) -> NDArray[Any]:
    """Give the rows of a statement as one array, NULL as NaN.

    They are taken as the driver gives them, a few at a time: what SQLAlchemy makes of a row takes
    longer than to read it, and all of them at once ten times the memory. So the columns must be
    such as the driver gives as numbers.
    """
    rows = conn.execute(statement, execution_options={"stream_results": True})
    parts = [np.empty(0, dtype=kind)]
    while some := rows.cursor_strategy.fetchmany(rows, rows.cursor, _AT_A_TIME):
        parts.append(np.array(some, dtype=kind))
    return np.concatenate(parts)
