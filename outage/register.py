"""Outages as rows: load, add, save. The desk's way to the tables, and the readers'."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from outage import tables as t
from outage.clock import business_now
from outage.columns import from_ms, to_ms
from outage.errors import NotAllowedNowError, UnknownOutageError
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
    return _load(conn, _BY_ID, outage_id.strip().upper(), outage_id, lock=lock)


def load_key(conn: Connection, key: int, *, lock: bool = False) -> Outage:
    """Return the outage with this key. Raises `UnknownOutageError`."""
    return _load(conn, _BY_KEY, key, str(key), lock=lock)


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


def _load(
    conn: Connection,
    statements: tuple[sa.Select[Any], sa.Select[Any]],
    wanted: str | int,
    name: str,
    *,
    lock: bool,
) -> Outage:
    row = conn.execute(statements[lock], {"wanted": wanted}).mappings().first()
    if row is None:
        raise UnknownOutageError(id=name)
    return from_row(row)


def _by(column: sa.Column[Any]) -> tuple[sa.Select[Any], sa.Select[Any]]:
    """Outages by a column, without a lock and with one."""
    found = t.outages.select().where(column == sa.bindparam("wanted"))
    # Its key stays: whoever only refers to it need not wait, nor we for them.
    return found, found.with_for_update(key_share=True)


# Built once: putting a row of many columns together anew takes longer than writing it.
_BY_ID, _BY_KEY = _by(t.outages.c.id), _by(t.outages.c.key)
_ADD = t.outages.insert()
_SAVE = t.outages.update().where(t.outages.c.key == sa.bindparam("outage"))


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
    conn.execute(_ADD, _values(outage))
    _record_etr(conn, outage)


def save(conn: Connection, outage: Outage) -> None:
    """Write an outage back. What gis counts on the row stays as it is."""
    # Not its key: SQLite would look through all members and interruptions for who refers to it.
    values = {name: value for name, value in _values(outage).items() if name != "key"}
    conn.execute(_SAVE, values | {"outage": outage.key})
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
    if into is None:
        # Those that a person merged into it come back with it from where it was led to.
        before = conn.execute(sa.select(column).where(t.outages.c.key == key)).scalar()
        merged = sa.select(t.origins.c.origin_key).where(t.origins.c.outage_key == key)
        conn.execute(
            t.outages.update()
            .where(
                column == before,
                t.outages.c.close_reason == Reason.MERGED.value,
                t.outages.c.key.in_(merged),
            )
            .values(merged_into=key)
        )
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
    r = t.restorations.c
    statement = (
        sa.select(r.key)
        .where(r.outage_key == key, r.taken_back_at.is_(None))
        # One that found everybody back already is not what ended the outage.
        .order_by(sa.case((r.premises == 0, 1), else_=0), r.key.desc())
        .limit(1)
    )
    if inferred is not None:
        statement = statement.where(r.inferred.is_(inferred))
    found = conn.execute(statement).scalar()
    return None if found is None else int(found)


def others_stand(conn: Connection, key: OutageKey, restoration_key: int | None) -> bool:
    """Whether a part stays restored when one restoration is taken back."""
    r = t.restorations.c
    others = sa.select(r.key).where(
        r.outage_key == key,
        r.taken_back_at.is_(None),
        r.premises > 0,
        r.key != (restoration_key or 0),
    )
    return conn.execute(others.limit(1)).first() is not None


def names_somebody(conn: Connection, words: Sequence[str]) -> bool:
    """Whether a word is the id of a premise or an account, or another name of one."""
    ids = (sa.select(id_).where(id_.in_(words)) for id_ in (t.premises.c.id, t.accounts.c.id))
    a = t.aliases.c
    # With the entity, by which the index is ordered first.
    aliases = sa.select(a.value).where(a.entity.in_(["premise", "account"]), a.value.in_(words))
    return conn.execute(sa.union_all(*ids, aliases).limit(1)).first() is not None


def refuse_if_restoring(conn: Connection, outage: Outage, command: str) -> None:
    """Refuse what would change whom a restoration is of that gis has not carried out yet."""
    r = t.restorations.c
    under_way = sa.select(r.key).where(
        r.outage_key == outage.key,
        r.shape_digest.is_(None),
        r.concluded_at.is_(None),
        r.inferred.is_(False),
    )
    if outage.is_open and conn.execute(under_way.limit(1)).first() is not None:
        why = "all of it is just being restored; try again in a moment"
        raise NotAllowedNowError(command=command, status=outage.status, why=why)


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
