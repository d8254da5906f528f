"""What the utility's own CIS is told: outage events with the accounts they concern.

Made of the embedded CIS's rows at the moment of the call. Accounts of one outage that share a
version and what was written for them share an event, so that notes stand in it once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from outage import tables as t
from outage.model import INTERRUPTING, Kind

NOTES = 200
"""Newest notes of an event; how many earlier ones there are is said."""

_u, _c, _v, _m, _occ = (
    t.cis_upserts.c,
    t.cis_accounts.c,
    t.cis_versions.c,
    t.memberships.c,
    t.occupancies.c,
)

Pair = tuple[int, int]
"""Outage key and account key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One account's record of one outage that is to be sent.

    ``version`` is the journal entry it is of; ``attempts`` how often it has failed in a row;
    ``most`` with how many others it may go in a call.
    """

    outage_key: int
    account_key: int
    version: int
    attempts: int = 0
    most: int | None = None

    @property
    def pair(self) -> Pair:
        return self.outage_key, self.account_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A due record with its content: ``event`` is shared, ``account`` is its own."""

    due: Due
    key: str
    event: Mapping[str, Any]
    account: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    first: int
    last: int
    left: bool
    outcome: str | None

    def has(self, number: int) -> bool:
        return self.first <= number <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstList:
    """An outage's first list of customers: up to which version, and how many are on it."""

    first: int
    accounts: int


Lists = dict[int, FirstList]
"""By outage key. They never change once a record of the outage is due: keep them for next time."""


def records(conn: Connection, due: sa.Select[Any], lists: Lists) -> list[Record]:
    """Return the records of the rows of ``cis_upserts`` that ``due`` chooses, newest first."""
    chosen = due.subquery("due")
    rows = conn.execute(
        sa.select(chosen, t.accounts.c.id)
        .join(t.accounts, t.accounts.c.key == chosen.c.account_key)
        .order_by(chosen.c.wanted.desc(), chosen.c.outage_key.desc(), chosen.c.account_key.desc())
    ).mappings()
    found = list(rows)
    if not found:
        return []
    unknown = {row["outage_key"] for row in found} - lists.keys()
    if unknown:
        lists |= _listed(conn, unknown)
    reading = _Reading(conn, chosen, lists)
    return [reading.record(row) for row in found]


def body(some: Sequence[Record]) -> dict[str, Any]:
    """Return what one call says: each event once, with its accounts."""
    events: dict[int, dict[str, Any]] = {}
    for record in some:
        event = events.setdefault(id(record.event), {**record.event, "accounts": []})
        event["accounts"].append(record.account)
    return {"type": "outage.accounts", "data": {"events": list(events.values())}}


class _Reading:
    """What is on record for the chosen rows, read in a handful of statements."""

    def __init__(self, conn: Connection, chosen: sa.Subquery, lists: Lists) -> None:
        outages = sa.select(chosen.c.outage_key)
        self._versions = _versions(conn, chosen)
        self._outages = _outages(conn, outages)
        self._lists = lists
        self._ranges = _ranges(conn, chosen)
        self._notes = _notes(conn, outages)
        self._stays = _stays(conn, chosen)
        self._events: dict[tuple[Any, ...], Mapping[str, Any]] = {}

    def record(self, row: RowMapping) -> Record:
        pair, version = (row["outage_key"], row["account_key"]), row["wanted"]
        ranges = tuple(self._ranges[pair])
        full = row["accepted"] is None and ranges[0].first <= self._lists[pair[0]].first
        event = self._event(pair[0], version, ranges, full=full)
        key = f"{event['outage']}.{version}.{row['id']}"
        due = Due(
            outage_key=pair[0],
            account_key=pair[1],
            version=version,
            attempts=row["attempts"],
            most=row["most"],
        )
        return Record(
            due=due,
            key=key,
            event=event,
            account={
                "account": row["id"],
                "key": key,
                **_account(event, ranges[-1], self._stays[pair], known=row["accepted"] is not None),
            },
        )

    def _event(
        self, outage: int, version: int, ranges: tuple[_Range, ...], *, full: bool
    ) -> Mapping[str, Any]:
        key = (outage, version, ranges, full)
        if key not in self._events:
            notes = [
                note
                for number, note in self._notes[outage]
                if any(each.has(number) for each in ranges)
            ]
            self._events[key] = {
                **_event(self._outages[outage], self._versions[outage, version]),
                "customers": "full" if full else "incremental",
                "listed": self._lists[outage].accounts if full else None,
                "notes": notes[-NOTES:],
                "notes_left_off": max(0, len(notes) - NOTES),
            }
        return self._events[key]


def _event(outage: RowMapping, version: RowMapping) -> dict[str, Any]:
    """What the version says of the outage; what no version keeps is as it is now."""
    etr = None
    if version["etr_latest"] is not None:
        etr = {
            "latest": _time(version["etr_latest"]),
            **{
                name: _time(version[f"the_{name}"])
                if name == "earliest"
                else version[f"the_{name}"]
                for name in ("earliest", "confidence", "source", "reason", "published")
            },
        }
    return {
        "outage": outage["id"],
        "version": version["number"],
        "at": _time(version["at"]),
        "service": outage["service"],
        "kind": outage["kind"],
        "status": version["status"],
        "cause": outage["cause"],
        "started_at": _time(outage["started_at"]),
        "etr": etr,
        "crew_status": version["crew_status"],
        "crew_reason": version["crew_reason"],
        "merged_into": outage["heir"],
        "split_from": outage["whole"],
    }


def _account(
    event: Mapping[str, Any], last: _Range, stays: Sequence[RowMapping], *, known: bool
) -> dict[str, Any]:
    out = event["kind"] != Kind.ADVISORY and event["status"] in INTERRUPTING
    premises = [_premise(stay, out=out) for stay in stays]
    state = "left" if last.left else _state([one["state"] for one in premises], out=out)
    over = state in {"left", "restored"}
    ends = [one["until"] for one in premises if one["until"] is not None]
    change = state if over and known else "changed" if known else "added"
    return {
        "change": change,
        "state": state,
        "outcome": last.outcome if last.left else None,
        "completed_at": max(ends) if over and ends else None,
        "premises": premises,
    }


def _state(premises: Sequence[str], *, out: bool) -> str:
    """An account's state by those of its premises that are inside yet."""
    inside = [state for state in premises if state != "left"]
    restored = inside.count("restored")
    if inside and restored == len(inside):
        return "restored"
    if restored:
        return "partlyRestored"
    return "out" if out else "concerned"


def _premise(stay: RowMapping, *, out: bool) -> dict[str, Any]:
    if stay["gone"]:
        state = "left"
    elif stay["until"] is not None:
        state = "restored"
    else:
        state = "out" if out else "concerned"
    return {
        "premise": stay["id"],
        "state": state,
        "since": _time(stay["since"]),
        "until": _time(stay["until"]),
        "outcome": stay["outcome"],
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds")


def _versions(conn: Connection, chosen: sa.Subquery) -> dict[tuple[int, int], RowMapping]:
    wanted = sa.select(chosen.c.outage_key, chosen.c.wanted).distinct().subquery()
    etr = t.etrs.c
    rows = conn.execute(
        sa.select(
            t.cis_versions,
            *(
                etr[name].label(f"the_{name}")
                for name in ("earliest", "confidence", "source", "reason", "published")
            ),
        )
        .join(wanted, sa.and_(wanted.c.outage_key == _v.outage_key, wanted.c.wanted == _v.number))
        .outerjoin(t.etrs, sa.and_(etr.outage_key == _v.outage_key, etr.version == _v.etr_version))
    ).mappings()
    return {(row["outage_key"], row["number"]): row for row in rows}


def _outages(conn: Connection, outages: sa.Select[Any]) -> dict[int, RowMapping]:
    heir, whole = t.outages.alias("heir"), t.outages.alias("whole")
    rows = conn.execute(
        sa.select(t.outages, heir.c.id.label("heir"), whole.c.id.label("whole"))
        .outerjoin(heir, heir.c.key == t.outages.c.merged_into)
        .outerjoin(whole, whole.c.key == t.outages.c.split_from)
        .where(t.outages.c.key.in_(outages))
    ).mappings()
    return {row["key"]: row for row in rows}


def _listed(conn: Connection, outages: Collection[int]) -> Lists:
    first = (
        sa.select(_v.outage_key, sa.func.min(_v.number).label("number"))
        .where(_v.outage_key.in_(outages))
        .group_by(_v.outage_key)
        .subquery()
    )
    rows = conn.execute(
        sa.select(first.c.outage_key, first.c.number, sa.func.count(_c.account_key.distinct()))
        .join(
            t.cis_accounts,
            sa.and_(_c.outage_key == first.c.outage_key, _c.from_number <= first.c.number),
            isouter=True,
        )
        .group_by(first.c.outage_key, first.c.number)
    )
    return {key: FirstList(first=number, accounts=accounts) for key, number, accounts in rows}


def _ranges(conn: Connection, chosen: sa.Subquery) -> dict[Pair, list[_Range]]:
    rows = conn.execute(
        sa.select(
            _c.outage_key,
            _c.account_key,
            _c.from_number,
            _c.until_number,
            _c.outcome,
            chosen.c.wanted,
        )
        .join(
            chosen,
            sa.and_(
                chosen.c.outage_key == _c.outage_key,
                chosen.c.account_key == _c.account_key,
                chosen.c.wanted >= _c.from_number,
            ),
        )
        .order_by(_c.outage_key, _c.account_key, _c.from_number)
    )
    found: dict[Pair, list[_Range]] = defaultdict(list)
    for outage, account, first, until, outcome, wanted in rows:
        left = until is not None and until <= wanted
        found[outage, account].append(
            _Range(
                first=first,
                last=until if left else wanted,
                left=left,
                outcome=outcome if left else None,
            )
        )
    return found


def _notes(conn: Connection, outages: sa.Select[Any]) -> dict[int, list[tuple[int, Any]]]:
    """Crews' and dispatchers' notes and public messages, with the entry each came with."""
    rows: Iterable[RowMapping] = conn.execute(
        sa.select(
            _v.outage_key, _v.number, _v.at, _v.actor, t.notes.c.key, t.notes.c.kind, t.notes.c.text
        )
        .join(t.notes, t.notes.c.key.in_([_v.note_key, _v.public_message_key]))
        .where(_v.outage_key.in_(outages))
        .order_by(_v.outage_key, _v.number, t.notes.c.key)
    ).mappings()
    found: dict[int, list[tuple[int, Any]]] = defaultdict(list)
    for row in rows:
        note = {
            "note": f"{row['number']}.{row['key']}",
            "kind": row["kind"],
            "at": _time(row["at"]),
            "by": row["actor"],
            "text": row["text"],
        }
        found[row["outage_key"]].append((row["number"], note))
    return found


def _stays(conn: Connection, chosen: sa.Subquery) -> dict[Pair, list[RowMapping]]:
    """The newest stay of each premise that the account held when it began (DECISIONS 16)."""
    # gis writes a membership in steps: what is not current yet is not looked at.
    current = t.outages.c.membership
    gone = sa.and_(_m.removed.is_not(None), _m.removed <= current)
    rows = conn.execute(
        sa.select(
            chosen.c.outage_key,
            chosen.c.account_key,
            t.premises.c.id,
            _m.since,
            _m.until,
            _m.outcome,
            sa.case((gone, 1), else_=0).label("gone"),
        )
        .join(t.outages, t.outages.c.key == chosen.c.outage_key)
        .join(t.occupancies, _occ.account_key == chosen.c.account_key)
        .join(
            t.memberships,
            sa.and_(
                _m.outage_key == chosen.c.outage_key,
                _m.premise_key == _occ.premise_key,
                _m.added <= current,
                _occ.since <= _m.since,
                sa.or_(_occ.until.is_(None), _occ.until > _m.since),
            ),
        )
        .join(t.premises, t.premises.c.key == _m.premise_key)
        .order_by(chosen.c.outage_key, chosen.c.account_key, t.premises.c.id, _m.added)
    ).mappings()
    newest: dict[tuple[int, int, str], RowMapping] = {
        (row["outage_key"], row["account_key"], row["id"]): row for row in rows
    }
    found: dict[Pair, list[RowMapping]] = defaultdict(list)
    for (outage, account, _), row in newest.items():
        found[outage, account].append(row)
    return found
