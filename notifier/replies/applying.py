"""Applying one text: understand it, do what it asks for, owe the answer. One transaction."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import area_wishes, opting, temporary
from notifier.replies import acting, conversation, paging, placing, told
from notifier.replies.acting import Act, Done, Writer
from notifier.replies.conversation import Conversation
from notifier.replies.intents import Asked, Context, Intent, Reason, Understood
from notifier.replies.owing import Owed, owe
from notifier.replies.placing import MOST_CHOICES
from notifier.replies.saying import Said, named, say, with_link
from notifier.replies.standing import places, places_of
from notifier.replies.understanding import understand
from outage import tables as t
from outage.clock import business_now
from outage.database import wall_now
from outage.endpoints import normalise_phone
from outage.opt_outs import BY_LINK
from outage.settings import SendMode
from outage.site import REGION, Site

CONFIRMED_FOR = timedelta(hours=24)
"""How long a YES from who has stopped may mean the STOP; later it means START."""
MOST_AN_HOUR = 12
"""Answers to one number in an hour: two machines that answer each other come to an end."""
ALWAYS_ANSWERED = frozenset({Intent.STOP, Intent.START, Intent.HELP, Intent.DANGER})
"""Answered also to who has stopped our texts."""
LONGEST_YES = 24
"""Letters of a text that may be a YES: of longer ones nobody asks whether it was waited for."""
MOST_ALIKE = 3
"""Times an hour that one number gets one and the same of those: no machine needs it oftener."""

# Statements that every text needs are built once: that costs more than to run them.
_ENDPOINT = (
    t.endpoints.select()
    .where(t.endpoints.c.kind == "phone", t.endpoints.c.address == sa.bindparam("number"))
    .with_for_update()
)
_ENDPOINT_AGAIN = t.endpoints.select().where(t.endpoints.c.key == sa.bindparam("the_key"))
_NOTED = t.replies.update().where(t.replies.c.key == sa.bindparam("the_key"))
_LATELY = (
    sa.select(sa.func.count())
    .select_from(t.answers.join(t.replies, t.replies.c.key == t.answers.c.reply_key))
    .where(
        t.replies.c.endpoint_key == sa.bindparam("whose"),
        # What the page has said was sent to nobody.
        t.replies.c.provider != BY_LINK,
        t.answers.c.role == "answer",
        t.answers.c.state != "suppressed",
        t.answers.c.created_at > sa.bindparam("since"),
    )
)
_TRIES = (
    sa.select(t.replies.c.key)
    .where(
        t.replies.c.endpoint_key == sa.bindparam("whose"),
        t.replies.c.provider != BY_LINK,
        t.replies.c.applied_at > sa.bindparam("since"),
    )
    .order_by(t.replies.c.key.desc())
    .limit(1)
    .offset(MOST_AN_HOUR - 1)
)
_ALIKE_LATELY = _LATELY.where(t.answers.c.template == sa.bindparam("alike"))

_NAME = re.compile("^[^:\uff1a]*[:\uff1a] ?")
_ACTS: Mapping[Intent, Act] = {
    Intent.DANGER: acting.danger,
    Intent.STOP: acting.stop,
    Intent.STOP_ASKED: acting.stop_asked,
    Intent.START: acting.start,
    Intent.HELP: acting.simply("help", "told_commands"),
    Intent.OUT: placing.out,
    Intent.OUT_CANCEL: placing.cancel,
    Intent.STATUS: placing.status,
    Intent.OFF: placing.off,
    Intent.ON: placing.on,
    Intent.CHOICE: placing.choice,
    Intent.PLACE: placing.place,
    Intent.LANGUAGE: acting.language,
    Intent.JOIN: acting.join,
    Intent.WRONG: acting.wrong,
    Intent.NO: acting.simply("no_longer", "nothing_changed"),
    Intent.THANKS: acting.simply("thanks", "thanked"),
    Intent.OTHER: placing.other,
}
_NAMING = frozenset({Intent.OUT, Intent.STATUS, Intent.OFF, Intent.ON, Intent.CHOICE, Intent.PLACE})
"""What may say of somebody whom we do not know which place they mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which terms texts are applied: settings and site, as far as they matter here.

    ``link`` is how a temporary link is written on record; empty where none can be made.
    """

    site: Site
    mode: SendMode
    allowlist: frozenset[str]
    test_numbers: bool
    link: str = ""

    def calls(self, address: str) -> bool:
        """Whether this address is really called in this mode."""
        return self.mode is SendMode.LIVE or (
            self.mode is SendMode.ALLOWLIST and address in self.allowlist
        )

    def speaks(self, *wishes: str) -> str:
        """The first of these languages that the utility speaks, else its own first."""
        return next((one for one in wishes if one in self.site.languages), self.site.languages[0])


def apply(conn: Connection, row: sa.Row[Any], terms: Terms) -> None:
    """Do what a text asks for, once and for all."""
    wall, now = wall_now(conn), business_now(conn)
    endpoint = _endpoint(conn, row.address, terms)
    if endpoint is None:
        # A short code or a name writes: a machine, which nobody can answer.
        context = Context(language=terms.site.languages[0], name=terms.site.short_name)
        understood = understand(row.body, context)
        _page(conn, row, understood, terms, endpoint_key=None, at=wall)
        _note(conn, row.key, understood, None, wall, outcome="no_number", for_staff=True)
        return
    known = conversation.load(conn, endpoint.key, wall)
    context = _context(conn, row, endpoint, known, terms.site.short_name)
    understood = understand(row.body, context)
    writer = Writer(
        reply_key=row.key,
        endpoint_key=endpoint.key,
        understood=understood,
        conversation=known,
        site=terms.site,
        language=terms.speaks(understood.language, endpoint.language),
        wall=wall,
        now=now,
    )
    if understood.intent is Intent.REACTION:
        _note(conn, row.key, understood, endpoint.key, wall, outcome="reaction", for_staff=True)
        return
    done = _besides(conn, writer, _act(conn, writer, understood.intent))
    # After what was done: it says also whether they have stopped our texts.
    paged = _page(conn, row, understood, terms, endpoint_key=endpoint.key, at=wall)
    conversation.save(conn, endpoint.key, done.conversation or known.answered())
    kept_back = _answer(conn, row, writer, done, alerted=paged, link=terms.link)
    _note(
        conn,
        row.key,
        understood,
        endpoint.key,
        wall,
        outcome=done.outcome,
        for_staff=done.for_staff or kept_back,
    )


def _act(conn: Connection, writer: Writer, intent: Intent) -> Done:
    """Do it; but what comes after so many texts from a number on no account is for staff only.

    It gets no answer any more. If it were acted on all the same, thousands of places could be
    tried in an hour, and the next answer would tell what was found.
    """
    since = {"whose": writer.endpoint_key, "since": writer.wall - timedelta(hours=1)}
    if (
        intent in _NAMING
        and conn.execute(_TRIES, since).first() is not None
        and not places_of(conn, writer.endpoint_key)
    ):
        return Done(
            say="other", outcome="too_many", for_staff=True, conversation=writer.conversation
        )
    return _ACTS[intent](conn, writer)


def _besides(conn: Connection, writer: Writer, done: Done) -> Done:
    """Do also what a text of danger asks for beside."""
    also = writer.understood.also
    if also is None:
        return done
    more = _act(conn, writer, also)
    return replace(
        done,
        outcome=f"{done.outcome} {more.outcome}",
        facts={**more.facts, **done.facts},
        conversation=more.conversation or done.conversation,
        still_out=more.still_out,
        besides=None if also is Intent.START else more.say,
    )


def give_up(conn: Connection, row: sa.Row[Any], terms: Terms) -> None:
    """Pass on to staff a text that cannot be applied; say so to who wrote it.

    Danger is paged all the same, and STOP ends texts.
    """
    wall, number = wall_now(conn), _number(row.address, terms)
    meant = _meant(row, terms)
    _page(conn, row, meant, terms, endpoint_key=None, at=wall)
    if number is not None:
        if Intent.STOP in {meant.intent, meant.also}:
            acting.end_texts(conn, t.endpoints.c.address == number, business_now(conn))
        name = f"danger_{meant.danger}" if meant.danger else "other"
        said = say(name, meant.language, terms.site, {"alerted": False})
        owe(conn, Owed.answer(row.key, number, said, urgent=meant.danger is not None), wall)
    failed = replace(meant, reason=Reason.FAILED)
    _note(conn, row.key, failed, None, wall, outcome="failed", for_staff=True)


def _meant(row: sa.Row[Any], terms: Terms) -> Understood:
    """What a text seems to say that could not be applied; nothing, if reading it is what fails."""
    first = terms.site.languages[0]
    try:
        context = Context(language=first, name=terms.site.short_name, opt_out_type=row.opt_out_type)
        found = understand(row.body, context)
    except Exception:  # noqa: BLE001  # it may be the very fault
        return Understood(intent=Intent.OTHER, reason=Reason.FAILED, language=first)
    return replace(found, language=terms.speaks(found.language))


def _number(address: str, terms: Terms) -> str | None:
    return normalise_phone(address, region=REGION, test_numbers=terms.test_numbers)


def _endpoint(conn: Connection, address: str, terms: Terms) -> sa.Row[Any] | None:
    """The endpoint that a text comes from; made for a number that nobody knows yet."""
    number = _number(address, terms)
    if number is None:
        return None
    conn.execute(
        sa.text(
            "INSERT INTO endpoints (kind, address, language) VALUES ('phone', :address, :language) "
            "ON CONFLICT (kind, address) DO NOTHING"
        ),
        {"address": number, "language": terms.site.languages[0]},
    )
    return conn.execute(_ENDPOINT, {"number": number}).one()


def _stopped_lately(stopped: datetime | None, now: datetime) -> bool:
    return stopped is not None and now - stopped < CONFIRMED_FOR


def _context(
    conn: Connection, row: sa.Row[Any], endpoint: sa.Row[Any], known: Conversation, name: str
) -> Context:
    options = known.options if known.asked is Asked.WHICH else ()
    numbers = {place.key: place.number for place in places(conn, options)} if options else {}
    return Context(
        language=endpoint.language,
        opted_out=endpoint.opted_out_at is not None,
        stopped_lately=_stopped_lately(endpoint.opted_out_at, row.received_at),
        asked=known.asked,
        options=min(MOST_CHOICES, len(options)),
        numbers=tuple(numbers.get(key) for key in options),
        opt_out_type=row.opt_out_type,
        name=name,
        joining=len(row.body) <= LONGEST_YES
        and (opting.waits(conn, endpoint.key) or area_wishes.waits(conn, endpoint.key)),
    )


def _page(
    conn: Connection,
    row: sa.Row[Any],
    understood: Understood,
    terms: Terms,
    *,
    endpoint_key: int | None,
    at: datetime,
) -> bool:
    """Page who is on call if there is danger; whether anybody really is, now or lately."""
    if understood.danger is None:
        return False
    pages = paging.pages(conn, row, understood.danger, terms.site, endpoint_key)
    if paging.is_news(conn, row, at):
        for page in pages:
            owe(conn, page, at)
    return any(terms.calls(page.address) for page in pages)


def _answer(
    conn: Connection, row: sa.Row[Any], writer: Writer, done: Done, *, alerted: bool, link: str
) -> bool:
    """Owe the answer; return whether it is kept back, so that a person has to know."""
    language = done.language or writer.language
    facts = dict(done.facts)
    if done.say.startswith("danger_"):
        facts["alerted"] = alerted
    if done.say == "no_such_language":
        facts["spoken"] = named(writer.site.languages)
    said = say(done.say, language, writer.site, facts)
    endpoint = conn.execute(_ENDPOINT_AGAIN, {"the_key": writer.endpoint_key}).one()
    # Who has stopped our texts is told of danger, and of nothing else.
    told_more = endpoint.opted_out_at is None or writer.understood.also is Intent.STOP
    if done.besides is not None and told_more and not row.opt_out_type:
        more = say(done.besides, language, writer.site, facts)
        without_name = _NAME.sub("", more.body, count=1)
        said = replace(said, body=f"{said.body} {without_name}")
    urgent = writer.understood.intent is Intent.DANGER
    owed = Owed.answer(row.key, endpoint.address, said, urgent=urgent)
    if row.opt_out_type and writer.understood.reason is Reason.PROVIDER_SAYS:
        # The provider has answered STOP, START or HELP itself: once is enough.
        owe(conn, replace(owed, state="suppressed", reason="answered_by_provider"), writer.wall)
        return False
    reason = _kept_back(conn, writer, said, opted_out=endpoint.opted_out_at is not None)
    if reason is not None:
        owed = replace(owed, state="suppressed", reason=reason)
    elif done.still_out is not None:
        noted = told.note(conn, writer.endpoint_key, done.still_out, said, writer.wall)
        owed = replace(owed, message_key=noted)
    linked = said
    if reason is None and done.about and not places_of(conn, writer.endpoint_key):
        linked = with_link(said, link)
    key = owe(conn, replace(owed, body=linked.body), writer.wall)
    if linked != said:
        temporary.keep(conn, key, writer.endpoint_key, done.about, proved=done.proved)
    return reason is not None


def _kept_back(conn: Connection, writer: Writer, said: Said, *, opted_out: bool) -> str | None:
    always = writer.understood.intent in ALWAYS_ANSWERED
    if opted_out and not always:
        return "opted_out"
    known = {"whose": writer.endpoint_key, "since": writer.wall - timedelta(hours=1)}
    if always:
        lately = conn.execute(_ALIKE_LATELY, {**known, "alike": said.template}).scalar_one()
    else:
        lately = conn.execute(_LATELY, known).scalar_one()
    return "too_many" if lately >= (MOST_ALIKE if always else MOST_AN_HOUR) else None


def _note(
    conn: Connection,
    key: int,
    understood: Understood,
    endpoint_key: int | None,
    at: datetime,
    *,
    outcome: str,
    for_staff: bool,
) -> None:
    noted = {
        "the_key": key,
        "applied_at": at,
        "endpoint_key": endpoint_key,
        "intent": understood.intent,
        "reason": understood.reason,
        "language": understood.language,
        "outcome": outcome,
        "for_staff": for_staff,
    }
    conn.execute(_NOTED, noted)
