"""`outage page`: the public page, from published files alone."""

import resource

import click

from outage import settings as reading
from outage.site import load_site
from status_page.app import create_app
from status_page.forwarding import Forwarding
from status_page.protocol import Protocol
from workers import broker, logs, server

WAITING_CONNECTIONS = 16_384
"""After a restart everybody comes at once. The system's own limit (`somaxconn`) holds too."""


@click.command()
def page() -> None:
    """Serve the public page, its feeds and its live stream.

    It reads the published folder and nothing else: it goes on while the database and Redis
    are both away, and never has their credentials. Personal links and the public's forms it
    passes on to `counter`.
    """
    logs.begin()
    settings = reading.load()
    raise_file_limit()
    forwarding = Forwarding(
        settings.counter,
        settings.edge_key,
        settings.trusted_proxies,
        phone=load_site(settings.home).phones.outage or "",
    )
    redis_url = settings.redis_url or broker.url(settings.home)
    app = create_app(
        settings.published,
        redis_url,
        most_streams=settings.page_streams,
        most_from_one=settings.page_streams_per_address,
        trusted=settings.trusted_proxies,
        forwarding=forwarding,
    )
    server.listen(
        app,
        host=settings.host,
        port=settings.page_port,
        http=Protocol,
        backlog=WAITING_CONNECTIONS,
    )


def raise_file_limit() -> None:
    """Take as many files as may be had.

    Every stream is an open file; the soft limit is usually far below the hard one.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
