"""The worker process: takes batches of one lane from RQ and sends them, without forking."""

import logging
import threading
import time
from types import FrameType

import redis
from rq import SimpleWorker
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.timeouts import UnixSignalDeathPenalty

from workers import queues

log = logging.getLogger(__name__)

WORKER_TTL_S = 45
MAINTENANCE_S = 20
MONITORING_S = 5

stopping = threading.Event()
"""Set when this process was told to end: a batch stops after the call it is in."""


class Sender(SimpleWorker):
    """RQ's worker without a fork per job, which would cost more than the job.

    It is one process, so nothing of it can outlive it.
    """

    death_penalty_class = UnixSignalDeathPenalty
    max_connection_wait_time = 1.0  # RQ's own grows to 60 s

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """End after the call that is being made; what is left of a batch stays for the next."""
        stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # RQ's lack


def run(lane: str, url: str) -> None:
    """Work on one lane until SIGINT or SIGTERM. While Redis is away, wait for it."""
    client = queues.connect(url)
    _wait_for(client)
    Sender(
        [Queue(lane, connection=client, serializer=JSONSerializer)],
        connection=client,
        serializer=JSONSerializer,
        worker_ttl=WORKER_TTL_S,
        maintenance_interval=MAINTENANCE_S,
        job_monitoring_interval=MONITORING_S,
        log_job_description=False,
    ).work(logging_level="WARNING")


def _wait_for(client: redis.Redis) -> None:
    said = False
    while True:
        try:
            client.ping()
        except redis.RedisError:
            if not said:
                log.warning("Redis is away; the clock sends meanwhile, this worker waits")
                said = True
            time.sleep(0.5)
        else:
            return
