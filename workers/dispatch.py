"""Getting batches to a sender: through RQ, or, while Redis is away, in this very process."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import redis

from workers import queues

log = logging.getLogger(__name__)

PATIENCE_S = 5.0
"""How long Redis may be away before batches are sent without it (DECISIONS 6)."""
_TURNS = (queues.LANES[:1], queues.LANES[1:])
"""What is urgent is queued before all else is even looked at, which takes its time in a storm."""


class Waiting(Protocol):
    """A batch that nobody has claimed."""

    @property
    def key(self) -> int: ...

    @property
    def lane(self) -> str:
        """The queue whose worker should send it."""


class Outbox(Protocol):
    """What this needs to know about batches."""

    def waiting(
        self, *, queued_too: bool, lanes: Sequence[str] = queues.LANES
    ) -> Sequence[Waiting]:
        """Batches of these lanes that nobody has claimed, most urgent first.

        Those queued a moment ago are left out unless `queued_too`.
        """

    def queued(self, keys: Iterable[int]) -> None:
        """Note when these batches were queued."""

    def send(self, key: int, stopping: Callable[[], bool]) -> object:
        """Send a batch, under the same lease as a worker."""


class Dispatch:
    """Queues what waits; drains it by itself when Redis has been away for long."""

    def __init__(
        self,
        outbox: Outbox,
        client: redis.Redis,
        *,
        stopping: Callable[[], bool] = lambda: False,
        patience_s: float = PATIENCE_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self._client = client
        self._stopping = stopping
        self._patience_s = patience_s
        self._now = now
        self._away_since: float | None = None

    def turn(self) -> bool:
        """Do a little; True if there may be more at once."""
        was_away = self._away_since is not None
        if self._answers():
            # What was queued before Redis went away may be in nobody's hands now.
            found = [self._queue(lanes, was_away=was_away) for lanes in _TURNS]
            return any(found)
        if self._now() - (self._away_since or 0.0) < self._patience_s:
            return False
        waiting = self._outbox.waiting(queued_too=True)
        if waiting:
            self._outbox.send(waiting[0].key, self._stopping)
        return bool(waiting)

    def _queue(self, lanes: Sequence[str], *, was_away: bool) -> bool:
        """Queue what waits in these lanes; True if there was any: there may be more."""
        found: dict[str, list[int]] = defaultdict(list)
        for batch in self._outbox.waiting(queued_too=was_away, lanes=lanes):
            found[batch.lane].append(batch.key)
        for lane, keys in found.items():
            try:
                queues.enqueue(self._client, lane, keys)
            except redis.RedisError:
                return False  # the next turn looks whether it is away
            self._outbox.queued(keys)
        return bool(found)

    def _answers(self) -> bool:
        try:
            self._client.ping()
        except redis.RedisError:
            if self._away_since is None:
                self._away_since = self._now()
                log.warning("Redis is away; from %.0f s on this sends without", self._patience_s)
            return False
        if self._away_since is not None:
            self._away_since = None
            log.warning("Redis is back")
        return True
