"""What of the utility's own CIS people look at: what waits, what it refuses, and sending again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from outage import register
from outage import tables as t
from outage.aliases import account as account_key
from outage.cis import events
from outage.errors import OutageError
from outage.model import AccountKey

_u, _l = t.cis_upserts.c, t.cis_line.c
_REFUSED = _u.code.is_not(None)
_WAITS = _u.settled_at.is_(None)
_AGAIN: Mapping[str, Any] = {
    "accepted": None,
    "settled_at": None,
    "code": None,
    "attempts": 0,
    "retry_at": None,
    "most": None,
}


class NothingForTheCisError(OutageError):
    """The CIS is told nothing of outage {outage} for account {account}: it is not on its record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands with the CIS; times are wall time.

    Attributes:
        waiting: records to be sent. oldest: since when the oldest version among them is known.
        refused: records that it did not take, `codes` by why.
        rests_until, code: until when it is left alone, and for what answer.
    """

    waiting: int
    oldest: datetime | None
    accepted: int
    refused: int
    codes: Mapping[str, int]
    accepted_at: datetime | None
    rests_until: datetime | None
    code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One account's record of one outage, as it stands with the CIS."""

    outage: str
    account: str
    version: int
    accepted: int | None
    state: str
    code: str | None
    settled_at: datetime | None
    attempts: int
    retry_at: datetime | None


def standing(conn: Connection) -> Standing:
    """How it stands with the CIS."""
    codes = {
        str(code): int(count)
        for code, count in conn.execute(
            sa.select(_u.code, sa.func.count()).where(_REFUSED).group_by(_u.code)
        )
    }
    waiting, first = conn.execute(
        sa.select(sa.func.count(), sa.func.min(_u.wanted)).where(_WAITS)
    ).one()
    accepted = conn.execute(
        sa.select(sa.func.count()).where(_u.settled_at.is_not(None), _u.code.is_(None))
    ).scalar_one()
    oldest = conn.execute(sa.select(t.journal.c.wall_at).where(t.journal.c.number == first))
    line = conn.execute(t.cis_line.select()).first()
    return Standing(
        waiting=waiting,
        oldest=oldest.scalar(),
        accepted=accepted,
        refused=sum(codes.values()),
        codes=codes,
        accepted_at=line.accepted_at if line else None,
        rests_until=line.rests_until if line else None,
        code=line.code if line else None,
    )


def refused(conn: Connection, limit: int) -> list[Letter]:
    """What the CIS does not take, newest first."""
    return _letters(conn, _LETTERS.where(_REFUSED).order_by(_u.settled_at.desc()).limit(limit))


def waiting(conn: Connection, limit: int) -> list[Letter]:
    """What is to be sent, in the order in which it goes."""
    ordered = (_u.wanted.desc(), _u.outage_key.desc(), _u.account_key.desc())
    return _letters(conn, _LETTERS.where(_WAITS).order_by(*ordered).limit(limit))


def show(conn: Connection, account: str, outage: str) -> tuple[Letter, dict[str, Any]]:
    """One record, and the call that would carry it if it were sent now.

    Raises:
        UnknownAccountError, UnknownOutageError, NothingForTheCisError: there is no such.
    """
    which = _pair(conn, account, outage)
    found = _letters(conn, _LETTERS.where(which))
    if not found:
        raise NothingForTheCisError(outage=outage, account=account)
    return found[0], events.body(events.records(conn, t.cis_upserts.select().where(which), {}))


def resend_refused(conn: Connection) -> int:
    """Let everything that was refused be sent again; return how many records that is."""
    return conn.execute(t.cis_upserts.update().where(_REFUSED).values(**_AGAIN)).rowcount


def resend_outage(conn: Connection, outage: str) -> int:
    """Let all accounts' records of an outage be sent again, its full list first."""
    which = _u.outage_key == register.load(conn, outage).key
    return conn.execute(t.cis_upserts.update().where(which).values(**_AGAIN)).rowcount


def resend_one(conn: Connection, account: str, outage: str) -> int:
    """Let one account's record of an outage be sent again.

    Raises:
        UnknownAccountError, UnknownOutageError, NothingForTheCisError: there is no such.
    """
    which = _pair(conn, account, outage)
    done = conn.execute(t.cis_upserts.update().where(which).values(**_AGAIN)).rowcount
    if not done:
        raise NothingForTheCisError(outage=outage, account=account)
    return done


def _pair(conn: Connection, account: str, outage: str) -> sa.ColumnElement[bool]:
    key: AccountKey = account_key(conn, account)
    return sa.and_(_u.outage_key == register.load(conn, outage).key, _u.account_key == key)


_LETTERS = (
    sa.select(t.cis_upserts, t.outages.c.id.label("outage"), t.accounts.c.id.label("account"))
    .join(t.outages, t.outages.c.key == _u.outage_key)
    .join(t.accounts, t.accounts.c.key == _u.account_key)
)


def _letters(conn: Connection, asked: sa.Select[Any]) -> list[Letter]:
    return [_letter(row) for row in conn.execute(asked)]


def _letter(row: Row[Any]) -> Letter:
    state = "waiting" if row.settled_at is None else "refused" if row.code else "accepted"
    return Letter(
        outage=row.outage,
        account=row.account,
        version=row.wanted,
        accepted=row.accepted,
        state=state,
        code=row.code,
        settled_at=row.settled_at,
        attempts=row.attempts,
        retry_at=row.retry_at,
    )
