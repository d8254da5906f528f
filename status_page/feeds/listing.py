"""The whole list, page by page: `/feeds/list/{language}/first.html` and those that follow.

Pages end where an outage's id says so, not after so many: one that comes or goes changes its own
page and at most the one before, however long the list is.
"""

import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache

from status_page.draft import Draft
from status_page.rendering import Renderer
from status_page.view import PublicOutage

ABOUT = 20
"""Outages on a page, on average."""
FIRST = "first"
FOLDER = "feeds/list/"


class Listing:
    """Makes the pages of the list; keeps what stands on them to tell what differs."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._made: dict[str, tuple[object, ...]] = {}

    def files(self, draft: Draft) -> Iterator[tuple[str, bytes | None]]:
        """Yield the pages that differ."""
        if not draft.each:
            return
        known = {} if draft.anew else self._made
        # After a restart or a failure nobody remembers which pages there are.
        there = set() if draft.anew or known else set(draft.names(FOLDER))
        pages = list(_cut(draft.standing.ordered()))
        made: dict[str, tuple[object, ...]] = {}
        for at, outages in enumerate(pages):
            page = outages[0].id if at else FIRST
            following = pages[at + 1][0].id if at + 1 < len(pages) else ""
            rows = tuple([draft.printed[each.id].rows for each in outages])
            made[page] = (rows, following, draft.status.drill, draft.status.send_mode)
            if known.get(page) != made[page]:
                yield from self._page(draft, page, outages, following)
        gone = {name for page in known.keys() - made.keys() for name in self._names(page)}
        left = there - {name for page in made for name in self._names(page)} if there else there
        yield from ((name, None) for name in sorted(gone | left))
        self._made = made

    def _names(self, page: str) -> list[str]:
        return [f"{FOLDER}{language}/{page}.html" for language in self._renderer.languages]

    def _page(
        self, draft: Draft, page: str, outages: list[PublicOutage], following: str
    ) -> Iterator[tuple[str, bytes]]:
        printed = [draft.printed[each.id] for each in outages]
        for language, name in zip(self._renderer.languages, self._names(page), strict=True):
            content = self._renderer.listing(
                draft.status,
                language,
                generation=draft.pointer.id,
                cards=[each.card(language) for each in printed],
                following=following,
                is_first=page == FIRST,
            )
            yield name, content


def _cut(outages: Iterable[PublicOutage]) -> Iterator[list[PublicOutage]]:
    """Cut the list before each outage whose id says so; the first page may be empty."""
    page: list[PublicOutage] = []
    for each in outages:
        if page and _begins_page(each.id):
            yield page
            page = []
        page.append(each)
    yield page


@lru_cache(maxsize=2**16)
def _begins_page(outage: str) -> bool:
    return hashlib.sha256(outage.encode()).digest()[0] % ABOUT == 0
