"""Who visits: whose requests are counted together, as `page` or a proxy says it."""

import logging
import time

from starlette.requests import Request

from outage import visitors
from outage.reading import is_loopback
from outage.settings import Settings

log = logging.getLogger(__name__)


class Visitors:
    """Names the visitors of one counter."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._told_unsigned = settings, False

    def who(self, request: Request) -> str:
        """Whose requests are counted together; empty for a neighbour that does not say for whom."""
        settings, peer = self._settings, request.client.host if request.client else ""
        signed = request.headers.get(visitors.HEADER, "")
        said = visitors.read(signed, settings.edge_key, time.time())
        if said is None:
            # A proxy may add a line of its own behind one that the visitor has made up.
            forwarded = ", ".join(request.headers.getlist("x-forwarded-for"))
            said = visitors.address(peer, forwarded, settings.trusted_proxies)
            if said == peer and not is_loopback(said):
                self._tell_unsigned()
        return "" if is_loopback(said) else visitors.household(said)

    def _tell_unsigned(self) -> None:
        """Say once that whoever comes by `page` is one visitor to us."""
        if not self._told_unsigned:
            self._told_unsigned = True
            log.warning(
                "a request came without an address signed by `page`: all that come so count as "
                "one visitor. Give `page` and `counter` the same OUTAGE_EDGE_KEY."
            )
