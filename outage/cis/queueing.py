"""Puts into the queue what the utility's own CIS is to be told (DECISIONS 35).

It follows the journal behind the reader that keeps the embedded CIS, from which the content comes.
A row is one account and outage and names the newest version: what waits is replaced, never doubled.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import journal
from outage import tables as t
from outage.cis.reader import CisReader
from outage.database import Database
from outage.journal import JournalEntry, WorkItem
from outage.model import OutageKey

STEP_ACCOUNTS = 3_000
"""Accounts of one step: well under 50 ms on SQLite."""

_NEWEST = sa.select(sa.func.max(t.cis_versions.c.number)).where(
    t.cis_versions.c.outage_key == sa.bindparam("outage")
)
_UPTO = sa.text(
    """
SELECT max(account_key) FROM (
  SELECT DISTINCT account_key FROM cis_accounts
  WHERE outage_key = :outage AND account_key > :after
  ORDER BY account_key LIMIT :most
) AS step
"""
)
# Who has left is to know what held then; everybody else what holds at this version.
_QUEUE = sa.text(
    """
INSERT INTO cis_upserts (outage_key, account_key, wanted)
SELECT :outage, account_key, max(
  CASE WHEN until_number IS NULL OR until_number > :number THEN :number ELSE until_number END
)
FROM cis_accounts
WHERE outage_key = :outage AND account_key > :after AND account_key <= :upto
  AND from_number <= :number
GROUP BY account_key
ON CONFLICT (outage_key, account_key) DO UPDATE SET
  wanted = excluded.wanted, settled_at = NULL, code = NULL,
  attempts = 0, retry_at = NULL, most = NULL
WHERE cis_upserts.wanted < excluded.wanted
"""
)


class ConnectorReader:
    """Follows the journal and fills the queue of the HTTP connector."""

    name = "cis_http"
    after = CisReader.name
    wants = CisReader.wants

    def priority(self, entry: JournalEntry) -> int:
        """Every record is as urgent as the next."""
        del entry
        return 0

    def outages(self, conn: Connection, entry: JournalEntry) -> list[OutageKey]:
        """The entry's own outage."""
        del conn
        return [] if entry.outage_key is None else [entry.outage_key]

    def turn(self, db: Database) -> bool:
        """Move the cursor and work one item; return whether anything was done."""
        return journal.turn(db, self, after=self.after)

    def work(self, db: Database, item: WorkItem) -> None:
        """Name the entry as the newest version of every account it concerns, a step at a time.

        Where a newer version is on record its own item does this one's work: an outage of 200,000
        accounts that is updated each minute is gone through once for all that has come.
        """
        with db.read() as conn:
            newest = conn.execute(_NEWEST, {"outage": item.outage_key}).scalar()
        if newest == item.entry.number:
            after = int(item.step.get("account", 0))
            while (moved := _step(db, item, after)) is not None:
                after = moved
        with db.write() as conn:
            journal.finish(conn, item)


def _step(db: Database, item: WorkItem, after: int) -> int | None:
    """Do the accounts behind ``after``; return the last one done, None when there are no more."""
    facts = {"outage": item.outage_key, "after": after}
    with db.read() as conn:
        upto = conn.execute(_UPTO, facts | {"most": STEP_ACCOUNTS}).scalar()
    if upto is None:
        return None
    with db.bulk(checked=False, redone=True) as conn:
        conn.execute(_QUEUE, facts | {"upto": upto, "number": item.entry.number})
        journal.advance(conn, item, {"account": upto})
    return int(upto)
