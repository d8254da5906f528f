"""The page of an outage that was just declared: what becomes of its messages, and one way back."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from starlette.responses import Response
from starlette.routing import BaseRoute

from console import wording
from console.errors import BadForm
from console.routing import ForPeople
from console.showing import WITH_SCRIPT
from console.visits import Visit, go, page
from notifier import approvals
from notifier.terms import Terms
from outage import desk, register, summary
from outage import tables as t
from outage.clock import business_now
from outage.errors import OutageError, VersionConflictError
from outage.model import Reason
from outage.rights import Right

_LONGEST_VERSION = 9


def routes() -> list[BaseRoute]:
    """Every address of this."""
    right = Right.DISPATCH
    return [
        ForPeople("/declare/{id}", page(shown), right=right, methods=["GET"]),
        ForPeople("/declare/{id}/take-back", page(take_back), right=right, methods=["POST"]),
    ]


def shown(visit: Visit) -> Response:
    """That it is declared, and what becomes of its messages."""
    return _shown(visit)


def take_back(visit: Visit) -> Response:
    """Take the declaration back: who was told is told so, and nobody else is told at all."""
    name, seen = str(visit.request.path_params["id"]), visit.field("version", _LONGEST_VERSION)
    if not seen.isascii() or not seen.isdecimal():
        raise BadForm(problem="it does not say which version was seen")
    try:
        with visit.deed("take-back", name) as deed:
            outage = register.load(deed.conn, name, lock=True)
            deed.about = outage.id
            if outage.version != int(seen):
                raise VersionConflictError(id=outage.id, seen=seen, now=outage.version)
            desk.cancel(deed.conn, outage.id, actor=visit.caller.actor, reason=Reason.MISTAKE)
    except OutageError as refused:
        if wording.is_gone(refused):
            raise
        return _shown(visit, wrong=wording.on_page(refused))
    return go(f"/declare/{outage.id}")


def _shown(visit: Visit, wrong: str = "") -> Response:
    with visit.db.read() as conn:
        facts = summary.summary(conn, str(visit.request.path_params["id"]))
        outage = register.load(conn, facts["id"])
        states, first = _messages(conn, outage.key)
        waiting = [each for each in approvals.open_(conn) if each["outage"] == facts["id"]]
        now = business_now(conn)
    terms: Terms = visit.request.app.state.terms
    goes_at = first
    if goes_at is None and not states and outage.is_open:
        goes_at = datetime.fromisoformat(facts["declared_at"]) + terms.manners.hold
    return visit.page(
        "declared.html",
        status=HTTPStatus.CONFLICT if wrong else HTTPStatus.OK,
        headers=WITH_SCRIPT,
        outage=facts,
        is_open=outage.is_open,
        states=states,
        waiting=waiting,
        goes_at=goes_at,
        left=None if goes_at is None else max(timedelta(0), goes_at - now),
        mode=str(visit.settings.send),
        wrong=wrong,
    )


def _messages(conn: Connection, outage_key: int) -> tuple[dict[str, int], datetime | None]:
    """Messages of an outage by state, and when the first that waits is to go."""
    m = t.messages.c
    rows = conn.execute(
        sa.select(
            m.state,
            sa.func.count().label("number"),
            sa.func.min(m.send_after, type_=m.send_after.type).label("first"),
        )
        .where(m.outage_key == outage_key)
        .group_by(m.state)
    ).all()
    first: dict[str, datetime] = {row.state: row.first for row in rows}
    return {row.state: row.number for row in rows}, first.get("pending")
