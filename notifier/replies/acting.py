"""What is done about a reply: one function for each intent, in the transaction that applies it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import area_wishes, opting
from notifier.rendering import first_words
from notifier.replies.conversation import Conversation
from notifier.replies.intents import Asked, Intent, Understood
from notifier.situations import OUTAGES
from outage import tables as t
from outage.areas import EVERYWHERE, AreaName
from outage.cis import edition
from outage.disowned import WRONG_PERSON, part
from outage.model import Actor
from outage.opt_outs import to_stop
from outage.site import Site

NAMED = 2
"""Areas that an answer names; of more it says how many."""
REPLY = "reply"
"""Where an opt-out or a consent came from: a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who writes, and what it was taken for.

    ``wall`` is when the text came, ``now`` the business time.
    """

    reply_key: int
    endpoint_key: int
    understood: Understood
    conversation: Conversation
    site: Site
    language: str
    wall: datetime
    now: datetime

    @property
    def actor(self) -> Actor:
        """Who it is in the journal: no number, only the reply's."""
        return Actor(kind=REPLY, name=str(self.reply_key))

    @property
    def source(self) -> str:
        """What its reports are known by."""
        return f"{REPLY}:{self.reply_key}"

    def asking(self, asked: Asked, about: Intent, options: tuple[int, ...] = ()) -> Conversation:
        """The conversation once this has been asked."""
        return self.conversation.ask(asked, about, self.wall, options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was done, and the answer to it: a name of `notifier.replies.saying`, and its facts.

    Attributes:
        outcome: in a word, for staff.
        for_staff: whether a person has to look at it.
        conversation: how it goes on; no question is open unless it says so.
        language: that of the answer, where it is not the writer's.
        still_out: outage and premise, where the answer says that service is still out there.
        besides: a second thing that was done, to be said after the first.
        about: premises that it is about, if they are one place.
        proved: whether the writer may be told of them.
    """

    say: str
    outcome: str
    facts: Mapping[str, object] = field(default_factory=dict)
    for_staff: bool = False
    conversation: Conversation | None = None
    language: str | None = None
    still_out: tuple[int, int] | None = None
    besides: str | None = None
    about: tuple[int, ...] = ()
    proved: bool = False


Act = Callable[[Connection, Writer], Done]


def stop(conn: Connection, writer: Writer) -> Done:
    """End every text of this sender to the number, now."""
    end_texts(conn, t.endpoints.c.key == writer.endpoint_key, writer.now)
    return Done(say="stopped", outcome="opted_out")


def end_texts(
    conn: Connection, whose: sa.ColumnElement[bool], now: datetime, source: str = REPLY
) -> None:
    """Opt an endpoint out, unless it is already by more than the personal page."""
    e = t.endpoints
    conn.execute(
        e.update()
        .where(whose, e.c.kind == "phone", to_stop())
        .values(opted_out_at=now, opt_out_source=source)
    )
    area_wishes.end_all(conn, sa.and_(whose, e.c.kind == "phone"))


def start(conn: Connection, writer: Writer) -> Done:
    """Lift an opt-out, and what the CIS said of the accounts: the person says otherwise.

    Who has said that the number is theirs now begins nothing of who had it before.
    """
    e, c, a = t.endpoints, t.contacts, t.accounts
    endpoint = conn.execute(e.select().where(e.c.key == writer.endpoint_key)).one()
    if endpoint.invalid_code == WRONG_PERSON:
        part(conn, endpoint, writer.now)
    conn.execute(
        e.update()
        .where(e.c.key == writer.endpoint_key)
        .values(opted_out_at=None, opt_out_source=None, invalid_at=None, invalid_code=None)
    )
    mine = sa.and_(c.c.endpoint_key == writer.endpoint_key, c.c.ended_at.is_(None))
    known = conn.execute(
        c.update()
        .where(mine)
        .values(
            topics=c.c.topics.bitwise_or(OUTAGES),
            # What a form asked for stays so: it outlives a file, and a button takes it away.
            consent_source=sa.case(
                (c.c.consent_source == opting.CONSENT, opting.CONSENT), else_=REPLY
            ),
            consent_at=writer.now,
        )
    ).rowcount
    if not known:
        edition.changed(conn)
        return who(writer, Intent.STATUS, "opted_in_unknown_number")
    conn.execute(
        a.update()
        .where(a.c.key.in_(sa.select(c.c.account_key).where(mine)), a.c.outage_alerts.is_(False))
        .values(outage_alerts=True, alerts_source="person")
    )
    edition.changed(conn)
    return Done(say="started", outcome="opted_in")


def wrong(conn: Connection, writer: Writer) -> Done:
    """Send nothing more to a number that is somebody else's now, nor tell it of the account."""
    e = t.endpoints
    conn.execute(
        e.update()
        .where(e.c.key == writer.endpoint_key)
        .values(invalid_at=writer.now, invalid_code=WRONG_PERSON)
    )
    return Done(say="wrong", outcome="wrong_person", for_staff=True, conversation=Conversation())


def stop_asked(_conn: Connection, writer: Writer) -> Done:
    """Ask whether STOP was meant."""
    return Done(
        say="stop_asked",
        outcome="asked",
        for_staff=True,
        conversation=writer.asking(Asked.STOP, Intent.STOP),
    )


def join(conn: Connection, writer: Writer) -> Done:
    """Tell them of the place from now on, as a form asked for and they have said yes to."""
    areas = area_wishes.confirm_all(conn, writer.endpoint_key)
    to_place = opting.confirm_all(conn, writer.endpoint_key)
    if areas:
        facts = {"areas": _listed(areas), "place": to_place}
        return Done(say="joined_areas", outcome="subscribed", facts=facts)
    if to_place:
        return Done(say="joined", outcome="subscribed")
    return Done(say="not_joined", outcome="not_subscribed")


def _listed(areas: Sequence[AreaName]) -> str:
    """The names of areas, as a text has room for them; nothing for everywhere."""
    if EVERYWHERE in areas:
        return ""
    names = list(dict.fromkeys(first_words(name) for _, name in areas))
    more = f" +{len(names) - NAMED}" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def language(conn: Connection, writer: Writer) -> Done:
    """Speak another language from now on, if it is one of the utility's."""
    wish = writer.understood.wish or ""
    if wish not in writer.site.languages:
        return Done(
            say="no_such_language", outcome="language_missing", conversation=writer.conversation
        )
    e = t.endpoints
    conn.execute(e.update().where(e.c.key == writer.endpoint_key).values(language=wish))
    return Done(
        say="language", outcome=f"speaks_{wish}", language=wish, conversation=writer.conversation
    )


def danger(_conn: Connection, writer: Writer) -> Done:
    """Say whom to call; who is on call is paged beside it."""
    kind = writer.understood.danger
    assert kind is not None  # noqa: S101 an intent's own fact
    return Done(
        say=f"danger_{kind}",
        outcome=f"danger_{kind}",
        for_staff=True,
        conversation=writer.conversation,
    )


def simply(say: str, outcome: str, *, for_staff: bool = False) -> Act:
    """Only answer."""

    def act(_conn: Connection, _writer: Writer) -> Done:
        return Done(say=say, outcome=outcome, for_staff=for_staff)

    return act


def who(writer: Writer, about: Intent, outcome: str = "asked", *, for_staff: bool = False) -> Done:
    """Ask a number that nobody knows which place it is."""
    return Done(
        say="who",
        outcome=outcome,
        for_staff=for_staff,
        conversation=writer.asking(Asked.WHO, about),
    )


def again(done: Done, conversation: Conversation) -> Done:
    """The same, and the question stays open."""
    return replace(done, conversation=conversation)
