"""`outage counter`: the way in for providers, and later for the public and crews."""

import click

from counter.app import create_app
from outage import settings as reading
from workers import logs, opening, server


@click.command()
def counter() -> None:
    """Take the providers' callbacks. No staff route is reachable here."""
    logs.begin()
    settings = reading.load()
    app = create_app(settings, opening.open_record(settings))
    server.listen(app, host=settings.host, port=settings.counter_port)
