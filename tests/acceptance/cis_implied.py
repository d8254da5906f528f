"""What the journal implies that the utility's own CIS has, and where it has something else.

The embedded CIS's records say it: what a CIS was told over HTTP is put beside them. States of
premises are worked out anew from the memberships.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.cis import record
from outage.cis.contents import AccountOutage, Version
from outage.database import Database
from outage.model import AccountKey

Records = Mapping[tuple[str, str], Mapping[str, Any]]
Kept = dict[tuple[str, str], dict[str, Any]]


def implied(db: Database) -> Kept:
    """By outage and account: what a CIS that was told everything has on record."""
    found: Kept = {}
    with db.read() as conn:
        ranges = t.cis_accounts.c
        keys = conn.execute(sa.select(ranges.account_key).distinct()).scalars().all()
        left = _left(conn)
        for key in keys:
            account = record.read(conn, AccountKey(key))
            ended = _ended(conn, key)
            for outage in account.outages:
                if outage.versions:
                    gone = left.get((outage.id, account.id))
                    found[outage.id, account.id] = _facts(outage, gone, ended[outage.id])
    return found


def told(records: Records) -> Kept:
    """The same of what a CIS was told."""
    return {which: _told(one) for which, one in records.items()}


def differences(db: Database, records: Records) -> list[str]:
    """Every fact that the CIS has otherwise, lacks, or has beside."""
    return list(_differences(implied(db), told(records)))


def _differences(wanted: Kept, has: Kept) -> Iterator[str]:
    for which in sorted(wanted.keys() | has.keys()):
        should, does = wanted.get(which), has.get(which)
        if should is None or does is None:
            yield f"{which}: {'lacking' if does is None else 'unknown here'}"
            continue
        for name, value in should.items():
            if does[name] != value:
                yield f"{which} {name}: {does[name]!r} and not {value!r}"


def _facts(outage: AccountOutage, gone: str | None, ended: dict[str, bool]) -> dict[str, Any]:
    last = outage.versions[-1]
    facts: dict[str, Any] = {
        "service": outage.service,
        "kind": outage.kind,
        "status": last.status,
        "crew_status": last.crew_status,
        "crew_reason": last.crew_reason,
        "etr": last.etr_latest,
        "at": last.at,
        "outcome": gone,
        "left": gone is not None,
        "notes": [text for version in outage.versions for text in _texts(version)],
    }
    if gone is None:
        # Who has left is told no more: it has these as they were then.
        facts |= {
            "cause": outage.cause,
            "started_at": outage.started_at,
            "merged_into": outage.merged_into,
            "split_from": outage.split_from,
            "restored": {premise for premise, over in ended.items() if over},
            "premises": set(ended),
        }
    return facts


def _texts(version: Version) -> list[str]:
    return [text for text in (version.note, version.public_message) if text is not None]


def _told(one: Mapping[str, Any]) -> dict[str, Any]:
    premises = {each["premise"]: each["state"] for each in one["premises"]}
    return {
        **{name: one[name] for name in ("service", "kind", "status", "cause", "outcome")},
        **{name: one[name] for name in ("crew_status", "crew_reason")},
        **{name: one[name] for name in ("merged_into", "split_from")},
        "etr": _time(one["etr"]["latest"]) if one["etr"] else None,
        "at": _time(one["at"]),
        "started_at": _time(one["started_at"]),
        "left": one["state"] == "left",
        "notes": [note["text"] for note in one["notes"]],
        "restored": {premise for premise, state in premises.items() if state == "restored"},
        "premises": {premise for premise, state in premises.items() if state != "left"},
    }


def _time(given: str) -> datetime:
    return datetime.fromisoformat(given)


def _left(conn: Connection) -> dict[tuple[str, str], str]:
    """Who does not belong to an outage any more, and why: by the newest of several stays."""
    ranges = t.cis_accounts.c
    rows = conn.execute(
        sa.select(t.outages.c.id, t.accounts.c.id, ranges.until_number, ranges.outcome)
        .join(t.outages, t.outages.c.key == ranges.outage_key)
        .join(t.accounts, t.accounts.c.key == ranges.account_key)
        .order_by(ranges.from_number)
    )
    newest = {(outage, account): (until, outcome) for outage, account, until, outcome in rows}
    return {which: outcome for which, (until, outcome) in newest.items() if until is not None}


def _ended(conn: Connection, account: int) -> dict[str, dict[str, bool]]:
    """By outage: the account's premises that are members, and whether each is restored."""
    stays, held = t.memberships.c, t.occupancies.c
    rows = conn.execute(
        sa.select(t.outages.c.id, t.premises.c.id, stays.until)
        .join(t.outages, t.outages.c.key == stays.outage_key)
        .join(t.premises, t.premises.c.key == stays.premise_key)
        .join(t.occupancies, held.premise_key == stays.premise_key)
        .where(
            held.account_key == account,
            held.since <= stays.since,
            sa.or_(held.until.is_(None), held.until > stays.since),
            stays.removed.is_(None),
        )
    )
    found: dict[str, dict[str, bool]] = defaultdict(dict)
    for outage, premise, until in rows:
        found[outage][premise] = until is not None
    return found
