"""Writes account records (DECISIONS 35): one row per entry, and who is concerned as ranges.

An update to an outage of 200,000 accounts writes one row. Only a changed membership touches
accounts, and of those only the ones that came or went, in steps.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import journal
from outage import tables as t
from outage.columns import from_ms
from outage.database import Database
from outage.journal import JournalEntry, WorkItem
from outage.model import JournalKind, OutageKey

STEP_PREMISES = 1_000
"""Premises looked at in one step: well under 50 ms on SQLite."""

# A record goes to who held the premise when the stay began (DECISIONS 16).
_WHO = """
WITH moved AS (
  SELECT DISTINCT o.account_key
  FROM memberships m JOIN occupancies o
    ON o.premise_key = m.premise_key
    AND o.since <= m.since AND (o.until IS NULL OR o.until > m.since)
  WHERE m.outage_key = :outage AND m.premise_key > :after AND m.premise_key <= :upto
    AND (m.added = :membership OR m.removed = :membership)
), concerned AS (
  SELECT moved.account_key, count(DISTINCT m.premise_key) AS premises
  FROM moved
  JOIN occupancies o ON o.account_key = moved.account_key
  JOIN memberships m ON m.outage_key = :outage AND m.premise_key = o.premise_key
    AND o.since <= m.since AND (o.until IS NULL OR o.until > m.since)
  WHERE m.added <= :membership AND (m.removed IS NULL OR m.removed > :membership)
  GROUP BY moved.account_key
)
"""


def _for_accounts(statement: str) -> sa.TextClause:
    return sa.text(f"{_WHO}{statement}")


_GREW = _for_accounts(
    """
UPDATE cis_accounts SET premises = concerned.premises FROM concerned
WHERE cis_accounts.outage_key = :outage AND cis_accounts.until_number IS NULL
  AND cis_accounts.account_key = concerned.account_key
  AND cis_accounts.premises < concerned.premises
"""
)
_CAME = _for_accounts(
    """
INSERT INTO cis_accounts (account_key, outage_key, from_number, premises)
SELECT concerned.account_key, :outage, :of, concerned.premises FROM concerned
WHERE NOT EXISTS (
  SELECT 1 FROM cis_accounts c
  WHERE c.outage_key = :outage AND c.account_key = concerned.account_key
    AND c.until_number IS NULL
)
ON CONFLICT (outage_key, account_key, from_number) DO NOTHING
"""
)
_WENT = _for_accounts(
    """
UPDATE cis_accounts SET until_number = :number, outcome = (
  SELECT m.outcome FROM occupancies o
  JOIN memberships m ON m.outage_key = :outage AND m.premise_key = o.premise_key
    AND o.since <= m.since AND (o.until IS NULL OR o.until > m.since)
  WHERE o.account_key = cis_accounts.account_key AND m.removed <= :membership
  ORDER BY m.removed DESC, m.outcome LIMIT 1
)
WHERE outage_key = :outage AND until_number IS NULL
  AND account_key IN (SELECT account_key FROM moved)
  AND account_key NOT IN (SELECT account_key FROM concerned)
"""
)


class CisReader:
    """Follows the journal and keeps the embedded CIS."""

    name = "cis"
    wants = frozenset(
        {JournalKind.MATCHED, JournalKind.PROGRESS, JournalKind.UNLISTED, JournalKind.LISTED}
    )

    def priority(self, entry: JournalEntry) -> int:
        """Every record is as urgent as the next."""
        del entry
        return 0

    def outages(self, conn: Connection, entry: JournalEntry) -> list[OutageKey]:
        """The entry's own outage."""
        del conn
        return [] if entry.outage_key is None else [entry.outage_key]

    def work(self, db: Database, item: WorkItem) -> None:
        """Move accounts in and out, a step at a time; then write the version and finish."""
        if item.entry.kind == JournalKind.MATCHED and "membership" in item.entry.data:
            after = int(item.step.get("premise", 0))
            while (moved := _step(db, item, after)) is not None:
                after = moved
        with db.write() as conn:
            _version(conn, item.entry, item.outage_key)
            journal.finish(conn, item)


def _step(db: Database, item: WorkItem, after: int) -> int | None:
    """Do the premises behind ``after``; return the last one done, None when there are no more."""
    data, stays = item.entry.data, t.memberships.c
    membership = data["membership"]
    behind = sa.and_(stays.outage_key == item.outage_key, stays.premise_key > after)
    chunk = (
        sa.select(stays.premise_key)
        .where(behind)
        .order_by(stays.premise_key)
        .limit(STEP_PREMISES)
        .subquery()
    )
    with db.read() as conn:
        upto = conn.execute(sa.select(sa.func.max(chunk.c.premise_key))).scalar()
        if upto is None:
            return None
        # By premise, not by row: who came back has several stays, and the limit may part them.
        came, went = conn.execute(
            sa.select(
                sa.func.count(sa.case((stays.added == membership, 1))),
                sa.func.count(sa.case((stays.removed == membership, 1))),
            ).where(behind, stays.premise_key <= upto)
        ).one()
    if not (came or went):
        return int(upto)
    facts = {"outage": item.outage_key, "after": after, "upto": upto, "membership": membership}
    with db.bulk(redone=True) as conn:
        if came:
            conn.execute(_GREW, facts)
            conn.execute(_CAME, facts | {"of": data.get("of", item.entry.number)})
        if went:
            conn.execute(_WENT, facts | {"number": item.entry.number})
        journal.advance(conn, item, {"premise": upto})
    return int(upto)


def _version(conn: Connection, entry: JournalEntry, outage_key: OutageKey) -> None:
    cause = _cause(conn, entry)
    known = sa.select(t.cis_versions.c.number).where(
        t.cis_versions.c.outage_key == outage_key, t.cis_versions.c.number == entry.number
    )
    if conn.execute(known).first() is not None:
        return
    state = entry.state
    conn.execute(
        t.cis_versions.insert().values(
            outage_key=outage_key,
            number=entry.number,
            at=entry.at,
            kind=cause["kind"],
            actor=cause["actor"],
            status=state["status"],
            crew_status=state["crew_status"],
            crew_reason=state["crew_reason"],
            etr_version=state["etr_version"],
            etr_latest=None if state["etr_latest"] is None else from_ms(state["etr_latest"]),
            note_key=entry.data.get("note"),
            public_message_key=entry.data.get("public_message"),
        )
    )


def _cause(conn: Connection, entry: JournalEntry) -> dict[str, Any]:
    """What `matched` finished, and who did that: gis only counted."""
    if entry.kind == JournalKind.MATCHED and "of" in entry.data:
        row = conn.execute(
            sa.select(t.journal.c.kind, t.journal.c.actor).where(
                t.journal.c.number == entry.data["of"]
            )
        ).first()
        if row is not None:
            return {"kind": row.kind, "actor": row.actor}
    return {"kind": entry.kind, "actor": entry.actor}
