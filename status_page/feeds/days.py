"""`/feeds/days-{language}.html`, `/feeds/days.csv` and `.json`: how the last days were.

A day is there once it is over, and what becomes of its outages afterwards corrects it. The files
are made anew as soon as a day ends. Corrections are gathered: at most every ten minutes of business
time the files follow them, also where nothing else is published then.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from status_page.charts import HEIGHT, WIDTH, Bar, bars
from status_page.draft import Draft
from status_page.feeds.fresh import Fresh
from status_page.printed import json_bytes
from status_page.rendering import Renderer
from status_page.view import PublicDay, PublicStatus
from status_page.words import Words

CSV, JSON = "feeds/days.csv", "feeds/days.json"
COLUMNS = ("day", "outages", "planned", "affected", "affected_few", "restored", "average_minutes")
"""In this order; new ones are added at the end."""
EVERY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Bars of the figure ``name``, and a sentence that says what they show."""

    name: str
    sentence: str
    bars: list[Bar]


def name_of(language: str) -> str:
    """Return the name of the page in a language."""
    return f"feeds/days-{language}.html"


class DayByDay:
    """A page in each language, a table and the same as JSON."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._fresh = Fresh()
        self._made: tuple[tuple[PublicDay, ...], bool, str] | None = None
        self._made_at: datetime | None = None

    def files(self, draft: Draft) -> Iterator[tuple[str, bytes]]:
        """Yield what differs, unless it has just been made and no day has ended since."""
        if not draft.each:
            return
        status = draft.status
        now = _told(status)
        if not draft.anew and (now == self._made or self._is_early(status)):
            return
        self._made, self._made_at = now, status.as_of
        for language in self._renderer.languages:
            yield name_of(language), self._page(status, language)
        yield from self._fresh.of(draft, [(CSV, _table(status)), (JSON, self._json(status))])

    def is_due(self, status: PublicStatus, published: Callable[[str], bytes | None]) -> bool:
        """Whether a day has ended, or a correction has waited long enough."""
        now = _told(status)
        if self._made is None:
            # Somebody else has made what is published, maybe before midnight.
            if published(JSON) != self._json(status):
                return True
            self._made = now
        return now != self._made and not self._is_early(status)

    def _json(self, status: PublicStatus) -> bytes:
        rows = [_values(each) for each in status.days]
        zone = self._renderer.site.time_zone
        return json_bytes({"drill": status.drill, "time_zone": zone, "days": rows})

    def _is_early(self, status: PublicStatus) -> bool:
        if self._made is None or self._made_at is None:
            return False
        last = [days[-1].day if days else None for days in (self._made[0], status.days)]
        soon = timedelta() <= status.as_of - self._made_at < EVERY
        return soon and last[0] == last[1] and self._made[1:] == (status.drill, status.send_mode)

    def _page(self, status: PublicStatus, language: str) -> bytes:
        say = self._renderer.words(language)
        from_right = say("direction") == "rtl"
        counts = {
            "outages": [each.outages for each in status.days],
            "affected": [each.affected for each in status.days],
        }
        charts = [
            Chart(name=name, sentence=_sentence(status.days, name, values, say), bars=drawn)
            for name, values in counts.items()
            for drawn in [bars(values, from_right=from_right)]
        ]
        return self._renderer.days_page(
            status,
            language,
            names={each: name_of(each) for each in self._renderer.languages},
            charts=charts,
            width=WIDTH,
            height=HEIGHT,
            from_right=from_right,
        )


def _told(status: PublicStatus) -> tuple[tuple[PublicDay, ...], bool, str]:
    return status.days, status.drill, status.send_mode


def _sentence(days: Sequence[PublicDay], name: str, values: Sequence[int], say: Words) -> str:
    """Say what the bars show to whom they are not shown."""
    if not days:
        return ""
    what, (first, last) = say(f"days.{name}"), (say.day(days[at].day) for at in (0, -1))
    if not any(values):
        return say("days.calm", what=what, first=first, last=last)
    most = max(values)
    # A sum with masked counts in it is so many at least.
    few = name == "affected" and any(each.affected_few for each in days)
    told = say.number(sum(values))
    return say(
        "days.chart",
        what=what,
        first=first,
        last=last,
        most=say.number(most),
        when=say.day(days[values.index(most)].day),
        sum=say("summary.least", n=told) if few else told,
    )


def _values(day: PublicDay) -> dict[str, object]:
    values = {name: getattr(day, name) for name in COLUMNS if hasattr(day, name)}
    return values | {"day": day.day.isoformat(), "average_minutes": day.average}


def _table(status: PublicStatus) -> bytes:
    held = io.StringIO()
    table = csv.DictWriter(held, (*COLUMNS, "drill"))
    table.writeheader()
    drill = str(status.drill).lower()
    table.writerows({**_values(each), "drill": drill} for each in status.days)
    return held.getvalue().encode()
