"""`/feeds/cap.atom`: which CAP messages hold, for whoever polls one address."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from status_page.draft import Draft
from status_page.feeds import links
from status_page.feeds.atom import NAMESPACE, Head, updated_in
from status_page.feeds.fresh import Dated, Fresh
from status_page.feeds.xml import Element, add, element, fragment, read
from status_page.pointer import text_of
from status_page.rendering import Renderer

NAME = "feeds/cap.atom"
FOLDER = "feeds/cap/"
_IN = f"{{{NAMESPACE}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A message as the feed lists it; ``kind`` is its msgType."""

    identifier: str
    kind: str
    title: str
    sent: datetime


class Index:
    """The feed, which is also the record of which outages have a message."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._known: dict[str, Listed] | None = None
        self._dated = Dated(updated_in)
        self._fresh = Fresh()

    def read(self, draft: Draft) -> Mapping[str, Listed]:
        """Return what is published, by outage."""
        if self._known is None:
            root = read(draft.published(NAME))
            found = root.iter(f"{_IN}entry") if root is not None else ()
            self._known = dict(_entry(each) for each in found)
        return self._known

    def files(self, draft: Draft, listed: Mapping[str, Listed]) -> Iterator[tuple[str, bytes]]:
        """Yield the feed of these messages."""
        self._known = dict(listed)
        newest = sorted(listed.items(), key=lambda pair: (pair[1].sent, pair[0]), reverse=True)
        entries = [self._print(outage, each) for outage, each in newest]
        language = self._renderer.languages[0]
        head = Head(self._renderer, language, drill=draft.status.drill, what="CAP 1.2")
        content = self._dated.of(draft, NAME, lambda at: head.feed(NAME, at, entries))
        yield from self._fresh.of(draft, [(NAME, content)])

    def _print(self, outage: str, each: Listed) -> bytes:
        made = element("entry")
        add(made, "id", links.tag(self._renderer, f"cap:{each.identifier}"))
        add(made, "title", each.title)
        add(made, "updated", text_of(each.sent))
        url = links.feed(self._renderer, f"{FOLDER}{outage}.xml")
        add(made, "link", rel="alternate", type="application/cap+xml", href=url)
        add(made, "category", term=each.kind)
        add(made, "summary", f"{each.kind} {each.identifier}")
        return fragment(made)


def _entry(entry: Element) -> tuple[str, Listed]:
    """Read an entry of ours back."""
    kind, _, identifier = (entry.findtext(f"{_IN}summary") or "").partition(" ")
    return identifier.partition(".")[0], Listed(
        identifier=identifier,
        kind=kind,
        title=entry.findtext(f"{_IN}title") or "",
        sent=datetime.fromisoformat(entry.findtext(f"{_IN}updated") or "1970-01-01T00:00Z"),
    )
