"""Redis only makes a page process look sooner. Without it, or while it is away, nothing is lost."""

import asyncio
import logging

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
                away = False
                look_now.set()
                while True:
                    message = await subscription.get_message(timeout=_PING_S)
                    if message is None:
                        await subscription.ping()
                    else:
                        look_now.set()
        except (RedisError, OSError, TimeoutError) as error:
            if not away:
                log.warning("Redis is away (%s); looking by ourselves", type(error).__name__)
            away = True
            await asyncio.sleep(_AGAIN_S)
