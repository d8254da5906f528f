"""`/feeds/print-{language}.html`: how it stands, on paper, for who has no screen: a shelter's wall.

The largest outages by area, every advisory in force with its whole notice, planned work, places
that help and what to do. It is a page of its own, so that it can be printed without script.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from status_page.draft import Draft, Pieces
from status_page.feeds.fresh import Fresh
from status_page.rendering import Renderer
from status_page.view import PublicArea, PublicOutage, Totals

MOST = 120
"""Outages on it: more than a dozen pages hang on no wall."""
MOST_PLANNED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Outages under the name of an area, None for those that lie in none.

    ``totals`` are those of the area, as the page has them: outages that stand under another of
    their areas are in them too.
    """

    area: PublicArea | None
    rows: tuple[str, ...]
    totals: Totals


def name_of(language: str) -> str:
    """Return the name of the sheet in a language."""
    return f"feeds/print-{language}.html"


class Sheet:
    """A sheet in each language."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._rows = Pieces(self._row)
        self._fresh = Fresh()

    def files(self, draft: Draft) -> Iterator[tuple[str, bytes]]:
        """Yield a sheet in each language."""
        if draft.whole:
            yield from self.as_of(draft)

    def as_of(self, draft: Draft) -> Iterator[tuple[str, bytes]]:
        """Yield a sheet in each language: it hangs on walls with the time that it says."""
        by_section: dict[str, list[PublicOutage]] = {}
        for outage in sorted(draft.status.outages, key=lambda each: each.order):
            by_section.setdefault(outage.section, []).append(outage)
        now = by_section.get("now", [])
        planned = sorted(by_section.get("planned", []), key=_begins)[:MOST_PLANNED]
        shown = [*now[:MOST], *planned]
        rows = dict(zip((each.id for each in shown), self._rows.of(shown), strict=True))
        groups = list(self._grouped(now))
        for language in self._renderer.languages:
            sheet = self._renderer.sheet(
                draft.status,
                language,
                generation=draft.pointer.id,
                totals=Totals.of(draft.status.outages),
                groups=[
                    Group(
                        area=area,
                        rows=tuple(rows[each.id][language] for each in some if each.id in rows),
                        totals=totals,
                    )
                    for area, some, totals in groups
                ],
                more=len(now[MOST:]),
                advisories=by_section.get("advisory", []),
                planned=[rows[each.id][language] for each in planned],
            )
            yield from self._fresh.of(draft, [(name_of(language), sheet)])

    def _grouped(
        self, outages: Sequence[PublicOutage]
    ) -> Iterator[tuple[PublicArea | None, list[PublicOutage], Totals]]:
        """Yield each area with outages and its totals, most people first; in none of them last.

        An outage stands in one: the first that it has, which is of the widest kind.
        """
        areas = {(each.kind, each.name): each for each in self._renderer.site.areas}
        first: dict[PublicArea, list[PublicOutage]] = {}
        inside: dict[PublicArea, list[PublicOutage]] = {}
        elsewhere: list[PublicOutage] = []
        for outage in outages:
            theirs = [areas[each] for each in outage.areas if each in areas]
            for area in theirs:
                inside.setdefault(area, []).append(outage)
            (first.setdefault(theirs[0], []) if theirs else elsewhere).append(outage)
        totals = {area: Totals.of(inside[area]) for area in first}
        # Of equal ones, in the order in which their largest outage stands.
        for area in sorted(first, key=lambda each: -totals[each].matched):
            yield area, first[area], totals[area]
        if elsewhere:
            yield None, elsewhere, Totals.of(elsewhere)

    def _row(self, outage: PublicOutage) -> dict[str, str]:
        return {each: self._renderer.line(outage, each) for each in self._renderer.languages}


def _begins(outage: PublicOutage) -> tuple[float, str]:
    begins = outage.planned_start or outage.started
    return begins.timestamp(), outage.id
