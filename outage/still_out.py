"""Somebody who was told "restored" says it is not: their premise goes on, and no other.

Where neighbours say so too, a nested outage is proposed: predicted, so that nobody is told and
nothing counts until a dispatcher confirms it. Call inside one transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import commands as c
from outage import desk, register, reports, where
from outage import tables as t
from outage.model import (
    Actor,
    Kind,
    MatchedShape,
    Outage,
    OutageId,
    OutageKey,
    Reason,
    Status,
)
from outage.reports import CustomerReport, ReportKind

SOURCE = "replies"
"""Source of outages that are proposed because of what customers say."""
NEIGHBOURS = 2
"""So many premises of a transformer, or of a street, are more than one house's own fault."""


def take(
    conn: Connection, report: CustomerReport, restoration_key: int, *, actor: Actor
) -> OutageKey | None:
    """Let the premise's interruption go on; return the nested outage that it is proposed in."""
    outage, proposal = _locked(conn, report)
    desk.still_out(conn, outage.id, restoration_key, [report.premise_key], actor=actor)
    key = reports.write_down(conn, report)
    proposed = _propose(conn, outage, proposal, report, actor)
    reports.tell(conn, key, report, actor=actor)
    return proposed


def take_back(
    conn: Connection, report: CustomerReport, ended: Sequence[int], *, actor: Actor
) -> None:
    """Let the premise be restored again: whoever said "still out" says that it is back.

    ``ended`` are the reports that end with it. While another phone still says "still out" of the
    premise, its interruption goes on.
    """
    outage, proposal = _locked(conn, report)
    reports.end(conn, ended)
    others = [
        one
        for one in reports.open_reports(
            conn, premises=[report.premise_key], since=outage.declared_at
        )
        if one.kind is ReportKind.STILL_OUT and one.outage_key == outage.key
    ]
    if not others and outage.status is Status.PARTIALLY_RESTORED:
        desk.restore(conn, outage.id, actor=actor, shape=listed(conn, [report.premise_key]))
    key = reports.write_down(conn, report)
    _propose(conn, outage, proposal, report, actor)
    reports.tell(conn, key, report, actor=actor)


def listed(conn: Connection, premises: Sequence[int]) -> MatchedShape:
    """Return these premises as a place that the desk takes."""
    place = where.Listed(premises=tuple(sorted(premises)))
    version = conn.execute(sa.select(sa.func.max(t.premises_versions.c.version))).scalar()
    return MatchedShape(
        wkb=b"",
        digest=where.digest(place),
        vertices=0,
        premise_count=len(premises),
        premises_version=version or 0,
        spec=where.to_spec(place),
    )


def _locked(conn: Connection, report: CustomerReport) -> tuple[Outage, Outage | None]:
    """The outage and the proposal that stands, locked in one order before anything is appended."""
    assert report.outage_key is not None  # noqa: S101 whoever calls knows it
    found = register.load_key(conn, report.outage_key)
    proposed = conn.execute(
        sa.select(t.outages.c.key).where(
            t.outages.c.source == SOURCE,
            t.outages.c.source_id.startswith(_group(conn, found, report.premise_key)),
            t.outages.c.status == Status.PREDICTED,
        )
    ).scalar()
    keys = sorted(filter(None, (found.key, proposed)))
    locked = {key: register.load_key(conn, key, lock=True) for key in keys}
    return locked[found.key], None if proposed is None else locked[proposed]


def _group(conn: Connection, outage: Outage, premise_key: int) -> str:
    """Name a premise's neighbourhood within an outage: its transformer, else its street."""
    row = conn.execute(t.premises.select().where(t.premises.c.key == premise_key)).one()
    near = f"transformer {row.transformer}" if row.transformer else f"street {row.street}"
    if not row.transformer and not row.street:
        near = f"premise {premise_key}"
    digest = hashlib.sha256(f"{near}/{row.postal_code}".encode()).hexdigest()[:12]
    return f"{outage.id}/{digest}/"


def _near(conn: Connection, premise_key: int) -> sa.ColumnElement[bool]:
    p = t.premises.c
    row = conn.execute(t.premises.select().where(p.key == premise_key)).one()
    code = p.postal_code.is_not_distinct_from(row.postal_code)
    if row.transformer:
        return sa.and_(p.transformer == row.transformer, code)
    if row.street:
        return sa.and_(p.transformer.is_(None), p.street == row.street, code)
    return p.key == premise_key


def _propose(
    conn: Connection,
    outage: Outage,
    proposal: Outage | None,
    report: CustomerReport,
    actor: Actor,
) -> OutageKey | None:
    """Let the nested outage hold whoever of the neighbourhood is still out."""
    r = t.reports.c
    of_outage = sa.and_(
        r.kind == ReportKind.STILL_OUT, r.outage_key == outage.key, r.ended_at.is_(None)
    )
    members = sorted(
        conn.execute(
            sa.select(r.premise_key)
            .distinct()
            .join(t.premises, t.premises.c.key == r.premise_key)
            .where(of_outage, _near(conn, report.premise_key))
        ).scalars()
    )
    if len(members) < NEIGHBOURS:
        if proposal is not None:
            desk.reject(conn, proposal.id, actor=actor, reason=Reason.DONE)
        return None
    place = listed(conn, members)
    if proposal is None:
        proposal = _declare(conn, outage, report, place, actor)
    elif proposal.shape_digest != place.digest:
        desk.revise(conn, proposal.id, c.Revise(), actor=actor, shape=place)
    conn.execute(
        t.reports.update()
        .where(of_outage, r.premise_key.in_(members))
        .values(proposal_key=proposal.key)
    )
    return proposal.key


def _declare(
    conn: Connection, outage: Outage, report: CustomerReport, place: MatchedShape, actor: Actor
) -> Outage:
    group = _group(conn, outage, report.premise_key)
    before: Any = conn.execute(
        sa.select(sa.func.count())
        .select_from(t.outages)
        .where(t.outages.c.source == SOURCE, t.outages.c.source_id.startswith(group))
    ).scalar()
    return desk.declare(
        conn,
        c.Declare(
            key=OutageKey(0),
            id=OutageId(""),
            service=outage.service,
            kind=Kind.UNPLANNED,
            started_at=outage.started_at,
            predicted=True,
            source=SOURCE,
            source_id=f"{group}{before + 1}",
        ),
        actor=actor,
        shape=place,
    )
