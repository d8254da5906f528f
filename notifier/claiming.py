"""Claiming a batch: everything is decided again, from the state of this moment."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import due, gathered, pacing
from notifier.batches import pass_on, steady, unsettled
from notifier.channels.base import Outgoing
from notifier.deciding import decide_again
from notifier.gathered import Gathered
from notifier.locking import lock
from notifier.moment import Moment
from notifier.patience import Patience
from notifier.spending import Purse
from notifier.stopping import for_claiming
from notifier.terms import Terms
from outage import tables as t
from outage.clock import business_now
from outage.database import Database, wall_now

log = logging.getLogger(__name__)


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
        outages = set(conn.execute(due.outages(batch_key)).scalars())
        # Before the rows are locked: a planner takes both in this order too.
        steady(conn, outages)
        m = t.messages
        lock(conn, m, sa.and_(m.c.batch_key == batch_key, m.c.state.in_(due.OPEN)))
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
        moment = Moment.of(
            conn,
            terms.manners,
            count_shadowed=terms.count_shadowed,
            outage_keys=outages,
            now=work.now,
        )
        # Asked first: what is settled after that is seen by what is looked at next.
        blocked = unsettled(conn)
        rows = due.of_batch(conn, batch_key, moment)
        decide_again(conn, rows, work, moment, blocked)
        gathered.write(conn, work, wall_now(conn))
        if not work.goes:
            conn.execute(t.batches.delete().where(t.batches.c.key == batch_key))
            return None
        if provider is not None:
            segments = sum(max(1, text.segments) for _, text, _ in work.goes)
            pacing.claimed(conn, provider, segments, rate)
        warning = None if work.purse is None else work.purse.close(conn)
    if warning is not None:
        log.error("%s", warning)
    return ClaimedBatch(
        key=batch_key,
        fence=batch.fence + 1,
        lane=batch.lane,
        at=work.now,
        until=until,
        outgoing=work.outgoing(),
        fences={row.key: row.fence + 1 for row, *_ in work.goes},
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
