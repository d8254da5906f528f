"""Texts of the page in one language: data files, with dates by Babel.

Dates are absolute, in the site's zone and with its name: published files hold no relative words
(DECISIONS 30); the browser adds them.
"""

import functools
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime, format_skeleton, format_time
from babel.numbers import format_decimal
from babel.units import format_unit

from outage.privacy import FEW, MIN_PREMISES
from status_page.errors import MissingWords, UnknownLanguage

FALLBACK = "en"
_HOURS_FROM = 120
"""Minutes from which on people count in hours."""
_FOLDER = Path(__file__).parent / "locale"


@functools.cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return the texts of a language by key.

    Raises:
        UnknownLanguage: No file holds this language.
    """
    path = _FOLDER / f"{language}.json"
    if not language.isalpha() or not path.is_file():
        raise UnknownLanguage(f"Asked for: {language!r}.")
    texts: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return texts


def languages() -> tuple[str, ...]:
    """Return every language there are texts for."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))


def published_in(wanted: Iterable[str]) -> tuple[str, ...]:
    """Return those of a site's languages that the page has texts in, English if it has none.

    Messages are written in more languages than the page is.
    """
    return tuple(each for each in wanted if each in languages()) or (FALLBACK,)


class Words:
    """Speaks one language, in one time zone."""

    def __init__(self, language: str, time_zone: str) -> None:
        self.language = language
        self._texts = catalogue(language)
        self._locale = Locale.parse(self._texts["locale"])
        self._zone = ZoneInfo(time_zone)
        self.reviewed = bool(self._texts["reviewed_by"])
        """Whether a person has read these texts over (DECISIONS 28)."""

    def __call__(self, key: str, **facts: object) -> str:
        """Return a text with its facts filled in."""
        try:
            return self._texts[key].format(**facts)
        except KeyError as error:
            raise MissingWords(f"Language {self.language}, text {key}.") from error

    def raw(self, key: str) -> str:
        """Return a text with its gaps left open, for the browser to fill."""
        return self._texts[key]

    def code(self, family: str, code: str) -> str:
        """Return the words for a coded value; a code nobody has translated reads as "other"."""
        return self._texts.get(f"{family}.{code}") or self(f"{family}.other")

    def count(self, key: str, number: int) -> str:
        """Return a text that depends on a number: one home, 1,240 homes."""
        form = self._locale.plural_form(number)
        chosen = f"{key}.{form}" if f"{key}.{form}" in self._texts else f"{key}.other"
        return self(chosen, n=self.number(number))

    def people(self, key: str, number: int) -> str:
        """Return a text that depends on a number of people, which may be masked."""
        return (
            self(f"{key}.masked", n=self.number(MIN_PREMISES))
            if number == FEW
            else self.count(key, number)
        )

    def number(self, number: int) -> str:
        """Return a number as it is written in this language."""
        return str(format_decimal(number, locale=self._locale))

    def when(self, moment: datetime) -> str:
        """Return day, time and zone: Sunday 22 Nov, 3:15 PM PST."""
        local = moment.astimezone(self._zone)
        return f"{self._day_and_time(local)} {_zone_name(local)}"

    def day(self, day: date) -> str:
        """Return a day without its year, as this language writes it."""
        return _tidy(format_skeleton("MMMd", day, locale=self._locale))

    def lasting(self, minutes: int) -> str:
        """Return how long something lasted: 45 min, 3.5 h."""
        is_long = minutes >= _HOURS_FROM
        unit, amount = ("hour", round(minutes / 60, 1)) if is_long else ("minute", minutes)
        return _tidy(format_unit(amount, unit, length="short", locale=self._locale))

    def span(self, earliest: datetime | None, latest: datetime) -> str:
        """Return a window; the day is said once when both ends share it."""
        if earliest is None or earliest >= latest:
            return self.when(latest)
        first, last = earliest.astimezone(self._zone), latest.astimezone(self._zone)
        if first.date() != last.date():
            return self("span.days", earliest=self.when(earliest), latest=self.when(latest))
        time = _tidy(format_time(last, self._texts["pattern.end"], locale=self._locale))
        return self(
            "span.day", earliest=self._day_and_time(first), latest=f"{time} {_zone_name(last)}"
        )

    def _day_and_time(self, local: datetime) -> str:
        return _tidy(format_datetime(local, self._texts["pattern.when"], locale=self._locale))


def _tidy(text: str) -> str:
    # CLDR sets narrow and no-break spaces before AM and PM; ordinary ones wrap and search.
    return text.replace("\u202f", " ").replace("\xa0", " ")


def _zone_name(local: datetime) -> str:
    """Return what people call the zone, PST or CET; UTC-03:00 where it has no letters."""
    name = local.tzname() or "UTC"
    return name if name.isalpha() else f"UTC{local.strftime('%z')[:3]}:{local.strftime('%z')[3:]}"
