"""What is known of outages, as JSON values: for the API and `--json`; times as RFC 3339."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from outage import tables as t
from outage.errors import UnknownOutageError
from outage.in_order import InOrder
from outage.model import OPEN, JournalKind

Facts = dict[str, Any]

_PLAIN = (
    "id",
    "service",
    "kind",
    "status",
    "cause",
    "place",
    "crew_status",
    "crew_reason",
    "crew_eta",
    "started_at",
    "planned_start",
    "planned_end",
    "next_update_by",
    "declared_at",
    "updated_at",
    "restored_at",
    "closed_at",
    "close_reason",
    "unlisted_since",
    "source",
    "source_id",
    "silent",
    "version",
)
_ETR = ("version", "earliest", "latest", "confidence", "source", "reason", "published")
_COUNTS = (
    "members",
    "premises_out",
    "accounts_out",
    "premises_restored",
    "premise_count",
    "reported_customers",
)


def summary(conn: Connection, outage_id: str) -> Facts:
    """Return one outage. Raises `UnknownOutageError`."""
    row = conn.execute(_select().where(t.outages.c.id == outage_id.strip().upper()))
    found = row.first()
    if found is None:
        raise UnknownOutageError(id=outage_id)
    return _facts(found)


def summaries(conn: Connection, *, ended: bool, limit: int, after: int = 0) -> Sequence[Facts]:
    """Return outages, oldest first: those that are open, or with ``ended`` all of them.

    ``after`` is the ``key`` of the last one seen before.
    """
    statement = _select().where(t.outages.c.key > after)
    if not ended:
        statement = statement.where(t.outages.c.status.in_([str(status) for status in OPEN]))
    rows = conn.execute(statement.order_by(t.outages.c.key).limit(limit))
    return [_facts(row) | {"key": row.key} for row in rows]


def history(conn: Connection, outage_id: str) -> Facts:
    """Return an outage with its ETRs, notes, restorations and late reports, oldest first."""
    facts = summary(conn, outage_id)
    key = sa.select(t.outages.c.key).where(t.outages.c.id == facts["id"]).scalar_subquery()
    etrs, notes, steps = t.etrs.c, t.notes.c, t.restorations.c
    return facts | {
        "etrs": _rows(
            conn,
            sa.select(*(etrs[name] for name in ("at", *_ETR)))
            .where(etrs.outage_key == key)
            .order_by(etrs.version),
        ),
        "notes": _rows(
            conn,
            sa.select(notes.key, notes.kind, notes.at, notes.actor, notes.text, notes.approved_at)
            .where(notes.outage_key == key)
            .order_by(notes.key),
        ),
        "restorations": _rows(
            conn,
            sa.select(
                steps.at,
                steps.actor,
                steps.shape_digest.is_(None).label("whole"),
                steps.inferred,
                steps.premises,
                steps.taken_back_at,
            )
            .where(steps.outage_key == key)
            .order_by(steps.key),
        ),
        "recorded": _recorded(conn, key),
    }


def overlaps(conn: Connection, outage_id: str) -> Sequence[Facts]:
    """Say how many premises of an open outage are in which other ones of its service too.

    Of whom it still holds, as they do: who has been restored is in it no more.
    """
    mine, theirs = t.memberships.alias("mine"), t.memberships.alias("theirs")
    outage, other = t.outages.alias("outage"), t.outages.alias("other")
    live = (sa.and_(m.c.removed.is_(None), m.c.until.is_(None)) for m in (mine, theirs))
    of_mine = InOrder(outage, mine, mine.c.outage_key == outage.c.key)
    both = InOrder(of_mine, theirs, theirs.c.premise_key == mine.c.premise_key)
    rows = conn.execute(
        sa.select(other.c.id, sa.func.count())
        .select_from(InOrder(both, other, other.c.key == theirs.c.outage_key))
        .where(
            outage.c.id == outage_id,
            other.c.key != outage.c.key,
            other.c.service == outage.c.service,
            *(each.c.status.in_([str(status) for status in OPEN]) for each in (outage, other)),
            *live,
        )
        .group_by(other.c.id)
        .order_by(sa.func.count().desc(), other.c.id)
    )
    return [{"id": name, "premises": premises} for name, premises in rows]


def _select() -> sa.Select[Any]:
    """Outages, with the public ids of those that they go on under or were a part of."""
    heir, whole = t.outages.alias("heir"), t.outages.alias("whole")
    return (
        sa.select(t.outages, heir.c.id.label("heir"), whole.c.id.label("whole"))
        .outerjoin(heir, heir.c.key == t.outages.c.merged_into)
        .outerjoin(whole, whole.c.key == t.outages.c.split_from)
    )


def _recorded(conn: Connection, key: sa.ScalarSelect[Any]) -> list[Facts]:
    """Find what reports said that came too late to be applied (DECISIONS 15)."""
    entries = t.journal.c
    rows = conn.execute(
        sa.select(entries.at, entries.actor, entries.data)
        .where(
            entries.outage_key == key,
            entries.kind == str(JournalKind.PROGRESS),
            entries.data.contains('"late": {'),
        )
        .order_by(entries.number)
    )
    found = []
    for row in rows:
        said = json.loads(row.data)
        found.append(
            {
                "at": as_json(row.at),
                "actor": row.actor,
                "observed_at": said["observed"],
                "said": said["late"],
            }
        )
    return found


def _facts(row: Row[Any]) -> Facts:
    etr = None
    if row.etr_version is not None:
        etr = {name: as_json(getattr(row, f"etr_{name}")) for name in _ETR}
    return (
        {name: as_json(getattr(row, name)) for name in _PLAIN}
        | {"etr": etr, "etr_withdrawn": row.etr_withdrawn}
        | {name: getattr(row, name) for name in _COUNTS}
        | {"counted": row.matched_number is not None}
        | {"merged_into": row.heir, "split_from": row.whole}
    )


def _rows(conn: Connection, statement: sa.Select[Any]) -> list[Facts]:
    return [
        {name: as_json(value) for name, value in row.items()}
        for row in conn.execute(statement).mappings()
    ]


def as_json(value: Any) -> Any:  # noqa: ANN401 a database value becomes a JSON value
    """Return a value as JSON has it."""
    return value.isoformat() if isinstance(value, datetime) else value
