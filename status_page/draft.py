"""What a generation is made from, and who makes files of it besides the pages: the feeds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

from status_page.pointer import Pointer
from status_page.printed import Printed
from status_page.rendering import Renderer
from status_page.standing import Standing
from status_page.view import PublicOutage, PublicStatus

Piece = TypeVar("Piece")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A generation before it is written.

    Attributes:
        status: All that is public.
        standing: The same outages in the order of the list, and added up.
        printed: What the list shows of each.
        pointer: Names the generation, its time and its counts.
        changed: Outages that are new or differ from what is published; all of them if ``anew``.
        removed: Ids that have left the list; nothing is known of them if ``anew``.
        anew: Nothing that is published can be built on: make every file.
        each: Files that follow each generation are due.
        whole: Files that hold every outage are due. In a storm they come at a slower beat, and
            then alone, of a generation that is published already.
        renderer: The site, its languages and their words.
        published: Reads a file as it is published now; None where there is none. It may be ahead
            of the pointer, where a publisher was killed: somebody may have seen it.
        there: After a restart, what pages that hold several outages may have been made of:
            each is as the first says or as one of the others does.
        names: Names of the files below a folder as they are there now; slow, so ask it seldom.
    """

    status: PublicStatus
    standing: Standing
    printed: Mapping[str, Printed]
    pointer: Pointer
    renderer: Renderer
    changed: tuple[PublicOutage, ...] = ()
    removed: tuple[str, ...] = ()
    anew: bool = False
    each: bool = False
    whole: bool = True
    there: Sequence[Mapping[str, Printed]] = ()
    published: Callable[[str], bytes | None] = lambda _: None
    names: Callable[[str], Sequence[str]] = lambda _: ()


class Feed(Protocol):
    """Makes files below ``feeds/`` that follow the generations.

    One lives as long as its publisher does and may keep what it has made. After a failure it is
    made anew, and its first draft may then hold few changes: what it kept is never relied on.
    """

    def files(self, draft: Draft) -> Iterable[tuple[str, bytes | None]]:
        """Yield a name and its content for what differs from what is published.

        None takes a file away. Of a draft that is ``anew`` every file is made; those below
        ``feeds/`` that no feed makes then are removed. Where it is not ``whole``, what would
        cost as much as there are outages waits for one that is.
        """


@runtime_checkable
class Beside(Protocol):
    """A feed that must know when what holds every outage is made beside the next generation."""

    def begin(self) -> None:
        """Hold what is in force: the draft that comes, in a thread maybe, is of that."""

    def written(self) -> None:
        """Take down that what was made of the last such draft is published."""


@runtime_checkable
class AsOf(Protocol):
    """A feed with pages that say when it was looked last, to readers without script too."""

    def as_of(self, draft: Draft) -> Iterable[tuple[str, bytes]]:
        """Yield those pages as of a draft of which nothing but its time is new."""


@runtime_checkable
class Recall(Protocol):
    """A feed that reads back what is published, which takes as long as there are outages."""

    def recall(self, draft: Draft) -> None:
        """Read it, once after a restart, before any change of the state comes."""


@runtime_checkable
class Due(Protocol):
    """A feed that may have to be made although no outage has changed."""

    def is_due(self, status: PublicStatus, published: Callable[[str], bytes | None]) -> bool:
        """Whether the next draft of a state would be made into something else than is published.

        Args:
            status: All that is public.
            published: Reads a file as it is published now.
        """


MakeFeed = Callable[[Renderer], Feed]


class Pieces(Generic[Piece]):
    """One piece per outage, made once and used again as long as the outage is the same."""

    def __init__(self, make: Callable[[PublicOutage], Piece]) -> None:
        self._make = make
        self._kept: dict[str, tuple[PublicOutage, Piece]] = {}

    def of(self, outages: Iterable[PublicOutage]) -> list[Piece]:
        """Return the pieces of these outages in their order, and forget all others."""
        known, kept = self._kept, {}
        for outage in outages:
            held = known.get(outage.id)
            # The same object mostly; equal after a new reading of everything.
            same = held is not None and (held[0] is outage or held[0] == outage)
            kept[outage.id] = held if held is not None and same else (outage, self._make(outage))
        self._kept = kept
        return [piece for _, piece in kept.values()]
