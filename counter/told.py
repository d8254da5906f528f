"""A report as somebody sends it in: read from the form, or refused with the word for it. Pure."""

import enum
import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from counter.door import Visit
from counter.nonces import Nonces
from counter.wording import written
from notifier.replies.intents import Context, Danger
from notifier.replies.plain import plain
from notifier.replies.warning import danger
from outage.endpoints import normalise_phone
from outage.model import Service
from outage.site import REGION, Site

LONGEST_NOTE = 500
_POINT = re.compile(r"(-?\d{1,2}(?:\.\d{1,12})?)\s*[,; ]\s*(-?\d{1,3}(?:\.\d{1,12})?)")
_TOLD = ("wrong", "service", "place", "postal_code", "latitude", "longitude", "note", "callback")
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
    """One report. ``point`` is longitude and latitude.

    ``once`` is the form's own word with what it was filled in with: sent again it is the same
    report, filled in anew it is another.
    """

    once: str
    wrong: Wrong
    service: Service
    point: tuple[float, float] | None
    note: str
    callback: str | None
    danger: Danger | None


def read(visit: Visit, site: Site, nonces: Nonces, about: str, *, test_numbers: bool) -> Told:
    """Read a report; raises `Refused`. ``about``: what was written of the place beside its name.

    Danger is taken whatever else is wrong with the form.
    """
    form = visit.form or {}
    wrong = next((one for one in Wrong if one == form.get("wrong")), None)
    note, written = visit.text("note", LONGEST_NOTE), visit.field("callback", 40)
    found = _danger(f"{note}. {about}" if about else note, wrong, visit.language, site)
    if wrong is None and found is None:
        raise Refused("report_which")
    callback = normalise_phone(written, region=REGION, test_numbers=test_numbers)
    if written and callback is None and found is None:
        raise Refused("report_phone_wrong")
    wrong = wrong or Wrong.HAZARD
    service = _service(form.get("service", ""), wrong, site, known=found is not None)
    known = nonces.knows(form.get("once", ""))
    if not known and found is None:
        raise Refused("form_old")
    return Told(
        # Two people who send the same without a word of ours are two.
        once=_once(form["once"] if known else nonces.new(), form),
        wrong=wrong,
        service=service,
        point=point(visit),
        note=note,
        callback=callback,
        danger=found,
    )


def _once(nonce: str, form: Mapping[str, str]) -> str:
    said = "\0".join([nonce, *(form.get(one, "").replace("\0", " ") for one in _TOLD)])
    return f"{nonce}.{hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _service(named: str, wrong: Wrong, site: Site, *, known: bool) -> Service:
    if wrong is Wrong.PRESSURE:
        return Service.WATER
    if wrong is Wrong.FLICKERING:
        return Service.ELECTRIC
    found = next((one for one in site.services if one == named), None)
    if found is None and len(site.services) > 1 and not known:
        raise Refused("report_service")
    return found or site.services[0]


def is_point(place: str) -> bool:
    """Whether a place is written as a latitude and a longitude."""
    return _POINT.fullmatch(place) is not None


def point(visit: Visit) -> tuple[float, float] | None:
    """The longitude and latitude that are given, in fields of their own or as the place."""
    written = f"{visit.field('latitude', 20)},{visit.field('longitude', 20)}"
    found = _POINT.fullmatch(written) or _POINT.fullmatch(visit.field("place", 60))
    if found is None:
        return None
    north, east = float(found[1]), float(found[2])
    if not (math.isfinite(north + east) and abs(north) <= _MOST_NORTH and abs(east) <= _MOST_EAST):
        return None
    return east, north


def _danger(note: str, wrong: Wrong | None, language: str, site: Site) -> Danger | None:
    """What safety words say; a hazard is one whatever is written."""
    return hear(note, language, site) or (Danger.EMERGENCY if wrong is Wrong.HAZARD else None)


def hear(words: str, language: str, site: Site) -> Danger | None:
    """The danger that words speak of."""
    heard = danger(
        words, plain(words), Context(language=written(language, site), name=site.short_name)
    )
    return None if heard is None else heard.danger
