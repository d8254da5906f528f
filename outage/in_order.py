"""A join that SQLite carries out in the order in which it is written.

Without statistics SQLite takes every table for equally large, and may well start a join of a
thousand targets with the largest table there is. It never reorders a ``CROSS JOIN``. PostgreSQL
has statistics and gets a plain join.
"""

import re
from typing import Any

from sqlalchemy import Join
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

_PLAIN = re.compile(r"(?<!CROSS)(?<!OUTER) JOIN ")


class InOrder(Join):
    """A join whose left side comes first."""

    inherit_cache = True


@compiles(InOrder, "sqlite")
def _on_sqlite(element: InOrder, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401  # SQLAlchemy's own
    return _PLAIN.sub(" CROSS JOIN ", _elsewhere(element, compiler, **options))


@compiles(InOrder)
def _elsewhere(element: InOrder, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401  # SQLAlchemy's own
    written: str = compiler.visit_join(element, **options)  # type: ignore[no-untyped-call]  # SQLAlchemy's lack
    return written
