"""The worker process: takes batches of one lane from RQ and sends them, without forking."""

import gc
import logging
import signal
import threading
import time
from types import FrameType

import redis
from rq import SimpleWorker
from rq.exceptions import DeserializationError
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.timeouts import UnixSignalDeathPenalty

from workers import queues

log = logging.getLogger(__name__)

WORKER_TTL_S = 45
MAINTENANCE_S = 20
MONITORING_S = 5
ALLOCATED = 50_000
"""Objects more than there were before rubbish is looked for; Python's own is 700."""

stopping = threading.Event()
"""Set when this process was told to end: a batch stops after the call it is in."""


class Sender(SimpleWorker):
    """RQ's worker without a fork per job, which would cost more than the job.

    It is one process, so nothing of it can outlive it.
    """

    death_penalty_class = UnixSignalDeathPenalty
    max_connection_wait_time = 1.0  # RQ's own grows to 60 s
    runs = frozenset({queues.SEND_BATCH})
    """What a job may call: RQ would call whatever it names, and Redis guards less than we do."""

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Work on a batch; a job that asks for anything else is thrown away."""
        if _calls(job) <= self.runs:
            super().execute_job(job, queue)
            return
        log.error("a job that is none of ours was in queue %s; it was thrown away", queue.name)
        job.delete(remove_from_queue=False)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """End after the call that is being made; what is left of a batch stays for the next."""
        stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # RQ's lack


def _calls(job: Job) -> set[str]:
    """Everything that working on a job would call by its name."""
    try:
        called = job.func_name or ""
    except DeserializationError:
        called = ""
    # RQ shows these only by importing what they name.
    hooks = (job._success_callback_name, job._failure_callback_name, job._stopped_callback_name)  # noqa: SLF001 see above
    return {called, *filter(None, hooks)}


def collect_seldom() -> None:
    """Look for rubbish in cycles some times in a batch only, and never in what was loaded.

    A batch makes some ten objects for each message, and none of them is part of a cycle.
    """
    gc.freeze()
    gc.set_threshold(ALLOCATED, 10, 10)


def run(lane: str, url: str) -> None:
    """Work on one lane until SIGINT or SIGTERM. While Redis is away, wait for it."""
    collect_seldom()
    client = queues.connect(url)
    while not stopping.is_set():
        _wait_for(client)
        try:
            _work(lane, client)
        except redis.RedisError:
            # RQ survives most moments in which Redis may go, not all: its own end is one.
            log.warning("Redis went away")
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
        else:
            return


def _work(lane: str, client: redis.Redis) -> None:
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
