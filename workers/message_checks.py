"""What the doctor says of messages: whether any was lost, and how many nobody knows the fate of."""

from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import audience
from outage import tables as t
from outage.clock import business_now
from outage.database import wall_now
from workers.findings import Check, failed, note, ok

LATELY = timedelta(days=1)
OVERDUE = timedelta(minutes=2)
"""What was to be asked for so long ago, nobody asks for."""
SHOWN = 5


def checks(conn: Connection) -> Iterator[Check]:
    """The sums of all outages, and what is unknown."""
    yield _sums(conn)
    yield _unknown(conn)


def _sums(conn: Connection) -> Check:
    found = audience.sums(conn)
    differ = [one for one in found if not one.agree]
    if not differ:
        total = sum(one.messages for one in found)
        return ok("messages", f"{total:,} decided on, and as many on record")
    named = [f"{one.outage_id} {one.planned:,} and {one.messages:,}" for one in differ[:SHOWN]]
    more = f" and {len(differ) - SHOWN} more outages" if len(differ) > SHOWN else ""
    return failed(
        "messages",
        f"decided on and on record are not the same: {', '.join(named)}{more}; somebody was not "
        "told, or twice. Please report it with the log of `outage relay`",
    )


def _unknown(conn: Connection) -> Check:
    m, now = t.messages.c, wall_now(conn)
    unknown = m.state == sa.literal_column("'unknown'")
    is_open = sa.and_(unknown, m.ended_at.is_(None))
    row = conn.execute(
        sa.select(
            sa.func.count().label("how_many"),
            sa.func.min(m.unknown_since, type_=m.unknown_since.type).label("since"),
            sa.func.min(m.ask_after, type_=m.ask_after.type).label("ask_after"),
        ).where(is_open)
    ).one()
    stayed = conn.execute(
        sa.select(sa.func.count()).where(unknown, m.ended_at >= business_now(conn) - LATELY)
    ).scalar_one()
    lately = f"{stayed:,} have stayed so since a day ago" if stayed else "none has stayed so"
    if not row.how_many:
        return ok("unknown", f"no message; {lately}") if not stayed else note("unknown", lately)
    waits = "" if row.since is None else f", the oldest for {_words(now - row.since)}"
    says = f"{row.how_many:,} messages may or may not have reached their provider{waits}; {lately}"
    if row.ask_after is not None and now - row.ask_after > OVERDUE:
        return failed("unknown", f"{says}; nobody asks for them: is `outage clock` running?")
    return note("unknown", says)


def _words(time: timedelta) -> str:
    seconds = int(time.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"  # noqa: PLR2004  # two minutes
