"""What holds for every load of base data: how much may be wrong, and what it may take away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from outage.database import Database
from outage.errors import OutageError

SHRINK_TO = 0.9
"""A file that lists less than this share of what is on record is taken for a mistake."""
Progress = Callable[[int, int], None]
"""Called after each step of a load with how many rows are done, and of how many."""


class TooManyBadRowsError(OutageError):
    """{file}: {bad} of {rows} rows are bad, the limit is {limit}; nothing was loaded.

    Correct the rows, or raise OUTAGE_IMPORT_MAX_BAD_PERCENT.
    """


class BadRowsError(OutageError):
    """{file}: {bad} of {rows} rows are bad and --strict allows none; nothing was loaded."""


class ShrinkingError(OutageError):
    """{file} lists {given} {what}, {known} are on record; nothing was loaded.

    Use --partial if it is only a part, or --allow-shrink if the rest really is gone.
    """


class LoadRunningError(OutageError):
    """{file}: another load of {what} is running; nothing was loaded. Try again after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How a load treats what is on record.

    Attributes:
        partial: keep what the file does not list instead of closing it.
        strict: load nothing if any row is bad.
        allow_shrink: let the file close many at once.
        max_bad_percent: load the good rows while fewer than this per cent are bad.
    """

    partial: bool = False
    strict: bool = False
    allow_shrink: bool = False
    max_bad_percent: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a load came to; rows that say nothing new are `unchanged`.

    Of those `changed`, so many have `moved` far, or have no place any more.
    """

    added: int
    changed: int
    closed: int
    unchanged: int
    moved: int = 0


def judge(options: LoadOptions, *, file: str, rows: int, bad: int) -> None:
    """Refuse a file with too many bad rows.

    Raises:
        BadRowsError: if any row is bad and the load is strict.
        TooManyBadRowsError: if as many per cent are bad as the limit, or more.
    """
    if bad and options.strict:
        raise BadRowsError(file=file, bad=f"{bad:,}", rows=f"{rows:,}")
    if bad and 100 * bad >= options.max_bad_percent * rows:
        raise TooManyBadRowsError(
            file=file,
            bad=f"{bad:,}",
            rows=f"{rows:,}",
            limit=f"fewer than {options.max_bad_percent:g} per cent",
        )


def guard(options: LoadOptions, *, file: str, what: str, given: int, known: int) -> None:
    """Refuse to replace good data by an empty or much smaller file.

    Raises:
        ShrinkingError: unless the load is partial or may shrink.
    """
    if not options.partial and not options.allow_shrink and given < SHRINK_TO * known:
        raise ShrinkingError(file=file, what=what, given=f"{given:,}", known=f"{known:,}")


@contextmanager
def one_at_a_time(db: Database, *, file: str, what: str) -> Iterator[None]:
    """Keep other loads out: each compares its file with what was on record when it began.

    Raises:
        LoadRunningError: when there is one already.
    """
    with db.alone(f"load-{what}") as alone:
        if not alone:
            raise LoadRunningError(file=file, what=what)
        yield
