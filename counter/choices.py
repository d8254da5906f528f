"""What somebody has chosen to be sent, and how they change it: for the number or address alone.

A link is passed on, or stays in a telephone that is sold: it ends or changes what comes to where it
was sent, and nothing that comes to others of the account. It may let an e-mail come beside a text.
"""

from dataclasses import dataclass
from datetime import datetime, time

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import area_wishes
from notifier.links import Holder
from notifier.situations import HOURLY, OUTAGES
from outage import tables as t
from outage.cis import edition
from outage.clock import business_now
from outage.opt_outs import BY_LINK

_OTHER = {"sms": "email", "email": "sms"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What holds. ``quiet`` is None for the utility's usual hours; equal ends mean none.

    ``also`` is the other channel that the account could have its alerts by, if it has none there.
    """

    channel: str
    language: str
    alerts: bool
    hourly: bool
    quiet: tuple[int, int] | None
    also: str = ""
    stopped: bool = False
    may_resume: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody sends in. None: they have left it as they saw it."""

    language: str
    alerts: bool | None
    hourly: bool | None
    quiet: tuple[int, int] | None
    also: bool = False


def choices(conn: Connection, holder: Holder) -> Choices:
    """Return what holds for whom a link was sent to."""
    c, a = t.contacts.c, t.accounts.c
    endpoint = conn.execute(
        t.endpoints.select().where(t.endpoints.c.key == holder.endpoint_key)
    ).one()
    row = conn.execute(
        sa.select(c.channel, c.topics, c.quiet_from, c.quiet_until, a.outage_alerts)
        .join(t.accounts, a.key == c.account_key)
        .where(c.key == holder.contact_key)
    ).one()
    quiet = None if row.quiet_from is None or row.quiet_until is None else row[2:4]
    other = _OTHER[row.channel]
    return Choices(
        channel=row.channel,
        language=endpoint.language,
        alerts=bool(row.outage_alerts and row.topics & OUTAGES),
        hourly=bool(row.topics & HOURLY),
        quiet=None if quiet is None else (int(quiet[0]), int(quiet[1])),
        also=other if conn.execute(_silent(holder, other).limit(1)).first() else "",
        stopped=endpoint.opted_out_at is not None,
        may_resume=endpoint.opt_out_source == BY_LINK,
    )


def _silent(holder: Holder, channel: str) -> sa.Select[tuple[int]]:
    """Contacts of the account by the other channel that could be told of outages and are not.

    Where somebody has chosen so, it is theirs to choose otherwise.
    """
    c, e = t.contacts.c, t.endpoints.c
    return (
        sa.select(c.key)
        .join(t.endpoints, e.key == c.endpoint_key)
        .where(
            c.account_key == holder.account_key,
            c.channel == channel,
            c.ended_at.is_(None),
            c.chosen_at.is_(None),
            c.topics.bitwise_and(OUTAGES) == 0,
            e.opted_out_at.is_(None),
            e.invalid_at.is_(None),
        )
    )


def change(conn: Connection, holder: Holder, wish: Wish) -> None:
    """Let a wish hold, on every account that this number or address stands for."""
    c, a, e = t.contacts, t.accounts, t.endpoints
    alone(conn, holder.endpoint_key)
    now, shown = business_now(conn), choices(conn, holder)
    mine = sa.and_(c.c.endpoint_key == holder.endpoint_key, c.c.ended_at.is_(None))
    if not _as_shown(wish, shown):
        quiet = wish.quiet or (None, None)
        chosen = {"quiet_from": quiet[0], "quiet_until": quiet[1], "chosen_at": now}
        conn.execute(c.update().where(mine).values(topics=_topics(wish), **chosen))
    conn.execute(e.update().where(e.c.key == holder.endpoint_key).values(language=wish.language))
    if wish.alerts:
        accounts = sa.select(c.c.account_key).where(mine)
        off = sa.and_(a.c.key.in_(accounts), a.c.outage_alerts.is_(False))
        conn.execute(a.update().where(off).values(outage_alerts=True, alerts_source="person"))
    if wish.also:
        _turn_on(conn, holder, now)
    edition.changed(conn)


def alone(conn: Connection, endpoint_key: int) -> None:
    """Keep everybody else from a number or address until the end of this transaction.

    Whatever writes several rows about one takes it first, a reply's yes as well: in two orders
    PostgreSQL would let each of two wait for the other, and end one of them.
    """
    e = t.endpoints.c
    conn.execute(sa.select(e.key).where(e.key == endpoint_key).with_for_update())


def _as_shown(wish: Wish, shown: Choices) -> bool:
    """Whether alerts and hours are left alone; a mail without hours of its own comes at any."""
    at_any_hour = shown.channel == "email" and shown.quiet is None and wish.quiet == (0, 0)
    hours = at_any_hour or wish.quiet == shown.quiet
    return hours and wish.alerts is None and wish.hourly is None


def _topics(wish: Wish) -> sa.ColumnElement[int]:
    """The topics with what is wished for; a bit that was left as it was shown stays as it is."""
    bits = {OUTAGES: wish.alerts, HOURLY: wish.hourly}
    changed = sum(bit for bit, wished in bits.items() if wished is not None)
    wanted = sum(bit for bit, wished in bits.items() if wished)
    return t.contacts.c.topics.bitwise_and(~changed) + wanted


def _turn_on(conn: Connection, holder: Holder, now: datetime) -> None:
    c = t.contacts
    own = sa.select(c.c.channel).where(c.c.key == holder.contact_key)
    other = _OTHER[conn.execute(own).scalar_one()]
    conn.execute(
        c.update()
        .where(c.c.key.in_(_silent(holder, other)))
        .values(topics=c.c.topics.bitwise_or(OUTAGES), chosen_at=now)
    )


def stop(conn: Connection, endpoint_key: int) -> None:
    """Send nothing more to this number or address; once is enough."""
    e = t.endpoints
    conn.execute(
        e.update()
        .where(e.c.key == endpoint_key, e.c.opted_out_at.is_(None))
        .values(opted_out_at=business_now(conn), opt_out_source=BY_LINK)
    )
    area_wishes.end_all(conn, e.c.key == endpoint_key)


def resume(conn: Connection, holder: Holder) -> bool:
    """Lift what was stopped here; whoever stopped elsewhere says START, or calls."""
    e, c = t.endpoints, t.contacts
    lifted = conn.execute(
        e.update()
        .where(e.c.key == holder.endpoint_key, e.c.opt_out_source == BY_LINK)
        .values(opted_out_at=None, opt_out_source=None)
    ).rowcount
    if lifted:
        mine = sa.and_(c.c.endpoint_key == holder.endpoint_key, c.c.ended_at.is_(None))
        conn.execute(c.update().where(mine).values(consent_at=business_now(conn)))
    return bool(lifted)


def minutes(text: str) -> int | None:
    """Minutes after midnight of a time of day as a form has it."""
    try:
        at = time.fromisoformat(text)
    except ValueError:
        return None
    return at.hour * 60 + at.minute
