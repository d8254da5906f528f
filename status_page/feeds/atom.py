"""`/feeds/outages.atom`, and one per area: what is on the list, for who follows it (RFC 4287)."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial

from status_page.draft import Draft, Pieces
from status_page.feeds import links, places
from status_page.feeds.fresh import Dated, Fresh
from status_page.feeds.xml import add, element, fragment, opened
from status_page.pointer import text_of
from status_page.rendering import Renderer
from status_page.view import PublicOutage, by_area

NAMESPACE = "http://www.w3.org/2005/Atom"
NAME = "feeds/outages.atom"

_UPDATED = re.compile(rb"<updated>([0-9TZ:.-]+)</updated>")


def name_of(renderer: Renderer, language: str) -> str:
    """Return the name of the feed in one language."""
    return f"feeds/{renderer.prefix(language)}outages.atom"


class Atom:
    """A feed in each language, newest change first."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._entries = {each: Pieces(partial(self._entry, each)) for each in renderer.languages}
        self._dated = Dated(updated_in)
        self._fresh = Fresh()
        self._made: dict[str, list[bytes]] = {}

    def files(self, draft: Draft) -> Iterator[tuple[str, bytes]]:
        """Yield the feeds: of everything and of each area, in each language."""
        if not draft.whole:
            return
        newest = sorted(draft.status.outages, key=lambda each: (each.changed, each.id))[::-1]
        for language in self._renderer.languages:
            pieces = self._entries[language].of(newest)
            yield from self._feed(draft, name_of(self._renderer, language), language, "", pieces)
            entries = dict(zip((each.id for each in newest), pieces, strict=True))
            for area, outages in by_area(self._renderer.site.areas, newest):
                name = places.name_of(self._renderer, area, language)
                there = [entries[each.id] for each in outages]
                # There may be hundreds of areas, and few of them have changed.
                if draft.anew or self._made.get(name) != there:
                    self._made[name] = there
                    yield from self._feed(draft, name, language, area.name, there)

    def _feed(
        self, draft: Draft, name: str, language: str, what: str, entries: list[bytes]
    ) -> Iterator[tuple[str, bytes]]:
        head = Head(self._renderer, language, drill=draft.status.drill, what=what)
        content = self._dated.of(draft, name, partial(head.feed, name, entries=entries))
        yield from self._fresh.of(draft, [(name, content)])

    def _entry(self, language: str, outage: PublicOutage) -> bytes:
        made = element("entry", xml_lang=language)
        add(made, "id", links.tag(self._renderer, f"outage:{outage.id}"))
        add(made, "title", self._renderer.headline(outage, language))
        add(made, "updated", text_of(outage.changed))
        page = links.page_of(self._renderer, outage.id, language)
        add(made, "link", rel="alternate", type="text/html", href=page)
        for term in (outage.service, outage.kind, outage.status, *outage.area_names):
            add(made, "category", term=term)
        add(made, "summary", self._renderer.story(outage, language))
        return fragment(made)


class Head:
    """What stands before the entries of a feed."""

    def __init__(self, renderer: Renderer, language: str, *, drill: bool, what: str = "") -> None:
        """Say whose feed it is; ``what`` it is of, where it is not of all outages."""
        self._renderer = renderer
        self._language = language
        say = renderer.words(language)
        utility = say("utility.neutral") if renderer.site.neutral else renderer.site.name
        self._title = " – ".join(part for part in (say("title"), what, utility) if part)
        self._author = utility
        self._subtitle = say("notice.drill") if drill else ""

    def feed(self, name: str, updated: datetime, entries: Iterable[bytes]) -> bytes:
        """Put a feed together."""
        root = element("feed", xmlns=NAMESPACE, xml_lang=self._language)
        url = links.feed(self._renderer, name)
        add(root, "id", links.tag(self._renderer, name))
        add(root, "title", self._title)
        if self._subtitle:
            add(root, "subtitle", self._subtitle)
        add(root, "updated", text_of(updated))
        add(add(root, "author"), "name", self._author)
        add(root, "link", rel="self", type="application/atom+xml", href=url)
        page = links.list_of(self._renderer, self._language)
        add(root, "link", rel="alternate", type="text/html", href=page)
        before, after = opened(root)
        return before + b"".join(entries) + after


def updated_in(content: bytes) -> datetime | None:
    """Return when a published feed says that it last changed."""
    found = _UPDATED.search(content)
    return datetime.fromisoformat(found[1].decode()) if found else None
