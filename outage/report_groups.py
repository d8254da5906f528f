"""What customers report, gathered by place and time for the desk: one statement, whatever its size.

A place is what feeds the premise, where that is on record, else its street; of a report without a
premise its point to about a kilometre, else what was written. Reports of one place are one group as
long as no more than half an hour lies between one and the next.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.clock import business_now
from outage.columns import from_ms, to_ms
from outage.model import Service
from outage.reports import ReportKind

LOOKED_BACK = timedelta(hours=24)
GAP = timedelta(minutes=30)
_A_KILOMETRE = 100
"""Parts of a degree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What somebody has added to a report: a note, or a number to be called back at."""

    key: int
    at: datetime
    wrong: str
    note: str
    callback: str | None
    danger: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Reports of one place, without a long pause between them.

    Attributes:
        place: what feeds it, its street and town, a point, or what was written.
        premises: how many different ones; those that nobody found count nothing.
        dangers: how many of them tell of danger.
        words: what was added, newest first.
    """

    place: str
    service: Service
    first_at: datetime
    last_at: datetime
    reports: int
    premises: int
    dangers: int
    words: tuple[Word, ...]


def groups(
    conn: Connection, *, since: timedelta = LOOKED_BACK, limit: int = 1_000, words: bool = True
) -> list[Group]:
    """Return what was reported lately: danger first, then the newest.

    Without ``words`` it is not looked for what people have added.
    """
    every = _every(business_now(conn) - since)
    rows = conn.execute(_grouped(every).limit(limit)).all()
    added = _words(conn, every) if words else defaultdict(list)
    return [
        Group(
            place=row.place,
            service=Service(row.service),
            first_at=from_ms(row.first_at),
            last_at=from_ms(row.last_at),
            reports=row.reports,
            premises=row.premises,
            dangers=row.dangers,
            words=tuple(
                word
                for word in added[row.place, row.service]
                if row.first_at <= to_ms(word.at) <= row.last_at
            ),
        )
        for row in rows
    ]


def _every(since: datetime) -> sa.CTE:
    """Every report since then, by whichever way it came, with its place."""
    r, p, w = t.reports, t.premises, t.public_reports
    of_customers = (
        sa.select(
            _place(),
            r.c.service,
            sa.type_coerce(r.c.at, sa.BigInteger).label("at"),
            r.c.premise_key,
            w.c.danger,
            w.c.key.label("public_key"),
        )
        .select_from(r.join(p, p.c.key == r.c.premise_key).outerjoin(w, w.c.report_key == r.c.key))
        .where(r.c.at >= since, r.c.kind != ReportKind.ON, r.c.ended_at.is_(None))
    )
    of_others = (
        sa.select(
            _place(),
            w.c.service,
            sa.type_coerce(w.c.at, sa.BigInteger).label("at"),
            w.c.premise_key,
            w.c.danger,
            w.c.key.label("public_key"),
        )
        .select_from(w.outerjoin(p, p.c.key == w.c.premise_key))
        .where(w.c.at >= since, w.c.report_key.is_(None))
    )
    return sa.union_all(of_customers, of_others).cte("every_report")


def _place() -> sa.ColumnElement[str]:
    p, w = t.premises.c, t.public_reports.c
    town = sa.case((p.city == "", ""), else_=sa.literal(", ") + p.city)
    east, north = (
        sa.cast(sa.func.round(column * _A_KILOMETRE) / _A_KILOMETRE, sa.String)
        for column in (w.longitude, w.latitude)
    )
    return sa.func.coalesce(
        p.transformer, p.street + town, north + ", " + east, p.id, w.written
    ).label("place")


def _grouped(every: sa.CTE) -> sa.Select[tuple[str, str, int, int, int, int, int]]:
    e = every.c
    before = sa.func.lag(e.at).over(
        partition_by=[e.place, e.service], order_by=[e.at, e.public_key]
    )
    begins = sa.case((e.at - before > _in_ms(GAP), 1), else_=0)
    marked = sa.select(every, begins.label("begins")).cte("marked")
    m = marked.c
    number = sa.func.sum(m.begins).over(
        partition_by=[m.place, m.service], order_by=[m.at, m.public_key]
    )
    numbered = sa.select(marked, number.label("number")).cte("numbered")
    n = numbered.c
    dangers, last = sa.func.count(n.danger), sa.func.max(n.at)
    return (
        sa.select(
            n.place,
            n.service,
            sa.func.min(n.at).label("first_at"),
            last.label("last_at"),
            sa.func.count().label("reports"),
            sa.func.count(n.premise_key.distinct()).label("premises"),
            dangers.label("dangers"),
        )
        .group_by(n.place, n.service, n.number)
        .order_by(sa.case((dangers > 0, 0), else_=1), last.desc(), n.place)
    )


def _in_ms(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)


def _words(conn: Connection, every: sa.CTE) -> dict[tuple[str, str], list[Word]]:
    w = t.public_reports.c
    rows = conn.execute(
        sa.select(every.c.place, w.service, w.key, w.at, w.wrong, w.note, w.callback, w.danger)
        .join(every, every.c.public_key == w.key)
        .where(sa.or_(w.note != "", w.callback.is_not(None), w.danger.is_not(None)))
        .order_by(w.key.desc())
    )
    found: dict[tuple[str, str], list[Word]] = defaultdict(list)
    for row in rows:
        found[row.place, row.service].append(
            Word(
                key=row.key,
                at=row.at,
                wrong=row.wrong,
                note=row.note,
                callback=row.callback,
                danger=row.danger,
            )
        )
    return found
