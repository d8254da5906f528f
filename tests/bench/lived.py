"""Outages that every account of a large utility has been through, for `tests.bench.accounts`.

Each account was in five: four that are over and one that goes on, with an interruption, a member,
a row on its record and a text to its phone for each, and the receipt of the newest text. Rows are
made by the database, in the order of accounts, some thousands of them at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.columns import from_ms, to_ms
from outage.database import Database

EACH, ALIKE = 5, 100
"""Outages of one account; of the same outages are accounts whose keys differ by a multiple."""
OUTAGES, ETRS, NOTES = EACH * ALIKE, 4, 3
STEP = 20_000
BEGAN_MS, APART_MS = 1_767_564_000_000, 3_600_000
_IN = """
FROM accounts a CROSS JOIN (SELECT 0 AS turn UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL
  SELECT 3 UNION ALL SELECT 4) n
JOIN outages o ON o.key = n.turn * 100 + a.key % 100 + 1
WHERE a.key BETWEEN :first AND :last
ORDER BY a.key, n.turn
"""
_OVER = "CASE WHEN n.turn < 4 THEN {} END"
_STATEMENTS = (
    f"""
    INSERT INTO cis_accounts
      (account_key, outage_key, from_number, premises, until_number, outcome)
    SELECT a.key, o.key, o.key, 1, {_OVER.format("o.key + 1000")},
      {_OVER.format("'restored'")} {_IN}
    """,
    f"""
    INSERT INTO memberships (outage_key, premise_key, added, since, until, why, outcome)
    SELECT o.key, a.key, 1, o.started_at, {_OVER.format("o.restored_at")}, 'shape',
      {_OVER.format("'restored'")} {_IN}
    """,
    f"""
    INSERT INTO interruptions (premise_key, service, outage_key, first_outage_key, started_at,
      ended_at, outcome)
    SELECT a.key, o.service, o.key, o.key, o.started_at, {_OVER.format("o.restored_at")},
      {_OVER.format("'restored'")} {_IN}
    """,
    f"""
    INSERT INTO messages (number, outage_key, endpoint_key, account_key, channel, kind, state,
      priority, planned_at, send_after, accepted_at, ended_at, provider, told_state,
      told_etr_version, text_key, sends)
    SELECT o.key, o.key, 2 * a.key, a.key, 'sms', 'detected', 'delivered', 3, o.started_at,
      o.started_at, o.started_at, o.started_at, 'twilio', 'out', 1, o.key, 1 {_IN}
    """,
    """
    INSERT INTO receipts (message_key, event, at, received_at)
    SELECT key, 'delivered', accepted_at, accepted_at FROM messages
    WHERE key BETWEEN 5 * :first - 4 AND 5 * :last AND outage_key > 400
    """,
)


def live(db: Database, accounts: int) -> int:
    """Let the accounts go through their outages; return the rows on their records."""
    with db.write() as conn:
        for table, rows in _outages().items():
            conn.execute(table.insert(), rows)
    for first in range(1, accounts + 1, STEP):
        with unchecked(db) as conn:
            some = {"first": first, "last": min(first + STEP - 1, accounts)}
            for statement in _STATEMENTS:
                conn.execute(sa.text(statement), some)
    with db.read() as conn:
        counted = sa.select(sa.func.count()).select_from(t.cis_accounts)
        return int(conn.execute(counted).scalar_one())


@contextlib.contextmanager
def unchecked(db: Database) -> Iterator[Connection]:
    """Give a connection for one step that refers to nothing but what is there."""
    with db.bulk(checked=False) as conn:
        if not db.is_sqlite:
            conn.execute(sa.text("SET LOCAL session_replication_role = replica"))
        yield conn


def _outages() -> dict[sa.Table, list[dict[str, object]]]:
    at = {key: from_ms(BEGAN_MS + APART_MS * key) for key in range(1, OUTAGES + 1)}
    later = {key: from_ms(to_ms(begun) + 2 * APART_MS) for key, begun in at.items()}
    is_open = {key: key > OUTAGES - ALIKE for key in at}
    return {
        t.outages: [
            {
                "key": key,
                "id": f"O-{key:05d}",
                "service": "electric",
                "kind": "unplanned",
                "status": "confirmed" if is_open[key] else "restored",
                "cause": "tree",
                "started_at": at[key],
                "declared_at": at[key],
                "updated_at": at[key],
                "restored_at": None if is_open[key] else later[key],
                "version": 1,
                "membership": 1,
                "etr_version": ETRS,
                "etr_latest": later[key],
                "etr_confidence": "medium",
                "etr_source": "dispatcher",
                "etr_published": True,
                "etr_count": ETRS,
            }
            for key in at
        ],
        t.etrs: [
            {
                "outage_key": key,
                "version": version,
                "at": at[key],
                "latest": later[key],
                "confidence": "medium",
                "source": "dispatcher",
                "published": True,
            }
            for key in at
            for version in range(1, ETRS + 1)
        ],
        t.notes: [
            {
                "outage_key": key,
                "kind": "note",
                "at": at[key],
                "actor": "crew:7",
                "text": f"Tree on the line, span {number}.",
            }
            for key in at
            for number in range(NOTES)
        ],
        t.texts: [
            {
                "key": key,
                "digest": str(key),
                "channel": "sms",
                "language": "en",
                "template": "detected 1",
                "body": "Harbor Light: Power out at your address. Est. back 5:00PM.",
            }
            for key in at
        ],
    }
