"""The longest that a kind's texts get: what a text has to fit with room to spare, fits always."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.kinds import Kind
from notifier.rendering import Notice
from notifier.situation import MOST_PLACES
from notifier.words import Words
from outage import model

_DAY = datetime(2026, 1, 8, 20, 45, tzinfo=UTC)
_FAR = timedelta(days=28)
"""Far enough that a weekday needs its date."""
_PLACE = "Elm Street and Oak Street"
_NAME = "12345 Upper Riverside Drive West, Apartment 12"
_AREA, _MANY = "Port Alexandria City", 1_234_567
"""An area with a name of 20 letters, as a utility may have, and as many as nobody has out."""
_MESSAGE = "We will tell you more soon."
"""So that what is said only with them is made too; mails alone have room for them."""
WITH_START = frozenset({Kind.PLANNED_NOTICE, Kind.PLANNED_REMINDER, Kind.PLANNED_CHANGED})


def longest_day(words: Words, zone: ZoneInfo) -> datetime:
    """When day and time take the most room, near and far."""

    def room(at: datetime) -> int:
        return len(words.time(at, zone, "sms") + words.time(at + _FAR, zone, "sms_far"))

    return max((_DAY + timedelta(days=day) for day in range(365)), key=room)


def notices(kind: Kind, words: Words, at: datetime) -> Iterator[Notice]:
    """What may be stated of a kind, with every fact and with none, each time near and far."""
    known = {table: _longest(words, table) for table in ("cause", "crew", "reason")}
    times = ((at, None), (at + _FAR, None), (None, at), (None, at + _FAR), (None, None))
    starts = (at, at + _FAR) if kind in WITH_START else (at, at + _FAR, None)
    for service, (etr, update), start, (places, of) in itertools.product(
        model.Service,
        times,
        starts,
        ((1, 1), (1, 2), (MOST_PLACES, 1), (MOST_PLACES, MOST_PLACES + 1)),
    ):
        if etr is None and kind in {Kind.ETR, Kind.ETR_LATER}:
            continue
        bare = Notice(
            kind=kind,
            service=service,
            planned=kind.value.startswith("planned"),
            advisory=kind.rule.safety,
            since=at - (_FAR if etr and etr > at else timedelta(0)),
            etr=etr,
            next_update_by=update,
            starts=start,
            ends=start + timedelta(hours=6) if start else None,
            places=places,
            of=of,
            area=_AREA if kind.by_area and places > 1 else "",
            people=_MANY,
            as_of=at,
        )
        yield bare
        if of > places == 1:
            yield replace(bare, name=_NAME)
        yield replace(
            bare,
            cause=known["cause"],
            crew_status=known["crew"],
            etr_reason=known["reason"],
            promised=at,
            place=_PLACE,
            public_message=_MESSAGE,
        )


def _longest(words: Words, table: str) -> str:
    names = words.tables[table]
    return max(names, key=lambda code: len(names[code]))
