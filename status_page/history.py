"""The way from one generation to another: delta files, each naming the one it starts from."""

import json
import threading
from collections import OrderedDict
from pathlib import Path

from status_page.frames import LARGEST, Change
from status_page.pointer import delta_name, parse_id

LONGEST = 120
"""Steps after which loading the page is cheaper than replaying what happened to it."""
LARGEST_DELTA = 8 * LARGEST
"""Bytes of a delta that are not even read: what it says is more than a client would be sent."""
KEPT_BYTES = 16 * 1024 * 1024
"""How much of the deltas' text is kept in memory, as read from disk."""


class History:
    """Reads delta files, also those written before this process started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: OrderedDict[tuple[str, str], tuple[Change, int]] = OrderedDict()
        self._bytes = 0
        # Several clients are greeted at a time, each from a thread.
        self._lock = threading.Lock()

    def between(self, have: str, target: str, language: str) -> list[Change] | None:
        """Return the changes that lead from ``have`` to ``target``, oldest first.

        None when there is no such way: another epoch, too long ago, or never in force. A ``have``
        ahead of the target needs nothing.
        """
        start, end = parse_id(have), parse_id(target)
        if start is None or end is None or start[0] != end[0]:
            return None
        if start[1] >= end[1]:
            return []
        # Without reading: whatever was published meanwhile, it is too much; and who names what was
        # never in force, or so long ago that it is swept away, costs one look.
        if end[1] - start[1] > LONGEST or not (self._folder / delta_name(have, language)).exists():
            return None
        chain: list[Change] = []
        at: str | None = target
        while at != have:
            change = self._change(at, language) if at is not None else None
            if change is None or len(chain) >= LONGEST:
                return None
            chain.append(change)
            at = change.base
        return chain[::-1]

    def _change(self, generation: str, language: str) -> Change | None:
        key = (generation, language)
        with self._lock:
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known[0]
        try:
            path = self._folder / delta_name(generation, language)
            if path.stat().st_size > LARGEST_DELTA:
                return None
            content = path.read_bytes()
            change = Change(json.loads(content))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        self._keep(key, change, len(content))
        return change

    def _keep(self, key: tuple[str, str], change: Change, size: int) -> None:
        with self._lock:
            self._bytes += size - self._kept.get(key, (None, 0))[1]
            self._kept[key] = (change, size)
            while self._bytes > KEPT_BYTES and len(self._kept) > 1:
                _, (_, gone) = self._kept.popitem(last=False)
                self._bytes -= gone
