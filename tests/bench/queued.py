"""One RQ job for each recipient: put into a real Valkey, and worked through by RQ's own worker."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy.engine import Engine

from outage.database import open_database
from tests.bench import plain
from tests.bench.beside import PROCESSES
from tests.bench.carried import twilio
from workers.broker import find_binary

_QUEUE = "one-by-one"
_STARTS_WITHIN_S = 10.0
_with: dict[str, Any] = {}
"""What the jobs of a worker's process use: the engine, the SDK's client, the simulator."""


@contextmanager
def valkey(folder: Path) -> Iterator[str]:
    """Run a Valkey on a private socket; gives its URL."""
    socket = folder / "valkey.sock"
    options = {"port": "0", "unixsocket": str(socket), "dir": str(folder), "save": ""}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    server = subprocess.Popen([str(find_binary()), *words], stdout=subprocess.DEVNULL)
    try:
        url = f"unix://{socket}"
        _wait_for(url)
        yield url
    finally:
        server.terminate()
        server.wait()


def _wait_for(url: str) -> None:
    until = time.monotonic() + _STARTS_WITHIN_S
    with redis.Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
            except redis.ConnectionError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
            else:
                return


def send(redis_url: str, url: str, base: str, keys: Sequence[int]) -> float:
    """Send these texts by a job each; return the seconds, a worker's start left out."""
    pipe, theirs = PROCESSES.Pipe()
    worker = PROCESSES.Process(target=_work, args=(redis_url, url, base, theirs), daemon=True)
    worker.start()
    pipe.recv()
    with redis.Redis.from_url(redis_url) as client:
        queue = Queue(_QUEUE, connection=client, serializer=JSONSerializer)
        began = time.perf_counter()
        for key in keys:
            queue.enqueue(send_one, key, result_ttl=0)
        pipe.send("all are queued")
        pipe.recv()
        took_s = time.perf_counter() - began
    worker.join()
    return took_s


def send_one(key: int) -> None:
    """The job: load, send by the SDK, write down what it said."""
    engine: Engine = _with["engine"]
    plain.send_one(engine, _with["client"], key, f"{_with['base']}/nowhere")


def _work(redis_url: str, url: str, base: str, pipe: Pipe) -> None:
    db = open_database(url)
    with redis.Redis.from_url(redis_url) as client, twilio(base) as sdk:
        _with.update(engine=db.engine, client=sdk, base=base)
        worker = SimpleWorker([_QUEUE], connection=client, serializer=JSONSerializer)
        pipe.send("ready")
        pipe.recv()
        worker.work(burst=True, logging_level="WARNING")
        pipe.send("done")
    db.close()
