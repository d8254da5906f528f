"""What customers report of their place: out, still out, on again. Call inside one transaction.

A report by itself changes nothing of an outage: it is on record, in the journal by its number, and
whoever decides looks at it. What "still out" does is in `outage.still_out`.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import journal
from outage import tables as t
from outage.clock import business_now
from outage.model import Actor, JournalKind, Service


class ReportKind(enum.StrEnum):
    """What is reported."""

    OUT = "out"
    STILL_OUT = "stillOut"
    ON = "on"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerReport:
    """One report. ``source`` names what brought it; the same source reports a premise once."""

    kind: ReportKind
    source: str
    premise_key: int
    service: Service
    endpoint_key: int | None = None
    outage_key: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenReport:
    """A report that has not ended."""

    key: int
    kind: ReportKind
    premise_key: int
    service: Service
    outage_key: int | None


def write_down(conn: Connection, report: CustomerReport) -> int:
    """Put a report on record and return its key. `tell` follows, last in the transaction."""
    r = t.reports
    return int(
        conn.execute(
            r.insert()
            .values(
                kind=report.kind,
                source=report.source,
                premise_key=report.premise_key,
                service=report.service,
                endpoint_key=report.endpoint_key,
                outage_key=report.outage_key,
                at=business_now(conn),
                ended_at=business_now(conn) if report.kind is ReportKind.ON else None,
            )
            .returning(r.c.key)
        ).scalar_one()
    )


def tell(conn: Connection, key: int, report: CustomerReport, *, actor: Actor) -> None:
    """Append to the journal that somebody reported: ids and codes only."""
    data: dict[str, Any] = {
        "report": key,
        "kind": report.kind,
        "premise": report.premise_key,
        "service": report.service,
        "outage": report.outage_key,
    }
    journal.append(conn, kind=JournalKind.REPORTED, actor=str(actor), data=data)


def open_reports(
    conn: Connection,
    *,
    premises: Sequence[int],
    since: datetime,
    endpoint_key: int | None = None,
) -> list[OpenReport]:
    """Return the reports of these premises that have not ended, of one endpoint or of all."""
    r = t.reports.c
    statement = sa.select(r.key, r.kind, r.premise_key, r.service, r.outage_key).where(
        r.premise_key.in_(list(premises)), r.ended_at.is_(None), r.at >= since
    )
    if endpoint_key is not None:
        statement = statement.where(r.endpoint_key == endpoint_key)
    return [
        OpenReport(
            key=row.key,
            kind=ReportKind(row.kind),
            premise_key=row.premise_key,
            service=Service(row.service),
            outage_key=row.outage_key,
        )
        for row in conn.execute(statement.order_by(r.key))
    ]


def end(conn: Connection, keys: Sequence[int]) -> None:
    """Let reports hold no longer: taken back, or service is back."""
    conn.execute(
        t.reports.update()
        .where(t.reports.c.key.in_(list(keys)), t.reports.c.ended_at.is_(None))
        .values(ended_at=business_now(conn))
    )
