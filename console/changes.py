"""What each request to change something does at the desk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from console import bodies
from console.access import Caller
from console.errors import NoPartSaid, NoPlace, NothingSaid
from outage import commands as c
from outage import desk, regrouping, taking_back
from outage.clock import business_now
from outage.model import (
    EtrSource,
    MatchedShape,
    Outage,
    OutageId,
    OutageKey,
    Parting,
    Reason,
)
from outage.rights import Right


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One checked request: about which outage, with which body and shape, by whom."""

    id: str
    message: int
    """Key of the message it is about, 0 for none."""
    body: Any
    caller: Caller
    shape: MatchedShape | None
    parting: Parting | None = None


def declare(limit: int) -> Callable[..., Outage]:
    """Put a new outage on record; ``limit`` is how many it may reach."""

    def do(conn: Connection, asked: Asked) -> Outage:
        if asked.shape is None and not asked.body.allow_empty:
            raise NoPlace(ways=", ".join(bodies.WAYS))
        command = c.Declare(
            key=OutageKey(0),
            id=OutageId(""),
            service=asked.body.service,
            kind=asked.body.kind,
            cause=asked.body.cause,
            place=asked.body.place,
            predicted=asked.body.predicted,
            started_at=asked.body.started_at,
            planned_start=asked.body.planned_start,
            planned_end=asked.body.planned_end,
            etr=_etr(asked.body.etr, asked.caller),
        )
        return desk.declare(
            conn,
            command,
            actor=asked.caller.actor,
            shape=asked.shape,
            allow_empty=asked.body.allow_empty,
            max_premises=limit,
        )

    return do


def revise(limit: int) -> Callable[..., Outage]:
    """Change declared facts."""

    def do(conn: Connection, asked: Asked) -> Outage:
        command = c.Revise(
            cause=asked.body.cause,
            place=asked.body.place,
            started_at=asked.body.started_at,
            planned_start=asked.body.planned_start,
            planned_end=asked.body.planned_end,
        )
        if command == c.Revise() and asked.shape is None:
            raise NothingSaid
        return desk.revise(
            conn,
            asked.id,
            command,
            actor=asked.caller.actor,
            shape=asked.shape,
            allow_empty=asked.body.allow_empty,
            max_premises=limit,
            seen_version=asked.body.version,
        )

    return do


def update(conn: Connection, asked: Asked) -> desk.Reported:
    """Record progress; a crew's words for the public wait for a dispatcher."""
    if not asked.body.says_something:
        raise NothingSaid
    report = c.Report(
        observed_at=asked.body.observed_at or business_now(conn),
        crew_status=asked.body.crew_status,
        crew_reason=asked.body.crew_reason,
        crew_eta=asked.body.crew_eta,
        etr=_etr(asked.body.etr, asked.caller),
        withdraw_etr=asked.body.withdraw_etr,
        next_update_by=asked.body.next_update_by,
    )
    return desk.report_progress(
        conn,
        asked.id,
        report,
        actor=asked.caller.actor,
        note=asked.body.note,
        public_message=asked.body.public_message,
        approve_message=asked.caller.may(Right.DISPATCH),
    )


def approve(conn: Connection, asked: Asked) -> Outage:
    """Let the public see what a crew proposed."""
    return desk.approve(conn, asked.id, asked.message, actor=asked.caller.actor)


def restore(conn: Connection, asked: Asked) -> Outage:
    """Record a restoration step."""
    return desk.restore(
        conn,
        asked.id,
        actor=asked.caller.actor,
        shape=asked.shape,
        at=asked.body.at,
        allow_empty=asked.body.allow_empty,
    )


def confirm(conn: Connection, asked: Asked) -> Outage:
    """Say that a predicted outage is real."""
    return desk.confirm(conn, asked.id, actor=asked.caller.actor, started_at=asked.body.started_at)


def reject(conn: Connection, asked: Asked) -> Outage:
    """Say that a predicted outage is none."""
    return desk.reject(
        conn, asked.id, actor=asked.caller.actor, reason=asked.body.reason or Reason.MISTAKE
    )


def start(conn: Connection, asked: Asked) -> Outage:
    """Say that planned work has begun."""
    return desk.start(conn, asked.id, actor=asked.caller.actor, at=asked.body.at)


def reopen(conn: Connection, asked: Asked) -> Outage:
    """Take the last restoration back."""
    return desk.reopen(
        conn, asked.id, actor=asked.caller.actor, reason=asked.body.reason or Reason.STILL_OUT
    )


def merge(limit: int) -> Callable[..., Outage]:
    """Let the outage go on under another one."""

    def do(conn: Connection, asked: Asked) -> Outage:
        return regrouping.merge(
            conn,
            asked.id,
            into=asked.body.into,
            actor=asked.caller.actor,
            shape=asked.shape,
            max_premises=limit,
        )

    return do


def split(conn: Connection, asked: Asked) -> tuple[Outage, Outage]:
    """Let a part of the outage go on as a new one."""
    if asked.parting is None:
        raise NoPartSaid(ways=", ".join(bodies.WAYS))
    return regrouping.split(conn, asked.id, asked.parting, actor=asked.caller.actor)


def cancel(conn: Connection, asked: Asked) -> Outage:
    """Say that there never was such an outage."""
    return desk.cancel(
        conn, asked.id, actor=asked.caller.actor, reason=asked.body.reason or Reason.MISTAKE
    )


def take_back(conn: Connection, asked: Asked) -> Outage:
    """Let the outage be again as it was before its last change."""
    return taking_back.take_back(conn, asked.id, actor=asked.caller.actor)


def close(conn: Connection, asked: Asked) -> Outage:
    """Put an outage that is over away."""
    return desk.close(
        conn, asked.id, actor=asked.caller.actor, reason=asked.body.reason or Reason.DONE
    )


def _etr(given: bodies.EtrBody | None, caller: Caller) -> c.GivenEtr | None:
    if given is None:
        return None
    dispatches = caller.may(Right.DISPATCH)
    source = EtrSource.DISPATCHER if dispatches else EtrSource.CREW
    return c.GivenEtr(source=source, **_facts(given))


def _facts(body: bodies.EtrBody) -> dict[str, Any]:
    return {name: getattr(body, name) for name in type(body).model_fields}
