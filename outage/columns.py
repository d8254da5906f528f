"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""Between these lies every time that people can mean; each can be shown in any zone."""

Key = BigInteger().with_variant(Integer, "sqlite")
"""A generated integer key (SQLite only generates keys for its own INTEGER)."""

Ordered = String().with_variant(String(collation="C"), "postgresql")
"""A name that is searched by how it begins: a language's own order passes over signs like /."""


def to_ms(at: datetime) -> int:
    """Return whole milliseconds since 1970-01-01 UTC.

    Raises `ValueError` for a naive datetime, and `OverflowError` for one that is in no year of
    UTC that Python has: it could be written and never be read again.
    """
    if at.tzinfo is None:
        message = "a datetime without a time zone cannot be stored"
        raise ValueError(message)
    return (at.astimezone(UTC) - EPOCH) // MILLISECOND


def from_ms(value: int) -> datetime:
    """Return the instant that is ``value`` milliseconds after 1970-01-01 UTC."""
    return EPOCH + value * MILLISECOND


class Instant(TypeDecorator[datetime]):
    """An instant, stored as whole milliseconds since 1970-01-01 UTC.

    An integer, so that set-based statements can add to it and compare it alike on both databases.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | int | None, dialect: Dialect) -> int | None:
        """Turn an aware datetime into milliseconds (milliseconds pass as they are)."""
        del dialect
        return value if value is None or isinstance(value, int) else to_ms(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Turn milliseconds into an aware datetime in UTC."""
        del dialect
        return None if value is None else from_ms(value)
