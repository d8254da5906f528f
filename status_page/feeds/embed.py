"""What other sites show of ours: `/embed`, a small page in a frame, and a badge."""

from collections.abc import Iterator

from status_page.draft import Draft
from status_page.feeds.fresh import Fresh
from status_page.feeds.xml import add, document, element
from status_page.rendering import Renderer
from status_page.view import Totals

BADGE = "feeds/badge.svg"
_LETTER = 7
_PAD = 8
_HEIGHT = 24
_DARK, _CALM, _OUT = "#37474f", "#1c6b3a", "#b3261e"
"""White on each of them has a contrast of 6.4 and more."""


def name_of(language: str) -> str:
    """Return the name of the embedded page in one language; empty: the site's first."""
    return f"feeds/embed-{language}.html" if language else "feeds/embed.html"


class Embed:
    """The figures at the top of the list, as a page in each language and as a picture."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._fresh = Fresh()

    def files(self, draft: Draft) -> Iterator[tuple[str, bytes]]:
        """Yield a page in each language, the first one under its plain name, and the badge."""
        if not draft.each:
            return
        totals = draft.standing.totals
        first = self._renderer.languages[0]
        for language in self._renderer.languages:
            page = self._renderer.embed(
                draft.status,
                language,
                generation=draft.pointer.id,
                summary=self._renderer.summary(totals, language),
            )
            names = [name_of(language), *([name_of("")] if language == first else [])]
            yield from self._fresh.of(draft, [(name, page) for name in names])
        yield from self._fresh.of(draft, [(BADGE, self._badge(draft, totals))])

    def _badge(self, draft: Draft, totals: Totals) -> bytes:
        say = self._renderer.words(self._renderer.languages[0])
        label = say("summary.outages")
        # A picture has no room to say that nothing of it happens now.
        count = "–" if draft.status.drill else say.number(totals.outages)
        left, right = (len(text) * _LETTER + 2 * _PAD for text in (label, count))
        root = element(
            "svg",
            xmlns="http://www.w3.org/2000/svg",
            width=str(left + right),
            height=str(_HEIGHT),
            role="img",
        )
        add(root, "title", f"{self._renderer.site.name}: {label}: {count}")
        calm = draft.status.drill or not totals.outages
        for x, width, text, colour in (
            (0, left, label, _DARK),
            (left, right, count, _CALM if calm else _OUT),
        ):
            place = {"x": str(x), "width": str(width), "height": str(_HEIGHT)}
            add(root, "rect", **place, fill=colour)
            look = {"font-family": "system-ui,sans-serif", "font-size": "13"}
            middle = {"x": str(x + width / 2), "y": "16.5", "text-anchor": "middle"}
            add(root, "text", text, **middle, **look, fill="#fff")
        return document(root)
