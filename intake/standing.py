"""Which outage a row of a feed stands for: its own, or the one that a person merged that into.

Whoever merges outages knows more than the feed, which goes on listing each of them. One row speaks
for the outage they have become, so that no two contradict each other; it is listed as long as one
of them is.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import register
from outage import tables as t
from outage.model import Outage, OutageKey, Reason

_f, _o = t.feed_outages.c, t.outages.c
_BY_A_PERSON = _o.close_reason == str(Reason.MERGED)


def outage_of(conn: Connection, source: str, source_id: str) -> Outage:
    """The outage that a row stands for, locked."""
    row = conn.execute(_OWN, {"source": source, "id": source_id}).one()
    return register.load_key(conn, row.merged_into if row.merged else row.key, lock=True)


def is_own(conn: Connection, source: str, source_id: str, outage: Outage) -> bool:
    """Whether an outage is the row's own."""
    own = sa.select(_f.outage_key).where(_f.source == source, _f.source_id == source_id)
    return bool(conn.execute(own).scalar_one() == outage.key)


def speaks(conn: Connection, source: str, source_id: str, outage: Outage) -> bool:
    """Whether this row says what its outage is like: the outage's own, else the first merged."""
    return _listed(conn, source, outage.key) == source_id


def is_listed(conn: Connection, source: str, outage: Outage) -> bool:
    """Whether any row that stands for an outage is on the list."""
    return _listed(conn, source, outage.key) is not None


def has_grown(conn: Connection, outage: Outage) -> bool:
    """Whether a person has merged others into it or split some off: its place is not its own."""
    merged = sa.and_(_o.merged_into == outage.key, _BY_A_PERSON)
    others = sa.select(_o.key).where(sa.or_(merged, _o.split_from == outage.key)).limit(1)
    return conn.execute(others).first() is not None


def _listed(conn: Connection, source: str, key: OutageKey) -> str | None:
    """The first row on the list that stands for an outage, its own before others."""
    found: str | None = conn.execute(_LISTED, {"source": source, "outage": key}).scalar()
    return found


def _rows() -> sa.Select[Any]:
    key = sa.bindparam("outage", type_=_o.key.type)
    stands = sa.or_(_o.key == key, sa.and_(_o.merged_into == key, _BY_A_PERSON))
    return (
        sa.select(_f.source_id)
        .join(t.outages, _o.key == _f.outage_key)
        .where(
            _f.source == sa.bindparam("source"),
            _f.missing_since.is_(None),
            _f.ended.is_(False),
            stands,
        )
        .order_by(sa.case((_o.key == key, 0), else_=1), _o.key)
    )


# Built once: a snapshot asks for them of each row.
_LISTED = _rows()
_OWN = (
    sa.select(_o.key, _o.merged_into, _BY_A_PERSON.label("merged"))
    .join(t.feed_outages, _f.outage_key == _o.key)
    .where(_f.source == sa.bindparam("source"), _f.source_id == sa.bindparam("id"))
)
