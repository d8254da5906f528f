"""Double opt-in: who asks to be told of a place is nobody's contact until they have said yes.

A text asks for YES, an e-mail has a link that shows and a button that acts: whoever looks at links
in mails confirms nothing. What is asked for holds for a day. Call inside one transaction.
"""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from notifier import tokens
from notifier.links import Links
from notifier.replies.owing import USUAL, Owed, owe
from notifier.replies.saying import say
from notifier.situations import OUTAGES
from notifier.tokens import Token
from outage import tables as t
from outage.cis import edition
from outage.clock import business_now
from outage.columns import to_ms
from outage.database import APPENDED, wall_now
from outage.disowned import WRONG_PERSON, part
from outage.site import Site

HOLDS_FOR = timedelta(hours=24)
SAME_FOR = timedelta(minutes=10)
"""Who asks again so soon has the first text or e-mail still to come."""
PER_ENDPOINT, PER_ACCOUNT, IN_ALL = 3, 5, 600
"""Asked a day of one number or mailbox, a day for one account, and an hour in all."""
CONSENT = "subscription"
"""Where a consent came from: a form, and a YES to it."""
BY_FORM = "subscribe"
"""What stands for the provider of a wish that was sent by a form."""
_PURPOSE = "optin"
_O = t.opt_ins


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asks for: ``occupancy_key`` is what account and postal code have proved."""

    once: str
    """The form's own word: sent again with the same in it, it is one wish."""
    kind: str
    address: str
    account_key: int
    occupancy_key: int
    language: str

    @property
    def channel(self) -> str:
        """What it comes by."""
        return "email" if self.kind == "email" else "sms"

    @property
    def known_by(self) -> str:
        """The form's word and a digest of what it asks for: a form that was mended is another."""
        said = [self.kind, self.address, self.account_key, self.occupancy_key, self.language]
        return f"{self.once} {hashlib.sha256(repr(said).encode()).hexdigest()[:16]}"


class Asking(Protocol):
    """What is needed to ask somebody for a yes, whatever it is to."""

    @property
    def kind(self) -> str:
        """Whether it is a phone or an e-mail."""

    @property
    def address(self) -> str:
        """The one form of it."""

    @property
    def language(self) -> str:
        """What they are written to in."""

    @property
    def channel(self) -> str:
        """What it comes by."""

    @property
    def known_by(self) -> str:
        """What is one wish however often it is sent."""


def is_full(conn: Connection) -> bool:
    """Whether so many were asked for a yes in the last hour that the next one has to wait.

    What nothing was sent for counts not: one who sends forms could close ours for all.
    """
    since = wall_now(conn) - timedelta(hours=1)
    return asked(conn, lambda one: one.asked_at > since) >= IN_ALL


def asked(conn: Connection, which: Callable[[Any], sa.ColumnElement[bool]]) -> int:
    """How many were asked for a yes, to a place or an area."""
    counts = (
        sa.select(sa.func.count())
        .select_from(one)
        .where(which(one.c), one.c.answer_key.is_not(None))
        .scalar_subquery()
        for one in (_O, t.watches)
    )
    return int(conn.execute(sa.select(sum(counts, sa.literal(0)))).scalar_one())


def ask(conn: Connection, wish: Wish, site: Site, link: str) -> None:
    """Ask by text or e-mail for a yes, unless that has been done, or too often.

    Nothing of it says whether: who fills in the form may not be whose number it is. ``link`` is
    how a link is written on record.
    """
    endpoint, wall = endpoint_of(conn, wish), wall_now(conn)
    key = _write_down(conn, wish, endpoint.key, wall)
    # A YES of who has stopped our texts lifts the stop: they are asked once that is done.
    if key is None or endpoint.opted_out_at is not None:
        return
    told = _is_told(conn, wish.account_key, endpoint.key, wish.channel)
    if told or _too_often(conn, wish, endpoint.key):
        return
    answer_key = ask_for_yes(conn, wish, endpoint.key, site, link)
    conn.execute(_O.update().where(_O.c.key == key).values(answer_key=answer_key))
    conn.info[APPENDED] = True


def was_asked(conn: Connection, wish: Wish) -> bool:
    """Whether a text or e-mail went out for this wish: for staff, and nobody else may learn it."""
    sent = sa.select(_O.c.key).where(_O.c.once == wish.known_by, _O.c.answer_key.is_not(None))
    return conn.execute(sent).first() is not None


def ask_for_yes(conn: Connection, wish: Asking, endpoint_key: int, site: Site, link: str) -> int:
    """Let the text or e-mail go that asks; return the key of it."""
    wall = wall_now(conn)
    said = say(f"join_{wish.channel}", wish.language, site, {"link": link})
    subject = say("join_subject", wish.language, site, {}).body if wish.kind == "email" else ""
    r = t.replies
    reply_key = conn.execute(
        r.insert()
        .values(
            provider=BY_FORM,
            # Not the key: that begins anew where the table was dropped, and replies stay.
            provider_id=wish.known_by,
            address=wish.address,
            body=BY_FORM.upper(),
            received_at=wall,
            applied_at=wall,
            endpoint_key=endpoint_key,
            intent=BY_FORM,
            language=wish.language,
            outcome="asked_to_confirm",
        )
        .returning(r.c.key)
    ).scalar_one()
    return owe(
        conn,
        Owed(
            reply_key=reply_key,
            role="answer",
            channel=wish.channel,
            address=wish.address,
            language=said.language,
            template=said.template,
            subject=subject,
            body=said.body,
            urgency=USUAL,
        ),
        wall,
    )


def add(conn: Connection, wish: Wish, endpoint_key: int) -> bool:
    """Let a wish hold that comes by the link sent to the number or mailbox itself.

    Nothing is asked for again; False where they have stopped, or the place was given up.
    """
    if _is_told(conn, wish.account_key, endpoint_key, wish.channel):
        return True
    key = _write_down(conn, wish, endpoint_key, wall_now(conn), source="link")
    return _confirm(conn, conn.execute(_O.select().where(_O.c.key == key)).one())


def waits(conn: Connection, endpoint_key: int) -> bool:
    """Whether this number was asked for a YES and has not said it."""
    return conn.execute(_waiting(conn, endpoint_key).limit(1)).first() is not None


def confirm_all(conn: Connection, endpoint_key: int) -> bool:
    """Take a YES by text; whether anything came of it."""
    done = [_confirm(conn, row) for row in conn.execute(_waiting(conn, endpoint_key)).all()]
    return any(done)


def links_of(conn: Connection, links: Links, answer_keys: Collection[int]) -> dict[int, str]:
    """The whole links of those answers that ask for a yes by e-mail."""
    rows = conn.execute(_O.select().where(_O.c.answer_key.in_(list(answer_keys))))
    return {
        row.answer_key: links.with_token(tokens.made(links.keys[0], _PURPOSE, row.key, _facts(row)))
        for row in rows
    }


def opened(conn: Connection, links: Links, token: str) -> sa.Row[Any] | None:
    """The wish that a token confirms; None for one that we did not make."""
    found = Token.read(token)
    if found is None:
        return None
    for key in links.keys:
        number = found.row(key, _PURPOSE)
        row = conn.execute(_O.select().where(_O.c.key == number)).first()
        if row is not None and found.fits(key, _PURPOSE, number, _facts(row)):
            return row
    return None


def confirm(conn: Connection, row: sa.Row[Any]) -> bool:
    """Take a yes by link; False for one that came too late, or who has moved out since.

    Said twice it is one: of who has ended it since it makes no contact again.
    """
    if row.confirmed_at is not None:
        return holds(conn, row)
    return wall_now(conn) - row.asked_at <= HOLDS_FOR and _confirm(conn, row)


def holds(conn: Connection, row: sa.Row[Any]) -> bool:
    """Whether what was said yes to still comes."""
    return _is_told(conn, row.account_key, row.endpoint_key, row.channel)


def _facts(row: sa.Row[Any]) -> str:
    return f"{row.endpoint_key} {row.account_key} {row.occupancy_key} {to_ms(row.asked_at)}"


def _waiting(conn: Connection, endpoint_key: int) -> sa.Select[Any]:
    return (
        _O.select()
        .where(
            _O.c.endpoint_key == endpoint_key,
            _O.c.channel == "sms",
            _O.c.confirmed_at.is_(None),
            _O.c.answer_key.is_not(None),
            _O.c.asked_at > wall_now(conn) - HOLDS_FOR,
        )
        .order_by(_O.c.key)
    )


def endpoint_of(conn: Connection, wish: Asking) -> sa.Row[Any]:
    """The number or mailbox, made where nobody has had it; locked until commit."""
    e = t.endpoints
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    conn.execute(
        dialect.insert(e)
        .values(kind=wish.kind, address=wish.address, language=wish.language)
        .on_conflict_do_nothing(index_elements=["kind", "address"])
    )
    mine = sa.and_(e.c.kind == wish.kind, e.c.address == wish.address)
    # Whoever asks twice at once is told apart by this lock.
    return conn.execute(e.select().where(mine).with_for_update()).one()


def _write_down(
    conn: Connection, wish: Wish, endpoint_key: int, wall: datetime, source: str = "page"
) -> int | None:
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    key: int | None = conn.execute(
        dialect.insert(_O)
        .values(
            once=wish.known_by,
            endpoint_key=endpoint_key,
            channel=wish.channel,
            account_key=wish.account_key,
            occupancy_key=wish.occupancy_key,
            language=wish.language,
            source=source,
            asked_at=wall,
        )
        .on_conflict_do_nothing(index_elements=["once"])
        .returning(_O.c.key)
    ).scalar()
    return key


def _is_told(conn: Connection, account_key: int, endpoint_key: int, channel: str) -> bool:
    """Whether they are told of that account's places already, and it can reach them."""
    a, c, e = t.accounts.c, t.contacts.c, t.endpoints.c
    found = (
        sa.select(c.key)
        .join(t.accounts, a.key == c.account_key)
        .join(t.endpoints, e.key == c.endpoint_key)
        .where(
            c.account_key == account_key,
            c.endpoint_key == endpoint_key,
            c.channel == channel,
            c.ended_at.is_(None),
            c.topics.bitwise_and(OUTAGES) != 0,
            a.outage_alerts.is_(True),
            e.invalid_at.is_(None),
            e.opted_out_at.is_(None),
        )
    )
    return conn.execute(found.limit(1)).first() is not None


def _too_often(conn: Connection, wish: Wish, endpoint_key: int) -> bool:
    wall = wall_now(conn)
    mine = sa.and_(_O.c.endpoint_key == endpoint_key, _O.c.answer_key.is_not(None))
    theirs = sa.and_(_O.c.account_key == wish.account_key, _O.c.answer_key.is_not(None))
    day, just_now = _O.c.asked_at > wall - HOLDS_FOR, _O.c.asked_at > wall - SAME_FOR
    return (
        _count(conn, mine, just_now, _O.c.account_key == wish.account_key) > 0
        or asked_today(conn, endpoint_key) >= PER_ENDPOINT
        or _count(conn, theirs, day) >= PER_ACCOUNT
    )


def asked_today(conn: Connection, endpoint_key: int) -> int:
    """How often a number or mailbox was asked for a yes within a day."""
    day = wall_now(conn) - HOLDS_FOR
    return asked(conn, lambda one: sa.and_(one.endpoint_key == endpoint_key, one.asked_at > day))


def _count(conn: Connection, *which: sa.ColumnElement[bool]) -> int:
    return int(conn.execute(sa.select(sa.func.count()).select_from(_O).where(*which)).scalar_one())


def _confirm(conn: Connection, row: sa.Row[Any]) -> bool:
    """Make them a contact of the account, if it still holds the place and they have not stopped."""
    o, a, e = t.occupancies.c, t.accounts.c, t.endpoints.c
    held = conn.execute(
        sa.select(a.outage_alerts, a.key)
        .join(t.occupancies, o.account_key == a.key)
        .where(o.key == row.occupancy_key, o.until.is_(None), a.closed_at.is_(None))
    ).first()
    endpoint = conn.execute(
        t.endpoints.select().where(e.key == row.endpoint_key).with_for_update()
    ).one()
    if held is None or endpoint.opted_out_at is not None:
        return False
    now = business_now(conn)
    if endpoint.invalid_at is not None:
        _prove(conn, endpoint, row, now)
    if not held.outage_alerts:
        _turn_on(conn, row.account_key)
    consent = {"consent_source": CONSENT, "consent_at": now}
    c = t.contacts
    mine = sa.and_(
        c.c.account_key == row.account_key,
        c.c.endpoint_key == row.endpoint_key,
        c.c.channel == row.channel,
        c.c.ended_at.is_(None),
    )
    topics = c.c.topics.bitwise_or(OUTAGES)
    if not conn.execute(c.update().where(mine).values(topics=topics, **consent)).rowcount:
        conn.execute(
            c.insert().values(
                account_key=row.account_key,
                endpoint_key=row.endpoint_key,
                channel=row.channel,
                topics=OUTAGES,
                **consent,
            )
        )
    _stay_on(conn, row.account_key)
    _note(conn, row)
    edition.changed(conn)
    return True


def _prove(conn: Connection, endpoint: sa.Row[Any], row: sa.Row[Any], now: datetime) -> None:
    """Write to an address again that has answered; of who had it before it is told nothing."""
    c, e = t.contacts, t.endpoints
    if endpoint.invalid_code == WRONG_PERSON:
        mine = sa.and_(c.c.account_key == row.account_key, c.c.channel == row.channel)
        part(conn, endpoint, now, keep=mine)
    conn.execute(
        e.update().where(e.c.key == endpoint.key).values(invalid_at=None, invalid_code=None)
    )


def _turn_on(conn: Connection, account_key: int) -> None:
    """Let the account's alerts be on for who asks; who had none by them still gets none."""
    c, a = t.contacts, t.accounts
    conn.execute(
        c.update()
        .where(c.c.account_key == account_key, c.c.ended_at.is_(None))
        .values(topics=c.c.topics.bitwise_and(~OUTAGES))
    )
    conn.execute(
        a.update().where(a.c.key == account_key).values(outage_alerts=True, alerts_source="person")
    )


def _stay_on(conn: Connection, account_key: int) -> None:
    """Keep the alerts on where a load has turned them off since they were looked at.

    A load that comes later waits for this lock, and then sees the subscription.
    """
    a = t.accounts
    here = sa.select(a.c.outage_alerts).where(a.c.key == account_key).with_for_update()
    if not conn.execute(here).scalar_one():
        on = {"outage_alerts": True, "alerts_source": "person"}
        conn.execute(a.update().where(a.c.key == account_key).values(**on))


def _note(conn: Connection, row: sa.Row[Any]) -> None:
    conn.execute(_O.update().where(_O.c.key == row.key).values(confirmed_at=wall_now(conn)))
    others = sa.select(t.contacts.c.key).where(
        t.contacts.c.endpoint_key == row.endpoint_key,
        t.contacts.c.account_key != row.account_key,
        t.contacts.c.ended_at.is_(None),
    )
    if conn.execute(others.limit(1)).first() is None:
        e = t.endpoints
        conn.execute(e.update().where(e.c.key == row.endpoint_key).values(language=row.language))
