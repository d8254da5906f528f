"""`outage clock`: what is due, and what was left behind."""

import threading

import click

from outage import settings as reading
from workers import logs, loops, opening, sweeps
from workers.heartbeat import Heartbeat


@click.command()
def clock() -> None:
    """Queue due messages, end expired leases, fire timers, send while Redis is away."""
    logs.begin()
    settings = reading.load()
    db = opening.open_record(settings)
    stop = threading.Event()
    found = sweeps.loops(db, settings, stop.is_set)
    loops.run([*found, Heartbeat(db, "clock").loop()], opening.bell(settings), stop)
