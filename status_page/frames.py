"""Server-sent events as bytes: each is encoded once and given to every client."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sse_starlette.event import ServerSentEvent

LARGEST = 1024 * 1024
"""Bytes beyond which a client had better load the page, which is compressed."""
_BREAKS = "\u0085\u2028\u2029"
"""Some clients take these for the end of a line; written as escapes they are the same JSON."""


def frame(
    event: str, data: object, *, event_id: str | None = None, retry_ms: int | None = None
) -> bytes:
    """Encode one event.

    ``retry:`` only ever stands inside a real event: some clients hand on a lone one as an empty
    message.
    """
    return _event(_text(data), event, event_id, retry_ms)


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
    """One delta in one language, with a frame for each filter that somebody asks for.

    Each of its outages is written as JSON once, when it is read; a frame is put together from
    those texts, and its size is known before it is made.
    """

    def __init__(self, delta: Mapping[str, Any]) -> None:
        self.id: str = delta["id"]
        self.base: str | None = delta["base"]
        told = {name: value for name, value in delta.items() if name not in _LISTS}
        self._head = _text(told).removesuffix("}")
        self._removed: dict[str, None] = dict.fromkeys(delta["removed"])
        # A delta that an earlier release has written says of none that it has moved.
        self._moved = {each["id"]: _text(each) for each in delta.get("moved", [])}
        self._details: dict[str, str] = {}
        self._rows: dict[str, str] = {}
        self._there: dict[str, list[str]] = {}
        for each in delta["changed"]:
            # An outage's own page is long and the list does not show it.
            row = {name: value for name, value in each.items() if name != "details"}
            self._rows[each["id"]] = _text(row)
            self._details[each["id"]] = _text({"details": each.get("details", "")})
            for area in areas_of(each):
                self._there.setdefault(area, []).append(each["id"])
        self._frames: dict[Wanted, bytes | None] = {}

    def frame_for(self, wanted: Wanted = EVERYTHING, most: int = LARGEST) -> bytes | None:
        """Return, as a chunk of a body, what a client is sent.

        Empty where this change does not concern what it wants. None where it is larger than
        ``most``: nothing is made then.

        Whoever wants an area is told of every change: what has changed elsewhere is told as
        removed, for it may have been in that area before.
        """
        if wanted.outage:
            # Kept for outages it concerns only: anybody may ask for any name.
            if not any(wanted.outage in each for each in (self._rows, self._removed, self._moved)):
                return b""
            wanted = Wanted(outage=wanted.outage)
        elif wanted.area and wanted.area not in self._there:
            # One frame for all areas where nothing has changed; no area has this name.
            wanted = Wanted(area="\n")
        if wanted not in self._frames:
            lists = self._for_one(wanted.outage) if wanted.outage else self._for_list(wanted.area)
            self._frames[wanted] = self._made(*lists)
        found = self._frames[wanted]
        return None if found is None or len(found) > most else found

    def _for_list(self, area: str) -> tuple[list[str], list[str], list[str]]:
        shown = self._there.get(area, []) if area else self._rows
        inside = frozenset(shown)
        elsewhere = [each for each in self._rows if each not in inside]
        # Nor does the list show what has moved: that has left it.
        return [self._rows[each] for each in shown], [*self._removed, *elsewhere], []

    def _for_one(self, outage: str) -> tuple[list[str], list[str], list[str]]:
        row, moved = self._rows.get(outage), self._moved.get(outage)
        changed = [] if row is None else [f"{row[:-1]},{self._details[outage][1:]}"]
        removed = [outage] if outage in self._removed else []
        return changed, removed, [] if moved is None else [moved]

    def _made(self, changed: list[str], removed: list[str], moved: list[str]) -> bytes | None:
        """Make the frame of such lists; None where it would be too large."""
        # In characters: as bytes it is as large or larger.
        if len(self._head) + sum(map(len, (*changed, *removed, *moved))) > LARGEST:
            return None
        gone = _text(removed)
        lists = f'"changed":[{",".join(changed)}],"removed":{gone},"moved":[{",".join(moved)}]'
        return chunk(_event(f"{self._head},{lists}}}", "generation", self.id))


_LISTS = ("changed", "removed", "moved")


def frames_for(changes: Iterable[Change], wanted: Wanted) -> bytes | None:
    """Return, as chunks of a body, what one who wants this is sent of some changes.

    None where it would be larger than `LARGEST`. May take a while: it is for a thread.
    """
    told: list[bytes] = []
    left = LARGEST
    for change in changes:
        content = change.frame_for(wanted, left)
        if content is None:
            return None
        if content:
            told.append(content)
            left -= len(content)
    # Of one change everybody is given the same bytes, and no copy.
    return told[0] if len(told) == 1 else b"".join(told)


def areas_of(change: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the areas an outage of a delta lies in, case folded."""
    facts = change.get("facts", {})
    named = (facts.get("area"), *(facts.get("areas") or ()))
    return frozenset(each.casefold() for each in named if isinstance(each, str) and each)


def _text(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for each in _BREAKS:
        text = text.replace(each, f"\\u{ord(each):04x}")
    return text


def _event(text: str, event: str, event_id: str | None, retry_ms: int | None = None) -> bytes:
    return ServerSentEvent(text, event=event, id=event_id, retry=retry_ms, sep="\n").encode()
