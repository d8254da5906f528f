"""The queue of send batches: RQ carries ids, never payloads (rule 1 of DESIGN.md)."""

from collections.abc import Iterable

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

LANES = ("sms-urgent", "sms", "email")
"""One queue and one worker process each, so that a storm on one cannot starve another."""
SEND_BATCH = "workers.jobs.send_batch"
"""The one thing a job may ask for."""
JOB_TIMEOUT_S = 900
"""Longer than any batch takes at the slowest sender; leases, not this, guard a batch."""
FAILURE_TTL_S = 3600


def connect(url: str) -> redis.Redis:
    """A client for RQ; it fails at once instead of retrying, since every caller has a plan B."""
    return redis.Redis.from_url(
        url, socket_connect_timeout=1.0, retry=Retry(NoBackoff(), 0), health_check_interval=15
    )


def enqueue(client: redis.Redis, lane: str, batches: Iterable[int]) -> int:
    """Queue batches of a lane by their keys; returns how many.

    A batch that is queued twice is sent once: whoever comes second finds it claimed.

    Raises:
        redis.RedisError: Redis is away; the sweep then sends by itself.
    """
    queue = Queue(lane, connection=client, serializer=JSONSerializer)
    data = [
        Queue.prepare_data(
            SEND_BATCH,
            args=(key,),
            timeout=JOB_TIMEOUT_S,
            result_ttl=0,
            failure_ttl=FAILURE_TTL_S,
            description=f"batch {key}",
        )
        for key in batches
    ]
    return len(queue.enqueue_many(data)) if data else 0
