"""Only outward: names and addresses that a signed call (a webhook, the CIS) may go to.

What is checked is what is connected to: the check sits in the resolver whose answer the connection
uses, so that a name that first resolves to one address and then to another gains nothing.
"""

import ipaddress
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

Network = IPv4Network | IPv6Network
_NAT64 = IPv6Network("64:ff9b::/96")


def is_ip(host: str) -> bool:
    """Whether a URL's host is an address and no name, which no resolver would look at."""
    return ":" in host or host.replace(".", "").isdigit()


def callable_url(address: str, allowed: Sequence[Network]) -> URL | None:
    """The URL to call; None when it is none, or may not be called.

    Plain http goes to ``allowed`` addresses only. A name is looked at where it is resolved.
    """
    try:
        url = URL(address)
    except ValueError:
        return None
    host, secure = url.host or "", url.scheme == "https"
    plain = url.scheme == "http" and bool(allowed)
    if not host or url.user is not None or not (secure or plain):
        return None
    forbidden = is_ip(host) and not may_call(host, allowed, public=secure)
    return None if forbidden else url


class ForbiddenAddressError(OSError):
    """This address lies inside, or outside and is to be called without TLS.

    OUTAGE_WEBHOOK_ALLOW and OUTAGE_CIS_ALLOW name networks that may be called yet.
    """


def may_call(address: str, allowed: Sequence[Network], *, public: bool = True) -> bool:
    """Whether this IP address may be connected to: one that is allowed, or a ``public`` one."""
    try:
        found = _inner(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return False
    if any(found in network for network in allowed):
        return True
    return public and found.is_global and not found.is_multicast


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address leads to, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


class Outward(AbstractResolver):
    """Resolves names; a name with any address that may not be called is not resolved at all."""

    def __init__(
        self,
        allowed: Sequence[Network],
        resolver: AbstractResolver | None = None,
        *,
        public: bool = True,
    ) -> None:
        self._allowed = allowed
        self._public = public
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host.

        Raises:
            ForbiddenAddressError: one of them may not be called.
        """
        found = await self._resolver.resolve(host, port, family)
        if not all(
            may_call(result["host"], self._allowed, public=self._public) for result in found
        ):
            raise ForbiddenAddressError
        return found

    async def close(self) -> None:
        await self._resolver.close()
