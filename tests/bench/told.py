"""A made-up utility whose accounts are to be told of an outage over the first of its premises."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from outage import desk, journal
from outage import tables as t
from outage.columns import to_ms
from outage.database import Database
from outage.model import JournalKind, Outage
from tests.bench import county

NUMBERS = "+999%09d"
"""The generated range that only the simulator accepts."""
_PHONES_AND_SOME_MAILBOXES = (
    """
    INSERT INTO endpoints (key, kind, address, language, opted_out_at)
        SELECT 2 * key, 'phone', {phone}, CASE WHEN key % 5 = 0 THEN 'es' ELSE 'en' END,
            CASE WHEN key % 39 = 0 THEN 0 END
        FROM accounts
    """,
    """
    INSERT INTO endpoints (key, kind, address, language)
        SELECT 2 * key + 1, 'email', 'a' || key || '@example.org', 'en' FROM accounts
        WHERE key % 2 = 0
    """,
)
MAILBOXES = (
    """
    INSERT INTO endpoints (key, kind, address, language)
        SELECT 2 * key + 1, 'email', 'a' || key || '@example.org',
            CASE WHEN key % 5 = 0 THEN 'es' ELSE 'en' END
        FROM accounts
    """,
)
"""A mailbox for every account, and no phone."""
_CONTACTS = """
    INSERT INTO contacts (account_key, endpoint_key, channel, consent_at)
        SELECT key / 2, key, CASE WHEN kind = 'phone' THEN 'sms' ELSE 'email' END, 0
        FROM endpoints ORDER BY key
    """
_INSIDE = (
    """
    INSERT INTO memberships (outage_key, premise_key, added, since, why)
        SELECT :outage, key, 1, :at, 'shape' FROM premises WHERE key BETWEEN :first AND :last
    """,
    """
    INSERT INTO interruptions (premise_key, service, outage_key, first_outage_key, started_at)
        SELECT key, 'electric', :outage, :outage, :at FROM premises
        WHERE key BETWEEN :first AND :last
        ON CONFLICT (premise_key, service) WHERE outcome IS NULL DO NOTHING
    """,
    """
    UPDATE outages SET membership = 1, members = :premises, premises_out = :premises
    WHERE key = :outage
    """,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToTell:
    """An outage that gis has matched, and the entry that says so."""

    outage: Outage
    number: int
    accounts: int


def settle(
    db: Database, accounts: int, reached: tuple[str, ...] = _PHONES_AND_SOME_MAILBOXES
) -> None:
    """Fill a migrated database: every account has a phone, every other one an e-mail address."""
    county.build(db, accounts)
    phone = f"printf('{NUMBERS}', key)" if db.is_sqlite else "'+999' || lpad(key::text, 9, '0')"
    with db.write() as conn:
        for statement in (*reached, _CONTACTS):
            conn.execute(sa.text(statement.format(phone=phone)))
        if not db.is_sqlite:
            conn.execute(sa.text("ANALYZE"))


def out(db: Database, first: int, last: int) -> ToTell:
    """Let the premises with these keys be out, as gis leaves them; each has one account."""
    accounts = last - first + 1
    with db.write() as conn:
        outage = desk.declare(conn, county.facts(county.BEGAN), actor=county.ACTOR)
        inside = {
            "outage": outage.key,
            "at": to_ms(county.BEGAN),
            "first": first,
            "last": last,
            "premises": accounts,
        }
        for statement in _INSIDE:
            conn.execute(sa.text(statement), inside)
        number = journal.append(
            conn,
            kind=JournalKind.MATCHED,
            actor="gis",
            outage_key=outage.key,
            outage_version=outage.version,
            data={"of": 0},
        )
        journal.move_cursor(conn, "gis", number)
    return ToTell(outage=outage, number=number, accounts=accounts)


def planned(db: Database, told: ToTell) -> int:
    """How many messages there are of an outage."""
    statement = sa.select(sa.func.count()).where(t.messages.c.outage_key == told.outage.key)
    with db.read() as conn:
        return int(conn.execute(statement).scalar_one())


def make_due(db: Database) -> None:
    """Let all holds be over."""
    with db.write() as conn:
        conn.execute(t.messages.update().values(send_after=county.BEGAN))
