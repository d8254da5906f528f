"""Server-sent events as bytes: each is encoded once and given to every client."""

import json
from collections.abc import Mapping
from functools import cached_property
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
        self._by_outage: dict[str, bytes] = {}

    def frame_for(self, outage: str) -> bytes | None:
        """Return what a client is sent; None when this change does not concern its filter.

        Args:
            outage: Public id the client looks at; empty for the whole list.
        """
        if not outage:
            return self._for_all
        # Kept for outages it concerns only: anybody may ask for any name.
        if outage not in self._concerned:
            return None
        if outage not in self._by_outage:
            self._by_outage[outage] = self._for_one(outage)
        return self._by_outage[outage]

    @cached_property
    def _for_all(self) -> bytes:
        # An outage's own page is long and the list does not show it.
        rows = [
            {name: value for name, value in each.items() if name != "details"}
            for each in self._delta["changed"]
        ]
        # Nor does it show what has moved: that has left it.
        data = {**self._delta, "changed": rows, "moved": []}
        return frame("generation", data, event_id=self.id)

    def _for_one(self, outage: str) -> bytes:
        changed = [each for each in self._delta["changed"] if each["id"] == outage]
        removed = [each for each in self._delta["removed"] if each == outage]
        moved = [each for each in self._moved if each["id"] == outage]
        data = {**self._delta, "changed": changed, "removed": removed, "moved": moved}
        return frame("generation", data, event_id=self.id)
