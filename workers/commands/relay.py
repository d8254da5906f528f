"""`outage relay`: the readers of the journal, and the publisher."""

import click

from outage import settings as reading
from workers import logs, loops, opening
from workers import relay as readers
from workers.heartbeat import Heartbeat


@click.command()
@click.option(
    "--reader",
    "names",
    multiple=True,
    type=click.Choice(readers.READERS),
    help="Only this one; may be repeated. Spread them over processes or hosts as you like.",
)
def relay(names: tuple[str, ...]) -> None:
    """Follow the journal: members, messages, account records, the public page."""
    logs.begin()
    settings = reading.load()
    db = opening.open_record(settings)
    bell = opening.bell(settings)
    wanted = names or readers.READERS
    if "gis" in wanted:
        from gis.search import kernels

        kernels.prepare()
    found = readers.loops(wanted, db, settings, bell)
    heart = Heartbeat(db, "relay", detail=lambda: {"readers": list(wanted)})
    loops.run([*found, heart.loop()], bell)
