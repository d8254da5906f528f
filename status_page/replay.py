"""What a returning client has missed, made once for all who have missed the same."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from status_page.frames import Wanted, frames_for
from status_page.history import History

_KEPT_BYTES = 16 * 1024 * 1024
_KEPT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class _Missed:
    have: str
    language: str
    wanted: Wanted


class Replays:
    """After a restart thousands come back at once, and most of them have the same generation."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._target = ""
        self._made: OrderedDict[_Missed, bytes | None] = OrderedDict()
        self._bytes = 0
        self._making = asyncio.Lock()

    async def since(self, have: str, target: str, language: str, wanted: Wanted) -> bytes | None:
        """Return the chunks that lead from one generation to another; None: there is no such way.

        Does not wait where it has been asked the same before.
        """
        key = _Missed(have=have, language=language, wanted=wanted)
        if target == self._target and key in self._made:
            return self._made[key]
        async with self._making:
            if target != self._target:
                self._forget(target)
            if key not in self._made:
                # Not in a thread each: what ten thousand ask for together is read once.
                self._keep(key, await asyncio.to_thread(self._missed, key, target))
            return self._made[key]

    def _missed(self, key: _Missed, target: str) -> bytes | None:
        changes = self._history.between(key.have, target, key.language)
        return None if changes is None else frames_for(changes, key.wanted)

    def _forget(self, target: str) -> None:
        self._target = target
        self._made.clear()
        self._bytes = 0

    def _keep(self, key: _Missed, made: bytes | None) -> None:
        self._made[key] = made
        self._bytes += len(made or b"")
        while len(self._made) > 1 and (len(self._made) > _KEPT or self._bytes > _KEPT_BYTES):
            _, gone = self._made.popitem(last=False)
            self._bytes -= len(gone or b"")
