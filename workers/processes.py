"""Which processes `outage up` runs, each with the environment it may see."""

import secrets
from collections.abc import Mapping

from outage.settings import Settings
from workers import broker, environment
from workers.child import Child, of_ours
from workers.queues import LANES


def environment_for(settings: Settings, given: Mapping[str, str]) -> dict[str, str]:
    """What every process is told on top of what was given: the home, the bell, the edge key."""
    told = {**given, "OUTAGE_HOME": str(settings.home)}
    if not settings.redis_url:
        told["OUTAGE_REDIS_URL"] = broker.url(settings.home)
    if not settings.edge_key:
        # Only `page` and `counter` of this run have to agree on it.
        told["OUTAGE_EDGE_KEY"] = secrets.token_hex(32)
    return told


def children(settings: Settings, given: Mapping[str, str], *, carrier: bool = False) -> list[Child]:
    """The processes of `outage up`; `given` is the environment they start from.

    Names are those of the commands; a worker's carries its lane. Valkey is among them unless
    the settings name a Redis, the simulator when `carrier` asks for it.
    """
    told = environment_for(settings, given)
    found = [] if settings.redis_url else [broker.child(settings.home, given)]
    if carrier:
        found.append(of_ours("carrier", name="carrier", environment=told))
    found += [
        of_ours(name, name=name, environment=told) for name in ("relay", "clock", "counter", "web")
    ]
    found += [of_ours("worker", lane, name=f"worker-{lane}", environment=told) for lane in LANES]
    found.append(of_ours("page", name="page", environment=environment.for_page(told)))
    return found
