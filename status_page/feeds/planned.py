"""`/feeds/planned.ics`: planned work as a calendar (RFC 5545)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar

from outage.model import Kind, Status
from status_page.draft import Draft, Pieces
from status_page.feeds import links
from status_page.feeds.fresh import Fresh
from status_page.feeds.xml import clean
from status_page.rendering import Renderer
from status_page.view import PublicOutage

NAME = "feeds/planned.ics"
_FIRST = datetime(2020, 1, 1, tzinfo=UTC)
_ZONE_YEARS = (2024, 2038)


class Planned:
    """An event for each planned outage that has a time, also one called off a while ago."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._zone = ZoneInfo(renderer.site.time_zone)
        # A calendar must hold something, and so it does when no work is planned.
        self._timezone = _timezone(renderer.site.time_zone)
        self._events = Pieces(self._event)
        self._fresh = Fresh()

    def files(self, draft: Draft) -> Iterator[tuple[str, bytes]]:
        """Yield the one file."""
        if not draft.whole:
            return
        planned = sorted(
            (each for each in draft.status.outages if _begins(each) is not None),
            key=lambda each: each.id,
        )
        calendar = icalendar.Calendar()
        say = self._renderer.words(self._renderer.languages[0])
        name = f"{say('section.planned')} – {self._renderer.site.name}"
        drill = say("notice.drill") if draft.status.drill else ""
        calendar.add("prodid", "-//outage-status//planned work//EN")
        calendar.add("version", "2.0")
        calendar.add("method", "PUBLISH")
        calendar.add("name", clean(name))
        calendar.add("x-wr-calname", clean(name))
        calendar.add("refresh-interval", timedelta(minutes=15), parameters={"value": "DURATION"})
        if drill:
            calendar.add("description", clean(drill))
        calendar.add_component(self._timezone)
        for event in self._events.of(planned):
            calendar.add_component(event)
        yield from self._fresh.of(draft, [(NAME, calendar.to_ical())])

    def _event(self, outage: PublicOutage) -> icalendar.Event:
        language = self._renderer.languages[0]
        event = icalendar.Event()
        event.add("uid", f"{outage.id}@{links.host(self._renderer)}")
        event.add("dtstamp", outage.changed.astimezone(UTC))
        event.add("last-modified", outage.changed.astimezone(UTC))
        event.add("sequence", int((outage.changed - _FIRST).total_seconds()))
        begins = _begins(outage) or outage.started
        event.add("dtstart", begins.astimezone(self._zone))
        if outage.planned_end is not None and outage.planned_end > begins:
            event.add("dtend", outage.planned_end.astimezone(self._zone))
        event.add("status", "CANCELLED" if outage.status is Status.CANCELLED else "CONFIRMED")
        event.add("summary", clean(self._renderer.headline(outage, language)))
        event.add("description", clean(self._renderer.story(outage, language)))
        if outage.area:
            event.add("location", clean(outage.area))
        event.add("url", links.page_of(self._renderer, outage.id, language))
        event.add("categories", [str(outage.service)])
        event.add("transp", "TRANSPARENT")
        return event


def _begins(outage: PublicOutage) -> datetime | None:
    return outage.planned_start if outage.kind is Kind.PLANNED else None


def _timezone(name: str) -> icalendar.Timezone:
    first, last = _ZONE_YEARS
    return icalendar.Timezone.from_tzid(
        name, first_date=date(first, 1, 1), last_date=date(last, 1, 1)
    )
