"""The personal pages as HTML: they work without a script, and nothing keeps a copy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from urllib.parse import urlencode

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from counter.choices import Choices
from counter.keeping import Kept
from counter.standing import Spot
from counter.wording import spoken, wording
from outage.areas import told_of
from outage.settings import Settings
from outage.site import Site

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
    "cross-origin-opener-policy": "same-origin",
}
"""What every page carries. ``no-referrer`` keeps the token out of other sites' logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """An area that somebody watches. ``key`` is what a form names; a name is empty for all."""

    key: int
    name: str
    area: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one page shows. ``wrong`` is the word of what was wrong with a form."""

    token: str
    language: str
    spots: Sequence[Spot]
    as_of: str
    said: str
    wrong: str
    once: str
    removable: frozenset[int] = frozenset()
    """Premises that they have added, and may take away."""
    kept: Sequence[Kept] = ()
    """Addresses that they look at."""
    areas: Sequence[Watched] = ()
    """Areas that they watch."""
    place: str = ""
    postal_code: str = ""
    choices: Sequence[str] = ()
    """Addresses of which one may be meant."""


class Showing:
    """Makes the pages of one utility."""

    def __init__(self, site: Site, settings: Settings) -> None:
        self._site = site
        self._usual = settings.quiet_hours
        self._area_least = settings.area_least
        self._style = _style(site)

    async def style(self, _request: Request) -> Response:
        """The one style sheet, in the utility's colour."""
        headers = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}
        return Response(self._style, media_type="text/css", headers=headers)

    def page(self, shown: Shown, choices: Choices, status: int) -> Response:
        """The page of somebody's places and choices."""
        return self.made(
            "place.html",
            shown.language,
            status,
            shown=shown,
            choices=choices,
            token=shown.token,
            usual=None if self._usual is None else tuple(map(_clock, self._usual)),
            quiet=self._own(choices),
            danger=self._site.emergency_advice.get(shown.language, ""),
        )

    def temporary(self, shown: Shown, until: str, status: int, *, proved: bool) -> Response:
        """The page of a place that somebody has named; it has no choices. It ends ``until``."""
        return self.made(
            "temporary.html",
            shown.language,
            status,
            shown=shown,
            until=until,
            proved=proved,
            token=shown.token,
            danger=self._site.emergency_advice.get(shown.language, ""),
        )

    def stopping(self, token: str, language: str, choices: Choices) -> Response:
        """The page that asks whether to end it, or says that it has ended."""
        return self.made("stop.html", language, HTTPStatus.OK, token=token, choices=choices)

    def ended(self, token: str, language: str, choices: Choices) -> Response:
        """The page of a link that was somebody's; they can still end what comes."""
        return self.made("ended.html", language, HTTPStatus.GONE, token=token, choices=choices)

    def sentence(
        self, language: str, about: str, status: int, headers: Mapping[str, str] | None = None
    ) -> Response:
        """A page with one sentence, for who cannot be shown more."""
        return self.made("sentence.html", language, status, headers, about=about)

    def problem(
        self, language: str, about: str, status: int, headers: Mapping[str, str] | None = None
    ) -> Response:
        """The same for a program: problem details (RFC 9457)."""
        told = {"type": "about:blank", "title": wording(language)(about), "status": status}
        media = "application/problem+json"
        return Response(orjson.dumps(told), status, {**HEADERS, **(headers or {})}, media)

    def made(
        self,
        name: str,
        language: str,
        status: int,
        headers: Mapping[str, str] | None = None,
        **facts: object,
    ) -> Response:
        """The page of a template in a language."""
        others = [(one, wording(one).name) for one in spoken(self._site) if one != language]
        html = (
            _environment()
            .get_template(name)
            .render(
                say=wording(language),
                site=self._site,
                others=others,
                languages=[(one, wording(one).name) for one in self._site.languages],
                offered=told_of(self._site.areas),
                area_least=str(self._area_least),
                **facts,
            )
        )
        return HTMLResponse(html, status, {**HEADERS, **(headers or {})})

    def _own(self, choices: Choices) -> tuple[str, str]:
        """What the fields of one's own quiet hours begin with."""
        first, last = choices.quiet or (0, 0)
        if first == last:
            first, last = self._usual or (22 * 60, 7 * 60)
        return _clock(first), _clock(last)


def unsubscribed() -> Response:
    """What a mail program is told that has unsubscribed somebody (RFC 8058)."""
    return PlainTextResponse("Unsubscribed.\n", headers={"cache-control": "no-store"})


def again(token: str, said: str, language: str) -> Response:
    """Where a browser goes once a form is done: to the page, which says what was done."""
    query = urlencode({"said": said} | ({"lang": language} if language else {}))
    headers = {"cache-control": "no-store"}
    return RedirectResponse(f"/s/{token}?{query}", HTTPStatus.SEE_OTHER, headers=headers)


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _style(site: Site) -> str:
    sheet = files("counter").joinpath("static", "page.css").read_text("utf-8")
    return sheet.replace("#14495f", site.colours.accent)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("counter"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
