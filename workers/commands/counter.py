"""`outage counter`: the way in for providers and the public, and later for crews."""

import click

from counter.app import create_app
from outage import settings as reading
from outage.site import load_site
from workers import logs, opening, server


@click.command()
def counter() -> None:
    """Take the providers' callbacks, and show people their own place. No staff route is here."""
    logs.begin()
    settings = reading.load()
    app = create_app(settings, opening.open_record(settings), load_site(settings.home))
    server.listen(app, host=settings.host, port=settings.counter_port)
