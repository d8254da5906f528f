"""The storm's figures, read back from database, simulator and published files, and compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from workers.demo.expected import Expected

LABELLED = t.outages.c.source == "demo"
TAKEN = ("accepted", "delivered", "undelivered")
"""States of a message that the provider took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The figures, and in words every two of them that disagree."""

    figures: Mapping[str, int]
    disagreements: tuple[str, ...]


def tally(conn: Connection, published: Path, carrier: Mapping[str, int], script: Expected) -> Tally:
    """Count everything once more where it lies, and hold it against the script."""
    ends = _ends(conn)
    figures = {
        "outages": _count(conn, t.outages),
        "premises_matched": _distinct(conn, t.memberships.c.premise_key),
        "memberships": len(_memberships(conn)),
        "interruptions": _count(conn, t.interruptions),
        "messages_planned": _count(conn, t.messages),
        **ends,
        "receipts": _count(conn, t.receipts),
        "generations": _count(conn, t.generations, t.generations.c.published_at.is_not(None)),
        "account_records": len(_records(conn)),
        "acceptances": carrier["sms"] + carrier["email"],
        "doubled_acceptances": carrier["doubled"],
        "fingerprint": fingerprint(conn),
    }
    problems = [
        *_against_script(conn, script),
        *_messages(conn, carrier, ends, figures["messages_planned"]),
        *_interruptions(conn),
        *_told(conn),
        *_published(conn, published),
    ]
    return Tally(figures=figures, disagreements=tuple(problems))


def fingerprint(conn: Connection) -> int:
    """Return a number that is equal for two runs that came to the same (DECISIONS 24).

    Outages, members, interruptions, account records and each endpoint's final last-told facts,
    by names that do not change between runs; not the timings, nor what was superseded.
    """
    facts = json.dumps(
        [
            _rows(
                conn,
                sa.select(
                    t.outages.c.source_id,
                    t.outages.c.status,
                    t.outages.c.crew_status,
                    t.outages.c.members,
                    t.outages.c.premises_out,
                    t.outages.c.premises_restored,
                    t.outages.c.accounts_out,
                    t.outages.c.etr_count,
                ),
            ),
            sorted(_memberships(conn)),
            _rows(
                conn,
                sa.select(
                    t.premises.c.id,
                    t.outages.c.source_id,
                    t.interruptions.c.started_at,
                    t.interruptions.c.ended_at,
                    t.interruptions.c.outcome,
                )
                .join(t.premises, t.premises.c.key == t.interruptions.c.premise_key)
                .join(t.outages, t.outages.c.key == t.interruptions.c.outage_key),
            ),
            sorted(_records(conn)),
            sorted((*who, state, etr) for *who, _number, state, etr in _last_told(conn)),
        ],
        default=str,
    )
    return int.from_bytes(hashlib.sha256(facts.encode()).digest()[:6], "big")


def _ends(conn: Connection) -> dict[str, int]:
    rows = conn.execute(
        sa.select(t.messages.c.state, t.messages.c.reason, sa.func.count())
        .group_by(t.messages.c.state, t.messages.c.reason)
        .order_by(t.messages.c.state, t.messages.c.reason)
    )
    return {
        "messages_" + "_".join(filter(None, (state, reason))): count
        for state, reason, count in rows
    }


def _memberships(conn: Connection) -> set[tuple[str, str]]:
    statement = (
        sa.select(t.outages.c.source_id, t.premises.c.id)
        .select_from(t.memberships)
        .join(t.outages, t.outages.c.key == t.memberships.c.outage_key)
        .join(t.premises, t.premises.c.key == t.memberships.c.premise_key)
        .where(LABELLED)
        .distinct()
    )
    return {(label, name) for label, name in conn.execute(statement)}


def _records(conn: Connection) -> set[tuple[str, str]]:
    statement = (
        sa.select(t.outages.c.source_id, t.accounts.c.id)
        .select_from(t.cis_accounts)
        .join(t.outages, t.outages.c.key == t.cis_accounts.c.outage_key)
        .join(t.accounts, t.accounts.c.key == t.cis_accounts.c.account_key)
        .where(LABELLED)
        .distinct()
    )
    return {(label, name) for label, name in conn.execute(statement)}


def _last_told(conn: Connection) -> Iterator[tuple[Any, ...]]:
    """Yield what each endpoint was last told of each outage.

    As (label, kind, address, journal number, state, ETR version).
    """
    told = t.messages.c.state.in_([*TAKEN, "claimed", "unknown", "shadowed"])
    newest = (
        sa.select(sa.func.max(t.messages.c.number))
        .where(told)
        .group_by(t.messages.c.outage_key, t.messages.c.endpoint_key)
        .scalar_subquery()
    )
    statement = (
        sa.select(
            t.outages.c.source_id,
            t.endpoints.c.kind,
            t.endpoints.c.address,
            t.messages.c.number,
            t.messages.c.told_state,
            t.messages.c.told_etr_version,
        )
        .select_from(t.messages)
        .join(t.outages, t.outages.c.key == t.messages.c.outage_key)
        .join(t.endpoints, t.endpoints.c.key == t.messages.c.endpoint_key)
        .where(told, t.messages.c.number.in_(newest))
    )
    last: dict[tuple[str, str, str], tuple[Any, ...]] = {}
    for label, kind, address, *facts in conn.execute(statement.order_by(t.messages.c.number)):
        last[label, kind, address] = tuple(facts)
    yield from ((*key, *facts) for key, facts in last.items())


def _against_script(conn: Connection, script: Expected) -> Iterator[str]:
    outages = _count(conn, t.outages)
    yield from _differ("outages in the script and the database", script.outages, outages)
    declared = _count(conn, t.journal, t.journal.c.kind == "declared")
    yield from _differ("outages and `declared` entries", outages, declared)
    yield from _differ_sets("memberships", script.memberships, _memberships(conn))
    yield from _differ_sets("account records", script.records, _records(conn))


def _messages(
    conn: Connection, carrier: Mapping[str, int], ends: Mapping[str, int], planned: int
) -> Iterator[str]:
    yield from _differ("messages planned and the sum of their ends", planned, sum(ends.values()))
    m = t.messages.c
    for what, left in (
        ("pending", m.state == "pending"),
        ("claimed", m.state == "claimed"),
        # One of which there will be no word any more has ended, with its reason.
        ("unknown without an end", sa.and_(m.state == "unknown", m.ended_at.is_(None))),
    ):
        yield from _differ(
            f"messages {what} at the end and none", 0, _count(conn, t.messages, left)
        )
    taken = _count(conn, t.messages, t.messages.c.provider_id.is_not(None))
    yield from _differ("messages the provider took and ids it knows", taken, carrier["our_ids"])
    accepted = carrier["sms"] + carrier["email"]
    yield from _differ(
        "acceptances and ids plus doubled ones", accepted, taken + carrier["doubled"]
    )
    told = _distinct(
        conn, t.receipts.c.message_key, t.receipts.c.event.in_(["delivered", "undelivered"])
    )
    ended = _count(conn, t.messages, t.messages.c.state.in_(["delivered", "undelivered"]))
    yield from _differ("messages with a final receipt and delivered or not", told, ended)
    twice = conn.execute(
        sa.select(sa.func.count()).select_from(
            sa.select(t.messages.c.endpoint_key)
            .where(
                t.messages.c.kind == "detected",
                t.messages.c.provider_id.is_not(None),
            )
            .group_by(t.messages.c.outage_key, t.messages.c.endpoint_key)
            .having(sa.func.count() > 1)
            .subquery()
        )
    ).scalar_one()
    yield from _differ("endpoints told twice of one outage and none", 0, twice)


def _interruptions(conn: Connection) -> Iterator[str]:
    still = _count(conn, t.interruptions, t.interruptions.c.outcome.is_(None))
    yield from _differ("interruptions open after the storm and none", 0, still)
    yield from _differ(
        "premises interrupted and premises matched",
        _distinct(conn, t.interruptions.c.premise_key),
        _distinct(conn, t.memberships.c.premise_key),
    )
    reopened = conn.execute(
        sa.select(sa.func.count()).select_from(
            sa.select(t.interruptions.c.premise_key)
            .where(t.interruptions.c.outcome == "restored")
            .group_by(t.interruptions.c.premise_key, t.interruptions.c.first_outage_key)
            .having(sa.func.count() > 1)
            .subquery()
        )
    ).scalar_one()
    yield from _differ("premises interrupted twice by one outage and none", 0, reopened)


def _told(conn: Connection) -> Iterator[str]:
    """Whoever was told "out" was later told that it is over, if need be for another outage.

    Where two outages held one premise, the one that ended last tells for both.
    """
    told = list(_last_told(conn))
    over: dict[tuple[str, str], int] = {}
    for _, kind, address, number, state, _etr in told:
        if state != "out":
            over[kind, address] = max(number, over.get((kind, address), 0))
    left = sum(
        1
        for _, kind, address, number, state, _etr in told
        if state == "out" and over.get((kind, address), 0) < number
    )
    yield from _differ("endpoints whose last word is that it is out and none", 0, left)


def _published(conn: Connection, published: Path) -> Iterator[str]:
    row = conn.execute(
        sa.select(t.generations.c.epoch, t.generations.c.number)
        .where(t.generations.c.published_at.is_not(None))
        .order_by(t.generations.c.number.desc())
        .limit(1)
    ).one()
    pointer = json.loads((published / "status.json").read_text(encoding="utf-8"))
    yield from _differ(
        "newest generation and the pointer", f"{row.epoch}-{row.number}", pointer["id"]
    )


def _rows(conn: Connection, statement: sa.Select[Any]) -> list[list[Any]]:
    return sorted(([*row] for row in conn.execute(statement)), key=str)


def _count(conn: Connection, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
    statement = sa.select(sa.func.count()).select_from(table).where(*where)
    return int(conn.execute(statement).scalar_one())


def _distinct(conn: Connection, column: sa.Column[Any], *where: sa.ColumnElement[bool]) -> int:
    return int(
        conn.execute(sa.select(sa.func.count(sa.distinct(column))).where(*where)).scalar_one()
    )


def _differ(what: str, one: object, other: object) -> Iterator[str]:
    if one != other:
        yield f"{what}: {one} is not {other}"


def _differ_sets(
    what: str, script: Iterable[tuple[str, str]], found: Iterable[tuple[str, str]]
) -> Iterator[str]:
    missing, extra = set(script) - set(found), set(found) - set(script)
    if missing or extra:
        sample = ", ".join(" ".join(pair) for pair in sorted(missing | extra)[:3])
        yield f"{what}: {len(missing)} missing, {len(extra)} too many, such as {sample}"
