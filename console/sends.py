"""Large sends that wait for a second person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from sqlalchemy.engine import Connection
from starlette.responses import Response
from starlette.routing import BaseRoute

from console.errors import BadForm
from console.people import called
from console.routing import ForPeople
from console.visits import Visit, fresh, go, page
from notifier import approvals, stopping
from notifier.errors import NotifierError
from outage.clock import business_now
from outage.model import Actor
from outage.rights import Right

ALONE_FOR = timedelta(days=1)
"""How long everybody here is told that somebody let a large send go alone."""


def routes() -> list[BaseRoute]:
    """Every address of this."""
    right = Right.SEND
    return [
        ForPeople("/sends", page(waiting), right=right, methods=["GET"]),
        ForPeople("/sends/{key:int}", page(fresh(decide)), right=right, methods=["POST"]),
    ]


def waiting(visit: Visit) -> Response:
    """Those that wait, and those that one person let go alone."""
    return _waiting(visit)


def decide(visit: Visit) -> Response:
    """Let one go, hold it, or withdraw it."""
    why, number = visit.field("why", stopping.LONGEST_WHY), visit.number()
    alone = visit.field("break_glass", 3) == "yes"

    def approve(conn: Connection, by: Actor) -> dict[str, Any]:
        return approvals.approve(conn, number, actor=by, break_glass=alone, why=why)

    def hold(conn: Connection, by: Actor) -> dict[str, Any]:
        return approvals.hold(conn, number, actor=by, why=why)

    def withdraw(conn: Connection, by: Actor) -> dict[str, Any]:
        return approvals.withdraw(conn, number, actor=by, why=why)

    acts: dict[str, Callable[[Connection, Actor], dict[str, Any]]] = {
        "approve": approve,
        "hold": hold,
        "withdraw": withdraw,
    }
    what = visit.field("do", 20)
    if what not in acts:
        raise BadForm(problem=f"do must be one of {', '.join(acts)}")
    try:
        with visit.deed(what, f"send:{number}") as deed:
            found = acts[what](deed.conn, visit.caller.actor)
            deed.detail = deed.detail | {"state": found["state"]}
    except NotifierError as refused:
        return _waiting(visit, str(refused))
    return go("/sends")


def _waiting(visit: Visit, wrong: str = "") -> Response:
    with visit.db.read() as conn:
        found, names = approvals.open_(conn), called(conn)
        alone = approvals.alone_since(conn, business_now(conn) - ALONE_FOR)
    return visit.page(
        "sends.html",
        status=HTTPStatus.CONFLICT if wrong else HTTPStatus.OK,
        found=found,
        alone=alone,
        names=names,
        wrong=wrong,
    )
