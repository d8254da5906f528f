"""The start, and one's own account: sessions, password, recovery codes."""

from __future__ import annotations

from http import HTTPStatus

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from starlette.responses import Response
from starlette.routing import BaseRoute

from console.routing import ForPeople
from console.signing import given
from console.visits import Answer, Door, Visit, fresh, go, page
from outage import passwords, sessions, signing_in, staff
from outage import tables as t
from outage.rights import Right
from outage.signing_in import Refusal

WRONG = {
    Refusal.WRONG: "The password of now is not right.",
    Refusal.WAIT: "That were too many tries. Wait a quarter of an hour.",
}
SAID = {
    "ended": "Signed out there.",
    "password": "The password is changed, and you are signed out everywhere else.",
}


def routes() -> list[BaseRoute]:
    """Every address of this."""

    def post(path: str, answer: Answer, *, door: Door | None = None) -> ForPeople:
        return ForPeople(path, page(answer, door=door), right=Right.SELF, methods=["POST"])

    return [
        ForPeople("/start", page(start), right=Right.SELF, methods=["GET"]),
        ForPeople("/me", page(me), right=Right.SELF, methods=["GET"]),
        post("/me/sessions/end", end_others),
        post("/me/sessions/{key:int}/end", end_one),
        post("/me/password", change_password, door="staff"),
        post("/me/codes", fresh(new_codes)),
    ]


def start(visit: Visit) -> Response:
    """Where to go from here."""
    return visit.page("start.html")


def me(visit: Visit) -> Response:
    """One's own account."""
    return _me(visit, said=SAID.get(visit.request.query_params.get("said", ""), ""))


def end_one(visit: Visit) -> Response:
    """End one of one's own sessions."""
    mine = visit.session.member.key
    with visit.deed("end session", f"session:{visit.number()}") as deed:
        deed.kept = sessions.end(deed.conn, visit.number(), of=mine)
    return go("/me?said=ended")


def end_others(visit: Visit) -> Response:
    """End all but this one."""
    mine = visit.session
    with visit.deed("end sessions", f"staff:{mine.member.key}") as deed:
        deed.kept = sessions.end_others(deed.conn, mine.member.key, but=mine.key) > 0
    return go("/me?said=ended")


def change_password(visit: Visit) -> Response:
    """Change one's password; all other sessions end by it."""
    mine, new = visit.session, visit.form.get("password", "")
    wrong = passwords.is_weak(new, mine.member.name)
    if not wrong and new != visit.form.get("password_again", ""):
        wrong = "The two passwords differ."
    if not wrong:
        old = given(visit, mine.member.name, field="old")
        refused = signing_in.proves(visit.db, old)
        wrong = "" if refused is None else WRONG[refused]
    if wrong:
        return _me(visit, wrong=wrong)
    hashed = passwords.hashed(new)
    with visit.deed("change password", f"staff:{mine.member.key}") as deed:
        signing_in.set_password(deed.conn, mine.member.key, hashed)
        signing_in.forget_browsers(deed.conn, mine.member.key)
        sessions.end_others(deed.conn, mine.member.key, but=mine.key)
    return go("/me?said=password")


def new_codes(visit: Visit) -> Response:
    """Make new recovery codes, and show them this one time."""
    mine = visit.session.member
    with visit.deed("new recovery codes", f"staff:{mine.key}") as deed:
        codes = staff.new_codes(deed.conn, mine.key)
    return visit.page("codes.html", codes=codes, first=False)


def _me(visit: Visit, *, said: str = "", wrong: str = "") -> Response:
    mine = visit.session
    with visit.db.read() as conn:
        found, left = sessions.of(conn, mine.member), _codes_left(conn, mine.member.key)
    return visit.page(
        "me.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        said=said,
        wrong=wrong,
        found=found,
        mine=mine.key,
        left=left,
        shortest=passwords.SHORTEST,
    )


def _codes_left(conn: Connection, key: int) -> int:
    r = t.recovery_codes.c
    mine = sa.and_(r.staff_key == key, r.used_at.is_(None))
    return int(conn.execute(sa.select(sa.func.count()).where(mine)).scalar_one())
