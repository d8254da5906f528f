"""A tap on the personal page is a reply: on record with the texts, done by the same functions.

What the page says is its answer, on record as accepted: nothing more is sent for it.
"""

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from notifier.replies import reporting, told
from notifier.replies.acting import Done, Writer
from notifier.replies.conversation import Conversation
from notifier.replies.intents import Intent, Reason, Understood
from notifier.replies.owing import Owed, owe
from notifier.replies.saying import say
from notifier.replies.standing import Place, Stay, stays
from outage import reports
from outage import tables as t
from outage.clock import business_now
from outage.database import APPENDED, wall_now
from outage.model import Service
from outage.site import Site

BY_LINK = "link"
"""What stands for the provider of a reply that was tapped."""
NOTED_FOR = timedelta(hours=24)
"""How long a report is not taken a second time from the same person."""
_ON_PAGE = "on_page"


def tap(
    conn: Connection,
    endpoint_key: int,
    at: Place,
    service: Service,
    *,
    back: bool,
    once: str,
    language: str,
    site: Site,
    proved: bool = True,
) -> Done | None:
    """Take a tap: service is out there, or is ``back``. None for one that we have already.

    ``once`` is the form's own word: sent again, it is the same tap. Who has not ``proved`` that
    they may be told of the place can report, and no more.
    """
    # Whoever taps twice at once is told apart by this lock.
    endpoint = conn.execute(
        t.endpoints.select().where(t.endpoints.c.key == endpoint_key).with_for_update()
    ).one()
    known = stays(conn, [at.key], business_now(conn))
    if not back and noted(conn, endpoint_key, at, service, known if proved else ()):
        return None
    intent = Intent.ON if back else _intent(_lately(known, at, service))
    reply_key = _write_down(conn, endpoint, intent, once)
    if reply_key is None:
        return None
    now, wall = business_now(conn), wall_now(conn)
    understood = Understood(
        intent=intent, reason=Reason.COMMAND, language=language, service=service.value
    )
    writer = Writer(
        reply_key=reply_key,
        endpoint_key=endpoint_key,
        understood=understood,
        conversation=Conversation(),
        site=site,
        language=language,
        wall=wall,
        now=now,
    )
    does = {Intent.ON: reporting.on, Intent.OFF: reporting.off, Intent.OUT: reporting.out}
    done = does[intent](conn, writer, at, proved)
    _answer(conn, endpoint, writer, done)
    conn.execute(
        t.replies.update()
        .where(t.replies.c.key == reply_key)
        .values(
            intent=intent,
            reason=understood.reason,
            language=language,
            outcome=done.outcome,
            for_staff=done.for_staff,
        )
    )
    conn.info[APPENDED] = True
    return done


def noted(
    conn: Connection, endpoint_key: int, at: Place, service: Service, known: Sequence[Stay]
) -> bool:
    """Whether this person has told us of it, and not taken it back.

    What was told before the place came back, as is ``known``, says nothing of how it is now.
    """
    since, here = business_now(conn) - NOTED_FOR, _lately(known, at, service)
    if here is not None and here.back_at is not None:
        since = max(since, here.back_at)
    mine = reports.open_reports(conn, premises=[at.key], since=since, endpoint_key=endpoint_key)
    return any(one.service is service for one in mine)


def _lately(known: Sequence[Stay], at: Place, service: Service) -> Stay | None:
    """What was there last: out now, or back."""
    here = (one for one in known if one.premise_key == at.key and one.service is service)
    return next(here, None)


def _intent(here: Stay | None) -> Intent:
    """Still out where it was restored lately; out where nothing was known."""
    return Intent.OFF if here is not None and here.back else Intent.OUT


def _write_down(
    conn: Connection, endpoint: sa.Row[tuple[object, ...]], intent: Intent, once: str
) -> int | None:
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    wall, facts = wall_now(conn), endpoint._mapping  # noqa: SLF001 SQLAlchemy's public name for it
    found: int | None = conn.execute(
        dialect.insert(t.replies)
        .values(
            provider=BY_LINK,
            provider_id=f"{facts['key']}:{once}",
            address=facts["address"],
            body=intent.value.upper(),
            received_at=wall,
            applied_at=wall,
            endpoint_key=facts["key"],
        )
        .on_conflict_do_nothing(index_elements=["provider", "provider_id"])
        .returning(t.replies.c.key)
    ).scalar()
    return found


def _answer(
    conn: Connection, endpoint: sa.Row[tuple[object, ...]], writer: Writer, done: Done
) -> None:
    facts = endpoint._mapping  # noqa: SLF001 SQLAlchemy's public name for it
    channel = "email" if facts["kind"] == "email" else "sms"
    said = say(done.say, writer.language, writer.site, done.facts)
    noted_as = None
    if done.still_out is not None:
        noted_as = told.note(
            conn, writer.endpoint_key, done.still_out, said, writer.wall, channel=channel
        )
    key = owe(
        conn,
        Owed(
            reply_key=writer.reply_key,
            role="answer",
            channel=channel,
            address=facts["address"],
            language=said.language,
            template=said.template,
            body=said.body,
            urgency=0,
            state="accepted",
            reason=_ON_PAGE,
            message_key=noted_as,
        ),
        writer.wall,
    )
    told.follow(conn, [key])
