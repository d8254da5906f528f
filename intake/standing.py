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
    own = (
        sa.select(_o.key, _o.merged_into, _BY_A_PERSON.label("merged"))
        .join(t.feed_outages, _f.outage_key == _o.key)
        .where(_f.source == source, _f.source_id == source_id)
    )
    row = conn.execute(own).one()
    return register.load_key(conn, row.merged_into if row.merged else row.key, lock=True)


def is_own(conn: Connection, source: str, source_id: str, outage: Outage) -> bool:
    """Whether an outage is the row's own."""
    own = sa.select(_f.outage_key).where(_f.source == source, _f.source_id == source_id)
    return bool(conn.execute(own).scalar_one() == outage.key)


def speaks(conn: Connection, source: str, source_id: str, outage: Outage) -> bool:
    """Whether this row says what its outage is like: the outage's own, else the first merged."""
    return conn.execute(_listed(source, outage.key)).scalar() == source_id


def is_listed(conn: Connection, source: str, outage: Outage) -> bool:
    """Whether any row that stands for an outage is on the list."""
    return conn.execute(_listed(source, outage.key)).first() is not None


def has_grown(conn: Connection, outage: Outage) -> bool:
    """Whether a person has merged others into it or split some off: its place is not its own."""
    merged = sa.and_(_o.merged_into == outage.key, _BY_A_PERSON)
    others = sa.select(_o.key).where(sa.or_(merged, _o.split_from == outage.key)).limit(1)
    return conn.execute(others).first() is not None


def _listed(source: str, key: OutageKey) -> sa.Select[Any]:
    """Rows on the list that stand for an outage, its own first."""
    stands = sa.or_(_o.key == key, sa.and_(_o.merged_into == key, _BY_A_PERSON))
    return (
        sa.select(_f.source_id)
        .join(t.outages, _o.key == _f.outage_key)
        .where(_f.source == source, _f.missing_since.is_(None), _f.ended.is_(False), stands)
        .order_by(sa.case((_o.key == key, 0), else_=1), _o.key)
    )
