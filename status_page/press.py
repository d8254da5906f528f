"""Makes a generation out of a public state: what changed, and the files that say so.

Rendering costs what changed, and of the list only the pages are made that it stands on. Files that
hold every outage, feeds above all, would cost as much as there are outages: in a storm they follow
generations at a slower beat (`Press.whole`).
"""

import dataclasses
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from status_page.draft import AsOf, Beside, Draft, Due, MakeFeed, Recall
from status_page.edition import Edition, Issued, later, read_manifest
from status_page.errors import UnreadablePublication
from status_page.feeds import FEEDS
from status_page.pointer import FORMAT, Pointer, text_of
from status_page.printed import Printed, digest, json_bytes, print_outage, read_part
from status_page.rendering import Renderer
from status_page.sheets import FIRST, Sheets
from status_page.standing import Standing
from status_page.store import FEEDS_FOLDER, PARTS, POINTER, Store
from status_page.view import PublicOutage, PublicStatus
from status_page.words import languages

log = logging.getLogger(__name__)

FEW_LISTED = 250
"""Outages up to which every file is part of every generation."""
_REMOVED = 100
"""Files that are taken away before it is looked again whether nobody else publishes."""


class Press:
    """Knows what is published and prints what comes next."""

    def __init__(
        self,
        renderer: Renderer,
        store: Store,
        feeds: Sequence[MakeFeed] = FEEDS,
        *,
        at_once: bool = False,
    ) -> None:
        """Start knowing nothing; `recover` looks.

        Args:
            renderer: Makes HTML of values.
            store: Where to publish.
            feeds: What is published besides pages.
            at_once: Every file is part of every generation, whatever that costs.
        """
        self.renderer = renderer
        self.issued = Issued()
        self.is_behind = False
        """Whether files that hold every outage may be older than the generation in force."""
        self._at_once = at_once
        self._sheets = Sheets(renderer)
        self._standing = Standing(renderer.site.areas)
        self._shown: PublicStatus | None = None
        self._tidy = False
        self._recalled = False
        self._store = store
        self._make_feeds = feeds
        self._feeds = [make(renderer) for make in feeds]

    def recover(self) -> None:
        """Take up what the folder holds, so that only real changes are published next.

        Anything torn, foreign or unreadable counts as not there and is published anew.
        """
        self.issued = Issued()
        # Whoever was here before may have been killed before the pages of what is gone went.
        self._tidy = self._recalled = False
        self._shown = None
        self.is_behind = True
        self._feeds = [make(self.renderer) for make in self._make_feeds]
        try:
            content = self._store.read(POINTER)
            if content is not None:
                pointer = Pointer.from_bytes(content)
                # Also of a generation that cannot be read it is known which one it was.
                self.issued = Issued(pointer=pointer)
                self.issued = self._read(pointer)
        except UnreadablePublication as error:
            log.warning("%s", error)

    def has_changed(self, status: PublicStatus) -> bool:
        """Whether a state differs from what is published in more than its time."""
        self._recognise(status)
        printed = self.issued.printed
        return (
            not self._follows(status, None)
            or len(printed) != len(status.outages)
            or self.issued.moved != status.moved
            or any(self._is_new(outage) for outage in status.outages)
            or any(
                each.is_due(status, self._store.read)
                for each in self._feeds
                if isinstance(each, Due)
            )
        )

    def edition(
        self,
        status: PublicStatus,
        *,
        epoch: str,
        number: int,
        journal_number: int,
        checked_at: datetime,
    ) -> Edition:
        """Print the next generation; set ``issued`` from it once it has been written."""
        self._recognise(status)
        old = self.issued
        chained = self._follows(status, epoch)
        self._standing.take(status.outages)
        totals = self._standing.totals
        changed = [each for each in status.outages if not chained or self._is_new(each)]
        fresh = {each.id: print_outage(each, self.renderer) for each in changed}
        printed = {
            each.id: fresh[each.id].kept(each) if each.id in fresh else old.printed[each.id]
            for each in status.outages
        }
        pointer = Pointer(
            epoch=epoch,
            number=number,
            base=old.pointer.id if chained and old.pointer is not None else None,
            as_of=status.as_of,
            checked_at=checked_at,
            send_mode=status.send_mode,
            drill=status.drill,
            languages=self.renderer.languages,
            counts={
                "outages": totals.outages,
                "matched": totals.matched,
                "reported": totals.reported,
                "counting": totals.counting,
                "matched_few": totals.matched_few,
                "reported_few": totals.reported_few,
                "listed": len(status.outages),
            },
            words=self.words_as_of(status.as_of),
        )
        summaries = self._summaries()
        parts = {f"{digest(html.encode())}.html": html.encode() for html in summaries.values()}
        named = frozenset(parts) | {each.part for each in printed.values()}
        parts |= {each.part: each.content for each in fresh.values()}
        manifest = {
            "format": FORMAT,
            "id": pointer.id,
            "base": pointer.base,
            "as_of": text_of(status.as_of),
            "journal_number": journal_number,
            "look": self.renderer.look,
            "languages": list(pointer.languages),
            "summary": {each: f"{digest(html.encode())}.html" for each, html in summaries.items()},
            "outages": {key: printed[key].part for key in sorted(printed)},
            "moved": dict(sorted(status.moved.items())),
        }
        removed = tuple(sorted(old.ids - set(printed)))
        moved = {
            key: into
            for key, into in sorted(status.moved.items())
            if not chained or old.moved.get(key) != into
        }
        gone = (old.ids | set(old.moved)) - set(printed) - set(status.moved)
        whole = self.takes_all(status, epoch)
        feeds = self.made(
            dataclasses.replace(
                self._draft(status, pointer, printed),
                changed=tuple(changed),
                removed=removed,
                anew=not chained,
                each=True,
                whole=whole,
                there=old.there if chained else (),
            )
        )
        files = [
            *((f"{PARTS}/{name}", parts[name]) for name in parts if name not in old.named),
            (pointer.manifest, json_bytes(manifest)),
            *self._sheets.deltas(
                pointer, summaries, [fresh[each.id] for each in changed], removed, moved
            ),
            *self._sheets.outage_pages(status, pointer.id, changed, fresh),
            *self._sheets.moved_pages(status, pointer.id, moved),
            *(() if chained else self._sheets.fixed_pages(status)),
            *((name, content) for name, content in feeds if content is not None),
            *self._sheets.lists(status, pointer.id, summaries, self._first(printed)),
        ]
        return Edition(
            files=tuple(files),
            pointer=pointer,
            issued=Issued(
                pointer=pointer,
                ids=frozenset(printed),
                moved=dict(status.moved),
                printed=printed,
                named=named,
                complete=True,
            ),
            status=status,
            whole=whole,
            obsolete=(
                *self._obsolete(
                    set(printed) | set(status.moved), gone if chained and self._tidy else None
                ),
                *self._obsolete_feeds(feeds, anew=not chained),
            ),
            retired=tuple(sorted(old.named - named)),
        )

    def issue(
        self,
        edition: Edition,
        *,
        may_point: Callable[[], None],
        now_s: float,
        still_held: Callable[[], None] = lambda: None,
    ) -> None:
        """Write an edition, its pointer last.

        Args:
            edition: What `edition` has printed.
            may_point: Called just before the pointer is written; raises to keep it unwritten.
            now_s: Wall time, seconds since the epoch.
            still_held: Called before each file; raises where nothing more is to be written.
        """
        self._store.write(edition.files, still_held)
        before = self.issued.pointer
        self._store.retire(edition.retired, before.id if before else None, now_s)
        may_point()
        self._store.write([(POINTER, edition.pointer.to_bytes())])
        self.issued = edition.issued
        self._shown = edition.status
        self.is_behind = not edition.whole
        for at in range(0, max(1, len(edition.obsolete)), _REMOVED):
            still_held()
            self._store.remove(edition.obsolete[at : at + _REMOVED])
        self._tidy = True

    def whole(self) -> Draft | None:
        """Return a draft of the files that hold every outage, as of the generation in force.

        None where nothing is known of that. They are not behind any more once `made` has made
        them, in a thread maybe, and they are written; while it does, no `edition` is printed that
        `takes_all`.
        """
        pointer = self.issued.pointer
        if self._shown is None or pointer is None or not self.issued.complete:
            return None
        self.is_behind = False
        for each in self._beside():
            each.begin()
        return self._draft(self._shown, pointer, self.issued.printed)

    def written(self) -> None:
        """Take down that the files of the last `whole` draft are published."""
        for each in self._beside():
            each.written()

    def made(self, draft: Draft) -> list[tuple[str, bytes | None]]:
        """Make the files that are due of a draft; None: there is to be none."""
        return [each for feed in self._feeds for each in feed.files(draft)]

    def takes_all(self, status: PublicStatus, epoch: str) -> bool:
        """Whether the edition of a state will hold every file."""
        few = len(status.outages) <= FEW_LISTED
        return few or self._at_once or not self._follows(status, epoch)

    def confirm(
        self,
        status: PublicStatus,
        checked_at: datetime,
        *,
        with_lists: bool,
        may_point: Callable[[], None] = lambda: None,
        still_held: Callable[[], None] = lambda: None,
    ) -> None:
        """Say that what is published still holds; a `status` that has changed is not for here.

        Args:
            status: The state as read at `checked_at`.
            checked_at: Wall time.
            with_lists: Also rewrite the lists and the sheets to print, for readers without script;
                nothing is made beside meanwhile.
            may_point: As in `issue`.
            still_held: As in `issue`.
        """
        if self.issued.pointer is None:
            return
        self._shown = status
        pointer = dataclasses.replace(
            self.issued.pointer,
            as_of=status.as_of,
            checked_at=checked_at,
            words=self.words_as_of(status.as_of),
        )
        if with_lists:
            self._store.write(self.lists_as_of(status), still_held)
            draft = self._draft(status, pointer, self.issued.printed)
            timely = (each for each in self._feeds if isinstance(each, AsOf))
            made = (file for each in timely for file in each.as_of(draft))
            self._store.write(made, still_held)
        may_point()
        self._store.write([(POINTER, pointer.to_bytes())])
        self.issued = dataclasses.replace(self.issued, pointer=pointer)

    def lists_as_of(self, status: PublicStatus) -> list[tuple[str, bytes]]:
        """Return the lists of the generation in force with a new "as of"."""
        if self.issued.pointer is None:
            return []
        self._standing.take(status.outages)
        first = self._first(self.issued.printed)
        return list(self._sheets.lists(status, self.issued.pointer.id, self._summaries(), first))

    def words_as_of(self, as_of: datetime) -> dict[str, str]:
        """Return "as of" in every language."""
        return {each: self.renderer.words(each).when(as_of) for each in self.renderer.languages}

    def _beside(self) -> Iterator[Beside]:
        return (each for each in self._feeds if isinstance(each, Beside))

    def _follows(self, status: PublicStatus, epoch: str | None) -> bool:
        """Whether what comes next can be told as a change of what is published."""
        pointer = self.issued.pointer
        return (
            pointer is not None
            and self.issued.complete
            and (pointer.send_mode, pointer.drill) == (status.send_mode, status.drill)
            and epoch in {None, pointer.epoch}
        )

    def _is_new(self, outage: PublicOutage) -> bool:
        known = self.issued.printed.get(outage.id)
        return known is None or not known.shows(outage)

    def _recognise(self, status: PublicStatus) -> None:
        """After a restart: see once which outages are just what is published."""
        known = self.issued.printed
        found = {
            outage.id: known[outage.id].kept(outage)
            for outage in status.outages
            if outage.id in known
            and known[outage.id].outage is None
            and known[outage.id].shows(outage)
        }
        if found:
            self.issued = dataclasses.replace(self.issued, printed={**known, **found})
        if not self._recalled and self.issued.complete and self.issued.pointer:
            # Not with the first change: that is not to wait for it.
            draft = self._draft(status, self.issued.pointer, self.issued.printed)
            for each in self._feeds:
                if isinstance(each, Recall):
                    each.recall(draft)
        self._recalled = True

    def _draft(
        self, status: PublicStatus, pointer: Pointer, printed: Mapping[str, Printed]
    ) -> Draft:
        """Return one without changes, of which only what holds every outage is due."""
        return Draft(
            status=status,
            standing=self._standing,
            printed=printed,
            pointer=pointer,
            renderer=self.renderer,
            published=self._store.read,
            names=self._store.names,
        )

    def _first(self, printed: Mapping[str, Printed]) -> list[Printed]:
        return [printed[each.id] for each in self._standing.first(FIRST)]

    def _summaries(self) -> dict[str, str]:
        totals, by_area = self._standing.totals, self._standing.totals_by_area()
        return {
            each: self.renderer.summary(totals, each, by_area) for each in self.renderer.languages
        }

    def _obsolete(self, kept: set[str], gone: set[str] | frozenset[str] | None) -> Iterator[str]:
        """Name pages to take away; without knowing what is `gone`, whatever is not `kept`."""
        if gone is None:
            # Also the pages of a language that is published no more, or elsewhere now.
            prefixes = {self.renderer.prefix(each) for each in self.renderer.languages}
            for prefix in {f"{each}/" for each in languages()} - prefixes:
                yield from sorted(_pages(self._store.names(prefix)))
        for language in self.renderer.languages:
            prefix = self.renderer.prefix(language)
            if gone is None:
                there = _pages(self._store.names(f"{prefix}outages"))
                yield from sorted(set(there) - {f"{prefix}outages/{key}.html" for key in kept})
            else:
                yield from (f"{prefix}outages/{key}.html" for key in sorted(gone))

    def _obsolete_feeds(
        self, feeds: Iterable[tuple[str, bytes | None]], *, anew: bool
    ) -> Iterator[str]:
        if anew:
            made = {name for name, content in feeds if content is not None}
            yield from sorted(set(self._store.names(FEEDS_FOLDER)) - made)
        else:
            yield from (name for name, content in feeds if content is None)

    def _read(self, pointer: Pointer) -> Issued:
        manifest = read_manifest(self._store.read(pointer.manifest))
        try:
            outages: dict[str, str] = manifest["outages"]
            named = frozenset(outages.values()) | frozenset(manifest["summary"].values())
            # An earlier release has not written of any.
            moved = dict(manifest.get("moved", {}))
            look = manifest["look"]
        except (KeyError, TypeError, AttributeError) as error:
            raise UnreadablePublication("It is the manifest.") from error
        if look != self.renderer.look:
            # Another release or another site file: every page is made anew.
            return Issued(pointer=pointer, ids=frozenset(outages), moved=moved, named=named)
        printed = self._parts(outages, {})
        issued = Issued(
            pointer=pointer,
            ids=frozenset(outages),
            moved=moved,
            printed=printed,
            named=named,
            there=(printed,),
        )
        try:
            for each in later(self._store.generations(), pointer):
                issued = self._without(issued, pointer, each)
        except UnreadablePublication:
            # Any page may be ahead.
            return issued
        return dataclasses.replace(issued, complete=True)

    def _parts(
        self, outages: Mapping[str, str], known: Mapping[str, Printed]
    ) -> dict[str, Printed]:
        """Read the parts of outages, but those that are `known`."""
        return {
            key: known[key]
            if key in known and known[key].part == name
            else read_part(name, self._store.read(f"{PARTS}/{name}"))
            for key, name in outages.items()
        }

    def _without(self, issued: Issued, pointer: Pointer, cut_off: str) -> Issued:
        """Take as not published what a generation may have written that never came into force.

        Raises:
            UnreadablePublication: Nobody knows what that was.
        """
        ahead = dataclasses.replace(pointer, number=_number(cut_off))
        manifest = read_manifest(self._store.read(ahead.manifest))
        outages = manifest.get("outages", {})
        moved = manifest.get("moved", {})
        if (manifest.get("look"), manifest.get("base")) != (self.renderer.look, pointer.id):
            raise UnreadablePublication("It was not a change of what is in force.")
        before = issued.there[0]
        theirs = self._parts(outages, before)
        return dataclasses.replace(
            issued,
            printed={
                key: each for key, each in issued.printed.items() if theirs.get(key) is before[key]
            },
            moved={key: into for key, into in issued.moved.items() if moved.get(key) == into},
            there=(*issued.there, theirs),
        )


def _number(generation: str) -> int:
    return int(generation.rpartition("-")[2])


def _pages(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.endswith(".html")]
