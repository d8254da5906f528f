"""An outage as the `info` blocks of a CAP message say it, one per language."""

import json
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from outage.model import Cause, Kind, Service, Status
from outage.privacy import FEW, MIN_PREMISES
from status_page.feeds import links
from status_page.feeds.xml import Element, add, element
from status_page.rendering import Renderer
from status_page.view import PublicOutage

MANY = 1_000
"""People from which on an outage is more than minor."""
_HEADLINE = 160
_AREA = 200


def infos(outage: PublicOutage, renderer: Renderer) -> list[Element]:
    """Return the blocks in the order of the site's languages."""
    return [_info(outage, renderer, language) for language in renderer.languages]


def moment(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant as CAP writes it: with an offset, and UTC as -00:00."""
    local = at.astimezone(zone)
    if not local.utcoffset():
        return local.strftime("%Y-%m-%dT%H:%M:%S-00:00")
    return local.isoformat(timespec="seconds")


def _info(outage: PublicOutage, renderer: Renderer, language: str) -> Element:
    info = element("info")
    say = renderer.words(language)
    headline = renderer.headline(outage, language)
    instruction = _instruction(outage, renderer, language)
    add(info, "language", language)
    for category in _categories(outage):
        add(info, "category", category)
    add(info, "event", renderer.what(outage, language))
    add(info, "responseType", _response(outage, instruction))
    add(info, "urgency", _urgency(outage))
    add(info, "severity", _severity(outage))
    add(info, "certainty", _certainty(outage))
    begins = outage.planned_start if outage.kind is Kind.PLANNED else outage.started
    if begins is not None:
        add(info, "onset", moment(begins, ZoneInfo(renderer.site.time_zone)))
    add(info, "senderName", renderer.site.name)
    add(info, "headline", headline[:_HEADLINE])
    add(info, "description", renderer.story(outage, language))
    if instruction:
        add(info, "instruction", instruction)
    add(info, "web", links.page_of(renderer, outage.id, language))
    for name, value in _parameters(outage, renderer):
        given = add(info, "parameter")
        add(given, "valueName", name)
        add(given, "value", value)
    area = add(info, "area")
    where = outage.area or renderer.site.name
    add(area, "areaDesc", (outage.area or say("area.unknown"))[:_AREA])
    polygons = list(_polygons(outage.outline))
    for polygon in polygons:
        add(area, "polygon", polygon)
    if not polygons:
        # An area is a place on the ground or a name for one; here it is the utility's own words.
        geocode = add(area, "geocode")
        add(geocode, "valueName", links.tag(renderer, "area"))
        add(geocode, "value", where[:_AREA])
    return info


def _polygons(outline: str) -> Iterator[str]:
    """Yield the outer rings, latitude first: a polygon of CAP has no holes."""
    if not outline:
        return
    shape = json.loads(outline)
    parts = [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
    for outer, *_ in parts:
        yield " ".join(f"{latitude:.6f},{longitude:.6f}" for longitude, latitude, *_ in outer)


def _parameters(outage: PublicOutage, renderer: Renderer) -> Iterator[tuple[str, str]]:
    for name, count in (("matched", outage.matched), ("reported", outage.reported)):
        if count is not None and not outage.over:
            yield name, f"<{MIN_PREMISES}" if count == FEW else str(count)
    if outage.etr is not None and not outage.etr.passed:
        yield "etr", moment(outage.etr.latest, ZoneInfo(renderer.site.time_zone))


def _categories(outage: PublicOutage) -> tuple[str, ...]:
    if outage.kind is Kind.ADVISORY and outage.service is Service.WATER:
        return ("Infra", "Health")
    if outage.service is Service.GAS or outage.cause in {Cause.GAS_LEAK, Cause.WIRE_DOWN}:
        return ("Infra", "Safety")
    return ("Infra",)


def _instruction(outage: PublicOutage, renderer: Renderer, language: str) -> str:
    """Return what people are to do: what must be said, else what the utility says of this one.

    Nobody has said which language the latter is in; the description carries it in any case.
    """
    if outage.kind is not Kind.ADVISORY or outage.over:
        return ""
    bound = renderer.notice(outage, language)
    return bound[1] if bound else outage.message


def _response(outage: PublicOutage, instruction: str) -> str:
    if outage.over:
        # That a feed lists it no more, or that it was a mistake, says nothing about service.
        lifted = outage.kind is Kind.ADVISORY and outage.listed
        clear = outage.status is Status.RESTORED or (outage.status is Status.CLOSED and lifted)
        return "AllClear" if clear else "None"
    if instruction:
        return "Execute"
    return "Prepare" if outage.section == "planned" else "Monitor"


def _urgency(outage: PublicOutage) -> str:
    if outage.over:
        return "Past"
    if outage.section == "planned":
        return "Future"
    return "Expected" if outage.status is Status.PREDICTED else "Immediate"


def _severity(outage: PublicOutage) -> str:
    if outage.over:
        return "Minor"
    if outage.section == "advisory":
        return "Moderate"
    people = max(outage.matched or 0, outage.reported or 0)
    return "Moderate" if people >= MANY and outage.section == "now" else "Minor"


def _certainty(outage: PublicOutage) -> str:
    if not outage.listed:
        return "Unknown"
    if outage.section == "planned":
        return "Likely"
    return "Possible" if outage.status is Status.PREDICTED else "Observed"
