"""What the public forms have in common: who asks, in which language, how often, and what fails.

There is no session and no cookie: no other site can make a browser act for somebody. Whatever is
away, people read a sentence and a telephone number.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from counter.limits import Limit
from counter.showing import Showing
from counter.visiting import Visitors
from counter.wording import spoken
from outage.site import Site
from status_page.wishes import preferred

log = logging.getLogger(__name__)

MOST_BYTES = 8 * 1024
MOST_FIELDS = 24
PER_ADDRESS = 600
"""Forms a minute from one address: a carrier may put a whole town behind one."""
_MINUTE = 60
AT_ONCE, MOST_WAITING = 4, 200
"""Forms that ask the database at once, and that wait to: hooks have threads of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request to one of the forms. ``who`` names the household, empty for this machine's own.

    ``wish`` is the language that was chosen by a link or the form; empty where none was.
    """

    language: str
    wish: str
    who: str
    said: str
    json: bool
    form: Mapping[str, str] | None
    area: str = ""
    """The area that a link to a form has named."""

    def field(self, name: str, longest: int) -> str:
        """A field on one line without what cannot be shown; empty for one that is too long."""
        written = (self.form or {}).get(name, "")
        if len(written) > longest * 2:
            return ""
        shown = "".join(sign if sign.isprintable() else " " for sign in written)
        line = " ".join(shown.split())
        return line if len(line) <= longest else ""

    def text(self, name: str, longest: int) -> str:
        """The same of what may be cut off."""
        shown = "".join(
            sign if sign.isprintable() else " " for sign in (self.form or {}).get(name, "")
        )
        return " ".join(shown.split())[:longest].strip()


Answer = Callable[[Visit], Response]


class Door:
    """Takes the requests of the public forms in."""

    def __init__(self, site: Site, showing: Showing, visitors: Visitors) -> None:
        self._site, self.showing, self._visitors = site, showing, visitors
        self._per_address = Limit(PER_ADDRESS)
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="forms")
        self._waiting = 0

    async def enter(self, request: Request, answer: Answer, *, sends: bool = False) -> Response:
        """Answer a request. ``sends``: the form does something, and none of another site may."""
        visit = await self._visit(request)
        site = request.headers.get("sec-fetch-site", "none")
        if sends and request.method == "POST" and site not in {"same-origin", "none"}:
            return self.sentence(visit, "form_elsewhere", HTTPStatus.FORBIDDEN)
        if visit.who and not self._per_address.allows(visit.who):
            return self.busy(visit)
        if self._waiting >= MOST_WAITING:
            return self._away(visit)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, answer, visit)
        except Exception as error:  # noqa: BLE001  # whatever it is, a person reads a sentence
            # No traceback: it could hold what somebody has written.
            log.error("%s failed with %s", request.url.path, type(error).__name__)  # noqa: TRY400
            return self._away(visit)
        finally:
            self._waiting -= 1

    def busy(self, visit: Visit, seconds: int = _MINUTE) -> Response:
        """Ask somebody to wait."""
        headers, about = (
            {"retry-after": str(seconds)},
            "busy" if seconds <= _MINUTE else "busy_hour",
        )
        return self.sentence(visit, about, HTTPStatus.TOO_MANY_REQUESTS, headers)

    def sentence(
        self, visit: Visit, about: str, status: int, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Say one thing: as a page, or as problem details to a program (RFC 9457)."""
        if visit.json:
            return self.showing.problem(visit.language, about, status, headers)
        return self.showing.sentence(visit.language, about, status, headers)

    def _away(self, visit: Visit) -> Response:
        headers = {"retry-after": "120"}
        return self.sentence(visit, "form_away", HTTPStatus.SERVICE_UNAVAILABLE, headers)

    async def _visit(self, request: Request) -> Visit:
        known, form = spoken(self._site), None
        if request.method == "POST":
            body = (await request.body()).decode("utf-8", "replace")
            form = dict(_fields(body))
        wish = (form or {}).get("lang") or request.query_params.get("lang", "")
        chosen = wish if wish in known else ""
        accept = request.headers.get("accept", "")
        return Visit(
            language=chosen or preferred(request.headers.get("accept-language", ""), known),
            wish=chosen,
            who=self._visitors.who(request),
            said=request.query_params.get("said", ""),
            json="application/json" in accept and "text/html" not in accept,
            form=form,
            area=request.query_params.get("area", ""),
        )


def _fields(body: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:  # more fields than any form of ours has
        return []
