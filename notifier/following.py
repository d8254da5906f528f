"""What follows a message that could not be delivered: an e-mail in its place, or one more try.

The e-mail goes to who takes no outage mail otherwise; what it says is decided when it is claimed,
by what its reader and the number it stands in for were told (`notifier.situation.in_place_of`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from notifier import audience
from notifier.batches import steady
from notifier.channels.codes import Action, action
from notifier.kinds import Kind
from notifier.standing_in import asked, declined
from outage import tables as t
from outage.clock import business_now
from outage.columns import to_ms
from outage.database import Database
from outage.model import Kind as OutageKind

AT_ONCE = 200
LATELY = timedelta(hours=6)
"""What ended longer ago, as before an upgrade, is followed by nothing."""
AGAIN_AFTER = timedelta(minutes=10)
_SECOND = 2


class Follow(StrEnum):
    """What became of somebody whom a message did not reach."""

    BY_EMAIL = "by_email"
    HAS_EMAIL = "has_email"
    """Their e-mail takes outage alerts anyway."""
    AGAIN = "again"
    NOTHING = "nothing"


_M = t.messages
_UNFOLLOWED = sa.and_(
    _M.c.state.in_([sa.literal_column("'failed'"), sa.literal_column("'undelivered'")]),
    _M.c.followed.is_(None),
)


def follow_up(db: Database) -> bool:
    """See to some messages that did not arrive; whether there may be more at once."""
    with db.read() as conn:
        if conn.execute(sa.select(_M.c.key).where(_UNFOLLOWED).limit(1)).first() is None:
            return False
    with db.write() as conn:
        found = _rows(conn)
        # Before the rows are locked: a planner takes both in this order too.
        steady(conn, {row.outage_key for row in found})
        # That may have taken long, and one of them may have arrived after all.
        rows = _rows(conn, [row.key for row in found])
        mails = _mails(conn, rows)
        now = business_now(conn)
        for row in rows:
            done = _follow(conn, row, mails.get(row.key, []), now)
            if done is not Follow.AGAIN:
                conn.execute(_M.update().where(_M.c.key == row.key).values(followed=done.value))
    return len(found) == AT_ONCE


def _rows(conn: Connection, keys: Sequence[int] | None = None) -> Sequence[sa.Row[Any]]:
    """What nothing has followed yet; of these ``keys``, and then nobody changes it until commit."""
    e, o = t.endpoints.c, t.outages.c
    advisory = (o.kind == OutageKind.ADVISORY).label("advisory")
    statement = (
        sa.select(_M, e.opted_out_at, advisory)
        .join(t.endpoints, e.key == _M.c.endpoint_key)
        .join(t.outages, o.key == _M.c.outage_key)
        .where(_UNFOLLOWED)
        .order_by(_M.c.key)
        .limit(AT_ONCE)
    )
    if keys is not None:
        statement = statement.where(_M.c.key.in_(keys)).with_for_update(of=_M)
    return conn.execute(statement).all()


def _mails(conn: Connection, rows: Sequence[sa.Row[Any]]) -> dict[int, list[sa.Row[Any]]]:
    """By message the addresses of its account that take mail, and whether alerts as well.

    And whether that is what somebody chose, for whom only what keeps people safe goes beyond it.
    """
    c, e, a = t.contacts.c, t.endpoints.c, t.accounts.c
    alerts = sa.and_(a.outage_alerts.is_(True), asked())
    found: dict[int, list[sa.Row[Any]]] = {}
    for row in conn.execute(
        sa.select(
            _M.c.key,
            e.key.label("endpoint_key"),
            alerts.label("alerts"),
            declined().label("declined"),
        )
        .join(t.contacts, c.account_key == _M.c.account_key)
        .join(t.accounts, a.key == c.account_key)
        .join(t.endpoints, e.key == c.endpoint_key)
        .where(
            _M.c.key.in_([row.key for row in rows]),
            c.channel == "email",
            c.ended_at.is_(None),
            e.opted_out_at.is_(None),
            e.invalid_at.is_(None),
        )
        .order_by(_M.c.key, e.key)
    ):
        found.setdefault(row.key, []).append(row)
    return found


def _follow(
    conn: Connection, row: sa.Row[Any], mails: Sequence[sa.Row[Any]], now: datetime
) -> Follow:
    kind, code = Kind.of(row.kind, row.variant), row.provider_code or ""
    means = action(row.provider or "", code)
    # Whatever comes after it would go to a bad number as well.
    worth = kind.rule.followed or (means is Action.INVALID and not kind.rule.answer)
    if not worth or row.ended_at < now - LATELY:
        return Follow.NOTHING
    safety = kind.safety(advisory=bool(row.advisory))
    if row.opted_out_at is not None and not safety:
        return Follow.NOTHING
    fit = [mail.endpoint_key for mail in mails if safety or not mail.declined]
    if row.channel == "sms" and fit:
        if any(mail.alerts for mail in mails):
            return Follow.HAS_EMAIL
        return _by_email(conn, row, fit[0], now)
    if means is Action.RETRY and row.sends < _SECOND and _again(conn, row, now):
        return Follow.AGAIN
    return Follow.NOTHING


def _by_email(conn: Connection, row: sa.Row[Any], endpoint_key: int, now: datetime) -> Follow:
    dialect: Any = sqlite if conn.dialect.name == "sqlite" else postgresql
    same = ("number", "outage_key", "account_key", "kind", "variant", "priority", "expires_at")
    added = conn.execute(
        dialect.insert(_M)
        .values(
            **{name: getattr(row, name) for name in same},
            endpoint_key=endpoint_key,
            channel="email",
            state="pending",
            planned_at=now,
            send_after=now,
            instead_of=row.key,
        )
        .on_conflict_do_nothing()
    ).rowcount
    if not added:
        return Follow.HAS_EMAIL
    decided = {"number": row.number, "outage_key": row.outage_key, "decision": row.kind, "count": 1}
    audience.tally(conn, [decided])
    return Follow.BY_EMAIL


def _again(conn: Connection, row: sa.Row[Any], now: datetime) -> bool:
    """Let the same message wait once more, unless something newer does already."""
    other = _M.alias("other")
    newer = sa.exists().where(
        other.c.outage_key == row.outage_key,
        other.c.endpoint_key == row.endpoint_key,
        sa.or_(other.c.state == "pending", other.c.key > row.key),
    )
    # What it said, and what its provider calls it, stay until it is claimed: it may yet arrive.
    again = dict.fromkeys(("lease_until", "batch_key", "reason", "ended_at"))
    changed = conn.execute(
        _M.update()
        .where(_M.c.key == row.key, sa.not_(newer))
        .values(
            **again,
            state="pending",
            send_after=to_ms(now + AGAIN_AFTER),
            followed=Follow.AGAIN.value,
        )
    ).rowcount
    return bool(changed)
