"""Passing on to `counter` the few paths that a published file cannot answer, with a short wait.

Nothing of a visitor goes along but what is listed here: no cookie, and no header that says who they
are other than ours, which is signed (DECISIONS 33).
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import parse_qsl, quote

import aiohttp
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from outage import visitors
from status_page import away
from status_page.pages import problem

TIMEOUT_S = 5.0
MOST_BYTES = 8 * 1024
MOST_AT_ONCE = 200
_ASKS = ("accept", "accept-language", "content-type", "sec-fetch-site")
_ANSWERS = (
    "cache-control",
    "content-security-policy",
    "content-type",
    "cross-origin-opener-policy",
    "location",
    "referrer-policy",
    "retry-after",
    "x-content-type-options",
    "x-robots-tag",
)
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
"""Of what a token is made; ``..`` would be another path by the time the counter is asked."""
_ELSE = "lookup"
"""Whatever else is forwarded shows how it stands at a place."""
_WAIT = "; please try again in a few minutes"

SaysAway = Callable[[Request, str, str, Mapping[str, str]], Response | None]
"""Answers a request for a form, in a language if one is known, with headers; None: it cannot."""


class Forwarding:
    """Forwards to one counter. ``key`` signs the visitor's address; without one none is said.

    ``phone`` is whom to call while the counter is away.
    """

    def __init__(
        self,
        counter: str,
        key: str = "",
        trusted: Sequence[IPv4Network | IPv6Network] = (),
        *,
        phone: str = "",
    ) -> None:
        self._counter, self._key, self._trusted = counter, key, trusted
        self._say_away: SaysAway = lambda *_: None
        self._wait = _WAIT + (f", or call {phone}" if phone else "")
        self._session: aiohttp.ClientSession | None = None

    def routes(self, unanswered: SaysAway) -> list[Route]:
        """Return exactly what is forwarded; ``unanswered`` says that it is not answered."""
        self._say_away = unanswered
        return [
            Route(path, self.forward, methods=methods, max_body_size=MOST_BYTES)
            for path, methods in (
                ("/s/page.css", ["GET"]),
                ("/s/{token}", ["GET", "POST"]),
                ("/s/{token}/unsubscribe", ["GET", "POST"]),
                ("/lookup", ["GET", "POST"]),
                ("/report", ["GET", "POST"]),
                ("/subscribe", ["GET", "POST"]),
            )
        ]

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()

    async def forward(self, request: Request) -> Response:
        """Ask the counter; a sentence where it does not answer."""
        if not _TOKEN.fullmatch(request.path_params.get("token", "none")):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        body = await request.body()
        path = quote(request.scope["path"], safe="/")
        query = f"?{request.url.query}" if request.url.query else ""
        try:
            async with self._opened().request(
                request.method,
                f"{self._counter}{path}{query}",
                data=body or None,
                headers=self._headers(request),
                allow_redirects=False,
            ) as answer:
                headers = {name: value for name in _ANSWERS if (value := answer.headers.get(name))}
                return Response(await answer.read(), answer.status, headers)
        except (TimeoutError, aiohttp.ClientError):
            return self._unanswered(request, path.removeprefix("/"), body)

    def _unanswered(self, request: Request, path: str, body: bytes) -> Response:
        form = path if path in away.FORMS else _ELSE
        headers = {"retry-after": "120"}
        shown = dict(parse_qsl(body.decode("latin-1"))).get("lang", "")
        language = shown or request.query_params.get("lang", "")
        said = self._say_away(request, form, language, headers)
        sentence = away.FORMS[form] + self._wait
        return said or problem(request, HTTPStatus.SERVICE_UNAVAILABLE, sentence, headers)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                connector=aiohttp.TCPConnector(limit=MOST_AT_ONCE),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _headers(self, request: Request) -> dict[str, str]:
        headers = {name: value for name in _ASKS if (value := request.headers.get(name))}
        if self._key:
            peer = request.client.host if request.client else ""
            # A proxy may add a line of its own behind one that the visitor has made up.
            forwarded = ", ".join(request.headers.getlist("x-forwarded-for"))
            visitor = visitors.address(peer, forwarded, self._trusted)
            headers[visitors.HEADER] = visitors.signed(visitor, self._key, time.time())
        return headers
