"""What codes and times are called on a page: as messages call them, else as the public page does.

Messages are written in fewer languages than pages are.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Protocol
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from counter.wording import wording
from notifier import words as messages
from status_page.words import catalogue


class Named(Protocol):
    """One language's names for codes, and how it tells the time."""

    @property
    def language(self) -> str:
        """Whose words they are."""

    @property
    def reviewed_by(self) -> str:
        """Who has read them over; empty for nobody."""

    def name(self, table: str, code: str | None) -> str:
        """What a code is called; empty for none."""

    def time(self, at: datetime | None, zone: ZoneInfo, style: str) -> str:
        """An instant on the clock of ``zone``; empty for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOnly:
    """The names of a language that no message is written in."""

    language: str
    reviewed_by: str

    def name(self, table: str, code: str | None) -> str:
        """What a code is called on the public page, or in our own few words beside it."""
        if not code:
            return ""
        own = wording(self.language).tables.get(table, {})
        return own.get(code) or catalogue(self.language).get(f"{table}.{code}", "")

    def time(self, at: datetime | None, zone: ZoneInfo, style: str) -> str:
        """An instant as day and time with the zone's name."""
        if at is None:
            return ""
        pattern = wording(self.language).tables["time"][style]
        locale = catalogue(self.language)["locale"]
        return format_datetime(at, pattern, tzinfo=zone, locale=locale)


@cache
def naming(language: str) -> Named:
    """The names of a language; in English where there are none."""
    if language in messages.languages() or not wording(language).tables:
        return messages.words(language)
    return PageOnly(language=language, reviewed_by=wording(language).reviewed_by)
