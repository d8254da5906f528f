"""Reads an account's record: its outages with everything said, and what it was told.

The record per version is a view (DECISIONS 35): the join of who is concerned when with what was
written when.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from outage import tables as t
from outage.cis.contents import (
    AccountOutage,
    AccountRecord,
    Holding,
    Interruption,
    Message,
    Receipt,
    Version,
)
from outage.model import AccountKey


def read(conn: Connection, account: AccountKey) -> AccountRecord:
    """Return the record of an account."""
    row = conn.execute(t.accounts.select().where(t.accounts.c.key == account)).one()
    return AccountRecord(
        id=row.id,
        name=row.name,
        medical=row.medical,
        critical=row.critical,
        outage_alerts=row.outage_alerts,
        premises=_holdings(conn, account),
        outages=_outages(conn, account),
    )


def count(conn: Connection) -> int:
    """Return how many records there are in all accounts: one per account, outage and version."""
    return int(conn.execute(sa.select(sa.func.count()).select_from(_view())).scalar_one())


def _view() -> sa.Join:
    """Which version rows are on which account's record."""
    accounts, versions = t.cis_accounts.c, t.cis_versions.c
    return t.cis_accounts.join(
        t.cis_versions,
        sa.and_(
            versions.outage_key == accounts.outage_key,
            versions.number >= accounts.from_number,
            sa.or_(accounts.until_number.is_(None), versions.number <= accounts.until_number),
        ),
    )


def _holdings(conn: Connection, account: AccountKey) -> tuple[Holding, ...]:
    rows = conn.execute(
        sa.select(
            t.premises.c.id, t.premises.c.address, t.occupancies.c.since, t.occupancies.c.until
        )
        .join(t.occupancies, t.occupancies.c.premise_key == t.premises.c.key)
        .where(t.occupancies.c.account_key == account)
        .order_by(t.premises.c.id, t.occupancies.c.since)
    ).mappings()
    return tuple(Holding(**row) for row in rows)


def _outages(conn: Connection, account: AccountKey) -> tuple[AccountOutage, ...]:
    ranges = t.cis_accounts.c
    concerned: dict[int, RowMapping] = {}
    for row in conn.execute(
        sa.select(ranges.outage_key, ranges.premises, ranges.until_number, ranges.outcome)
        .where(ranges.account_key == account)
        .order_by(ranges.from_number)
    ).mappings():
        concerned[row["outage_key"]] = row  # the newest stay says how it stands
    versions = _versions(conn, account)
    interruptions = _interruptions(conn, account, concerned)
    messages = _messages(conn, account)
    # A message can reach an account that holds a premise now but did not then.
    keys = {*concerned, *messages}
    heir, whole = t.outages.alias("heir"), t.outages.alias("whole")
    rows = conn.execute(
        sa.select(t.outages, heir.c.id.label("heir"), whole.c.id.label("whole"))
        .outerjoin(heir, heir.c.key == t.outages.c.merged_into)
        .outerjoin(whole, whole.c.key == t.outages.c.split_from)
        .where(t.outages.c.key.in_(keys))
        .order_by(t.outages.c.declared_at.desc(), t.outages.c.key.desc())
    ).mappings()
    return tuple(
        AccountOutage(
            **{name: row[name] for name in _SHOWN},
            premises=concerned[row["key"]]["premises"] if row["key"] in concerned else 0,
            outcome=_outcome(concerned.get(row["key"]), interruptions[row["key"]]),
            merged_into=row["heir"],
            split_from=row["whole"],
            versions=tuple(versions[row["key"]]),
            interruptions=tuple(interruptions[row["key"]]),
            messages=tuple(messages[row["key"]]),
        )
        for row in rows
    )


_SHOWN = ("id", "service", "kind", "status", "cause", "place", "started_at", "restored_at")


def _outcome(stay: RowMapping | None, interruptions: list[Interruption]) -> str | None:
    if stay is not None and stay["until_number"] is not None:
        outcome: str | None = stay["outcome"]
        return outcome
    outcomes = {interruption.outcome for interruption in interruptions}
    return outcomes.pop() if len(outcomes) == 1 else None


def _versions(conn: Connection, account: AccountKey) -> dict[int, list[Version]]:
    note, public = t.notes.alias("note"), t.notes.alias("public")
    versions = t.cis_versions.c
    rows = conn.execute(
        sa.select(
            versions.outage_key,
            versions.at,
            versions.kind,
            versions.actor,
            versions.status,
            versions.crew_status,
            versions.crew_reason,
            versions.etr_version,
            versions.etr_latest,
            note.c.text.label("note"),
            public.c.text.label("public_message"),
            public.c.approved_at,
        )
        .select_from(
            _view()
            .outerjoin(note, note.c.key == versions.note_key)
            .outerjoin(public, public.c.key == versions.public_message_key)
        )
        .where(t.cis_accounts.c.account_key == account)
        .order_by(versions.outage_key, versions.number)
    ).mappings()
    found: dict[int, list[Version]] = defaultdict(list)
    for row in rows:
        facts = dict(row)
        key, approved_at = facts.pop("outage_key"), facts.pop("approved_at")
        approved = None if row["public_message"] is None else approved_at is not None
        found[key].append(Version(**facts, public_message_approved=approved))
    return found


def _interruptions(
    conn: Connection, account: AccountKey, outages: Iterable[int]
) -> dict[int, list[Interruption]]:
    interruptions = t.interruptions.c
    rows = conn.execute(
        sa.select(
            interruptions.outage_key,
            t.premises.c.id.label("premise"),
            interruptions.service,
            interruptions.started_at,
            interruptions.ended_at,
            interruptions.outcome,
        )
        .distinct()
        .select_from(
            t.interruptions.join(t.premises, t.premises.c.key == interruptions.premise_key).join(
                t.occupancies,
                sa.and_(
                    t.occupancies.c.premise_key == interruptions.premise_key,
                    sa.or_(
                        interruptions.ended_at.is_(None),
                        t.occupancies.c.since <= interruptions.ended_at,
                    ),
                    sa.or_(
                        t.occupancies.c.until.is_(None),
                        t.occupancies.c.until > interruptions.started_at,
                    ),
                ),
            )
        )
        .where(t.occupancies.c.account_key == account, interruptions.outage_key.in_(list(outages)))
        .order_by(interruptions.started_at, t.premises.c.id)
    ).mappings()
    found: dict[int, list[Interruption]] = defaultdict(list)
    for row in rows:
        facts = dict(row)
        found[facts.pop("outage_key")].append(Interruption(**facts))
    return found


def _messages(conn: Connection, account: AccountKey) -> dict[int, list[Message]]:
    messages = t.messages.c
    # By these they are found: accounts have no index of their own.
    theirs = sa.select(t.contacts.c.endpoint_key).where(t.contacts.c.account_key == account)
    rows = (
        conn.execute(
            sa.select(
                messages.key,
                messages.outage_key,
                messages.kind,
                messages.channel,
                t.endpoints.c.address,
                messages.state,
                messages.reason,
                messages.planned_at,
                messages.accepted_at,
                messages.ended_at,
                t.texts.c.body.label("text"),
            )
            .select_from(
                t.messages.join(t.endpoints, t.endpoints.c.key == messages.endpoint_key).outerjoin(
                    t.texts, t.texts.c.key == messages.text_key
                )
            )
            .where(messages.account_key == account, messages.endpoint_key.in_(theirs))
            .order_by(messages.number, messages.key)
        )
        .mappings()
        .all()
    )
    receipts = _receipts(conn, [row["key"] for row in rows])
    found: dict[int, list[Message]] = defaultdict(list)
    for row in rows:
        facts = dict(row)
        to, got = shown(facts.pop("address")), tuple(receipts[facts.pop("key")])
        found[facts.pop("outage_key")].append(Message(**facts, to=to, receipts=got))
    return found


def _receipts(conn: Connection, keys: list[int]) -> Mapping[int, list[Receipt]]:
    rows = conn.execute(
        t.receipts.select()
        .where(t.receipts.c.message_key.in_(keys))
        .order_by(t.receipts.c.at, t.receipts.c.key)
    )
    found: dict[int, list[Receipt]] = defaultdict(list)
    for row in rows:
        found[row.message_key].append(Receipt(event=row.event, at=row.at, code=row.code))
    return found


def shown(address: str) -> str:
    """Return as much of a phone or e-mail address as tells a customer which one it is."""
    name, at, domain = address.partition("@")
    return f"{name[:1]}…@{domain}" if at else f"…{address[-4:]}"
