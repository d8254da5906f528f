"""Staff and tokens: who may come in, as what, and who no more; and what all of them did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus

from sqlalchemy.engine import Connection
from starlette.responses import Response
from starlette.routing import BaseRoute

from console.errors import BadForm, BadQuery
from console.reading import DIGITS
from console.routing import ForPeople
from console.visits import Answer, Visit, fresh, go, page
from outage import audit, staff, tokens
from outage.errors import OutageError
from outage.rights import MACHINES, PEOPLE, Right, Role
from outage.staff import Member

LONGEST_NAME, MOST_DAYS = 80, 3650
SHOWN = 100
"""Entries of the audit log on a page."""


def routes() -> list[BaseRoute]:
    """Every address of this."""

    def post(path: str, answer: Answer) -> ForPeople:
        return ForPeople(path, page(fresh(answer)), right=Right.STAFF, methods=["POST"])

    def get(path: str, answer: Answer, right: Right) -> ForPeople:
        return ForPeople(path, page(answer), right=right, methods=["GET"])

    one = "/staff/{key:int}"
    return [
        get("/staff", people, Right.STAFF),
        post("/staff", invite),
        post(f"{one}/role", change_role),
        post(f"{one}/link", new_link),
        post(f"{one}/disable", _change("disable", staff.disable)),
        post(f"{one}/enable", _change("enable", staff.enable)),
        get("/tokens", keys, Right.STAFF),
        post("/tokens", new_token),
        post("/tokens/{key:int}/revoke", revoke),
        get("/audit", trail, Right.AUDIT),
    ]


def people(visit: Visit) -> Response:
    """All of the staff."""
    return _people(visit)


def invite(visit: Visit) -> Response:
    """Put somebody on the staff and show their link."""
    role = _role(visit, PEOPLE)
    try:
        with visit.deed("user add") as deed:
            made, words = staff.add(deed.conn, name=visit.field("name", 80), role=role)
            deed.about, deed.detail = f"staff:{made.key}", deed.detail | {"role": str(role)}
    except OutageError as refused:
        return _people(visit, wrong=str(refused))
    return _people(visit, link=_link(visit, words), link_for=made.name)


def new_link(visit: Visit) -> Response:
    """Show a new link for somebody who has lost password or authenticator."""
    try:
        with visit.deed("user link", f"staff:{visit.number()}") as deed:
            member = staff.get(deed.conn, visit.number())
            words = staff.link(deed.conn, member.key)
    except OutageError as refused:
        return _people(visit, wrong=str(refused))
    return _people(visit, link=_link(visit, words), link_for=member.name)


def change_role(visit: Visit) -> Response:
    """Give somebody another role."""
    role = _role(visit, PEOPLE)
    try:
        with visit.deed("user role", f"staff:{visit.number()}") as deed:
            staff.change_role(deed.conn, visit.number(), role)
            deed.detail = deed.detail | {"role": str(role)}
    except OutageError as refused:
        return _people(visit, wrong=str(refused))
    return go("/staff")


def _change(what: str, do: Callable[[Connection, int], Member]) -> Answer:
    def answer(visit: Visit) -> Response:
        try:
            with visit.deed(f"user {what}", f"staff:{visit.number()}") as deed:
                do(deed.conn, visit.number())
        except OutageError as refused:
            return _people(visit, wrong=str(refused))
        return go("/staff")

    return answer


def keys(visit: Visit) -> Response:
    """All tokens."""
    return _keys(visit)


def new_token(visit: Visit) -> Response:
    """Make a token and show it, this one time."""
    role, days = _role(visit, MACHINES), visit.field("days", 6)
    name = " ".join(visit.field("name", LONGEST_NAME).split())
    if not name:
        raise BadForm(problem="say what the token is for")
    if not days.isascii() or not days.isdecimal() or not 0 < int(days) <= MOST_DAYS:
        raise BadForm(problem=f"days must be a whole number from 1 to {MOST_DAYS}")
    with visit.deed("token add") as deed:
        words, made = tokens.make(deed.conn, role=role, name=name, lasts=timedelta(days=int(days)))
        deed.about, deed.detail = f"token:{made.key}", deed.detail | {"role": str(role)}
    return _keys(visit, words=words, words_for=made.name)


def revoke(visit: Visit) -> Response:
    """Let a token hold no longer."""
    with visit.deed("token revoke", f"token:{visit.number()}") as deed:
        tokens.revoke(deed.conn, visit.number())
    return go("/tokens")


def trail(visit: Visit) -> Response:
    """The audit log, newest first."""
    before = visit.request.query_params.get("before", "")
    if before and (not before.isascii() or not before.isdecimal() or len(before) > DIGITS):
        raise BadQuery(name="before", wanted="a whole number")
    with visit.db.read() as conn:
        found = audit.newest(conn, before=int(before) if before else None, limit=SHOWN)
        names = called(conn)
    older = found[-1].number if len(found) == SHOWN else 0
    return visit.page("audit.html", found=found, names=names, older=older, before=before)


def called(conn: Connection) -> dict[str, str]:
    """What the staff are called, by how the log and the journal have them."""
    return {str(each.actor): each.name for each in staff.every(conn)}


def _people(visit: Visit, *, wrong: str = "", link: str = "", link_for: str = "") -> Response:
    with visit.db.read() as conn:
        found = staff.every(conn)
    return visit.page(
        "staff.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        found=found,
        roles=[str(role) for role in PEOPLE],
        wrong=wrong,
        link=link,
        link_for=link_for,
    )


def _keys(visit: Visit, *, words: str = "", words_for: str = "") -> Response:
    with visit.db.read() as conn:
        found = tokens.every(conn)
    roles = [str(role) for role in MACHINES]
    return visit.page(
        "tokens.html", found=found, roles=roles, wrong="", words=words, words_for=words_for
    )


def _role(visit: Visit, known: tuple[Role, ...]) -> Role:
    given = visit.field("role", 20)
    if given not in known:
        raise BadForm(problem=f"the role must be one of {', '.join(known)}")
    return Role(given)


def _link(visit: Visit, words: str) -> str:
    return f"{visit.settings.console}/welcome/{words}"
