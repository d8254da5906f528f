"""Writes of a feed only what is not published already."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from status_page.draft import Draft


class Fresh:
    """Remembers what is published by its hash; asks the folder once where it does not know."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def of(self, draft: Draft, made: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        """Yield the files that differ from what is published; all of a draft that is anew."""
        for name, content in made:
            digest = hashlib.sha256(content).digest()
            if draft.anew or digest != self._digest(draft, name):
                self._known[name] = digest
                yield name, content

    def _digest(self, draft: Draft, name: str) -> bytes:
        if name not in self._known:
            self._known[name] = hashlib.sha256(draft.published(name) or b"").digest()
        return self._known[name]


class Dated:
    """Gives a file that says when it last changed the moment when it did so.

    The moment stays as long as the rest of the file does, also from one publisher to the next.
    """

    def __init__(self, read: Callable[[bytes], datetime | None]) -> None:
        """Start knowing nothing; ``read`` takes the moment out of a published file."""
        self._read = read
        self._known: dict[str, tuple[bytes, datetime]] = {}

    def of(self, draft: Draft, name: str, make: Callable[[datetime], bytes]) -> bytes:
        """Return a file as it is published, or as of this draft where it differs from that."""
        known = self._known.get(name) or self._published(draft, name)
        if known is not None:
            content = make(known[1])
            if hashlib.sha256(content).digest() == known[0]:
                self._known[name] = known
                return content
        content = make(draft.status.as_of)
        self._known[name] = (hashlib.sha256(content).digest(), draft.status.as_of)
        return content

    def _published(self, draft: Draft, name: str) -> tuple[bytes, datetime] | None:
        content = draft.published(name)
        moment = self._read(content) if content else None
        return (hashlib.sha256(content).digest(), moment) if content and moment else None
