"""One outage: everything about it, and each command on it as a form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from starlette.responses import Response
from starlette.routing import BaseRoute

from console import delivery, steering, telling, terms, wording
from console.board import SCRIPTED
from console.errors import BadForm, Moved
from console.people import called
from console.routing import ForPeople
from console.steering import ACTS, Act
from console.visits import Visit, go, page
from gis.errors import GisError
from outage import crew_proposals, register, taking_back
from outage import tables as t
from outage.clock import business_now
from outage.desk import Reported
from outage.errors import ForbiddenError, NotSignedInError, OutageError, UnknownOutageError
from outage.model import Cause, Confidence, CrewStatus, Kind, Outage, Reason, Status
from outage.rights import Right

SAID = {"done": "Done.", "recorded": "Recorded, not applied: something newer is known."}
ETR_REASONS = (
    Reason.MORE_DAMAGE,
    Reason.ACCESS,
    Reason.WEATHER,
    Reason.PARTS,
    Reason.SAFETY,
    Reason.PRIORITY,
    Reason.SUSPENDED,
    Reason.OTHER,
)
END_REASONS = (Reason.MISTAKE, Reason.WRONG_AREA, Reason.DONE, Reason.OTHER)
_HIDDEN = {"csrf", "version"}
_Rows = sa.Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A fact that somebody changed: what it was, and what it is."""

    name: str
    was: str
    now: str


def routes() -> list[BaseRoute]:
    """Every address of this."""
    one = "/outages/{id}"
    return [
        ForPeople(one, page(shown), right=Right.SEE, methods=["GET"]),
        ForPeople(f"{one}/now", page(now), right=Right.SEE, methods=["GET"], used=False),
        *(
            ForPeople(
                f"{one}/{name}", page(partial(_do, name, act)), right=act.right, methods=["POST"]
            )
            for name, act in ACTS.items()
        ),
    ]


def shown(visit: Visit) -> Response:
    """The whole page."""
    return _page(visit, said=SAID.get(visit.request.query_params.get("said", ""), ""))


def now(visit: Visit) -> Response:
    """How it stands at this moment, without the forms."""
    with visit.db.read() as conn:
        outage = register.load(conn, visit.request.path_params["id"])
        return visit.page("outage_now.html", headers=SCRIPTED, **_standing(visit, conn, outage))


def _do(name: str, act: Act, visit: Visit) -> Response:
    try:
        done = steering.carry_out(visit, act)
    except Moved:
        return _moved(visit, name)
    except (NotSignedInError, ForbiddenError, UnknownOutageError):
        raise
    except (OutageError, GisError, BadForm) as refused:
        return _page(visit, wrong=wording.refusal(refused), act=name)
    said = "recorded" if isinstance(done, Reported) and done.late else "done"
    outage = done.outage if isinstance(done, Reported) else done
    return go(f"/outages/{outage.id}?said={said}")


def _page(visit: Visit, *, said: str = "", wrong: str = "", act: str = "") -> Response:
    typed = visit.form if act else {}
    with visit.db.read() as conn:
        outage = register.load(conn, visit.request.path_params["id"])
        facts = _standing(visit, conn, outage)
        notes = _waiting_messages(conn, outage)
        proposals = crew_proposals.waiting(conn, limit=9, outage_key=outage.key)
        last = taking_back.offered(conn, outage)
        names = called(conn)
        last_told = telling.told(conn, [last] if last else [], names, visit.showing.when)
        related = _related(conn, outage)
    seen = visit.form.get("version", "") if act else ""
    return visit.page(
        "outage.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        headers=SCRIPTED,
        said=said,
        wrong=wrong,
        act=act,
        version=seen if seen.isdecimal() else outage.version,
        messages=notes,
        proposals=proposals,
        last=last_told[0] if last_told else None,
        related=related,
        typed=lambda form, name, usual="": typed.get(name, usual) if form == act else usual,
        can=_can(outage),
        causes=[str(one) for one in Cause],
        crews=[str(one) for one in CrewStatus],
        confidences=[str(one) for one in Confidence],
        reasons=[str(one) for one in ETR_REASONS],
        ends=[str(one) for one in END_REASONS],
        limits={
            "note": steering.LONGEST_NOTE,
            "public": steering.LONGEST_PUBLIC,
            "place": steering.LONGEST_PLACE,
        },
        moment=datetime.fromisoformat,
        zone=visit.showing.zone.key,
        **facts,
    )


def _standing(visit: Visit, conn: Connection, outage: Outage) -> dict[str, Any]:
    at, names = business_now(conn), called(conn)
    row = conn.execute(t.outages.select().where(t.outages.c.key == outage.key)).one()
    when = visit.showing.when
    known: delivery.Known = visit.request.app.state.known
    versions = conn.execute(
        t.etrs.select().where(t.etrs.c.outage_key == outage.key).order_by(t.etrs.c.version.desc())
    ).all()
    return {
        "outage": outage,
        "row": row,
        "now": at,
        "concerned": known.concerned(conn, outage) if outage.is_open else None,
        "sent": delivery.delivery(conn, outage.key),
        "public": _public_words(conn, outage),
        "etrs": versions,
        "entries": telling.told(conn, telling.newest(conn, outage.key), names, when),
        "most": telling.SHOWN,
        "words": terms.words,
        "may": lambda right: visit.caller.may(Right(right)),
        "called": terms.who(names),
        "distance": lambda then: terms.distance(then, at),
    }


def _can(outage: Outage) -> Mapping[str, bool]:
    """Which forms make sense now; the desk decides all the same."""
    status, planned = outage.status, outage.kind is Kind.PLANNED
    predicted, out = status is Status.PREDICTED, outage.interrupts
    unlisted = status is Status.CLOSED and outage.close_reason is Reason.NO_LONGER_LISTED
    return {
        "update": outage.is_open,
        "facts": outage.is_open,
        "confirm": predicted and not planned,
        "start": predicted and planned,
        "reject": predicted,
        "restore": out,
        "reopen": status in {Status.RESTORED, Status.PARTIALLY_RESTORED} or unlisted,
        "close": status is Status.RESTORED
        or (outage.is_open and outage.unlisted_since is not None),
        "cancel": outage.is_open,
        "merge": outage.is_open,
    }


def _waiting_messages(conn: Connection, outage: Outage) -> list[_Rows]:
    n = t.notes.c
    waits = sa.and_(n.outage_key == outage.key, n.kind == "public_message", n.approved_at.is_(None))
    return list(conn.execute(sa.select(n.key, n.text, n.actor, n.at).where(waits).order_by(n.key)))


def _public_words(conn: Connection, outage: Outage) -> str:
    if outage.public_message_key is None:
        return ""
    n = t.notes.c
    found = conn.execute(sa.select(n.text).where(n.key == outage.public_message_key)).scalar()
    return str(found or "")


def _related(conn: Connection, outage: Outage) -> Mapping[str, str]:
    """The outage that it goes on under, and the one that it was a part of, by their ids."""
    o = t.outages.c
    mine = conn.execute(sa.select(o.merged_into, o.split_from).where(o.key == outage.key)).one()
    return {
        name: conn.execute(sa.select(o.id).where(o.key == key)).scalar() or ""
        for name, key in (("heir", mine.merged_into), ("whole", mine.split_from))
    }


def _moved(visit: Visit, name: str) -> Response:
    """Say what others have changed meanwhile; nothing was done."""
    seen = int(visit.form["version"])
    with visit.db.read() as conn:
        outage = register.load(conn, visit.request.path_params["id"])
        names, when = called(conn), visit.showing.when
        newer = telling.newest(conn, outage.key, after_version=seen)
        entries = telling.told(conn, newer, names, when)
        before: dict[str, object] = {}
        for each in newer:  # the newest first: what the oldest of them replaced stays
            before |= each.data.get("before") or {}
        changes = [
            Change(
                name=telling.FIELDS.get(field, field),
                was=_value(visit, conn, outage, field, was),
                now=_value(visit, conn, outage, field, _is(outage, field)),
            )
            for field, was in before.items()
            if field in telling.FIELDS
        ]
    given = {name: value for name, value in visit.form.items() if name not in _HIDDEN}
    return visit.page(
        "moved.html",
        status=HTTPStatus.CONFLICT,
        outage=outage,
        act=name,
        changes=changes,
        entries=entries,
        given=given,
        words=terms.words,
    )


def _is(outage: Outage, field: str) -> object:
    if field == "etr":
        return None if outage.etr is None else outage.etr.version
    value = getattr(outage, field)
    return value.isoformat() if isinstance(value, datetime) else value


def _value(visit: Visit, conn: Connection, outage: Outage, field: str, value: object) -> str:
    """A fact as it stands in the journal, in words."""
    if value is None:
        return "none"
    if field == "etr":
        e = t.etrs.c
        latest = conn.execute(
            sa.select(e.latest).where(e.outage_key == outage.key, e.version == value)
        ).scalar()
        return visit.showing.when(latest)
    if field == "shape_digest":
        return f"place {str(value)[:8]}"
    if field == "public_message_key":
        text = conn.execute(sa.select(t.notes.c.text).where(t.notes.c.key == value)).scalar()
        return str(text or "")
    if isinstance(value, str):
        try:
            return visit.showing.when(datetime.fromisoformat(value))
        except ValueError:
            return terms.words(value)
    return str(value)
