"""How often one address, or one link, may ask. In memory: there is one counter."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_KEPT = 50_000
"""Whoever has asked longest ago is forgotten first."""


class Limit:
    """So many in ``seconds``, for each name; what was not used comes back bit by bit.

    Forms are answered in several threads: what is taken is taken by one of them.
    """

    def __init__(
        self, most: int, clock: Callable[[], float] = time.monotonic, *, seconds: float = 60
    ) -> None:
        self._most, self._clock, self._seconds = most, clock, seconds
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def allows(self, name: str, *, cost: int = 1) -> bool:
        """Take one, or ``cost``, if there is one left; with 0 only look."""
        with self._lock:
            return self._allows(name, cost)

    def give_back(self, name: str) -> None:
        """Undo what took one: it was not used after all."""
        with self._lock:
            if name in self._left:
                left, at = self._left[name]
                self._left[name] = (min(float(self._most), left + 1), at)

    def _allows(self, name: str, cost: int) -> bool:
        now = self._clock()
        left, at = self._left.pop(name, (float(self._most), now))
        left = min(float(self._most), left + (now - at) * self._most / self._seconds)
        allowed = left >= max(cost, 1)
        self._left[name] = (left - cost if allowed else left, now)
        if len(self._left) > MOST_KEPT:
            self._left.popitem(last=False)
        return allowed
