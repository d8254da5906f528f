"""Who visits: the address as the outermost process sees it, and signed for the one behind it.

`page` is all that a visitor reaches. What it passes on to `counter` carries the visitor's address
and is signed with `OUTAGE_EDGE_KEY`, so that nobody else can claim to be somebody (DECISIONS 33).
"""

import hmac
import ipaddress
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

HEADER = "x-outage-visitor"
LASTS_S = 60
"""How far the clocks of two hosts may differ, and how long a request may be on its way."""

LONGEST_CHAIN = 2048
"""Characters at the end of what proxies say that are looked at; a header may hold megabytes."""

_IPV6_HOME = 64
"""Of an IPv6 address so many bits name a household; the rest its devices choose by themselves."""

Networks = Sequence[IPv4Network | IPv6Network]


def address(peer: str, forwarded_for: str, trusted: Networks) -> str:
    """The visitor's address: the peer's, or what trusted proxies say whom they speak for.

    Each proxy adds to the end whom it heard from: what stands before the last one that we do not
    trust may be made up.
    """
    if not forwarded_for or not _is_in(peer, trusted):
        return peer
    told = forwarded_for
    if len(told) > LONGEST_CHAIN:
        # What is cut through would be another address.
        _, _, told = told[-LONGEST_CHAIN:].partition(",")
    said = [part.strip() for part in told.split(",") if part.strip()]
    found = peer
    while said and _is_in(found, trusted):
        found = said.pop()
    return found


def household(address: str) -> str:
    """What is counted for an address: itself, of an IPv6 one its network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:  # noqa: PLR2004  # the version of the protocol
        return address
    return str(ipaddress.ip_network((found, _IPV6_HOME), strict=False))


def signed(visitor: str, key: str, now: float) -> str:
    """The header's value."""
    at = str(int(now))
    return f"{visitor} {at} {_tag(visitor, at, key)}"


def read(value: str, key: str, now: float) -> str | None:
    """The address in a header of ours; None for one that we did not sign, or long ago."""
    visitor, _, rest = value.partition(" ")
    at, _, tag = rest.partition(" ")
    if not key or not at.isascii() or not at.isdigit() or len(at) > 12:  # noqa: PLR2004  # seconds
        return None
    if abs(now - int(at)) > LASTS_S:
        return None
    return visitor if hmac.compare_digest(tag.encode(), _tag(visitor, at, key).encode()) else None


def _tag(visitor: str, at: str, key: str) -> str:
    return hmac.digest(key.encode(), f"visitor {visitor} {at}".encode(), "sha256").hex()[:32]


def _is_in(host: str, networks: Networks) -> bool:
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(found in network for network in networks)
