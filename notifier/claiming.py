"""Claiming a batch: everything is decided again, from the state of this moment."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import gathered, pacing
from notifier.batches import pass_on, steady
from notifier.channels.base import Outgoing
from notifier.deciding import decide_again
from notifier.gathered import Gathered
from notifier.patience import Patience
from notifier.spending import Purse
from notifier.stopping import for_claiming
from notifier.terms import Terms
from outage import tables as t
from outage.clock import business_now
from outage.database import Database, wall_now

log = logging.getLogger(__name__)

_DECIDED_BY = (
    *("key", "number", "outage_key", "endpoint_key", "account_key", "channel", "kind", "variant"),
    *("state", "priority", "planned_at", "expires_at", "batch_key", "fence", "text_key"),
)
"""What of a message its claim looks at: to read the rest of its row would take as long again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedBatch:
    """What is to be sent now. Nothing of it may be sent after ``until`` (monotonic seconds).

    It was decided at ``at`` (business time).
    ``again`` are the messages that were unknown and get another try; ``patience`` is had with
    those that become so.
    """

    key: int
    fence: int
    lane: str
    at: datetime
    until: float
    outgoing: list[Outgoing]
    fences: dict[int, int]
    again: frozenset[int]
    patience: Patience
    month: str = ""
    costs: Mapping[int, int] = field(default_factory=dict)
    """What each message costs, counted in that month."""


def claim(db: Database, batch_key: int, terms: Terms) -> ClaimedBatch | None:
    """Take a batch, if nobody else has it; None when there is nothing to send in it."""
    until = time.monotonic() + terms.lease.total_seconds()
    with db.write() as conn:
        if for_claiming(conn) is not None:
            return None
        batch = _take(conn, batch_key, terms.lease)
        if batch is None:
            return None
        # Locked in the order of their keys, as by everybody; what is most urgent goes first.
        rows = sorted(_rows(conn, batch_key), key=lambda row: (row.priority, row.key))
        provider = next(iter(terms.providers.values()), None)
        rate = terms.rate(provider)
        # After the rows: whoever waits for the provider's turn keeps no planner waiting.
        if provider and rate and not pacing.has_room(conn, provider, batch.lane):
            pass_on(conn, batch_key)
            return None
        work = Gathered(terms=terms, now=business_now(conn))
        if terms.prices is not None and batch.lane.startswith("sms"):
            if provider is not None and terms.prices.cap:
                # Always before the money: receipts take the two in this order as well.
                pacing.locked(conn, provider)
            work.purse = Purse.open(conn, terms.prices, work.now)
        if terms.links is not None and rows:
            to = {(row.account_key, row.endpoint_key, row.channel) for row in rows}
            work.links = terms.links.for_messages(conn, to)
        decide_again(conn, rows, work)
        gathered.write(conn, work, wall_now(conn))
        if not work.outgoing:
            conn.execute(t.batches.delete().where(t.batches.c.key == batch_key))
            return None
        if provider is not None:
            segments = sum(max(1, one.text.segments) for one in work.outgoing)
            pacing.claimed(conn, provider, segments, rate)
        warning = None if work.purse is None else work.purse.close(conn)
    if warning is not None:
        log.error("%s", warning)
    fences = {row.key: row.fence + 1 for row in rows}
    return ClaimedBatch(
        key=batch_key,
        fence=batch.fence + 1,
        lane=batch.lane,
        at=work.now,
        until=until,
        outgoing=work.outgoing,
        fences={outgoing.message_key: fences[outgoing.message_key] for outgoing in work.outgoing},
        again=frozenset(work.repeated),
        month="" if work.purse is None else work.purse.month,
        costs=work.costs,
        patience=terms.patience,
    )


def _take(conn: Connection, key: int, lease: timedelta) -> sa.Row[Any] | None:
    b = t.batches
    batch = conn.execute(
        b.select().where(b.c.key == key, b.c.state == "open").with_for_update(skip_locked=True)
    ).first()
    if batch is not None:
        conn.execute(
            b.update()
            .where(b.c.key == key)
            .values(state="claimed", fence=batch.fence + 1, lease_until=wall_now(conn) + lease)
        )
    return batch


def _rows(conn: Connection, batch_key: int) -> list[sa.Row[Any]]:
    m, e, text = t.messages, t.endpoints, t.messages.alias("text")
    # Before the rows are locked: a planner takes both in this order too.
    steady(
        conn, conn.execute(sa.select(m.c.outage_key).where(m.c.batch_key == batch_key)).scalars()
    )
    return list(
        conn.execute(
            sa.select(
                *(m.c[name] for name in _DECIDED_BY),
                e.c.address,
                e.c.language,
                text.c.endpoint_key.label("instead_of_whom"),
            )
            .join(e, e.c.key == m.c.endpoint_key)
            .outerjoin(text, text.c.key == m.c.instead_of)
            .where(m.c.batch_key == batch_key, m.c.state.in_(["pending", "unknown"]))
            .order_by(m.c.key)
            .with_for_update(of=m)
        )
    )
