"""What has happened to an outage since a crew saw what it reports (DECISIONS 15)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.model import JournalKind, OutageKey

_OTHER_PLACE = (JournalKind.REOPENED, JournalKind.MERGED, JournalKind.SPLIT)
_J = t.journal


def changed_since(conn: Connection, outage_key: OutageKey, seen_at: datetime, field: str) -> bool:
    """Whether a declared fact was set by what was known later than ``seen_at``."""
    return any(
        field in data.get("fields", ())
        for kind, data in _since(conn, outage_key, seen_at)
        if kind == JournalKind.REVISED
    )


def is_another_since(conn: Connection, outage_key: OutageKey, seen_at: datetime) -> bool:
    """Whether it was reopened, or those whom it is of have become others."""
    return any(
        kind in _OTHER_PLACE or "shape_digest" in data.get("fields", ())
        for kind, data in _since(conn, outage_key, seen_at)
    )


def _since(
    conn: Connection, outage_key: OutageKey, seen_at: datetime
) -> Iterator[tuple[str, dict[str, Any]]]:
    rows = conn.execute(
        sa.select(_J.c.kind, _J.c.data).where(
            _J.c.outage_key == outage_key,
            _J.c.at > seen_at,
            _J.c.kind.in_([str(kind) for kind in (*_OTHER_PLACE, JournalKind.REVISED)]),
        )
    )
    for row in rows:
        data = json.loads(row.data)
        observed = data.get("observed")
        # What came later may have been seen before, where taps have waited for a line.
        if observed is None or datetime.fromisoformat(observed) > seen_at:
            yield row.kind, data
