"""CAP 1.2 messages: one file per outage, which says how it stands now (OASIS, 2010).

The first is an Alert, a later one an Update, the last one a Cancel; each names those before it.
What was published is the only memory: a message is read back before the next one is made, so
that the references are right after any restart, also for who has fetched a file whose generation
never came into force.
"""

from collections.abc import Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo

from status_page.draft import Draft
from status_page.feeds import links
from status_page.feeds.alert import infos, moment
from status_page.feeds.cap_index import Index, Listed, name_of
from status_page.feeds.envelope import Envelope
from status_page.feeds.xml import Element
from status_page.rendering import Renderer
from status_page.view import PublicOutage


class Cap:
    """A message per outage, and the Atom feed that lists them."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._zone = ZoneInfo(renderer.site.time_zone)
        self._index = Index(renderer)

    def files(self, draft: Draft) -> Iterator[tuple[str, bytes | None]]:
        """Yield the messages that are new, and the list of all."""
        before = self.recall(draft)
        if draft.each:
            listed: dict[str, Listed] = {}
            yield from self._of_outages(draft, before, listed)
            yield from self._of_moved(draft, before, listed)
            self._index.note(listed)
        if draft.whole:
            yield from self._index.files(draft)
        if draft.each:
            yield from ((name, None) for name in self._index.unnamed())

    def recall(self, draft: Draft) -> Mapping[str, Listed]:
        """Read back which messages are published, once."""
        shown = {each.id: each for each in draft.status.outages}
        return self._index.read(draft, lambda key: self._title(shown[key]) if key in shown else key)

    def begin(self) -> None:
        """Hold the messages that are in force for the list of them."""
        self._index.begin()

    def written(self) -> None:
        """Take down that the list is published."""
        self._index.written()

    def _of_outages(
        self, draft: Draft, before: Mapping[str, Listed], listed: dict[str, Listed]
    ) -> Iterator[tuple[str, bytes]]:
        changed = {each.id for each in draft.changed}
        for outage in draft.status.outages:
            if outage.id not in changed:
                if outage.id in before:
                    listed[outage.id] = before[outage.id]
                continue
            old = draft.published(name_of(outage.id))
            content = self._next(draft, outage, old)
            if content is None:
                continue
            listed[outage.id] = _listed(content, self._title(outage))
            if draft.anew or content != old:
                yield name_of(outage.id), content

    def _of_moved(
        self, draft: Draft, before: Mapping[str, Listed], listed: dict[str, Listed]
    ) -> Iterator[tuple[str, bytes]]:
        for gone, into in draft.status.moved.items():
            if gone not in before:
                continue
            listed[gone] = before[gone]
            if before[gone].kind == "Cancel" and not draft.anew:
                continue
            content = self._moved(draft, gone, into)
            if content is None:
                del listed[gone]
                continue
            listed[gone] = _listed(content, before[gone].title)
            yield name_of(gone), content

    def _title(self, outage: PublicOutage) -> str:
        return self._renderer.headline(outage, self._renderer.languages[0])

    def _next(self, draft: Draft, outage: PublicOutage, published: bytes | None) -> bytes | None:
        """Return the message that holds now: the published one as long as it says all."""
        old = self._before(draft, published)
        info = infos(outage, self._renderer)
        if old is not None and old.message(info) == published:
            return published
        if outage.over:
            if old is None:
                # Nobody was ever told that it began.
                return None
            return published if old.kind == "Cancel" else self._new(draft, outage.id, old, info)
        if old is not None and old.kind == "Cancel":
            # It goes on after all: what is cancelled takes no update.
            old = None
        kind = "Alert" if old is None else "Update"
        return self._new(draft, outage.id, old, info, kind=kind)

    def _moved(self, draft: Draft, gone: str, into: str) -> bytes | None:
        """Return the message of an outage that goes on as part of another one."""
        published = draft.published(name_of(gone))
        old = self._before(draft, published)
        if old is None or old.kind == "Cancel":
            return published if old else None
        say = self._renderer.words(self._renderer.languages[0])
        note = f"{say('moved.title')}: {into}"
        return self._new(draft, gone, old, (), note=note, incidents=into)

    @staticmethod
    def _before(draft: Draft, published: bytes | None) -> Envelope | None:
        old = Envelope.of(published)
        # A drill and what really happens never refer to each other.
        return old if old is not None and old.status == _status(draft) else None

    def _new(
        self,
        draft: Draft,
        outage: str,
        old: Envelope | None,
        info: Iterable[Element],
        *,
        kind: str = "Cancel",
        **told: str,
    ) -> bytes:
        envelope = Envelope(
            identifier=f"{outage}.{draft.pointer.id}",
            sender=links.host(self._renderer),
            sent=moment(draft.status.as_of, self._zone),
            status=_status(draft),
            kind=kind,
            references=old.before() if old else "",
            **told,
        )
        return envelope.message(info)


def _listed(content: bytes, title: str) -> Listed:
    told = Listed.of(content, title)
    # It is one that has just been made or read.
    assert told is not None  # noqa: S101
    return told


def _status(draft: Draft) -> str:
    return "Exercise" if draft.status.drill else "Actual"
