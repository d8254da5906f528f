"""`/feeds/odin.xml`: who is without power, as ODIN reads it (PubOutages, IEC TC 57, 2014).

Where the site's file names counties (else postal codes), there is one `Outage` per county with
its total and how many are served there; what lies in none of them is told one by one, so that the
sum over the file is right.
"""

import uuid
from collections.abc import Iterable, Iterator

from outage.model import Service
from status_page.draft import Draft, Pieces
from status_page.feeds import links
from status_page.feeds.fresh import Fresh
from status_page.feeds.xml import Element, add, document, element, fragment, opened
from status_page.pointer import text_of
from status_page.rendering import Renderer
from status_page.view import PublicArea, PublicOutage, by_area

NAME = "feeds/odin.xml"
NAMESPACE = "http://iec.ch/TC57/2014/PubOutages#"
KINDS = {"county": "county", "postal_code": "zipcode"}
"""Our kinds of areas as ODIN names them, the first that a site has."""

_NOBODY = "No outage: nobody is reported without power."
_DRILL = "No outage is given: a drill or replay is on, and nothing of it happens now."


class Odin:
    """Electric outages that interrupt somebody now; without one, a root that is empty."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        kinds = [each.kind for each in renderer.site.areas]
        kind = next((each for each in KINDS if each in kinds), "")
        self._areas = tuple(each for each in renderer.site.areas if each.kind == kind)
        self._singles = Pieces(self._single)
        self._fresh = Fresh()

    def files(self, draft: Draft) -> Iterator[tuple[str, bytes]]:
        """Yield the one file."""
        if not draft.whole:
            return
        out = [
            each
            for each in draft.status.outages
            # Whoever adds up all utilities must not be told of what does not happen.
            if each.interrupts and each.service is Service.ELECTRIC and not draft.status.drill
        ]
        root = element("PubOutages", xmlns=NAMESPACE)
        if out:
            root.text = "\n"
            before, after = opened(root)
            content = before + b"".join(self._outages(out)) + after
        else:
            content = document(root, _DRILL if draft.status.drill else _NOBODY)
        yield from self._fresh.of(draft, [(NAME, content)])

    def _outages(self, out: list[PublicOutage]) -> Iterator[bytes]:
        told: set[str] = set()
        for area, outages in by_area(self._areas, out):
            fresh = [each for each in outages if each.id not in told]
            told.update(each.id for each in fresh)
            if fresh:
                yield self._total(area, fresh)
        alone = (each for each in out if each.id not in told)
        yield from self._singles.of(sorted(alone, key=lambda each: each.id))

    def _total(self, area: PublicArea, outages: list[PublicOutage]) -> bytes:
        made = self._begin(f"area:{area.kind}:{area.name}", area.name)
        add(made, "communityDescriptor", area.name)
        add(made, "metersAffected", str(sum(map(_meters, outages))))
        ground = add(made, "OutageArea")
        add(ground, "earliestReportedTime", _earliest(outages))
        add(ground, "metersServed", str(area.served))
        add(ground, "outageAreaKind", KINDS[area.kind])
        return fragment(made)

    def _single(self, outage: PublicOutage) -> bytes:
        made = self._begin(f"outage:{outage.id}", outage.id)
        say = self._renderer.words(self._renderer.languages[0])
        add(made, "cause", say.code("cause", outage.cause))
        if outage.area:
            add(made, "communityDescriptor", outage.area)
        if outage.matched is not None or outage.reported is not None:
            add(made, "metersAffected", str(_meters(outage)))
        add(made, "reportedStartTime", text_of(outage.started))
        if outage.crew_status is not None:
            add(made, "statusKind", outage.crew_status)
        if outage.etr is not None and not outage.etr.passed:
            estimate = add(made, "EstimatedRestorationTime")
            add(estimate, "ert", text_of(outage.etr.latest))
            if outage.etr.confidence is not None:
                add(estimate, "confidenceKind", outage.etr.confidence)
        return fragment(made)

    def _begin(self, key: str, name: str) -> Element:
        made = element("Outage")
        add(made, "mRID", str(uuid.uuid5(uuid.NAMESPACE_URL, links.tag(self._renderer, key))))
        add(add(made, "Names"), "name", name)
        return made


def _meters(outage: PublicOutage) -> int:
    """Return how many are out, by whoever counts more; one where it is masked."""
    return max(outage.matched or 0, outage.reported or 0)


def _earliest(outages: Iterable[PublicOutage]) -> str:
    return text_of(min(each.started for each in outages))
