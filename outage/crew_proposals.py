"""What a crew may not do by itself, waiting for a dispatcher (DECISIONS 13, 14).

A restoration of many and an estimated time for many; and a restoration that was seen before the
outage was reopened or became another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import commands as c
from outage import desk, register, still_out
from outage import tables as t
from outage.clock import business_now
from outage.crew_changes import is_another_since
from outage.crew_links import Link
from outage.errors import DecidedAlreadyError, UnknownProposalError
from outage.model import OPEN, Actor, EtrSource, Outage, OutageId, Reason


class Kind(StrEnum):
    """What is proposed."""

    RESTORED = "restored"
    ETR = "etr"


class Why(StrEnum):
    """Why it waits."""

    LARGE = "large"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One proposal. ``said`` is what the desk is given if a dispatcher agrees."""

    key: int
    outage_id: OutageId
    by: str
    """The link, as the journal has it."""
    label: str
    kind: Kind
    said: Mapping[str, Any]
    why: Why
    premises: int
    observed_at: datetime
    at: datetime
    agreed: bool | None


_P, _L, _O = t.crew_proposals, t.crew_links, t.outages


def propose(
    conn: Connection,
    link: Link,
    kind: Kind,
    said: Mapping[str, Any],
    *,
    why: Why,
    premises: int,
    observed_at: datetime,
) -> int:
    """Put a proposal on record; what of the same link it says anew gives way to it.

    A part that is back says nothing of another part, which goes on waiting.
    """
    now, written = business_now(conn), json.dumps(said)
    same = sa.and_(_P.c.link_key == link.key, _P.c.kind == kind, _P.c.agreed.is_(None))
    if "premises" in said:
        same = sa.and_(same, _P.c.said == written)
    conn.execute(
        _P.update().where(same).values(agreed=False, decided_at=now, decided_by=str(link.actor))
    )
    key: int = conn.execute(
        _P.insert()
        .values(
            link_key=link.key,
            outage_key=link.outage_key,
            kind=str(kind),
            said=written,
            why=str(why),
            premises=premises,
            observed_at=observed_at,
            at=now,
        )
        .returning(_P.c.key)
    ).scalar_one()
    return key


def waiting(conn: Connection, *, limit: int, outage_key: int | None = None) -> list[Proposal]:
    """Return those that nobody has decided on, oldest first; of one outage or of all.

    Of an outage that is over there is nothing left to decide.
    """
    still = sa.and_(_P.c.agreed.is_(None), _O.c.status.in_([str(status) for status in OPEN]))
    statement = _select().where(still).order_by(_P.c.key).limit(limit)
    if outage_key is not None:
        statement = statement.where(_P.c.outage_key == outage_key)
    return [_proposal(row) for row in conn.execute(statement)]


def agree(conn: Connection, key: int, *, actor: Actor) -> Proposal:
    """Do what was proposed, as the dispatcher's own word.

    Raises `UnknownProposalError`, `DecidedAlreadyError`, and whatever the desk refuses it with:
    then it still waits.
    """
    found = _undecided(conn, key)
    if found.kind is Kind.ETR:
        _give_etr(conn, found, actor)
    else:
        _restore(conn, found, actor)
    return _decide(conn, found, actor, agreed=True)


def refuse(conn: Connection, key: int, *, actor: Actor) -> Proposal:
    """Let it come to nothing. Raises as `agree` does."""
    return _decide(conn, _undecided(conn, key), actor, agreed=False)


def _give_etr(conn: Connection, found: Proposal, actor: Actor) -> None:
    said = found.said
    given = c.GivenEtr(
        latest=datetime.fromisoformat(said["latest"]),
        earliest=datetime.fromisoformat(said["earliest"]) if said.get("earliest") else None,
        source=EtrSource.CREW,
        reason=Reason(said["reason"]) if said.get("reason") else None,
    )
    report = c.Report(observed_at=business_now(conn), etr=given)
    desk.report_progress(conn, found.outage_id, report, actor=actor)


def _restore(conn: Connection, found: Proposal, actor: Actor) -> Outage:
    premises = found.said.get("premises")
    key = register.load(conn, found.outage_id).key
    # Reopened since, it cannot have been back since then.
    is_old = found.why is Why.CHANGED or is_another_since(conn, key, found.observed_at)
    return desk.restore(
        conn,
        found.outage_id,
        actor=actor,
        shape=None if premises is None else still_out.listed(conn, premises),
        at=None if is_old else found.observed_at,
    )


def _undecided(conn: Connection, key: int) -> Proposal:
    row = conn.execute(_select().where(_P.c.key == key)).first()
    if row is None:
        raise UnknownProposalError(key=key)
    if row.agreed is not None:
        raise DecidedAlreadyError(key=key, by=row.decided_by)
    return _proposal(row)


def _decide(conn: Connection, found: Proposal, actor: Actor, *, agreed: bool) -> Proposal:
    mine = sa.and_(_P.c.key == found.key, _P.c.agreed.is_(None))
    values = {"agreed": agreed, "decided_at": business_now(conn), "decided_by": str(actor)}
    if conn.execute(_P.update().where(mine).values(**values)).rowcount != 1:
        raise DecidedAlreadyError(key=found.key, by="somebody else")
    return found


def _select() -> sa.Select[Any]:
    return (
        sa.select(_P, _O.c.id.label("outage_id"), _L.c.label)
        .join(_O, _O.c.key == _P.c.outage_key)
        .join(_L, _L.c.key == _P.c.link_key)
    )


def _proposal(row: sa.Row[Any]) -> Proposal:
    return Proposal(
        key=row.key,
        outage_id=row.outage_id,
        by=f"crew:link-{row.link_key}",
        label=row.label,
        kind=Kind(row.kind),
        said=json.loads(row.said),
        why=Why(row.why),
        premises=row.premises,
        observed_at=row.observed_at,
        at=row.at,
        agreed=row.agreed,
    )
