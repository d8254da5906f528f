"""How many account numbers may be tried from numbers on no account.

Account and postal code that fit prove a place (DECISIONS 32). Account numbers follow each other,
and a postal code has thousands: whoever may try as many as they like finds some.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t

MOST_A_DAY = 5
"""Wrong ones of one number in a day; people who have their bill at hand need one or two."""
MOST_AN_HOUR = 2000
"""Wrong ones of all numbers in an hour: whoever has many numbers comes to an end too."""


def may_try(conn: Connection, endpoint_key: int, now: datetime) -> bool:
    """Whether an account number from this number is looked up at all."""
    r = t.replies.c
    wrong = sa.select(r.key).where(r.guessed).order_by(r.applied_at.desc()).limit(1)
    mine = wrong.where(r.endpoint_key == endpoint_key, r.applied_at > now - timedelta(days=1))
    all_of_them = wrong.where(r.applied_at > now - timedelta(hours=1))
    too_many = (mine.offset(MOST_A_DAY - 1), all_of_them.offset(MOST_AN_HOUR - 1))
    return not any(conn.execute(one).first() for one in too_many)


def note(conn: Connection, reply_key: int, now: datetime) -> None:
    """Put on record that a text held an account number that proved nothing."""
    r = t.replies
    conn.execute(r.update().where(r.c.key == reply_key).values(guessed=True, applied_at=now))
