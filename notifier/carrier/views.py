"""The simulator's own pages: what arrived, as a page for people and as JSON for tests."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from notifier.carrier.received import Question, acceptances_of, counts, our_ids, received
from notifier.carrier.store import CarrierStore

_HERE = Path(__file__).parent
_BAD_REQUEST = 400
_PAGE_SIZE = 50
_LARGEST_PAGE = 1000
_MOST_OUR_IDS = 10_000
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Views:
    """The pages over one store."""

    def __init__(self, store: CarrierStore) -> None:
        self._store = store
        self._templates = Jinja2Templates(_HERE / "templates")

    def routes(self) -> list[Route | Mount]:
        """Give the pages at their paths."""
        return [
            Route("/", self.page),
            Route("/json", self.messages),
            Route("/json/counts", self.counts),
            Route("/json/our-ids", self.our_ids),
            Route("/healthz", self.healthz),
            Route("/readyz", self.healthz),
            Route("/metrics", self.metrics),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ]

    async def page(self, request: Request) -> Response:
        """Show what arrived, newest first, fifty a page."""
        question = _question(request)
        messages, older = await self._store.read(lambda db: received(db, question))
        query = {name: value for name, value in request.query_params.items() if name != "before"}
        return self._templates.TemplateResponse(
            request,
            "carrier.html",
            {
                "messages": messages,
                "question": question,
                "counts": await self._store.read(counts),
                "newest_url": request.url.replace_query_params(**query),
                "older_url": (
                    request.url.include_query_params(before=messages[-1].number) if older else None
                ),
            },
            headers=_HEADERS,
        )

    async def messages(self, request: Request) -> Response:
        """Give what arrived as JSON, and the `before` of the next page."""
        question = _question(request)
        messages, older = await self._store.read(lambda db: received(db, question))
        found = await self._store.read(counts)
        return JSONResponse(
            {
                "messages": [message.view() for message in messages],
                "before": messages[-1].number if older else None,
                "callbacks_pending": found["callbacks_pending"],
                "idle": bool(found["idle"]),
            }
        )

    async def counts(self, request: Request) -> Response:
        """Give the counts; with `?m=` every acceptance of that our-id."""
        if (our_id := request.query_params.get("m")) is not None:
            found = await self._store.read(lambda db: acceptances_of(db, our_id))
            return JSONResponse(
                {"accepted": len(found), "messages": [message.view() for message in found]}
            )
        return JSONResponse(await self._store.read(counts))

    async def our_ids(self, request: Request) -> Response:
        """Give the number of acceptances of every our-id, and the `after` of the next page."""
        after = request.query_params.get("after", "")
        limit = _whole(request, "limit", _MOST_OUR_IDS, _MOST_OUR_IDS)
        found = await self._store.read(lambda db: our_ids(db, after, limit))
        return JSONResponse(
            {"our_ids": found, "after": next(reversed(found)) if len(found) == limit else None}
        )

    async def healthz(self, _request: Request) -> Response:
        """Say that the store can be read."""
        await self._store.read(lambda db: db.execute("SELECT 1").fetchone())
        return PlainTextResponse("ok\n")

    async def metrics(self, _request: Request) -> Response:
        """Give the counts in Prometheus' text format."""
        found = await self._store.read(counts)
        lines = [
            f"# TYPE outage_carrier_{name} gauge\noutage_carrier_{name} {value}\n"
            for name, value in found.items()
        ]
        return PlainTextResponse("".join(lines), media_type="text/plain; version=0.0.4")


def _question(request: Request) -> Question:
    query = request.query_params
    return Question(
        to=_plus(query.get("to", "")),
        search=_plus(query.get("q", "")),
        before=_whole(request, "before", 0, 2**62) or None,
        limit=_whole(request, "limit", _PAGE_SIZE, _LARGEST_PAGE),
    )


def _plus(text: str) -> str | None:
    """Take a number's plus sign back from the space it becomes when it is typed into a URL."""
    if text.startswith(" ") and text.strip()[:1].isdecimal():
        return f"+{text.strip()}"
    return text.strip() or None


def _whole(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdecimal()) or int(text) > most:
        raise HTTPException(_BAD_REQUEST, f"{name} is a whole number of at most {most}.")
    return int(text)
