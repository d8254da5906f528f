"""A report as somebody sends it in: read from the form, or refused with the word for it. Pure."""

import enum
import math
import re
from dataclasses import dataclass

from counter.door import Visit
from notifier.replies.intents import Context, Danger
from notifier.replies.plain import plain
from notifier.replies.warning import danger
from outage.endpoints import normalise_phone
from outage.model import Service
from outage.site import REGION, Site

LONGEST_NOTE = 500
_POINT = re.compile(r"(-?\d{1,2}(?:\.\d{1,12})?)\s*[,; ]\s*(-?\d{1,3}(?:\.\d{1,12})?)")
_MOST_NORTH, _MOST_EAST = 90, 180


class Wrong(enum.StrEnum):
    """What is wrong at a place."""

    OUT = "out"
    PARTIAL = "partial"
    FLICKERING = "flickering"
    PRESSURE = "pressure"
    HAZARD = "hazard"

    @property
    def is_out(self) -> bool:
        """Whether service is missing there, in whole or in part."""
        return self in {Wrong.OUT, Wrong.PARTIAL}


class Refused(Exception):
    """A report that cannot be taken as it is; the argument is the word for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One report. ``point`` is longitude and latitude, of somebody who names no place."""

    once: str
    wrong: Wrong
    service: Service
    point: tuple[float, float] | None
    note: str
    callback: str | None
    danger: Danger | None


def read(visit: Visit, site: Site, *, test_numbers: bool) -> Told:
    """Read a report; raises `Refused`."""
    form = visit.form or {}
    wrong = next((one for one in Wrong if one == form.get("wrong")), None)
    if wrong is None:
        raise Refused("report_which")
    note, written = visit.text("note", LONGEST_NOTE), visit.field("callback", 40)
    callback = normalise_phone(written, region=REGION, test_numbers=test_numbers)
    if written and callback is None:
        raise Refused("report_phone_wrong")
    return Told(
        once=form.get("once", ""),
        wrong=wrong,
        service=_service(form.get("service", ""), wrong, site),
        point=_point(visit),
        note=note,
        callback=callback,
        danger=_danger(note, wrong, visit.language, site),
    )


def _service(named: str, wrong: Wrong, site: Site) -> Service:
    if wrong is Wrong.PRESSURE:
        return Service.WATER
    if wrong is Wrong.FLICKERING:
        return Service.ELECTRIC
    found = next((one for one in site.services if one == named), None)
    if found is None and len(site.services) > 1 and wrong is not Wrong.HAZARD:
        raise Refused("report_service")
    return found or site.services[0]


def _point(visit: Visit) -> tuple[float, float] | None:
    written = f"{visit.field('latitude', 20)},{visit.field('longitude', 20)}"
    found = _POINT.fullmatch(written) or _POINT.fullmatch(visit.field("place", 60))
    if found is None:
        return None
    north, east = float(found[1]), float(found[2])
    if not (math.isfinite(north + east) and abs(north) <= _MOST_NORTH and abs(east) <= _MOST_EAST):
        return None
    return east, north


def _danger(note: str, wrong: Wrong, language: str, site: Site) -> Danger | None:
    """What safety words say; a hazard is one whatever is written."""
    heard = danger(note, plain(note), Context(language=language, name=site.short_name))
    if heard is not None and heard.danger is not None:
        return heard.danger
    return Danger.EMERGENCY if wrong is Wrong.HAZARD else None
