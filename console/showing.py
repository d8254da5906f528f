"""The console's pages as HTML: they work without a script, and nothing keeps a copy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from console.access import COOKIE, Caller
from outage import sessions
from outage.rights import Right
from outage.settings import Settings
from outage.site import Site

PLACES = (
    ("/", "Board", Right.SEE),
    ("/declare", "Declare", Right.DISPATCH),
    ("/accounts", "Accounts", Right.SEARCH),
    ("/sends", "Large sends", Right.SEND),
    ("/crews", "Crews", Right.CREWS),
    ("/staff", "Staff", Right.STAFF),
    ("/tokens", "Tokens", Right.STAFF),
    ("/audit", "Audit log", Right.AUDIT),
    ("/start", "All pages", Right.SELF),
    ("/me", "My account", Right.SELF),
)
"""What the head of each page leads to, for who has the right."""
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), browsing-topics=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}
"""What every page carries. A policy of ``no-referrer`` would take the origin from our own forms."""
WITH_SCRIPT = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}
"""Of a page that a script of ours adds to; it works without."""
SECRET_HEADERS = {"referrer-policy": "no-referrer"}
"""Of a page whose address is a secret; its form is let in by that, and by no session."""


class Showing:
    """Makes the pages of one utility."""

    def __init__(self, site: Site, settings: Settings) -> None:
        self._site = site
        self._style = _style(site)
        secure = settings.console.startswith("https:")
        self._more = {"strict-transport-security": "max-age=31536000"} if secure else {}

    @property
    def zone(self) -> ZoneInfo:
        """In which pages show times, and forms have them."""
        return self._site.zone

    async def style(self, _request: Request) -> Response:
        """The one style sheet, in the utility's colour."""
        headers = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}
        return Response(self._style, media_type="text/css", headers=headers)

    def page(
        self,
        request: Request,
        template: str,
        *,
        status: int = HTTPStatus.OK,
        headers: Mapping[str, str] | None = None,
        **facts: object,
    ) -> Response:
        """Make a page; of whoever is signed in it knows the name and the right ways."""
        caller: Caller | None = getattr(request.state, "caller", None)
        session = None if caller is None else caller.session
        places = [place[:2] for place in PLACES if caller and caller.may(place[2])]
        text = (
            _environment()
            .get_template(template)
            .render(
                site=self._site,
                at=request.url.path,
                me=None if session is None else session.member,
                places=places if session else [],
                csrf=sessions.csrf(request.cookies[COOKIE]) if session else "",
                when=self.when,
                span=span,
                clock=self.clock,
                **facts,
            )
        )
        return HTMLResponse(text, status, headers=HEADERS | self._more | dict(headers or {}))

    def sentence(self, request: Request, title: str, said: str, status: int) -> Response:
        """Make a page that says one thing."""
        return self.page(request, "sentence.html", status=status, title=title, said=said)

    def when(self, at: datetime | None) -> str:
        """Write an instant in the site's zone, as people read it."""
        if at is None:
            return "–"
        return at.astimezone(self._site.zone).strftime("%a %d %b %Y %H:%M %Z")

    def clock(self, at: datetime, now: datetime) -> str:
        """The same for a list: the time alone where it is of today."""
        here = at.astimezone(self._site.zone)
        today = here.date() == now.astimezone(self._site.zone).date()
        return here.strftime("%H:%M" if today else "%a %d %b %H:%M")


def span(length: timedelta) -> str:
    """Write a length of time as people say it, rounded up."""
    seconds = math.ceil(length.total_seconds())
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{math.ceil(seconds / size):,} {unit}"
    return "1 second" if seconds == 1 else f"{seconds} seconds"


def _style(site: Site) -> str:
    sheet = files("console").joinpath("static", "page.css").read_text("utf-8")
    return sheet.replace("#14495f", site.colours.accent)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("console"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
