"""Which processes `outage up` runs, each with the environment it may see."""

import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from outage.settings import Settings
from workers import broker, environment
from workers.child import Child, of_ours
from workers.queues import LANES

_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


def children(settings: Settings, given: Mapping[str, str]) -> list[Child]:
    """The processes of `outage up`; `given` is the environment they start from.

    Names are those of the commands; a worker's carries its lane. Valkey is among them unless
    the settings name a Redis, the simulator if a provider's address is its own.
    """
    told = _told(settings, given)
    found = [] if settings.redis_url else [broker.child(settings.home, given)]
    found += [of_ours(name, name=name, environment=told) for name in _names(settings)]
    found += [of_ours("worker", lane, name=f"worker-{lane}", environment=told) for lane in LANES]
    found.append(of_ours("page", name="page", environment=environment.for_page(told)))
    return found


def simulates(settings: Settings) -> bool:
    """Whether a provider's address is that of our own simulator."""
    addresses = map(urlsplit, (settings.twilio_base_url, settings.sendgrid_base_url))
    return any(
        address.hostname in _HERE and address.port == settings.carrier_port for address in addresses
    )


def _names(settings: Settings) -> list[str]:
    return [*(["carrier"] if simulates(settings) else []), "relay", "clock", "counter", "web"]


def _told(settings: Settings, given: Mapping[str, str]) -> dict[str, str]:
    """What every process is told on top of what was given: the home, the bell, the edge key."""
    told = {**given, "OUTAGE_HOME": str(settings.home)}
    if not settings.redis_url:
        told["OUTAGE_REDIS_URL"] = broker.url(settings.home)
    if not settings.edge_key:
        # Only `page` and `counter` of this run have to agree on it.
        told["OUTAGE_EDGE_KEY"] = secrets.token_hex(32)
    return told
