"""What staff correct of how an account is reached. Call inside one transaction.

The CIS owns numbers and addresses: one of its that is wrong is used no more while its file goes on
to list it (`outage.disowned`), and a new one comes by its owner's own yes (`notifier.opting`).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.cis import edition
from outage.clock import business_now
from outage.disowned import BY_STAFF, WRONG_PERSON
from outage.model import AccountKey

_C, _E = t.contacts, t.endpoints


def end(conn: Connection, account: AccountKey, contact: int) -> bool:
    """Tell that number or address nothing of the account any more; False if it is so already."""
    live = sa.and_(_one(account, contact), _C.c.ended_at.is_(None))
    ended = {"ended_at": business_now(conn), "ended_by": BY_STAFF}
    return _done(conn, _C.update().where(live).values(**ended))


def begin_again(conn: Connection, account: AccountKey, contact: int) -> bool:
    """Take back that it is not theirs; False where staff did not say so, or it was begun anew."""
    other = _C.alias("other")
    anew = sa.exists().where(
        other.c.account_key == _C.c.account_key,
        other.c.endpoint_key == _C.c.endpoint_key,
        other.c.channel == _C.c.channel,
        other.c.ended_at.is_(None),
    )
    mine = sa.and_(_one(account, contact), _C.c.ended_by == BY_STAFF, ~anew)
    return _done(conn, _C.update().where(mine).values(ended_at=None, ended_by=None))


def try_again(conn: Connection, account: AccountKey, contact: int) -> bool:
    """Write to it again though it bounced; False where it did not, or is somebody else's."""
    theirs = sa.select(_C.c.endpoint_key).where(_one(account, contact), _C.c.ended_at.is_(None))
    bounced = sa.and_(
        _E.c.key.in_(theirs),
        _E.c.invalid_at.is_not(None),
        _E.c.invalid_code.is_distinct_from(WRONG_PERSON),
    )
    return _done(conn, _E.update().where(bounced).values(invalid_at=None, invalid_code=None))


def _one(account: AccountKey, contact: int) -> sa.ColumnElement[bool]:
    return sa.and_(_C.c.key == contact, _C.c.account_key == account)


def _done(conn: Connection, change: sa.Update) -> bool:
    if not conn.execute(change).rowcount:
        return False
    edition.changed(conn)
    return True
