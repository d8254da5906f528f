"""A request to one of the pages: what its form says, and that it came from a page of ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console import access, bodies
from console.access import Caller
from console.errors import BadForm, ElsewhereError, TooManyAtTheDoor
from console.showing import Showing
from console.uploads import Fields
from outage import audit
from outage.database import Database
from outage.sessions import Session
from outage.settings import Settings

MOST_BYTES, MOST_FIELDS = 8_000, 24
WAITING = 50
"""How many wait at one of the doors."""


class Doors:
    """Threads apart from those in which everybody works, for what takes long.

    Who is signed in already does not stand in one line with strangers, and neither with those who
    wait for the identity provider.
    """

    def __init__(self) -> None:
        self.strangers = anyio.CapacityLimiter(4)
        self.staff = anyio.CapacityLimiter(2)
        self.provider = anyio.CapacityLimiter(4)


Door = Literal["strangers", "staff", "provider"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request with what it needs to be answered."""

    request: Request
    form: Mapping[str, str]
    db: Database
    settings: Settings
    showing: Showing

    @property
    def caller(self) -> Caller:
        """Who asks; only where the route is `Guarded`."""
        caller: Caller = self.request.state.caller
        return caller

    @property
    def session(self) -> Session:
        """Theirs; only where the route is `ForPeople`."""
        session = self.caller.session
        assert session is not None  # noqa: S101  # no token opens a page
        return session

    def field(self, name: str, longest: int = 200) -> str:
        """What a field of the form holds. Raises `BadForm` for what no person types into it."""
        given = self.form.get(name, "")
        if len(given) > longest or not given.isprintable():
            raise BadForm(problem=f"{name} is longer than {longest} signs, or cannot be shown")
        return given

    def number(self, name: str = "key") -> int:
        """The number in the address."""
        number: int = self.request.path_params[name]
        return number

    def deed(self, action: str, about: str = "") -> _Doing:
        """Do something in a transaction that is put on the audit log."""
        return _Doing(self, action, about)

    def page(
        self,
        template: str,
        *,
        status: int = HTTPStatus.OK,
        headers: Mapping[str, str] | None = None,
        **facts: object,
    ) -> Response:
        """Make a page."""
        return self.showing.page(self.request, template, status=status, headers=headers, **facts)


class _Doing:
    """`audit.deed`, once the session has been looked at again in the same transaction."""

    def __init__(self, visit: Visit, action: str, about: str) -> None:
        self._visit = visit
        self._deed = audit.deed(visit.db, actor=visit.caller.actor, action=action, about=about)

    def __enter__(self) -> audit.Deed:
        deed = self._deed.__enter__()
        try:
            # A session that was ended meanwhile does nothing any more.
            access.allowed(deed.conn, self._visit.request)
        except Exception as refused:
            self._deed.__exit__(type(refused), refused, refused.__traceback__)
            raise
        deed.detail = self._visit.caller.detail
        return deed

    def __exit__(self, *error: object) -> bool | None:
        return self._deed.__exit__(*error)  # type: ignore[arg-type]  # what Python hands over


Answer = Callable[[Visit], Response]


def page(
    answer: Answer, *, door: Door | None = None, fields: Fields | None = None
) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint of what answers a visit.

    ``fields`` reads a form that is larger than most. ``door``: it compares passwords, which takes
    long on purpose, or asks the identity provider. Those have threads of their own, and only so
    many wait for them: a flood of tries keeps nobody from working.
    """

    async def endpoint(request: Request) -> Response:
        form: dict[str, str] = {}
        if request.method not in access.SAFE:
            form = await (fields or _small)(request)
            if hasattr(request.state, "caller"):
                access.check_origin(request, form.get(access.CSRF_FIELD, ""))
            else:
                check_ours(request)
        return await _run(answer, request, form, door)

    return endpoint


async def _small(request: Request) -> dict[str, str]:
    return _fields(await bodies.read(request, MOST_BYTES))


async def _run(
    answer: Answer, request: Request, form: Mapping[str, str], door: Door | None
) -> Response:
    doors: Doors = request.app.state.doors
    limiter: anyio.CapacityLimiter | None = None if door is None else getattr(doors, door)
    if limiter is not None and limiter.statistics().tasks_waiting >= WAITING:
        raise TooManyAtTheDoor
    return await anyio.to_thread.run_sync(answer, _visit(request, form), limiter=limiter)


def unsigned(answer: Answer, *, door: Door) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint for another machine's form, which carries its own proof."""

    async def endpoint(request: Request) -> Response:
        form = _fields(await bodies.read(request, MOST_BYTES))
        return await _run(answer, request, form, door)

    return endpoint


def _visit(request: Request, form: Mapping[str, str]) -> Visit:
    state = request.app.state
    return Visit(
        request=request, form=form, db=state.db, settings=state.settings, showing=state.showing
    )


def check_ours(request: Request) -> None:
    """Refuse a form of another site where there is no session yet. Raises `ElsewhereError`."""
    origin = request.headers.get("origin", "null")
    ours = origin == "null" or access.is_ours(request, origin)
    site = request.headers.get("sec-fetch-site", "same-origin")
    if not ours or site not in {"same-origin", "none"}:
        raise ElsewhereError


def safely(answer: Answer) -> Answer:
    """Say it before anything is used where a browser could not keep a session."""

    def checked(visit: Visit) -> Response:
        try:
            keeps = _keeps_session(visit.request)
        except ValueError:  # an address that is none
            keeps = False
        if not keeps:
            said = (
                "A session is kept over https only, or on this machine itself. Open the console "
                "by https; if you did, set OUTAGE_CONSOLE_URL to its address (docs/access.md)."
            )
            return visit.showing.sentence(visit.request, "Not by http", said, HTTPStatus.FORBIDDEN)
        return answer(visit)

    return checked


def _keeps_session(request: Request) -> bool:
    """A browser says by which address it came only with a form; before, proxies may know."""
    settings: Settings = request.app.state.settings
    origin = urlsplit(request.headers.get("origin", ""))
    if origin.scheme:
        return origin.scheme == "https" or _is_near(origin.hostname)
    schemes = (
        request.url.scheme,
        urlsplit(settings.console).scheme,
        request.headers.get("x-forwarded-proto", ""),
    )
    return "https" in schemes or _is_near(request.url.hostname)


def _is_near(host: str | None) -> bool:
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def go(to: str) -> Response:
    """Send a browser on, after a form."""
    return RedirectResponse(to, HTTPStatus.SEE_OTHER, headers={"cache-control": "no-store"})


def fresh(answer: Answer) -> Answer:
    """Ask for password and code again, unless they were given just now.

    For what reaches many people, or decides who may do what. What was typed into the form is
    typed again: nothing is done that was not looked at.
    """

    def checked(visit: Visit) -> Response:
        if not visit.session.is_fresh:
            return go(f"/again?to={visit.request.url.path.split('/')[1]}")
        return answer(visit)

    return checked


def _fields(raw: bytes) -> dict[str, str]:
    try:
        return dict(
            parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
        )
    except ValueError as error:
        raise BadForm(problem="it is no form of ours") from error
