"""The larger of two values: a function that the databases call by different names."""

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import ReturnTypeFromArgs


class Larger(ReturnTypeFromArgs[Any]):
    """The larger of its arguments, none of which may be NULL."""

    inherit_cache = True


@compiles(Larger, "sqlite")
def _on_sqlite(element: Larger, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401  # SQLAlchemy's own
    return f"max{compiler.process(element.clause_expr, **options)}"


@compiles(Larger)
def _elsewhere(element: Larger, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401  # SQLAlchemy's own
    return f"greatest{compiler.process(element.clause_expr, **options)}"
