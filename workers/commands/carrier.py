"""`outage carrier`: the simulator of both providers, on this machine."""

import click

from notifier.carrier.app import create_app
from notifier.carrier.settings import CarrierSettings
from notifier.carrier.store import CarrierStore
from outage import settings as reading
from workers import logs, server
from workers.errors import NoSimulatedAccount

FOLDER = "carrier"
"""In OUTAGE_HOME: what the simulator accepted, and its signing key."""


@click.command()
@click.option("--latency-ms", type=click.IntRange(0, 60_000), default=0, show_default=True)
@click.option(
    "--callback-delay-ms",
    type=click.IntRange(0, 3_600_000),
    default=200,
    show_default=True,
    help="Between a message's states: accepted, sent, delivered.",
)
def carrier(latency_ms: int, callback_delay_ms: int) -> None:
    """Simulate Twilio and SendGrid for demo, tests and drills; shows what everybody received.

    The made-up account is the one that OUTAGE_TWILIO_* and OUTAGE_SENDGRID_* name.
    """
    logs.begin()
    settings = reading.load()
    if not (settings.twilio_account_sid and settings.sendgrid_api_key):
        raise NoSimulatedAccount
    told = CarrierSettings(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token,
        sendgrid_api_key=settings.sendgrid_api_key,
        folder=settings.home / FOLDER,
        events_url=f"{settings.hooks}/hooks/sendgrid/events",
        inbound_url=f"{settings.hooks}/hooks/twilio/inbound#rc=5&rp=all",
        latency_ms=latency_ms,
        callback_delay_ms=callback_delay_ms,
    )
    app = create_app(CarrierStore(told.folder), told)
    server.listen(app, host="127.0.0.1", port=settings.carrier_port)
