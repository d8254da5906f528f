"""The crew's page as HTML, its headers, and the files that let it work without a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from uuid import uuid4

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from counter.crew.asking import LONGEST_NOTE, MINUTES, REASONS, STATUSES
from counter.crew.knowing import Job
from outage import sessions
from outage.crew_words import Outcome
from outage.model import Cause, Kind, Status
from outage.site import Site
from status_page.words import Words

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "worker-src 'self'; manifest-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), browsing-topics=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}
SAID: Mapping[str, str] = {
    Outcome.DONE: "On record.",
    Outcome.KNOWN: "It was on record like that already.",
    Outcome.NEWER: "Recorded, not applied: something newer is known than when you tapped.",
    Outcome.OVER: "Recorded, not applied: the outage is over.",
    Outcome.PASSED: "Recorded, not applied: that time had passed when this came in.",
    Outcome.ASKED: "Recorded. It reaches many people, so it waits for a dispatcher.",
    Outcome.CHANGED: (
        "Recorded. The outage has changed since you tapped, so it waits for a dispatcher."
    ),
}
"""What the crew reads, by what became of what it said."""
STATUS_WORDS = {
    "assigned": "Job taken",
    "enroute": "On the way",
    "arrived": "Arrived, at work",
    "fieldComplete": "Work is done",
}
STATES: Mapping[str, str] = {
    Status.PREDICTED: "Not confirmed, or not begun",
    Status.CONFIRMED: "Out",
    Status.PARTIALLY_RESTORED: "Back in part",
    Status.RESTORED: "Back",
    Status.CLOSED: "Closed",
    Status.CANCELLED: "Cancelled",
}
LATE_WORDS = {"crew_status": "crew", "etr": "estimated time"}
_TYPES = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "look.js": "text/javascript; charset=utf-8",
    "queue.js": "text/javascript; charset=utf-8",
    "worker.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


class Showing:
    """Makes the crew's pages of one utility."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._words = Words("en", site.time_zone)
        colour = site.colours.accent
        folder = files("counter").joinpath("static", "crew")
        self._files = {
            name: folder.joinpath(name).read_text("utf-8").replace("#14495f", colour)
            for name in _TYPES
        }

        self._manifest = json.dumps(
            {
                "id": "/crew",
                "name": f"{site.short_name} crew",
                "short_name": "Crew",
                "start_url": "/crew",
                "scope": "/crew",
                "display": "standalone",
                "background_color": "#0f161a",
                "theme_color": colour,
                "icons": [{"src": "/crew/icon.svg", "sizes": "any", "type": "image/svg+xml"}],
            }
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Files that the page loads."""
        return tuple(_TYPES)

    async def file(self, request: Request) -> Response:
        """One of the files; the worker may look after the page, which lies above it."""
        name = request.url.path.rpartition("/")[2]
        headers = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}
        if name == "worker.js":
            headers |= {
                "service-worker-allowed": "/crew",
                "content-security-policy": "default-src 'none'; connect-src 'self'",
            }
        return Response(self._files[name], media_type=_TYPES[name], headers=headers)

    async def manifest(self, _request: Request) -> Response:
        """What a telephone needs to put the page among its apps."""
        headers = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}
        return Response(self._manifest, media_type="application/manifest+json", headers=headers)

    def page(
        self, job: Job, cookie: str, *, now: datetime, said: str = "", wrong: str = ""
    ) -> Response:
        """The page of a job."""
        outage = job.outage
        status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
        codes = self._words.code
        html = self._made(
            "job.html",
            job=job,
            mine=job.mine,
            csrf=sessions.csrf(cookie),
            new_key=lambda: str(uuid4()),
            said=SAID.get(said, ""),
            wrong=wrong,
            words=self._words,
            now=now,
            what=self._what(outage.service, outage.kind),
            statuses=[(str(one), STATUS_WORDS[one]) for one in STATUSES],
            minutes=[(one, _lasting(one)) for one in MINUTES],
            reasons=[(str(one), codes("reason", one)) for one in REASONS],
            causes=[(str(one), codes("cause", one)) for one in Cause],
            states=STATES,
            late=[(self._late(one["said"]), one["observed_at"]) for one in job.late],
            moment=datetime.fromisoformat,
            longest_note=LONGEST_NOTE,
        )
        return HTMLResponse(html, status, HEADERS)

    def sentence(
        self, title: str, said: str, status: int, headers: Mapping[str, str] | None = None
    ) -> Response:
        """A page with one sentence."""
        html = self._made("sentence.html", title=title, said=said)
        return HTMLResponse(html, status, {**HEADERS, **(headers or {})})

    def _late(self, said: Mapping[str, str | None]) -> str:
        parts = []
        for name, value in said.items():
            shown = value or "none"
            if name == "etr" and value:
                shown = self._words.when(datetime.fromisoformat(value))
            if name == "crew_status" and value:
                shown = STATUS_WORDS.get(value, value)
            parts.append(f"{LATE_WORDS.get(name, name)}: {shown}")
        return ", ".join(parts)

    def _what(self, service: str, kind: Kind) -> str:
        return self._words(f"what.{service}" if kind == "unplanned" else f"what.{kind}.{service}")

    def _made(self, template: str, **facts: object) -> str:
        made = _environment().get_template(f"crew/{template}")
        return made.render(site=self._site, **facts)


def _lasting(minutes: int) -> str:
    hours = minutes // 60
    return f"{minutes} min" if minutes < 60 else f"{hours} h"  # noqa: PLR2004  # an hour


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("counter"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
