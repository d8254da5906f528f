"""Every route of every process, with every role, with nobody, and with what is somebody else's."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from console import routing
from console.access import COOKIE
from console.desk import Command
from console.routing import ForPeople, Guarded, Open
from counter.app import create_app as create_counter
from outage import sessions, settings, tokens
from outage.rights import MACHINES, MAY, PEOPLE, Right, Role
from outage.site import Site
from status_page.app import create_app as create_page
from tests.migrated import migrated
from tests.unit.console.staffed import Desk
from workers.cli import COMMANDS

FOR_EVERYBODY = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/page.css"),
    ("GET", "/static/{name}"),
    ("GET", "/tiles/{name}"),
    ("GET", "/now.js"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/welcome/{token}"),
    ("POST", "/welcome/{token}"),
    ("GET", "/oidc/start"),
    ("GET", "/oidc/back"),
    ("POST", "/oidc/logout"),
}
PAGES = {
    "/": {"viewer", "agent", "crew", "dispatcher", "supervisor", "admin"},
    "/now": {"viewer", "agent", "crew", "dispatcher", "supervisor", "admin"},
    "/start": {"viewer", "agent", "crew", "dispatcher", "supervisor", "admin"},
    "/me": {"viewer", "agent", "crew", "dispatcher", "supervisor", "admin"},
    "/accounts": {"agent", "dispatcher", "supervisor", "admin"},
    "/declare": {"dispatcher", "supervisor", "admin"},
    "/sends": {"dispatcher", "supervisor", "admin"},
    "/crews": {"dispatcher", "supervisor", "admin"},
    "/audit": {"supervisor", "admin"},
    "/staff": {"admin"},
    "/tokens": {"admin"},
}
"""Written down once more, so that a slip in the table is seen."""
CHANGE_NOTHING = {"/api/v1/match", "/api/v1/accounts/search"}
"""What is asked by POST, for what is asked is too large for an address, or nobody's business."""
STREAMS = {"/news"}
"""They go on for as long as somebody may listen: `test_news.py` listens."""
REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


@dataclass(frozen=True, kw_only=True)
class Way:
    """One method of one route."""

    method: str
    template: str
    route: Guarded

    @property
    def path(self) -> str:
        path = re.sub(r"\{id(:path)?\}", "O-AAAAA", self.template)
        return path.replace("{key:int}", "999999").replace("{token}", "made-up")

    @property
    def is_page(self) -> bool:
        return isinstance(self.route, ForPeople)


def ways(app: Starlette) -> Iterator[Way]:
    for template, route in routing.walk(app.routes):
        if isinstance(route, Guarded):
            for method in sorted((route.methods or set()) - {"HEAD"}):
                yield Way(method=method, template=template, route=route)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    db = migrated(tmp_path_factory.mktemp("access") / "outage.db")
    yield Desk.of(db)
    db.close()


def ask(
    desk: Desk, way: Way, *, cookie: str = "", csrf: str = "", bearer: str = ""
) -> httpx2.Response:
    headers = {"x-csrf-token": csrf} if csrf else {}
    headers |= {"authorization": f"Bearer {bearer}"} if bearer else {}
    browser = desk.browser(cookie)
    if way.is_page:
        form = None if way.method == "GET" else {"csrf": csrf}
        return browser.request(way.method, way.path, headers=headers, data=form)
    body: dict[str, str] | None = None if way.method == "GET" else {}
    return browser.request(way.method, way.path, headers=headers, json=body)


def is_let_in(answer: httpx2.Response) -> bool:
    assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, answer.text
    to_the_door = answer.headers.get("location") == "/sign-in"
    return answer.status_code not in REFUSED and not to_the_door


def test_what_is_open_to_everybody_is_written_down(desk: Desk) -> None:
    found = {
        (method, path)
        for path, route in routing.walk(desk.app.routes)
        if isinstance(route, Open)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert found == FOR_EVERYBODY


def test_a_route_that_names_no_right_fails_at_the_start() -> None:
    async def nobody_asked(request: Request) -> Response:
        return Response()

    with pytest.raises(RuntimeError, match="the route /deep/hole names no right"):
        routing.check([Mount("/deep", routes=[Route("/hole", nobody_asked)])])
    with pytest.raises(RuntimeError, match="names no right"):
        routing.check([Mount("/files", app=Route("/", nobody_asked))])


@pytest.mark.parametrize("role", PEOPLE)
def test_staff_reach_what_the_table_allows_and_nothing_else(desk: Desk, role: Role) -> None:
    member, _ = desk.member(f"all-{role}", role)
    for way in ways(desk.app):
        cookie = desk.session(member)  # some ways end it
        if way.template == "/sign-out":
            assert ask(desk, way, cookie=cookie, csrf=sessions.csrf(cookie)).status_code == 303
            continue
        if way.template in STREAMS and way.route.right in MAY[role]:
            continue
        answer = ask(desk, way, cookie=cookie, csrf=sessions.csrf(cookie))
        wrong_form = way.template == "/again" and way.method == "POST"
        assert wrong_form or is_let_in(answer) is (way.route.right in MAY[role]), (way, answer.text)


@pytest.mark.parametrize("role", MACHINES)
def test_tokens_reach_what_the_table_allows_and_no_page(desk: Desk, role: Role) -> None:
    with desk.db.write() as conn:
        words, _ = tokens.make(conn, role=role, name=f"a-{role}")
    for way in ways(desk.app):
        answer = ask(desk, way, bearer=words)
        allowed = way.route.right in MAY[role] and not way.is_page
        assert is_let_in(answer) is allowed, (way, answer.text)


def test_nobody_gets_in_without_a_session_or_with_what_is_none(desk: Desk) -> None:
    admin, _ = desk.member("gone", Role.ADMIN)
    ended = desk.session(admin)
    with desk.db.write() as conn:
        sessions.end_others(conn, admin.key)
    for way in ways(desk.app):
        assert not is_let_in(ask(desk, way)), way
        assert not is_let_in(ask(desk, way, bearer="outage_made-up")), way
        for cookie in ("made-up", ended):
            assert not is_let_in(ask(desk, way, cookie=cookie, csrf=sessions.csrf(cookie))), way


def test_nothing_is_done_with_another_persons_csrf_token_or_none(desk: Desk) -> None:
    admin, _ = desk.member("one", Role.ADMIN)
    other, _ = desk.member("other", Role.ADMIN)
    mine, theirs = desk.session(admin), desk.session(other)
    changing = [way for way in ways(desk.app) if way.method != "GET"]
    assert len(changing) > 20
    for way in changing:
        for csrf in ("", "x", sessions.csrf(theirs)):
            answer = ask(desk, way, cookie=mine, csrf=csrf)
            assert answer.status_code == HTTPStatus.FORBIDDEN, (way, answer.text)
            assert "another session" in answer.text
    assert is_let_in(desk.browser(mine).get("/"))


def test_nothing_is_done_for_a_page_of_another_site(desk: Desk) -> None:
    admin, _ = desk.member("lured", Role.ADMIN)
    mine = desk.session(admin)
    form = {"csrf": sessions.csrf(mine)}
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        answer = desk.browser(mine).post("/staff", data=form | {"name": "eve"}, headers=headers)
        assert answer.status_code == HTTPStatus.FORBIDDEN
        answer = desk.browser().post("/sign-in", data={"name": "eve"}, headers=headers)
        assert answer.status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(("path", "roles"), PAGES.items())
def test_each_page_is_for_whom_it_should_be_for(desk: Desk, path: str, roles: set[str]) -> None:
    found = set()
    for role in PEOPLE:
        member, _ = desk.member(f"{role}{path.replace('/', '-')}x", role)
        if desk.browser(desk.session(member)).get(path).status_code == HTTPStatus.OK:
            found.add(str(role))
    assert found == roles


def test_no_route_of_the_staff_answers_on_a_public_listener(desk: Desk, tmp_path: Path) -> None:
    admin, _ = desk.member("abroad", Role.ADMIN)
    cookie = desk.session(admin)
    with desk.db.write() as conn:
        words, _ = tokens.make(conn, role=Role.DISPATCHER, name="abroad")
    headers = {
        "cookie": f"{COOKIE}={cookie}",
        "authorization": f"Bearer {words}",
        "x-csrf-token": sessions.csrf(cookie),
    }
    counter = create_counter(settings.load({}), desk.db, Site.neutral())
    page = create_page(tmp_path / "published")
    nowhere = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
    asked = {(way.method, way.path) for way in ways(desk.app)}
    asked |= {("POST", "/sign-in"), ("GET", "/sign-in"), ("GET", "/welcome/x")}
    for app in (counter, page):
        with TestClient(app, base_url="https://testserver") as public:
            for method, path in asked:
                answer = public.request(method, path, headers=headers)
                if app is page and (method, path) == ("GET", "/"):  # the public's own
                    assert "Sign out" not in answer.text
                else:
                    assert answer.status_code in nowhere, (method, path, answer.status_code)


def test_no_route_of_a_public_process_is_a_staff_route(desk: Desk, tmp_path: Path) -> None:
    counter = create_counter(settings.load({}), desk.db, Site.neutral())
    page = create_page(tmp_path / "published")
    for app in (counter, page):
        routes = [route for _, route in routing.walk(app.routes)]
        assert routes
        assert not any(isinstance(route, Guarded) for route in routes)


def test_every_right_is_somebodys_and_every_route_s_is_in_the_table(desk: Desk) -> None:
    assert set(MAY) == set(Role)
    assert {way.route.right for way in ways(desk.app)} == set(Right)


def test_every_write_of_the_api_has_an_action_of_its_own_on_the_audit_log(desk: Desk) -> None:
    found: dict[str, list[str]] = {}
    for way in ways(desk.app):
        if not way.is_page and way.method != "GET" and way.template not in CHANGE_NOTHING:
            command = getattr(way.route.endpoint, "__self__", None)
            assert isinstance(command, Command)
            found.setdefault(command.action, []).append(way.template)
    assert len(found) == 21
    assert [paths for paths in found.values() if len(paths) > 1] == []
    typed = {*COMMANDS, "sending stop", "sending resume", "revise", "approve message"}
    typed |= {"crew link", "crew revoke"}
    assert set(found) <= typed
