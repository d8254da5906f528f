"""Published ETRs that pass: timers, each firing a journal entry (DECISIONS 4)."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import journal
from outage import tables as t
from outage.clock import business_now
from outage.model import OPEN, JournalKind


def note_passed_etrs(conn: Connection) -> int:
    """Append `etrPassed` for every published ETR that has passed; return how many."""
    now = business_now(conn)
    rows = conn.execute(
        t.outages.select()
        .where(
            t.outages.c.status.in_([str(s) for s in OPEN]),
            t.outages.c.etr_published.is_(True),
            t.outages.c.etr_latest <= now,
            t.outages.c.unlisted_since.is_(None),
            sa.func.coalesce(t.outages.c.etr_passed_version, 0) < t.outages.c.etr_version,
        )
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        conn.execute(
            t.outages.update()
            .where(t.outages.c.key == row.key)
            .values(etr_passed_version=row.etr_version)
        )
        journal.append(
            conn,
            kind=JournalKind.ETR_PASSED,
            actor="clock",
            outage_key=row.key,
            outage_version=row.version,
            data={"etr_version": row.etr_version},
        )
    return len(rows)


def next_etr_passing(conn: Connection) -> datetime | None:
    """Return when the next published ETR passes: a timer for whoever moves business time."""
    at: datetime | None = conn.execute(
        sa.select(sa.func.min(t.outages.c.etr_latest, type_=t.outages.c.etr_latest.type)).where(
            t.outages.c.status.in_([str(s) for s in OPEN]),
            t.outages.c.etr_published.is_(True),
            t.outages.c.unlisted_since.is_(None),
            sa.func.coalesce(t.outages.c.etr_passed_version, 0) < t.outages.c.etr_version,
        )
    ).scalar()
    return at
