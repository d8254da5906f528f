"""The bell: says "look" sooner, and loses nothing when nobody hears it (rule 1 of DESIGN.md).

Rung after a commit through Redis pub/sub. Every loop that listens also looks by itself each
second, so a bell that is away costs a second and nothing else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

JOURNAL = "outage:journal"
"""Rung when something was appended to the journal."""
PUBLISHED = "outage:published"
"""Rung when the pointer names a new generation."""

TIMEOUT_S = 0.3
"""What a ring may cost whoever rings."""
REST_S = 5.0
"""How long one that could not ring does not try again."""
RECONNECT_S = 1.0


class Bell:
    """One end of the bell of a Redis URL; without a URL it is silent."""

    def __init__(self, url: str) -> None:
        self._client = (
            redis.Redis.from_url(
                url,
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
            )
            if url
            else None
        )
        self._silent_until = 0.0

    def ring(self, channel: str = JOURNAL) -> None:
        """Wake whoever listens. Never raises and never holds up its caller for long."""
        if self._client is None or time.monotonic() < self._silent_until:
            return
        try:
            self._client.publish(channel, b"")
        except redis.RedisError:
            self._silent_until = time.monotonic() + REST_S

    def answers(self) -> bool:
        """Whether Redis is there at this moment."""
        try:
            return self._client is not None and bool(self._client.ping())
        except redis.RedisError:
            return False

    def listen(self, wake: Callable[[], None], stop: threading.Event, *channels: str) -> None:
        """Call ``wake`` at every ring until ``stop``, reconnecting for ever.

        It is called after every connect too: what was rung in between is gone.
        """
        while self._client is not None and not stop.is_set():
            try:
                # redis-py leaves this one method without types.
                with self._client.pubsub() as ear:  # type: ignore[no-untyped-call]
                    ear.subscribe(*channels)
                    while not stop.is_set():
                        # The confirmation of a subscription comes as a message and wakes too.
                        if ear.get_message(timeout=RECONNECT_S):
                            wake()
            except redis.RedisError:
                stop.wait(RECONNECT_S)
