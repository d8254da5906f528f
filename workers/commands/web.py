"""`outage web`: the API, for staff and their machines."""

import click

from outage import settings as reading
from outage.site import load_site
from workers import logs, opening, server


@click.command()
def web() -> None:
    """Serve the API; bind it to the staff network, never to the public."""
    from console.app import create_app
    from gis.matching import Matcher

    logs.begin()
    settings = reading.load()
    db = opening.open_record(settings)
    matcher = Matcher(db, settings.indexes)
    matcher.warm_up()
    site, bell = load_site(settings.home), opening.bell(settings)
    app = create_app(db, settings, site, matcher=matcher, bell=bell)
    server.listen(app, host=settings.host, port=settings.web_port)
