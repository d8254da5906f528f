"""What an account is: whose, which places it holds and how they are, how it is reached, notes.

Each list is read a page at a time, in a bounded number of statements whatever there is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from console.reading import find_account
from outage import tables as t
from outage.cis.record import shown
from outage.disowned import WRONG_PERSON
from outage.model import OPEN, AccountKey

PLACES, CONTACTS, NOTES = 25, 25, 10
_o, _p, _i, _m, _u = (
    t.occupancies.c,
    t.premises.c,
    t.interruptions.c,
    t.memberships.c,
    t.outages.c,
)
T = TypeVar("T")
SERVICES = {1: "electric", 2: "water", 4: "gas"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Some(Generic[T]):
    """Some of a list, and after which key the rest begins; 0 where there is no more."""

    rows: tuple[T, ...]
    next: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose account it is, and how its places are, all of them counted.

    Attributes:
        alerts_by: cis or person: who said last whether it wants outage alerts.
        held_before: places that it holds no more.
    """

    key: AccountKey
    id: str
    name: str
    closed_at: datetime | None
    alerts: bool
    alerts_by: str
    critical: bool
    places: int
    out: int
    held_before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """An outage that a place is in now. ``off_since`` is NULL where service is on all the same."""

    outage: str
    kind: str
    status: str
    service: str
    off_since: datetime | None
    etr: datetime | None
    planned_start: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place that the account holds now."""

    key: int
    id: str
    address: str
    services: str
    since: datetime
    concerns: tuple[Concern, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One way to reach them, with what they agreed to and how it fares.

    Attributes:
        last_state, last_at: of the newest message there that a provider has had.
    """

    key: int
    address: str
    channel: str
    language: str
    alerts: bool
    consent_source: str
    consent_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    opted_out_at: datetime | None
    opt_out_source: str | None
    invalid_at: datetime | None
    invalid_code: str | None
    last_state: str | None
    last_at: datetime | None

    @property
    def takes_texts(self) -> bool:
        """Whether a text would reach them now."""
        stopped = self.opted_out_at or self.invalid_at or self.ended_at
        return self.channel == "sms" and stopped is None

    @property
    def has_bounced(self) -> bool:
        """Whether it may be tried again: it is known to be bad, and nobody else's."""
        return self.invalid_at is not None and self.invalid_code != WRONG_PERSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What somebody of the staff wrote down."""

    at: datetime
    actor: str
    text: str


def holder(conn: Connection, name: str) -> Holder:
    """Find an account by any id of its own or of a premise it holds; whether medical is not read.

    Raises `UnknownAccountError`.
    """
    key = find_account(conn, name)
    a = t.accounts.c
    row = conn.execute(
        sa.select(a.id, a.name, a.closed_at, a.outage_alerts, a.alerts_source, a.critical).where(
            a.key == key
        )
    ).one()
    off = sa.exists().where(_i.premise_key == _o.premise_key, _i.outcome.is_(None))
    now = _o.until.is_(None)
    counted = conn.execute(
        sa.select(
            sa.func.count(sa.case((now, _o.premise_key)).distinct()).label("places"),
            sa.func.count(sa.case((sa.and_(now, off), _o.premise_key)).distinct()).label("out"),
            sa.func.count(sa.case((~now, _o.premise_key)).distinct()).label("held_before"),
        ).where(_o.account_key == key)
    ).one()
    return Holder(
        key=key,
        id=row.id,
        name=row.name,
        closed_at=row.closed_at,
        alerts=row.outage_alerts,
        alerts_by=row.alerts_source,
        critical=row.critical,
        places=counted.places,
        out=counted.out,
        held_before=counted.held_before,
    )


def is_medical(conn: Connection, account: AccountKey) -> bool:
    """Whether somebody there depends on medical equipment. Who asks puts it on the audit log."""
    a = t.accounts.c
    return bool(conn.execute(sa.select(a.medical).where(a.key == account)).scalar_one())


def places(conn: Connection, account: AccountKey, after: int) -> Some[Place]:
    """Places that it holds now, each with the outages that it is in now."""
    rows = conn.execute(
        sa.select(_o.premise_key, _p.id, _p.address, _p.city, _p.services, _o.since)
        .join(t.premises, _p.key == _o.premise_key)
        .where(_o.account_key == account, _o.until.is_(None), _o.premise_key > after)
        .order_by(_o.premise_key)
        .limit(PLACES + 1)
    ).all()
    page = rows[:PLACES]
    concerns = _concerns(conn, [row.premise_key for row in page])
    found = tuple(
        Place(
            key=row.premise_key,
            id=row.id,
            address=", ".join(filter(None, (row.address, row.city))),
            services=", ".join(name for bit, name in SERVICES.items() if row.services & bit),
            since=row.since,
            concerns=tuple(concerns[row.premise_key]),
        )
        for row in page
    )
    return Some(rows=found, next=page[-1].premise_key if len(rows) > PLACES else 0)


def _concerns(conn: Connection, premises: Sequence[int]) -> dict[int, list[Concern]]:
    """Outages by premise: those that keep service off first, then those they are members of."""
    facts = (
        _u.id,
        _u.kind,
        _u.status,
        _u.service,
        sa.case((_u.etr_published, _u.etr_latest)).label("etr"),
        _u.planned_start,
    )
    off = (
        sa.select(_i.premise_key, _i.started_at.label("off_since"), *facts)
        .join(t.outages, _u.key == _i.outage_key)
        .where(_i.premise_key.in_(premises), _i.outcome.is_(None))
        .order_by(_i.started_at)
    )
    members = (
        sa.select(_m.premise_key, sa.null().label("off_since"), *facts)
        .join(t.outages, _u.key == _m.outage_key)
        .where(
            _m.premise_key.in_(premises),
            _m.removed.is_(None),
            _m.until.is_(None),
            _m.added <= _u.membership,
            _u.status.in_(OPEN),
        )
        .order_by(_u.declared_at)
    )
    found: dict[int, list[Concern]] = defaultdict(list)
    for row in (*conn.execute(off), *conn.execute(members)):
        here = found[row.premise_key]
        if all(one.outage != row.id for one in here):
            here.append(
                Concern(
                    outage=row.id,
                    kind=row.kind,
                    status=row.status,
                    service=row.service,
                    off_since=row.off_since,
                    etr=row.etr,
                    planned_start=row.planned_start,
                )
            )
    return found


def contacts(conn: Connection, account: AccountKey, after: int, *, whole: bool) -> Some[Contact]:
    """Every number and address, ended ones last; ``whole`` shows more than tells which it is."""
    c, e, m = t.contacts.c, t.endpoints.c, t.messages.c
    # By the index of an endpoint's messages, from its end.
    last = (
        sa.select(m.key)
        .where(m.endpoint_key == e.key, m.accepted_at.is_not(None))
        .order_by(m.number.desc())
        .limit(1)
        .correlate(t.endpoints)
        .scalar_subquery()
    )
    over = sa.case((c.ended_at.is_(None), 0), else_=1)
    where: list[sa.ColumnElement[bool]] = [c.account_key == account]
    if after:
        at = sa.select(over).where(c.key == after).scalar_subquery()
        where.append(sa.or_(over > at, sa.and_(over == at, c.key > after)))
    rows = conn.execute(
        sa.select(
            c.key,
            e.address,
            c.channel,
            e.language,
            c.topics,
            c.consent_source,
            c.consent_at,
            c.ended_at,
            c.ended_by,
            e.opted_out_at,
            e.opt_out_source,
            e.invalid_at,
            e.invalid_code,
            m.state.label("last_state"),
            sa.func.coalesce(m.ended_at, m.accepted_at).label("last_at"),
        )
        .select_from(t.contacts.join(t.endpoints, e.key == c.endpoint_key))
        .outerjoin(t.messages, m.key == last)
        .where(*where)
        .order_by(over, c.key)
        .limit(CONTACTS + 1)
    ).mappings()
    found = list(rows)
    page = found[:CONTACTS]
    return Some(
        rows=tuple(_contact(row, whole=whole) for row in page),
        next=page[-1]["key"] if len(found) > CONTACTS else 0,
    )


def _contact(row: sa.RowMapping, *, whole: bool) -> Contact:
    facts: dict[str, Any] = dict(row)
    topics, address = facts.pop("topics"), facts.pop("address")
    return Contact(**facts, alerts=bool(topics & 1), address=address if whole else shown(address))


def notes(conn: Connection, account: AccountKey, before: int) -> Some[Note]:
    """What staff wrote down, newest first."""
    n = t.account_notes.c
    rows = conn.execute(
        sa.select(n.key, n.at, n.actor, n.text)
        .where(n.account_key == account, n.key < before if before else sa.true())
        .order_by(n.key.desc())
        .limit(NOTES + 1)
    ).all()
    page = rows[:NOTES]
    return Some(
        rows=tuple(Note(at=row.at, actor=row.actor, text=row.text) for row in page),
        next=page[-1].key if len(rows) > NOTES else 0,
    )
