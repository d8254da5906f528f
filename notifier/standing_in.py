"""Who takes alerts, and whose e-mail stands in for texts to numbers that are known to be bad.

While an outage goes on, an e-mail follows each text that could not be delivered
(`notifier.following`). Nothing is written to a number that was known to be bad before: there is
nothing to follow, and the e-mail is told from the start.
"""

import sqlalchemy as sa
from sqlalchemy import ColumnElement, FromClause, func

from notifier.as_numbers import is_
from notifier.kinds import Channel
from notifier.situation import CHANNELS, OUTAGES
from outage import tables as t

_BY_MAIL = CHANNELS[Channel.EMAIL]
_BY_TEXT = CHANNELS[Channel.SMS]


def asked(contacts: FromClause = t.contacts) -> ColumnElement[bool]:
    """Whether a contact is to be told of outages."""
    return contacts.c.topics.bitwise_and(OUTAGES) != 0


def declined(contacts: FromClause = t.contacts) -> ColumnElement[bool]:
    """Whether somebody chose that it is not."""
    return sa.and_(contacts.c.chosen_at.is_not(None), sa.not_(asked(contacts)))


def stands_in() -> ColumnElement[int]:
    """Whether a contact takes alerts as an e-mail that nobody chose to have none at.

    In a statement over the account, its contact and the outage. When that was declared, one of the
    account's phones was known to be bad, and none of what asks for alerts could be reached. Of
    several such e-mails only the first is told. An account that wants no alerts has none.
    """
    account, contact, outage = t.accounts.c, t.contacts.c, t.outages.c
    may = sa.and_(
        contact.channel == _BY_MAIL,
        account.outage_alerts.is_(True),
        sa.not_(asked()),
        contact.chosen_at.is_(None),
    )
    one, e = t.contacts.alias("their_contact"), t.endpoints.alias("their_endpoint")
    was_bad = e.c.invalid_at <= outage.declared_at
    bad_phone = sa.and_(one.c.channel == _BY_TEXT, asked(one), was_bad)
    was_fit = sa.or_(e.c.invalid_at.is_(None), e.c.invalid_at > outage.declared_at)
    told = sa.and_(asked(one), was_fit)
    before = sa.and_(
        one.c.channel == _BY_MAIL,
        one.c.endpoint_key < contact.endpoint_key,
        e.c.invalid_at.is_(None),
        sa.not_(declined(one)),
    )
    # One look at the contacts of the account; who has stopped texts is not written to instead.
    found = (
        sa.select(
            is_(
                sa.and_(
                    func.max(is_(bad_phone)) == 1,
                    func.max(is_(told)) == 0,
                    func.max(is_(before)) == 0,
                )
            )
        )
        .select_from(one.join(e, e.c.key == one.c.endpoint_key))
        .where(
            one.c.account_key == account.key,
            one.c.ended_at.is_(None),
            e.c.opted_out_at.is_(None),
        )
        .correlate(t.accounts, t.contacts, t.outages)
        .scalar_subquery()
    )
    return sa.case((may, found), else_=0)
