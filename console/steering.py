"""What dispatchers do to one outage by the forms of its page (`console.outages`).

Each form carries the version it was made from. Whoever changed the outage meanwhile is not
overwritten: nothing is done, and the page says what has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from sqlalchemy.engine import Connection

from console import terms
from console.desk import Desk
from console.errors import BadForm, Moved
from console.reading import DIGITS
from console.visits import Visit
from gis.membership.parting import together
from outage import commands as c
from outage import desk, register, regrouping, taking_back
from outage.clock import business_now
from outage.desk import Reported
from outage.errors import UnknownOutageError
from outage.model import Actor, Cause, Confidence, CrewStatus, EtrSource, Outage, Reason
from outage.rights import Right

LONGEST_NOTE, LONGEST_PUBLIC, LONGEST_PLACE = 600, 480, 200
Done = Outage | Reported
Do = Callable[[Connection, str, Actor], Done]
Code = TypeVar("Code", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One form: the right it needs, what it is called on the audit log, and how it is read.

    ``two``: it locks a second outage too, in an order of its own.
    """

    right: Right
    action: str
    read: Callable[[Visit], Do]
    two: bool = False


def carry_out(visit: Visit, act: Act) -> Done:
    """Do it, unless the outage has moved on since the form was made. Raises `Moved`."""
    name, seen = visit.request.path_params["id"], _seen(visit)
    do = act.read(visit)
    with visit.deed(act.action, name) as deed:
        # Whoever locks two of them locks them in one order, or two such would wait for each other.
        outage = register.load(deed.conn, name, lock=not act.two)
        deed.about = outage.id
        if outage.version != seen:
            raise Moved
        done = do(deed.conn, outage.id, visit.caller.actor)
        if act.two and isinstance(done, Outage) and done.version != seen + 1:
            raise Moved
        return done


def _seen(visit: Visit) -> int:
    given = visit.field("version", DIGITS)
    if not given.isascii() or not given.isdecimal():
        raise BadForm(problem="it does not say which version of the outage it was made from")
    return int(given)


def _update(visit: Visit) -> Do:
    note, public = _text(visit, "note", LONGEST_NOTE), _text(visit, "public", LONGEST_PUBLIC)
    status = _code(visit, "crew_status", CrewStatus)
    reason, eta = _code(visit, "crew_reason", Reason), _time(visit, "crew_eta")
    etr, withdraw = _etr(visit), visit.field("withdraw_etr", 3) == "yes"
    update_by = _time(visit, "next_update_by")
    if not any((note, public, status, reason, eta, etr, withdraw, update_by)):
        raise BadForm(problem="say at least one thing")
    dispatches = visit.caller.may(Right.DISPATCH)

    def do(conn: Connection, name: str, by: Actor) -> Reported:
        report = c.Report(
            observed_at=business_now(conn),
            crew_status=status,
            crew_reason=reason,
            crew_eta=eta,
            etr=etr,
            withdraw_etr=withdraw,
            next_update_by=update_by,
        )
        return desk.report_progress(
            conn,
            name,
            report,
            actor=by,
            note=note,
            public_message=public,
            approve_message=dispatches,
        )

    return do


def _etr(visit: Visit) -> c.GivenEtr | None:
    latest, earliest = _time(visit, "etr_latest"), _time(visit, "etr_earliest")
    if latest is None:
        if earliest is not None:
            raise BadForm(problem="an earliest time needs a latest one")
        return None
    dispatches = visit.caller.may(Right.DISPATCH)
    return c.GivenEtr(
        latest=latest,
        earliest=earliest,
        confidence=_code(visit, "etr_confidence", Confidence) or Confidence.MEDIUM,
        source=EtrSource.DISPATCHER if dispatches else EtrSource.CREW,
        reason=_code(visit, "etr_reason", Reason),
        published=visit.field("etr_hidden", 3) != "yes",
    )


def _facts(visit: Visit) -> Do:
    command = c.Revise(
        cause=_code(visit, "cause", Cause),
        # An empty field takes the words away; no field says nothing of them.
        place=_text(visit, "place", LONGEST_PLACE) if "place" in visit.form else None,
        started_at=_time(visit, "started_at"),
        planned_start=_time(visit, "planned_start"),
        planned_end=_time(visit, "planned_end"),
    )
    return lambda conn, name, by: desk.revise(conn, name, command, actor=by)


def _confirm(visit: Visit) -> Do:
    at = _time(visit, "at")
    return lambda conn, name, by: desk.confirm(conn, name, actor=by, started_at=at)


def _start(visit: Visit) -> Do:
    at = _time(visit, "at")
    return lambda conn, name, by: desk.start(conn, name, actor=by, at=at)


def _restore(visit: Visit) -> Do:
    at = _time(visit, "at")
    return lambda conn, name, by: desk.restore(conn, name, actor=by, at=at)


def _reasoned(do: Callable[..., Outage], usual: Reason) -> Callable[[Visit], Do]:
    def read(visit: Visit) -> Do:
        reason = _code(visit, "reason", Reason) or usual
        return lambda conn, name, by: do(conn, name, actor=by, reason=reason)

    return read


def _take_back(_visit: Visit) -> Do:
    return lambda conn, name, by: taking_back.take_back(conn, name, actor=by)


def _merge(visit: Visit) -> Do:
    name, into = visit.request.path_params["id"], visit.field("into", 40)
    with visit.db.read() as conn:
        try:
            heir = register.load(conn, into).id
        except UnknownOutageError as error:
            raise BadForm(problem=f"there is no outage {into or 'without an id'}") from error
    kept: Desk = visit.request.app.state.desk
    shape = together(visit.db, kept.matcher, name, heir)
    most = visit.settings.max_recipients
    return lambda conn, one, by: regrouping.merge(
        conn, one, into=heir, actor=by, shape=shape, max_premises=most
    )


def _approve(visit: Visit) -> Do:
    key = visit.field("message", DIGITS)
    if not key.isascii() or not key.isdecimal():
        raise BadForm(problem="it does not say which message")
    return lambda conn, name, by: desk.approve(conn, name, int(key), actor=by)


ACTS: Mapping[str, Act] = {
    "update": Act(right=Right.REPORT, action="update", read=_update),
    "facts": Act(right=Right.DISPATCH, action="revise", read=_facts),
    "confirm": Act(right=Right.DISPATCH, action="confirm", read=_confirm),
    "reject": Act(
        right=Right.DISPATCH, action="reject", read=_reasoned(desk.reject, Reason.MISTAKE)
    ),
    "start": Act(right=Right.DISPATCH, action="start", read=_start),
    "restore": Act(right=Right.DISPATCH, action="restore", read=_restore),
    "reopen": Act(
        right=Right.DISPATCH, action="reopen", read=_reasoned(desk.reopen, Reason.STILL_OUT)
    ),
    "cancel": Act(
        right=Right.DISPATCH, action="cancel", read=_reasoned(desk.cancel, Reason.MISTAKE)
    ),
    "close": Act(right=Right.DISPATCH, action="close", read=_reasoned(desk.close, Reason.DONE)),
    "take-back": Act(right=Right.DISPATCH, action="take-back", read=_take_back),
    "merge": Act(right=Right.DISPATCH, action="merge", read=_merge, two=True),
    "approve": Act(right=Right.DISPATCH, action="approve message", read=_approve),
}
"""Every form of the page, by the last part of its address."""


def _text(visit: Visit, name: str, longest: int) -> str:
    """Words that somebody has typed, on as many lines as they like."""
    given = " ".join(visit.form.get(name, "").split())
    if len(given) > longest or not given.isprintable():
        raise BadForm(problem=f"{name} is longer than {longest} signs, or cannot be shown")
    return given


def _code(visit: Visit, name: str, kind: type[Code]) -> Code | None:
    given = visit.field(name, 40)
    if not given:
        return None
    try:
        return kind(given)
    except ValueError as error:
        raise BadForm(problem=f"{name} must be one of {', '.join(kind)}") from error


def _time(visit: Visit, name: str) -> datetime | None:
    return terms.moment(visit.field(name, 40), visit.showing.zone, name.replace("_", " "))
