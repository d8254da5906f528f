"""Redis only makes a page process look sooner. Without it, or while it is away, nothing is lost."""

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis.asyncio.client import PubSub

log = logging.getLogger(__name__)

_AGAIN_S = 1.0
_PING_S = 5.0


async def listen(redis_url: str, look_now: asyncio.Event) -> None:
    """Set ``look_now`` at every message, and after each new subscription, until cancelled.

    redis-py's own listener is dead after a long outage: here every failure starts it anew.
    """
    # Imported here: a page process without Redis needs none of it.
    from redis.asyncio import Redis  # noqa: PLC0415
    from redis.exceptions import RedisError  # noqa: PLC0415

    from outage.bell import PUBLISHED  # noqa: PLC0415

    away = False
    while True:
        try:
            async with (
                Redis.from_url(redis_url, socket_timeout=2 * _PING_S) as client,
                client.pubsub() as subscription,
            ):
                await subscription.subscribe(PUBLISHED)
                while True:
                    # The first message is the answer to the subscription.
                    await _next(subscription)
                    look_now.set()
                    if away:
                        log.warning("Redis is back")
                    away = False
        except (RedisError, OSError, TimeoutError) as error:
            if not away:
                log.warning("Redis is away (%s); looking by ourselves", type(error).__name__)
            away = True
            await asyncio.sleep(_AGAIN_S)


async def _next(subscription: "PubSub") -> None:
    """Wait for a message; a Redis that answers no ping is away, though its connection stands."""
    while await subscription.get_message(timeout=_PING_S) is None:
        await subscription.ping()
        if await subscription.get_message(timeout=_PING_S) is None:
            raise TimeoutError
