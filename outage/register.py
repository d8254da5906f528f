"""Outages as rows: load, add, save. The desk's way to the tables, and the readers'."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from outage import tables as t
from outage.clock import business_now
from outage.columns import from_ms, to_ms
from outage.errors import UnknownOutageError
from outage.model import (
    Cause,
    Confidence,
    CrewStatus,
    Etr,
    EtrSource,
    Kind,
    MatchedShape,
    Outage,
    OutageId,
    OutageKey,
    Reason,
    Service,
    Status,
)
from outage.where import Drawn, Where, from_spec

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Digits and capitals without those that are read for one another."""

_PLAIN = (
    "key",
    "id",
    "source",
    "source_id",
    "place",
    "started_at",
    "planned_start",
    "planned_end",
    "etr_count",
    "etr_withdrawn",
    "next_update_by",
    "reported_customers",
    "shape_digest",
    "public_message_key",
    "crew_eta",
    "declared_at",
    "updated_at",
    "restored_at",
    "closed_at",
    "unlisted_since",
    "silent",
    "version",
)
_CODED: dict[str, Callable[[str], Any]] = {
    "service": Service,
    "kind": Kind,
    "status": Status,
    "cause": Cause,
    "crew_status": CrewStatus,
    "crew_reason": Reason,
    "close_reason": Reason,
}


def load(conn: Connection, outage_id: str, *, lock: bool = False) -> Outage:
    """Return the outage with this public id, in capitals or not.

    With ``lock`` the row stays ours until commit. Raises `UnknownOutageError`.
    """
    return _load(conn, t.outages.c.id == outage_id.strip().upper(), outage_id, lock=lock)


def load_key(conn: Connection, key: int, *, lock: bool = False) -> Outage:
    """Return the outage with this key. Raises `UnknownOutageError`."""
    return _load(conn, t.outages.c.key == key, str(key), lock=lock)


def find_source(conn: Connection, source: str, source_id: str) -> Outage | None:
    """Return the outage that a feed knows by this id, or None."""
    row = (
        conn.execute(
            t.outages.select().where(
                t.outages.c.source == source, t.outages.c.source_id == source_id
            )
        )
        .mappings()
        .first()
    )
    return None if row is None else from_row(row)


def _load(conn: Connection, where: sa.ColumnElement[bool], name: str, *, lock: bool) -> Outage:
    statement = t.outages.select().where(where)
    if lock:
        statement = statement.with_for_update()
    row = conn.execute(statement).mappings().first()
    if row is None:
        raise UnknownOutageError(id=name)
    return from_row(row)


def from_row(row: RowMapping) -> Outage:
    """Return the value of a row of ``outages``."""
    facts: dict[str, Any] = {name: row[name] for name in _PLAIN}
    for name, code in _CODED.items():
        facts[name] = None if row[name] is None else code(row[name])
    observed = {name: from_ms(ms) for name, ms in json.loads(row["observed"]).items()}
    return Outage(**facts, etr=_etr(row), observed=observed)


def _etr(row: RowMapping) -> Etr | None:
    if row["etr_version"] is None:
        return None
    return Etr(
        version=row["etr_version"],
        latest=row["etr_latest"],
        earliest=row["etr_earliest"],
        confidence=Confidence(row["etr_confidence"]),
        source=EtrSource(row["etr_source"]),
        reason=None if row["etr_reason"] is None else Reason(row["etr_reason"]),
        published=bool(row["etr_published"]),
    )


def _values(outage: Outage) -> dict[str, Any]:
    etr = outage.etr
    return (
        {name: getattr(outage, name) for name in (*_PLAIN, *_CODED)}
        | {
            f"etr_{name}": None if etr is None else getattr(etr, name)
            for name in ("version", "earliest", "latest", "confidence", "source", "reason")
        }
        | {
            "etr_published": None if etr is None else etr.published,
            "observed": json.dumps({k: to_ms(at) for k, at in outage.observed.items()}),
        }
    )


def add(conn: Connection, outage: Outage) -> None:
    """Put a new outage on record."""
    conn.execute(t.outages.insert().values(**_values(outage)))
    _record_etr(conn, outage)


def save(conn: Connection, outage: Outage) -> None:
    """Write an outage back. What gis counts on the row stays as it is."""
    # Not its key: SQLite would look through all members and interruptions for who refers to it.
    values = {name: value for name, value in _values(outage).items() if name != "key"}
    conn.execute(t.outages.update().where(t.outages.c.key == outage.key).values(**values))
    _record_etr(conn, outage)


def _record_etr(conn: Connection, outage: Outage) -> None:
    if outage.etr is None:
        return
    known = sa.select(t.etrs.c.version).where(
        t.etrs.c.outage_key == outage.key, t.etrs.c.version == outage.etr.version
    )
    if conn.execute(known).first() is None:
        conn.execute(
            t.etrs.insert().values(
                outage_key=outage.key,
                at=outage.updated_at,
                version=outage.etr.version,
                earliest=outage.etr.earliest,
                latest=outage.etr.latest,
                confidence=outage.etr.confidence,
                source=outage.etr.source,
                reason=outage.etr.reason,
                published=outage.etr.published,
            )
        )


def new_id(conn: Connection) -> OutageId:
    """Return a public id that no outage has: ``O-`` and five characters that say nothing."""
    while True:
        name = OutageId("O-" + "".join(secrets.choice(ALPHABET) for _ in range(5)))
        taken = sa.select(t.outages.c.key).where(t.outages.c.id == name)
        if conn.execute(taken).first() is None:
            return name


def merge(conn: Connection, key: OutageKey, into: OutageKey | None) -> None:
    """Record under which outage one goes on, with all that went on under it; None: its own.

    A chain is kept one link long, so that whoever follows it has one place to look.
    """
    column = t.outages.c.merged_into
    if into is not None:
        further = conn.execute(sa.select(column).where(t.outages.c.key == into)).scalar()
        into = OutageKey(further or into)
        conn.execute(
            t.outages.update()
            .where(column == key, t.outages.c.key != into)
            .values(merged_into=into)
        )
    conn.execute(
        t.outages.update()
        .where(t.outages.c.key == key)
        .values(merged_into=None if into == key else into)
    )


def last_restoration(conn: Connection, key: OutageKey, *, inferred: bool | None) -> int | None:
    """Return the newest restoration step that has not been taken back.

    Only inferred ones, or only those somebody gave, when ``inferred`` says so.
    """
    statement = sa.select(sa.func.max(t.restorations.c.key)).where(
        t.restorations.c.outage_key == key, t.restorations.c.taken_back_at.is_(None)
    )
    if inferred is not None:
        statement = statement.where(t.restorations.c.inferred.is_(inferred))
    found = conn.execute(statement).scalar()
    return None if found is None else int(found)


def take_back(conn: Connection, restoration_key: int | None) -> None:
    """Say of a restoration step, if there is one, that it was not true."""
    conn.execute(
        t.restorations.update()
        .where(t.restorations.c.key == restoration_key)
        .values(taken_back_at=business_now(conn))
    )


def place(conn: Connection, digest: str | None) -> Where | None:
    """Return the place that is on record under a digest; None for none."""
    if digest is None:
        return None
    spec = conn.execute(sa.select(t.shapes.c.spec).where(t.shapes.c.digest == digest)).scalar_one()
    return Drawn(digest=digest) if spec is None else from_spec(spec)


def keep_shape(conn: Connection, shape: MatchedShape | None) -> str | None:
    """Put a shape on record and return its digest; None for none."""
    if shape is None:
        return None
    # Two commands may bring the same shape at the same time.
    conn.execute(
        sa.text(
            "INSERT INTO shapes (digest, wkb, vertices, spec) "
            "VALUES (:digest, :wkb, :vertices, :spec) ON CONFLICT (digest) DO NOTHING"
        ),
        {name: getattr(shape, name) for name in ("digest", "wkb", "vertices", "spec")},
    )
    return shape.digest
