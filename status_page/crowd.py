"""Who listens: open streams by what they want, and how many come from where."""

import asyncio
import ipaddress
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from status_page.frames import Wanted

WAITING_BYTES = 2 * 1024 * 1024
"""What a client may leave unread here; beyond it the client is dropped."""
_OF_ONE_HOUSEHOLD = 64
"""Bits of an IPv6 address that a provider gives to one customer."""


class Refusal(StrEnum):
    """Why a stream is not opened."""

    NOTHING = "nothing_published"
    CLOSING = "closing"
    FULL = "full"
    ADDRESS = "address"


class Fault(StrEnum):
    """Why a client is dropped."""

    BEHIND = "behind"
    STUCK = "stuck"


@dataclass(eq=False, slots=True)
class Group:
    """Clients that are sent the same bytes; ``given`` counts them since the group began."""

    language: str
    wanted: Wanted
    clients: set["Client"] = field(default_factory=set)
    given: int = 0


@dataclass(eq=False, slots=True)
class Client:
    """One open stream.

    Attributes:
        over: Done once nothing more is written to it.
        group: Where it stands; None until it has been greeted.
        taken: How much of what its group was given it had taken at the last heartbeat, where it
            was behind.
    """

    transport: asyncio.Transport
    origin: str
    over: asyncio.Future[None]
    group: Group | None = None
    taken: int | None = None

    def end(self) -> None:
        """Write nothing more; may be called again."""
        if not self.over.done():
            self.over.set_result(None)


class Crowd:
    """Open streams. Those that want the same stand together, so that bytes are made once."""

    def __init__(self, *, most: int, most_from_one: int) -> None:
        self.most = most
        self.most_from_one = most_from_one
        self._clients: set[Client] = set()
        self._origins: Counter[str] = Counter()
        self._groups: dict[tuple[str, Wanted], Group] = {}

    def __len__(self) -> int:
        return len(self._clients)

    def refusal(self, origin: str) -> Refusal | None:
        """Return why there is no room for one more from there; None when there is."""
        if len(self._clients) >= self.most:
            return Refusal.FULL
        return Refusal.ADDRESS if self._origins[origin] >= self.most_from_one else None

    def join(self, client: Client) -> None:
        """Count a client in; it is written to once it stands in a group."""
        self._clients.add(client)
        self._origins[client.origin] += 1

    def stand(self, client: Client, language: str, wanted: Wanted) -> None:
        """Put a client beside those who want the same."""
        key = (language, wanted)
        client.group = self._groups.get(key) or self._groups.setdefault(key, Group(*key))
        client.group.clients.add(client)

    def leave(self, client: Client) -> None:
        """Forget a client; may be called again."""
        if client not in self._clients:
            return
        self._clients.discard(client)
        self._origins[client.origin] -= 1
        if not self._origins[client.origin]:
            del self._origins[client.origin]
        group = client.group
        if group is not None:
            client.group = None
            group.clients.discard(client)
            if not group.clients:
                self._groups.pop((group.language, group.wanted), None)

    def groups(self) -> list[Group]:
        """Return the groups of this moment."""
        return list(self._groups.values())

    def everybody(self) -> list[Client]:
        """Return the clients of this moment, greeted or not."""
        return list(self._clients)

    def stuck(self) -> list[Client]:
        """Return who has taken nothing since this was last asked though there was something."""
        found = []
        for group in self._groups.values():
            for client in group.clients:
                waiting = client.transport.get_write_buffer_size()
                taken = group.given - waiting if waiting else None
                if taken is not None and taken == client.taken:
                    found.append(client)
                client.taken = taken
        return found


def origin_of(address: str) -> str:
    """Return whom an address counts for: an IPv6 network of one customer, else itself."""
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    mapped = found.ipv4_mapped
    if mapped is not None:
        return str(mapped)
    return str(ipaddress.IPv6Network((found, _OF_ONE_HOUSEHOLD), strict=False))
