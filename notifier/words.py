"""What codes and times are called in each language: the data files, read once."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from notifier.situation import MOST_PLACES

FALLBACK = "en"
_ONE_WEEKDAY = timedelta(days=6)
"""From here on "Sunday" may be taken for another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language's names for codes. ``version`` goes on record with every text.

    ``locale`` is whose days and months are named; ``spaced`` whether blanks part its sentences.
    ``segments`` is what a text may cost: ``most``, or a kind's own number.
    """

    language: str
    version: int
    reviewed_by: str
    locale: str
    spaced: bool
    segments: Mapping[str, int]
    tables: Mapping[str, Mapping[str, str]]

    def budget(self, kind: str) -> int:
        """The most segments that a text of this kind is made to fit."""
        return self.segments.get(kind, self.segments["most"])

    def name(self, table: str, code: str | None) -> str:
        """What a code is called; empty when there is none, or nothing worth saying."""
        return self.tables[table].get(code, "") if code else ""

    def time(
        self, at: datetime | None, zone: ZoneInfo, style: str, *, seen_from: datetime | None = None
    ) -> str:
        """An instant as day and time on the clock of ``zone``; empty for none.

        A weekday alone says which day only within a week: further away from ``seen_from`` there
        is a date with it.
        """
        if at is None:
            return ""
        if style == "sms" and seen_from is not None and abs(at - seen_from) >= _ONE_WEEKDAY:
            style = "sms_far"
        return format_datetime(at, self.tables["time"][style], tzinfo=zone, locale=self.locale)

    def area(self, name: str) -> str:
        """In an area, or anywhere that the utility serves."""
        return self.tables["area"]["one" if name else "all"].format(name=name)

    def place(self, table: str, count: int, of: int = 1, name: str = "") -> str:
        """One place or several, counted up to a cap; of more that somebody has, which ones."""
        shown = f"{count}+" if count >= MOST_PLACES else str(count)
        if of <= count:
            sort = "many" if count > 1 else "one"
        elif count > 1:
            sort = "some"
        else:
            sort = "named" if name else "one_of"
        return self.tables[table][sort].format(count=shown, name=name)


@cache
def languages() -> frozenset[str]:
    """The languages there are texts in: one folder each."""
    return frozenset(
        folder.name
        for folder in files("notifier").joinpath("templates").iterdir()
        if folder.is_dir() and folder.joinpath("words.toml").is_file()
    )


@cache
def words(language: str) -> Words:
    """The words of a language; of English where there is no folder for it."""
    known = language if language in languages() else FALLBACK
    return of(known, {})


def of(language: str, own: Mapping[str, Any]) -> Words:
    """The words of a language there is a folder for, with an operator's own instead of ours."""
    data = _ours(language) | dict(own)
    tables = {
        name: {**table, **own.get(name, {})}
        for name, table in _ours(language).items()
        if isinstance(table, dict)
    }
    return Words(
        language=language,
        version=data["version"],
        reviewed_by=data["reviewed_by"],
        locale=data.get("locale", language),
        spaced=data.get("spaced", True),
        segments=tables.pop("segments"),
        tables=tables,
    )


@cache
def _ours(language: str) -> dict[str, Any]:
    text = files("notifier").joinpath("templates", language, "words.toml").read_text("utf-8")
    return tomllib.loads(text)
