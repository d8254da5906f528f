"""The whole list, page by page: `/feeds/list/{language}/first.html` and those that follow.

Pages end where an outage's id says so, not after so many: one that comes or goes changes its own
page and at most the one before, however long the list is.
"""

import hashlib
from collections.abc import Iterable, Iterator

from status_page.draft import Draft, Pieces
from status_page.rendering import Card, Renderer
from status_page.view import SECTIONS, PublicOutage

ABOUT = 20
"""Outages on a page, on average."""
FIRST = "first"
FOLDER = "feeds/list/"


class Listing:
    """Makes the pages of the list; keeps what it has made to tell what differs."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._cards = Pieces(self._card)
        self._made: dict[str, tuple[object, ...]] = {}

    def files(self, draft: Draft) -> Iterable[tuple[str, bytes | None]]:
        """Yield the pages that differ."""
        known = {} if draft.anew else self._made
        # After a restart or a failure nobody remembers which pages there are.
        there = known.keys() or (set() if draft.anew else set(draft.names(FOLDER)))
        ordered = sorted(draft.status.outages, key=_place)
        cards = dict(zip((each.id for each in ordered), self._cards.of(ordered), strict=True))
        pages = list(_cut([each.id for each in ordered]))
        made: dict[str, tuple[object, ...]] = {}
        for at, ids in enumerate(pages):
            following = pages[at + 1][0] if at + 1 < len(pages) else ""
            for language in self._renderer.languages:
                name = f"{FOLDER}{language}/{ids[0] if at else FIRST}.html"
                shown = tuple(cards[each][language] for each in ids)
                made[name] = (shown, following, draft.status.drill, draft.status.send_mode)
                if known.get(name) != made[name]:
                    page = self._renderer.listing(
                        draft.status,
                        language,
                        generation=draft.pointer.id,
                        cards=shown,
                        following=following,
                        is_first=not at,
                    )
                    yield name, page
        yield from ((name, None) for name in sorted(there - made.keys()))
        self._made = made

    def _card(self, outage: PublicOutage) -> dict[str, Card]:
        return {
            language: Card(
                section=outage.section,
                order=outage.order,
                html=self._renderer.row(outage, language),
            )
            for language in self._renderer.languages
        }


def _place(outage: PublicOutage) -> tuple[int, str]:
    return SECTIONS.index(outage.section), outage.order


def _cut(ids: list[str]) -> Iterator[list[str]]:
    """Cut the list before each outage whose id says so; the first page may be empty."""
    page: list[str] = []
    for each in ids:
        if page and hashlib.sha256(each.encode()).digest()[0] % ABOUT == 0:
            yield page
            page = []
        page.append(each)
    yield page
