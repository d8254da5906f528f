"""What an account went through: its outages and what it was told of them, newest first.

Each list is read a page at a time, in a bounded number of statements whatever there is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from console.dossier import Some
from notifier.explain import became, masked, standings
from notifier.manners import Manners
from outage import tables as t
from outage.model import AccountKey
from outage.settings import SendMode, Settings
from outage.site import Site

OUTAGES, MESSAGES, LINES, ENDPOINTS = 10, 20, 10, 10
"""On a page; of one outage ``LINES`` of its ETRs and of its notes, the newest, and what is told to
``ENDPOINTS`` numbers and addresses."""
_HEIR, _WHOLE = t.outages.alias("heir"), t.outages.alias("whole")
_r, _u, _i, _o = t.cis_accounts.c, t.outages.c, t.interruptions.c, t.occupancies.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Etr:
    """One estimated time of restoration that there was."""

    at: datetime
    earliest: datetime | None
    latest: datetime
    confidence: str
    source: str
    reason: str | None
    published: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a crew or the desk wrote; ``kind`` is note, which is internal, or public_message."""

    at: datetime
    kind: str
    actor: str
    text: str
    approved_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suffered:
    """One outage as the account had it.

    Attributes:
        stay: the newest time that it was concerned: premises, until_number, outcome.
        off: of its places: how many lost service, how many are without it, since and until when.
        etrs, words: the newest ones; ``etr_count`` and ``word_count`` are of all there are.
        why: what each number and address is told now, and why.
    """

    outage: sa.RowMapping
    stay: sa.RowMapping
    off: sa.RowMapping | None
    etrs: tuple[Etr, ...]
    etr_count: int
    words: tuple[Word, ...]
    word_count: int
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the provider said of a message."""

    event: str
    at: datetime
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One message that was sent, or was to be."""

    outage: str
    planned_at: datetime
    channel: str
    state: str
    subject: str
    text: str
    why: str
    receipts: tuple[Receipt, ...]


def outages(
    conn: Connection, account: AccountKey, before: int, *, site: Site, settings: Settings
) -> Some[Suffered]:
    """Outages that the account was ever concerned by."""
    keys = list(
        conn.scalars(
            sa.select(_r.outage_key)
            .where(_r.account_key == account, _r.outage_key < before if before else sa.true())
            .group_by(_r.outage_key)
            .order_by(_r.outage_key.desc())
            .limit(OUTAGES + 1)
        )
    )
    page = keys[:OUTAGES]
    facts, stays, off = _facts(conn, page), _stays(conn, account, page), _off(conn, account, page)
    etrs, words = _newest(conn, t.etrs, page), _newest(conn, t.notes, page)
    why = standings(
        conn,
        account,
        page,
        manners=Manners.of(settings, site),
        count_shadowed=settings.send in {SendMode.SHADOW, SendMode.ALLOWLIST},
        most=ENDPOINTS,
    )
    found = tuple(
        Suffered(
            outage=facts[key],
            stay=stays[key],
            off=off.get(key),
            etrs=tuple(Etr(**_of(row, Etr)) for row in etrs[key]),
            etr_count=etrs[key][0]["counted"] if etrs[key] else 0,
            words=tuple(Word(**_of(row, Word)) for row in words[key]),
            word_count=words[key][0]["counted"] if words[key] else 0,
            why=tuple(why[key]),
        )
        for key in page
    )
    return Some(rows=found, next=page[-1] if len(keys) > OUTAGES else 0)


def _of(row: sa.RowMapping, kind: type[Etr | Word]) -> dict[str, Any]:
    return {name: row[name] for name in kind.__dataclass_fields__}


def _facts(conn: Connection, keys: Sequence[int]) -> dict[int, sa.RowMapping]:
    rows = conn.execute(
        sa.select(t.outages, _HEIR.c.id.label("heir"), _WHOLE.c.id.label("whole"))
        .outerjoin(_HEIR, _HEIR.c.key == _u.merged_into)
        .outerjoin(_WHOLE, _WHOLE.c.key == _u.split_from)
        .where(_u.key.in_(keys))
    ).mappings()
    return {row["key"]: row for row in rows}


def _stays(conn: Connection, account: AccountKey, keys: Sequence[int]) -> dict[int, sa.RowMapping]:
    rows = conn.execute(
        sa.select(_r.outage_key, _r.premises, _r.until_number, _r.outcome)
        .where(_r.account_key == account, _r.outage_key.in_(keys))
        .order_by(_r.from_number)
    ).mappings()
    return {row["outage_key"]: row for row in rows}


def _off(conn: Connection, account: AccountKey, keys: Sequence[int]) -> dict[int, sa.RowMapping]:
    """How its places fared, by outage; those that it held while service was off."""
    held = sa.and_(
        _o.premise_key == _i.premise_key,
        sa.or_(_i.ended_at.is_(None), _o.since <= _i.ended_at),
        sa.or_(_o.until.is_(None), _o.until > _i.started_at),
    )
    still = sa.case((_i.outcome.is_(None), _i.premise_key))
    rows = conn.execute(
        sa.select(
            _i.outage_key,
            sa.func.count(_i.premise_key.distinct()).label("places"),
            sa.func.count(still.distinct()).label("still"),
            sa.func.min(_i.started_at).label("since"),
            sa.func.max(_i.ended_at).label("until"),
        )
        .select_from(t.occupancies.join(t.interruptions, held))
        .where(_o.account_key == account, _i.outage_key.in_(keys))
        .group_by(_i.outage_key)
    ).mappings()
    return {row["outage_key"]: row for row in rows}


def _newest(
    conn: Connection, table: sa.Table, keys: Sequence[int]
) -> Mapping[int, list[sa.RowMapping]]:
    """The newest rows of each outage, newest first; ``counted`` is how many it has."""
    found: dict[int, list[sa.RowMapping]] = defaultdict(list)
    for row in conn.execute(_ranked(table), {"keys": keys}).mappings():
        found[row["outage_key"]].append(row)
    return found


@cache
def _ranked(table: sa.Table) -> sa.Select[Any]:
    order = table.c.version if "version" in table.c else table.c.key
    one = table.c.outage_key
    ranked = (
        sa.select(
            *table.c,
            sa.func.row_number().over(partition_by=one, order_by=order.desc()).label("place"),
            sa.func.count().over(partition_by=one).label("counted"),
        )
        .where(one.in_(sa.bindparam("keys", expanding=True)))
        .subquery()
    )
    return sa.select(ranked).where(ranked.c.place <= LINES).order_by(ranked.c.place)


def messages(conn: Connection, account: AccountKey, before: int, *, zone: ZoneInfo) -> Some[Told]:
    """What was decided for them, whether it was sent or not; of areas that they watch as well."""
    m, c = t.messages.c, t.contacts.c
    # By these they are found: accounts have no index of their own.
    theirs = sa.select(c.endpoint_key).where(c.account_key == account)
    rows = conn.execute(
        sa.select(
            t.messages,
            _u.id.label("outage"),
            t.endpoints.c.kind.label("reached"),
            t.endpoints.c.address,
            t.texts.c.subject,
            t.texts.c.body,
        )
        .join(t.outages, _u.key == m.outage_key)
        .join(t.endpoints, t.endpoints.c.key == m.endpoint_key)
        .outerjoin(t.texts, t.texts.c.key == m.text_key)
        .where(
            m.endpoint_key.in_(theirs),
            # Areas are watched by who has the number, and that may be somebody else by now.
            sa.or_(
                m.account_key == account,
                sa.and_(
                    m.account_key.is_(None), m.endpoint_key.in_(theirs.where(c.ended_at.is_(None)))
                ),
            ),
            m.key < before if before else sa.true(),
        )
        .order_by(m.key.desc())
        .limit(MESSAGES + 1)
    ).all()
    page = rows[:MESSAGES]
    receipts = _receipts(conn, [row.key for row in page])
    found = tuple(
        Told(
            outage=row.outage,
            planned_at=row.planned_at,
            channel=row.channel,
            state=row.state,
            subject=row.subject or "",
            text=row.body or "",
            why=became(masked(row.reached, row.address), row, zone),
            receipts=tuple(receipts[row.key]),
        )
        for row in page
    )
    return Some(rows=found, next=page[-1].key if len(rows) > MESSAGES else 0)


def _receipts(conn: Connection, keys: Sequence[int]) -> Mapping[int, list[Receipt]]:
    r = t.receipts.c
    rows = conn.execute(t.receipts.select().where(r.message_key.in_(keys)).order_by(r.at, r.key))
    found: dict[int, list[Receipt]] = defaultdict(list)
    for row in rows:
        found[row.message_key].append(Receipt(event=row.event, at=row.at, code=row.code))
    return found
