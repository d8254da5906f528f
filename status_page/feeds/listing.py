"""The whole list, page by page: `/feeds/list/{language}/first.html` and those that follow.

Pages end where an outage's id says so, not after so many: one that comes or goes changes its own
page and at most the one before, however long the list is.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from status_page.draft import Draft
from status_page.printed import Printed
from status_page.rendering import Renderer
from status_page.view import SECTIONS

ABOUT = 20
"""Outages on a page, on average."""
FIRST = "first"
FOLDER = "feeds/list/"


@dataclass(frozen=True, slots=True)
class _Page:
    """What makes a page: the part of the list and the rows of each outage, and the next page."""

    rows: tuple[tuple[str, Mapping[str, str]], ...]
    following: str


class Listing:
    """Makes the pages of the list; keeps what stands on them to tell what differs."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._made: dict[str, _Page] = {}

    def files(self, draft: Draft) -> Iterator[tuple[str, bytes | None]]:
        """Yield the pages that differ."""
        if not draft.each:
            return
        known = {} if draft.anew else self._made
        there: set[str] = set()
        if not draft.anew and not known:
            # After a restart or a failure: what is published tells what stands on the pages, and
            # the folder which of them nobody needs any more.
            known = _agreed([_pages(_in_order(each), each) for each in draft.there])
            there = set(draft.names(FOLDER))
        cut = list(_cut(each.id for each in draft.standing.ordered()))
        made = _pages(cut, draft.printed)
        for page, outages in zip(made, cut, strict=True):
            if known.get(page) != made[page]:
                yield from self._page(draft, page, outages, made[page].following)
        gone = {name for page in known.keys() - made.keys() for name in self._names(page)}
        left = there - {name for page in made for name in self._names(page)} if there else there
        yield from ((name, None) for name in sorted(gone | left))
        self._made = made

    def _names(self, page: str) -> list[str]:
        return [f"{FOLDER}{language}/{page}.html" for language in self._renderer.languages]

    def _page(
        self, draft: Draft, page: str, outages: list[str], following: str
    ) -> Iterator[tuple[str, bytes]]:
        printed = [draft.printed[each] for each in outages]
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


def _pages(cut: Sequence[list[str]], printed: Mapping[str, Printed]) -> dict[str, _Page]:
    """Return what stands on each page of a list that has been cut."""
    made: dict[str, _Page] = {}
    for at, outages in enumerate(cut):
        shown = [printed[each] for each in outages]
        made[outages[0] if at else FIRST] = _Page(
            rows=tuple((each.section, each.rows) for each in shown),
            following=cut[at + 1][0] if at + 1 < len(cut) else "",
        )
    return made


def _in_order(printed: Mapping[str, Printed]) -> list[list[str]]:
    """Return outages page by page as `Standing.ordered` has them."""
    place = {section: at for at, section in enumerate(SECTIONS)}
    keys = sorted(
        printed, key=lambda each: (place[printed[each].section], printed[each].order, each)
    )
    return list(_cut(keys))


def _agreed(possible: Sequence[Mapping[str, _Page]]) -> dict[str, _Page]:
    """Return the pages that are the same whichever of these was written last."""
    if not possible:
        return {}
    first, *others = possible
    return {
        page: made for page, made in first.items() if all(each.get(page) == made for each in others)
    }


def _cut(outages: Iterable[str]) -> Iterator[list[str]]:
    """Cut the list before each outage whose id says so; the first page may be empty."""
    page: list[str] = []
    for each in outages:
        if page and _begins_page(each):
            yield page
            page = []
        page.append(each)
    yield page


@lru_cache(maxsize=2**16)
def _begins_page(outage: str) -> bool:
    return hashlib.sha256(outage.encode()).digest()[0] % ABOUT == 0
