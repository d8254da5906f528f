"""Membership rows: who comes in, falls out, is restored or taken back, under a new number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.engine import Connection

from gis.membership.claims import LIVE
from gis.membership.scratch import scratch
from gis.selection import Keys
from outage import tables as t
from outage.columns import Instant, Key
from outage.model import OutageKey

_m, _s = t.memberships, t.spared
_CAME = ("outage_key", "premise_key", "added", "since", "why")
_ENDED: dict[str, None] = dict.fromkeys(("removed", "until", "outcome", "restoration_key"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What `matched` says of an outage.

    Attributes:
        members: premises that are members now, restored ones included.
        live: sorted keys of those that are neither restored nor out of it.
        restored: those that are restored.
        accounts: accounts that hold the live ones now.
        added, removed: how many came and went with the new number.
        told_added, told_removed: the same without those that only base data moved.
    """

    members: int
    live: Keys
    restored: int
    accounts: int
    added: int
    removed: int
    told_added: int
    told_removed: int


def current(conn: Connection, outage: OutageKey, *, live: bool) -> Keys:
    """Sorted premise keys of the rows in force, the half-written number included.

    With ``live`` only those not restored.
    """
    return _read(conn.execute(_LIVE if live else _IN_FORCE, {"outage": outage}).scalar())


def _listed(keys: sa.ColumnElement[int]) -> sa.ColumnElement[str]:
    # As one text: a row of Python objects for each premise takes several times as long.
    return sa.func.aggregate_strings(sa.cast(keys, sa.Text), ",")


def _keys(*which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    mine = _m.c.outage_key == sa.bindparam("outage")
    return sa.select(_listed(_m.c.premise_key)).where(mine, *which)


# Built once: every work item asks for them.
_LIVE, _IN_FORCE = _keys(LIVE), _keys(_m.c.removed.is_(None))


def _read(listed: str | None) -> Keys:
    return np.sort(np.fromstring(listed or "", dtype=np.int64, sep=","))


def come(conn: Connection, outage: OutageKey, number: int, since: datetime, why: str) -> None:
    """Make the premises in scratch members."""
    facts = {"outage": outage, "number": number, "at": since, "because": why}
    conn.execute(_COME[conn.dialect.name], facts)


def _come(insert: Any) -> sa.Insert:  # noqa: ANN401 - the dialects' own have no common type
    came = sa.select(
        sa.bindparam("outage", type_=Key),
        scratch.c.premise_key,
        sa.bindparam("number", type_=sa.Integer),
        sa.bindparam("at", type_=Instant),
        sa.bindparam("because", type_=sa.String),
    ).where(sa.true())
    # A row that came and went under this very number comes back.
    statement: sa.Insert = (
        insert(_m)
        .from_select(list(_CAME), came)
        .on_conflict_do_update(
            index_elements=["outage_key", "premise_key", "added"], set_=dict(_ENDED)
        )
    )
    return statement


_COME = {"sqlite": _come(insert_sqlite), "postgresql": _come(insert_postgresql)}


def come_again(conn: Connection, outage: OutageKey, number: int, since: datetime, why: str) -> None:
    """Make the premises in scratch live members, restored or spared before or not."""
    conn.execute(
        _m.update()
        .where(_chosen(outage), _m.c.removed.is_(None), _m.c.until.is_not(None))
        .values(removed=number)
    )
    come(conn, outage, number, since, why)
    conn.execute(
        _s.delete().where(
            _s.c.outage_key == outage, _s.c.premise_key.in_(sa.select(scratch.c.premise_key))
        )
    )


def spared(conn: Connection, outage: OutageKey) -> Keys:
    """Sorted keys of the premises that were restored before this outage had their ground."""
    keys = conn.execute(
        sa.select(_s.c.premise_key).where(_s.c.outage_key == outage).order_by(_s.c.premise_key)
    ).scalars()
    return np.fromiter(keys, dtype=np.int64)


def spare(conn: Connection, outage: OutageKey) -> None:
    """Let the premises in scratch be no members, although they are inside."""
    insert: Any = insert_sqlite if conn.dialect.name == "sqlite" else insert_postgresql
    rows = sa.select(sa.literal(outage), scratch.c.premise_key).where(sa.true())
    conn.execute(
        insert(_s).from_select(["outage_key", "premise_key"], rows).on_conflict_do_nothing()
    )


def go(conn: Connection, outage: OutageKey, number: int, until: datetime, outcome: str) -> None:
    """Let the premises in scratch fall out."""
    conn.execute(
        _m.update()
        .where(_chosen(outage), _m.c.removed.is_(None))
        .values(
            removed=number, until=sa.func.coalesce(_m.c.until, _instant(until)), outcome=outcome
        )
    )


def end(
    conn: Connection, outage: OutageKey, at: datetime, outcome: str, restoration_key: int | None
) -> None:
    """Let service be back for the live members in scratch."""
    conn.execute(
        _m.update()
        .where(_chosen(outage), LIVE)
        .values(until=at, outcome=outcome, restoration_key=restoration_key)
    )


def ended_by(conn: Connection, outage: OutageKey, restoration_key: int | None) -> Keys:
    """Sorted keys of the premises that a step ended.

    Without a step: those that ended as inferred when the outage was put away.
    """
    ended = _by_step(restoration_key)
    statement = _keys(_m.c.removed.is_(None), ended)
    return _read(conn.execute(statement, {"outage": outage}).scalar())


def take_back(conn: Connection, outage: OutageKey, restoration_key: int | None) -> None:
    """Let the members in scratch that a step ended be live again."""
    conn.execute(
        _m.update()
        .where(_chosen(outage), _m.c.removed.is_(None), _by_step(restoration_key))
        .values(until=None, outcome=None, restoration_key=None)
    )


def _by_step(restoration_key: int | None) -> sa.ColumnElement[bool]:
    if restoration_key is None:
        return sa.and_(_m.c.restoration_key.is_(None), _m.c.outcome == "inferred")
    return _m.c.restoration_key == restoration_key


def _chosen(outage: OutageKey) -> sa.ColumnElement[bool]:
    return sa.and_(
        _m.c.outage_key == outage, _m.c.premise_key.in_(sa.select(scratch.c.premise_key))
    )


def _instant(at: datetime) -> sa.BindParameter[datetime]:
    return sa.literal(at, Instant())


def _count() -> sa.Select[int, str, int, int, int, int, int]:
    here, number = _m.c.removed.is_(None), sa.bindparam("under", type_=sa.Integer)
    added = sa.and_(_m.c.added == number, here)
    removed = sa.and_(_m.c.removed == number, _m.c.added < number)

    def how_many(which: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.count(sa.case((which, 1)))

    return sa.select(
        how_many(here),
        _listed(sa.case((LIVE, _m.c.premise_key))),
        how_many(sa.and_(here, _m.c.outcome.in_(("restored", "inferred")))),
        how_many(added),
        how_many(removed),
        how_many(sa.and_(added, _m.c.why != "premises")),
        how_many(sa.and_(removed, _m.c.outcome != "moved")),
    ).where(_m.c.outage_key == sa.bindparam("outage"))


_COUNT, _HOLDERS = _count(), t.occupancies
_ACCOUNTS = (
    sa.select(sa.func.count(_HOLDERS.c.account_key.distinct()))
    .select_from(_m.join(_HOLDERS, _HOLDERS.c.premise_key == _m.c.premise_key))
    .where(_m.c.outage_key == sa.bindparam("outage"), LIVE, _HOLDERS.c.until.is_(None))
)


def count(conn: Connection, outage: OutageKey, number: int) -> Counts:
    """Count an outage's members as they are under a number."""
    row = conn.execute(_COUNT, {"outage": outage, "under": number}).one()
    accounts = conn.execute(_ACCOUNTS, {"outage": outage}).scalar_one()
    return Counts(
        members=row[0],
        live=_read(row[1]),
        restored=row[2],
        accounts=accounts,
        added=row[3],
        removed=row[4],
        told_added=row[5],
        told_removed=row[6],
    )
