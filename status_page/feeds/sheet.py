"""`/feeds/print-{language}.html`: how it stands, on paper, for who has no screen: a shelter's wall.

The largest outages by area, every advisory in force with its whole notice, planned work, places
that help and what to do. It is a page of its own, so that it can be printed without script.
"""

import itertools
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
    """The outages of one area, None for those that lie in none; ``totals`` holds all of them."""

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
        if not draft.whole:
            return
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
                        totals=Totals.of(some),
                    )
                    for area, some in groups
                ],
                more=len(now[MOST:]),
                advisories=by_section.get("advisory", []),
                planned=[rows[each.id][language] for each in planned],
            )
            yield from self._fresh.of(draft, [(name_of(language), sheet)])

    def _grouped(
        self, outages: Sequence[PublicOutage]
    ) -> Iterator[tuple[PublicArea | None, list[PublicOutage]]]:
        """Yield each area with its outages, most people first; those in none of them last.

        An outage stands in one: the first that it has, which is of the widest kind.
        """
        areas = {(each.kind, each.name): each for each in self._renderer.site.areas}
        found: dict[PublicArea | None, list[PublicOutage]] = {}
        for outage in outages:
            first = next((areas[each] for each in outage.areas if each in areas), None)
            found.setdefault(first, []).append(outage)
        elsewhere = found.pop(None, [])
        # Of equal ones, in the order in which their largest outage stands.
        ordered = sorted(found.items(), key=lambda each: -Totals.of(each[1]).matched)
        yield from itertools.chain(ordered, [(None, elsewhere)] if elsewhere else [])

    def _row(self, outage: PublicOutage) -> dict[str, str]:
        return {each: self._renderer.line(outage, each) for each in self._renderer.languages}


def _begins(outage: PublicOutage) -> tuple[float, str]:
    begins = outage.planned_start or outage.started
    return begins.timestamp(), outage.id
