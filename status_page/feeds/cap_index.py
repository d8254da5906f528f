"""`/feeds/cap.atom`: which CAP messages hold, for whoever polls one address."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from status_page.draft import Draft
from status_page.feeds import links
from status_page.feeds.atom import NAMESPACE, Head, updated_in
from status_page.feeds.envelope import Envelope
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

    @classmethod
    def of(cls, content: bytes | None, title: str) -> "Listed | None":
        """Return how a message is listed; None for what is no message."""
        told = Envelope.of(content)
        if told is None:
            return None
        sent = datetime.fromisoformat(told.sent)
        return cls(identifier=told.identifier, kind=told.kind, title=title, sent=sent)


class Index:
    """The feed, and the record of which outages have a message.

    The feed may be some seconds behind the messages: what there is say the messages themselves.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._known: dict[str, Listed] | None = None
        self._found: dict[str, Listed] = {}
        self._in_force: dict[str, Listed] | None = None
        self._entries: dict[str, tuple[Listed, bytes]] = {}
        self._reading = threading.Lock()
        self._files: set[str] = set()
        # What the published feed names, and what one names that is being written.
        self._listed: frozenset[str] = frozenset()
        self._listing: frozenset[str] = frozenset()
        self._dated = Dated(updated_in)
        self._fresh = Fresh()

    def read(self, draft: Draft, title: Callable[[str], str]) -> Mapping[str, Listed]:
        """Return what is published, by outage; ``title`` is how one is listed that is not yet."""
        # The feed is made beside the messages: who comes second finds what the first has read.
        with self._reading:
            if self._known is None:
                self._known = self._found = dict(self._published(draft, title))
                self._files, self._listed = set(self._known), frozenset(self._known)
            return self._known

    def note(self, listed: Mapping[str, Listed]) -> None:
        """Take down which messages there are now."""
        self._known = dict(listed)
        self._files |= self._known.keys()

    def begin(self) -> None:
        """Hold what is in force: messages of the next edition are not published yet."""
        self._in_force = self._known

    def written(self) -> None:
        """Take down that the feed is published as it was made last."""
        self._listed = self._listing

    def files(self, draft: Draft) -> Iterator[tuple[str, bytes]]:
        """Yield the feed of all messages."""
        # Before anything is noted those are in force that were found.
        in_force = self._found if self._in_force is None else self._in_force
        listed = (self._known or {}) if draft.each else in_force
        self._listing = frozenset(listed)
        newest = sorted(listed.items(), key=lambda pair: (pair[1].sent, pair[0]), reverse=True)
        printed, self._entries = self._entries, {}
        for outage, each in newest:
            known = printed.get(outage)
            same = known is not None and known[0] is each
            self._entries[outage] = known if known and same else (each, self._print(outage, each))
        entries = [content for _, content in self._entries.values()]
        language = self._renderer.languages[0]
        head = Head(self._renderer, language, drill=draft.status.drill, what="CAP 1.2")
        content = self._dated.of(draft, NAME, lambda at: head.feed(NAME, at, entries))
        yield from self._fresh.of(draft, [(NAME, content)])
        if draft.each:
            # What the same edition takes away goes only after it is written.
            self.written()

    def unnamed(self) -> list[str]:
        """Return, once, names of messages that neither hold nor stand in the feed any more."""
        gone = self._files - (self._known or {}).keys() - self._listed - self._listing
        self._files -= gone
        return [name_of(each) for each in sorted(gone)]

    def _published(self, draft: Draft, title: Callable[[str], str]) -> Iterator[tuple[str, Listed]]:
        root = read(draft.published(NAME))
        entries = root.iter(f"{_IN}entry") if root is not None else ()
        known = dict(_entry(each) for each in entries)
        names = (PurePosixPath(name) for name in draft.names(FOLDER))
        there = {name.stem for name in names if name.suffix == ".xml"}
        # Of a draft that is anew each of these messages is read by itself.
        apart = {each.id for each in draft.status.outages} if draft.anew else frozenset()
        for outage in {*known, *there}:
            old = known.get(outage)
            if outage in apart:
                found = old
            else:
                content = draft.published(name_of(outage))
                found = Listed.of(content, old.title if old else title(outage))
            if found is not None:
                yield outage, found

    def _print(self, outage: str, each: Listed) -> bytes:
        made = element("entry")
        add(made, "id", links.tag(self._renderer, f"cap:{each.identifier}"))
        add(made, "title", each.title)
        add(made, "updated", text_of(each.sent))
        url = links.feed(self._renderer, name_of(outage))
        add(made, "link", rel="alternate", type="application/cap+xml", href=url)
        add(made, "category", term=each.kind)
        add(made, "summary", f"{each.kind} {each.identifier}")
        return fragment(made)


def name_of(outage: str) -> str:
    """Return the name of an outage's message."""
    return f"{FOLDER}{outage}.xml"


def _entry(entry: Element) -> tuple[str, Listed]:
    """Read an entry of ours back."""
    kind, _, identifier = (entry.findtext(f"{_IN}summary") or "").partition(" ")
    return identifier.partition(".")[0], Listed(
        identifier=identifier,
        kind=kind,
        title=entry.findtext(f"{_IN}title") or "",
        sent=datetime.fromisoformat(entry.findtext(f"{_IN}updated") or "1970-01-01T00:00Z"),
    )
