"""Server-sent events as bytes: each is encoded once and given to every client."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sse_starlette.event import ServerSentEvent

_BREAKS = {ord(each): f"\\u{ord(each):04x}" for each in "\u0085\u2028\u2029"}
"""Some clients take these for the end of a line; written as escapes they are the same JSON."""


def frame(
    event: str, data: object, *, event_id: str | None = None, retry_ms: int | None = None
) -> bytes:
    """Encode one event.

    ``retry:`` only ever stands inside a real event: some clients hand on a lone one as an empty
    message.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_BREAKS)
    return ServerSentEvent(text, event=event, id=event_id, retry=retry_ms, sep="\n").encode()


def chunk(content: bytes) -> bytes:
    """Wrap bytes, of which there must be some, as one chunk of an HTTP/1.1 body."""
    return b"%x\r\n%b\r\n" % (len(content), content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a client is told of.

    Attributes:
        outage: Public id in capitals; empty for the list.
        area: Name of an area, case folded; empty for all. An outage goes before it.
    """

    outage: str = ""
    area: str = ""


EVERYTHING = Wanted()


class Change:
    """One delta in one language, with a frame for each filter that somebody asks for."""

    def __init__(self, delta: Mapping[str, Any]) -> None:
        self._delta = delta
        self.id: str = delta["id"]
        self.base: str | None = delta["base"]
        # A delta that an earlier release has written says of none that it has moved.
        self._moved: list[dict[str, str]] = delta.get("moved", [])
        told = (*delta["changed"], *self._moved)
        self._concerned = frozenset([*delta["removed"], *(each["id"] for each in told)])
        self._areas = {each["id"]: areas_of(each) for each in delta["changed"]}
        self._frames: dict[Wanted, bytes] = {}

    def frame_for(self, wanted: Wanted = EVERYTHING) -> bytes | None:
        """Return what a client is sent; None when this change does not concern what it wants.

        Whoever wants an area is told of every change: what has changed elsewhere is told as
        removed, for it may have been in that area before.
        """
        if wanted.outage:
            # Kept for outages it concerns only: anybody may ask for any name.
            if wanted.outage not in self._concerned:
                return None
            wanted = Wanted(outage=wanted.outage)
        elif wanted.area and not any(wanted.area in areas for areas in self._areas.values()):
            # One frame for all areas where nothing has changed; no area has this name.
            wanted = Wanted(area="\n")
        if wanted not in self._frames:
            self._frames[wanted] = (
                self._for_one(wanted.outage) if wanted.outage else self._for_list(wanted.area)
            )
        return self._frames[wanted]

    def _for_list(self, area: str) -> bytes:
        # An outage's own page is long and the list does not show it.
        rows = [
            {name: value for name, value in each.items() if name != "details"}
            for each in self._delta["changed"]
            if not area or area in self._areas[each["id"]]
        ]
        shown = {each["id"] for each in rows}
        elsewhere = [each for each in self._areas if each not in shown]
        removed = [*self._delta["removed"], *elsewhere]
        # Nor does it show what has moved: that has left it.
        data = {**self._delta, "changed": rows, "removed": removed, "moved": []}
        return frame("generation", data, event_id=self.id)

    def _for_one(self, outage: str) -> bytes:
        changed = [each for each in self._delta["changed"] if each["id"] == outage]
        removed = [each for each in self._delta["removed"] if each == outage]
        moved = [each for each in self._moved if each["id"] == outage]
        data = {**self._delta, "changed": changed, "removed": removed, "moved": moved}
        return frame("generation", data, event_id=self.id)


def frames_for(changes: Iterable[Change], wanted: Wanted) -> bytes:
    """Return, as chunks of a body, what one who wants this is sent of some changes."""
    told = (change.frame_for(wanted) for change in changes)
    return b"".join(chunk(content) for content in told if content is not None)


def areas_of(change: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the areas an outage of a delta lies in, case folded."""
    facts = change.get("facts", {})
    named = (facts.get("area"), *(facts.get("areas") or ()))
    return frozenset(each.casefold() for each in named if isinstance(each, str) and each)
