"""The files of a generation that are made of outages: pages, lists and deltas."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from status_page import away
from status_page.pointer import FORMAT, Pointer
from status_page.printed import Printed, json_bytes
from status_page.rendering import MOST, Renderer
from status_page.view import PublicOutage, PublicStatus

FIRST = MOST + 1
"""One more than are shown of a part: so it is known that there are more."""


class Sheets:
    """Puts files together in every language."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def deltas(
        self,
        pointer: Pointer,
        summaries: Mapping[str, str],
        changed: list[Printed],
        removed: tuple[str, ...],
        moved: Mapping[str, str],
    ) -> Iterator[tuple[str, bytes]]:
        """Yield what has changed, as who has the generation before is told."""
        for language in pointer.languages:
            delta: dict[str, Any] = {
                "format": FORMAT,
                "language": language,
                **pointer.beat(),
                "base": pointer.base,
                "counts": dict(pointer.counts),
                "summary": summaries[language],
                "changed": [],
                "removed": [],
                "moved": [],
            }
            # Without a base there is nothing to apply it to: its reader loads everything.
            if pointer.base is not None:
                delta["changed"] = [each.change(language) for each in changed]
                delta["removed"] = list(removed)
                delta["moved"] = [
                    {"id": key, "into": into, "details": self._renderer.moved(into, language)}
                    for key, into in moved.items()
                ]
            yield pointer.delta(language), json_bytes(delta)

    def outage_pages(
        self,
        status: PublicStatus,
        generation: str,
        outages: list[PublicOutage],
        printed: Mapping[str, Printed],
    ) -> Iterator[tuple[str, bytes]]:
        """Yield the own pages of outages."""
        for language in self._renderer.languages:
            for outage in outages:
                page = self._renderer.outage_page(
                    status,
                    outage,
                    language,
                    generation=generation,
                    details=printed[outage.id].details[language],
                )
                yield f"{self._renderer.prefix(language)}outages/{outage.id}.html", page

    def moved_pages(
        self, status: PublicStatus, generation: str, outages: Iterable[str]
    ) -> Iterator[tuple[str, bytes]]:
        """Yield the pages that lead on from outages to those they are part of now."""
        for language in self._renderer.languages:
            for key in outages:
                page = self._renderer.moved_page(status, key, language, generation=generation)
                yield f"{self._renderer.prefix(language)}outages/{key}.html", page

    def fixed_pages(self, status: PublicStatus) -> Iterator[tuple[str, bytes]]:
        """Yield what is the same whatever is out."""
        for name, content in self._renderer.statics.items():
            yield f"static/{name}", content
        for language in self._renderer.languages:
            prefix = self._renderer.prefix(language)
            yield f"{prefix}missing.html", self._renderer.lost_page(status, language, "missing")
            yield f"{prefix}404.html", self._renderer.lost_page(status, language, "notfound")
            for form in away.FORMS:
                yield away.name_of(prefix, form), self._renderer.away_page(status, language, form)

    def lists(
        self,
        status: PublicStatus,
        generation: str,
        summaries: Mapping[str, str],
        first: Iterable[Printed],
    ) -> Iterator[tuple[str, bytes]]:
        """Yield the first page; ``first``: the `FIRST` of each part of the list, if there are."""
        shown = list(first)
        for language in self._renderer.languages:
            page = self._renderer.index(
                status,
                language,
                generation=generation,
                summary=summaries[language],
                cards=[each.card(language) for each in shown],
            )
            yield f"{self._renderer.prefix(language)}index.html", page
