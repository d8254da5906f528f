"""Conditions and times as numbers, in SQL: what a situation is packed of."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, case, func

MINUTE_MS = 60_000


def is_(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """1 for what holds, else 0."""
    return case((condition, 1), else_=0)


def at_most(value: ColumnElement[Any], limit: int) -> ColumnElement[Any]:
    """A value up to a limit."""
    return case((value > limit, limit), else_=value)


def between(least: int, value: ColumnElement[Any], beyond: int) -> ColumnElement[Any]:
    """A value from the least up to what is beyond."""
    return case((value < least, least), (value >= beyond, beyond - 1), else_=value)


def minute_of(instant: ColumnElement[Any]) -> ColumnElement[int]:
    """The minute an instant lies in, 0 for none."""
    return func.coalesce(sa.type_coerce(instant, sa.BigInteger) // MINUTE_MS, 0)
