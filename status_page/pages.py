"""Published files as answers: conditional, compressed, and clear when there is nothing."""

import json
import re
from asyncio import to_thread
from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from status_page import away
from status_page.answers import SERVED, Served
from status_page.errors import UnreadablePublication
from status_page.headers import FRAMABLE, OPEN
from status_page.media import REVALIDATE, caching, media_type
from status_page.negotiation import twins_for
from status_page.pointer import Pointer
from status_page.shelf import Item, Shelf
from status_page.wishes import preferred

_LONGEST_TAGS = 1_024
"""Characters of `If-None-Match` that are looked at; a browser sends the one tag that it has."""
_NO_MORE: Mapping[str, str] = {}
_OUTAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_PUBLISHED = re.compile(
    r"parts/[0-9a-f]{40}\.(?:json|html)"
    r"|[a-z0-9]{1,32}-[0-9]{1,18}/(?:manifest|delta\.[a-z]{2,3})\.json"
)
_FEED = re.compile(
    r"(?:[A-Za-z0-9][A-Za-z0-9-]{0,60}/){0,3}[A-Za-z0-9][A-Za-z0-9-]{0,60}\.[a-z]{2,7}"
)
_BY_LANGUAGE = "Accept-Language, Sec-Fetch-Site, Sec-Fetch-Mode"
_TILES = re.compile(r"[a-z0-9][a-z0-9-]{0,60}\.pmtiles")
_STATIC = re.compile(r"[a-z]+-[0-9a-f]{12}\.(?:css|js|mjs|json|svg|txt)")


class Pages:
    """Endpoints over one published folder. Every name is checked piece by piece."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._spoken: tuple[str, tuple[str, ...]] = ("", ())

    async def home(self, request: Request) -> Response:
        """The list of outages."""
        if elsewhere := self._elsewhere(request):
            return elsewhere
        name = f"{self._prefix(request)}index.html"
        return self._answer(request, name) or _not_yet(request)

    async def outage(self, request: Request) -> Response:
        """One outage's page."""
        outage: str = request.path_params["id"]
        if elsewhere := self._elsewhere(request):
            return elsewhere
        prefix = self._prefix(request)
        found = None
        if _OUTAGE.fullmatch(outage):
            found = self._answer(request, f"{prefix}outages/{outage.upper()}.html")
        return found or self._lost(request, f"{prefix}missing.html", "No such outage is listed")

    async def pointer(self, request: Request) -> Response:
        """The pointer."""
        return self._answer(request, "status.json") or _not_yet(request)

    async def generation(self, request: Request) -> Response:
        """A manifest, a delta or a part; none of them ever changes."""
        return self._named(request, "generations", _PUBLISHED)

    async def feed(self, request: Request) -> Response:
        """What other systems read."""
        return self._named(request, "feeds", _FEED, OPEN)

    async def embed(self, request: Request) -> Response:
        """The one page that other sites may show in a frame."""
        language = request.query_params.get("lang", "")
        wanted = f"feeds/embed-{language}.html" if _LANGUAGE.fullmatch(language) else ""
        found = self._answer(request, wanted, FRAMABLE) if wanted else None
        return found or self._answer(request, "feeds/embed.html", FRAMABLE) or _not_yet(request)

    def away(
        self, request: Request, form: str, language: str, told: Mapping[str, str]
    ) -> Response | None:
        """Say in the visitor's language that a form is not answered; None where no page says it.

        Args:
            request: What was asked.
            form: One of `away.FORMS`.
            language: That the form was shown in; of any other the browser's wish decides.
            told: Headers.
        """
        spoken = self._languages()
        if _wants_json(request) or not spoken:
            return None
        if language not in spoken:
            language = preferred(request.headers.get("accept-language", ""), spoken)
        prefix = "" if language == spoken[0] else f"{language}/"
        item = self._shelf.take(away.name_of(prefix, form))
        if item is None:
            return None
        headers = {**told, "cache-control": "no-store", "content-type": item.media_type}
        return Response(item.content, HTTPStatus.SERVICE_UNAVAILABLE, headers)

    async def static(self, request: Request) -> Response:
        """Style, script and icon, named by their content."""
        return self._named(request, "static", _STATIC)

    async def tiles(self, request: Request) -> Response:
        """The operator's own map, of which browsers ask for one range after the other."""
        name: str = request.path_params["name"]
        path = self._shelf.folder / "tiles" / name
        if not _TILES.fullmatch(name) or not await to_thread(path.is_file):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        told = {"cache-control": caching(f"tiles/{name}")}
        return FileResponse(path, headers=told, media_type=media_type(name))

    async def add_slash(self, request: Request) -> Response:
        """`/es` is `/es/`."""
        language: str = request.path_params["language"]
        if not _LANGUAGE.fullmatch(language):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return RedirectResponse(f"/{language}/", HTTPStatus.PERMANENT_REDIRECT)

    async def problem(self, request: Request, error: Exception) -> Response:
        """Whatever else was refused: an unknown address, a method that is not allowed."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        if status == HTTPStatus.NOT_FOUND:
            return self._lost(request, "404.html", "There is nothing at this address")
        return problem(request, status, HTTPStatus(status).phrase, headers)

    def _prefix(self, request: Request) -> str:
        language = request.path_params.get("language") or request.query_params.get("lang", "")
        known = _LANGUAGE.fullmatch(language) and self._shelf.take(f"{language}/index.html")
        if "language" in request.path_params and not known:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return f"{language}/" if known else ""

    def _elsewhere(self, request: Request) -> Response | None:
        """Lead a visitor who comes from outside to the page in their own language, if there is one.

        Only a link that names no language does so, and none inside the page: whoever has chosen a
        language there keeps it.
        """
        headers = request.headers
        wished = headers.get("accept-language", "")
        if not wished or "language" in request.path_params or "lang" in request.query_params:
            return None
        inside = headers.get("sec-fetch-site", "none") == "same-origin"
        if inside or headers.get("sec-fetch-mode", "navigate") != "navigate":
            return None
        spoken = self._languages()
        language = preferred(wished, spoken) if spoken else ""
        if not spoken or language == spoken[0]:
            return None
        told = {"cache-control": "no-store", "vary": _BY_LANGUAGE}
        return RedirectResponse(f"/{language}{request.url.path}", HTTPStatus.FOUND, told)

    def _languages(self) -> tuple[str, ...]:
        """Return the published languages, the first of which needs no prefix."""
        item = self._shelf.take("status.json")
        if item is not None and self._spoken[0] != item.etag:
            try:
                self._spoken = (item.etag, Pointer.from_bytes(item.content).languages)
            except UnreadablePublication:
                self._spoken = (item.etag, ())
        return self._spoken[1]

    def _named(
        self,
        request: Request,
        folder: str,
        allowed: re.Pattern[str],
        more: Mapping[str, str] = _NO_MORE,
    ) -> Response:
        name: str = request.path_params["name"]
        found = None
        if allowed.fullmatch(name):
            found = self._answer(request, f"{folder}/{name}", more)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return found

    def _lost(self, request: Request, name: str, title: str) -> Response:
        item = None if _wants_json(request) else self._shelf.take(name, _twins(request))
        if item is None:
            return problem(request, HTTPStatus.NOT_FOUND, title)
        return _send(request, item, REVALIDATE, HTTPStatus.NOT_FOUND)

    def _answer(
        self, request: Request, name: str, more: Mapping[str, str] = _NO_MORE
    ) -> Response | None:
        item = self._shelf.take(name, _twins(request))
        return None if item is None else _send(request, item, caching(name), HTTPStatus.OK, more)


def problem(
    request: Request, status: int, title: str, headers: dict[str, str] | None = None
) -> Response:
    """Say what is wrong: as problem details (RFC 9457) or in plain words."""
    told = {"cache-control": "no-store", "vary": "Accept", **(headers or {})}
    if _wants_json(request):
        body = json.dumps({"type": "about:blank", "title": title, "status": status})
        return Response(body, status, told, "application/problem+json")
    return Response(f"{title}.\n", status, told, "text/plain; charset=utf-8")


def _not_yet(request: Request) -> Response:
    return problem(
        request,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Nothing has been published yet; try again in a few seconds",
        {"retry-after": "5"},
    )


def _send(
    request: Request, item: Item, cache: str, status: int, more: Mapping[str, str] = _NO_MORE
) -> Response:
    headers = {
        **more,
        "etag": item.etag,
        "cache-control": cache,
        "vary": "Accept-Encoding",
        "content-type": item.media_type,
    }
    if item.media_type.startswith("text/html"):
        # Another visitor may be led to another language.
        headers["vary"] += f", {_BY_LANGUAGE}"
    if item.encoding:
        headers["content-encoding"] = item.encoding
    if status == HTTPStatus.OK:
        request.scope[SERVED] = Served(item=item, headers=headers)
    tags = request.headers.get("if-none-match", "")[:_LONGEST_TAGS]
    known = {tag.strip() for tag in tags.split(",")}
    if status == HTTPStatus.OK and (item.etag in known or "*" in known):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(item.content, status, headers)


def _twins(request: Request) -> tuple[str, ...]:
    # No header means that anything will do; a client so plain is sent the file itself.
    return twins_for(request.headers.get("accept-encoding", ""))


def _wants_json(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return "json" in accept and "text/html" not in accept
