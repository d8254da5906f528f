"""Answers that say how an outage stands: messages too, so that nobody hears the same twice.

Who wrote "still out" and is answered believes so. The answer's row among the messages says it from
the moment it is owed; while it is on its way nothing else is claimed for them, and once it has
gone, policy finds nothing new to tell. One that does not go out counts no more than any message.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import audience, wording
from notifier.kinds import Kind
from notifier.policy import Reason
from notifier.rendering import Text
from notifier.replies.saying import Said
from notifier.situations import CHANNEL_OF
from outage import journal
from outage import tables as t
from outage.clock import business_now

HELD = timedelta(hours=1)
"""Longer than an answer may be owed: by then it has ended one way or another."""
_ENDS = {"stale": Reason.EXPIRED.value}
"""What the same end is called of a message."""


def note(
    conn: Connection,
    endpoint_key: int,
    about: tuple[int, int],
    said: Said,
    wall: datetime,
    *,
    channel: str = "sms",
) -> int | None:
    """Note that this answer states ``about`` (outage, premise) that service is still out.

    The key of its message; None for a number that hears nothing of the place anyway. Called after
    what was reported is in the journal.
    """
    outage_key, premise_key = about
    account_key = _account(conn, endpoint_key, premise_key)
    if account_key is None:
        return None
    kind, now, m = Kind.STILL_OUT_RECEIVED, business_now(conn), t.messages
    text = Text(
        channel=CHANNEL_OF[channel], language=said.language, template=said.template, body=said.body
    )
    number = journal.last_number(conn)
    decided = {"number": number, "outage_key": outage_key, "decision": kind.public_name, "count": 1}
    audience.tally(conn, [decided])
    row = m.insert().values(
        number=number,
        outage_key=outage_key,
        endpoint_key=endpoint_key,
        account_key=account_key,
        channel=channel,
        kind=kind.public_name,
        variant=kind.variant,
        state="claimed",
        priority=kind.urgency * 2,
        planned_at=now,
        send_after=now,
        lease_until=wall + HELD,
        sends=1,
        claimed_at=now,
        told_state=kind.told.name.lower(),
        told_update=False,
        told_crew=False,
        told_places=1,
        text_key=wording.store(conn, [text])[text],
        segments=text.segments,
    )
    return int(conn.execute(row.returning(m.c.key)).scalar_one())


def _account(conn: Connection, endpoint_key: int, premise_key: int) -> int | None:
    c, o = t.contacts.c, t.occupancies.c
    found: int | None = conn.execute(
        sa.select(sa.func.min(c.account_key))
        .select_from(t.contacts)
        .join(t.occupancies, o.account_key == c.account_key)
        .where(
            c.endpoint_key == endpoint_key,
            c.ended_at.is_(None),
            o.premise_key == premise_key,
            o.until.is_(None),
        )
    ).scalar()
    return found


def carried(conn: Connection, message_key: int, provider: str) -> None:
    """Note who is about to send it, so that a receipt is believed however early it comes."""
    m = t.messages
    conn.execute(m.update().where(m.c.key == message_key).values(provider=provider))


def follow(conn: Connection, answer_keys: Collection[int]) -> None:
    """Let the messages of these answers end as the answers did, unless a receipt knows better."""
    a, m, now = t.answers.c, t.messages, business_now(conn)
    ended = conn.execute(
        sa.select(a.message_key, a.state, a.reason, a.provider_id, a.provider_code).where(
            a.key.in_(list(answer_keys)),
            a.message_key.is_not(None),
            a.state.not_in(["pending", "claimed"]),
        )
    ).all()
    for row in ended:
        accepted = row.state == "accepted"
        mine = m.c.key == row.message_key
        if accepted:
            values = {"accepted_at": now, "provider_id": row.provider_id, "lease_until": None}
            conn.execute(m.update().where(mine).values(**values))
        conn.execute(
            m.update()
            .where(mine, m.c.state.in_(["claimed", "unknown"]))
            .values(
                state=row.state,
                reason=_ENDS.get(row.reason, row.reason),
                provider_code=row.provider_code,
                lease_until=None,
                ended_at=None if accepted else now,
            )
        )
