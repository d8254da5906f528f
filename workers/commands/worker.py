"""`outage worker`: sends the batches of one queue."""

import threading

import click

from outage import settings as reading
from workers import logs, loops, opening, queues, sender
from workers.heartbeat import Heartbeat


@click.command()
@click.argument("queue", type=click.Choice(queues.LANES))
def worker(queue: str) -> None:
    """Send the batches of one QUEUE; run one process for each, and more where it is not enough."""
    # Loaded now and not by the first batch: a lookup of a second would hold that one up.
    from workers import jobs  # noqa: F401

    logs.begin()
    settings = reading.load()
    heart = Heartbeat(opening.open_record(settings), "worker", detail=lambda: {"queue": queue})
    beating = threading.Thread(
        target=loops.follow,
        args=(heart.loop(), threading.Event(), threading.Event()),
        name="heartbeat",
        daemon=True,
    )
    beating.start()
    sender.run(queue, opening.redis_url(settings))
