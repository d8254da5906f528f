"""The queue as people see it: what waits in each lane, where it is, and how long it will take."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import approvals, pacing, spending, stopping
from notifier.batches import LANES, PRIORITIES, URGENT
from notifier.channels.providers import configured
from notifier.situations import CHANNEL_OF
from outage import tables as t
from outage.clock import business_now
from outage.database import wall_now
from outage.settings import Settings
from outage.site import Site

HELD_FOR = timedelta(hours=10)
"""How long a provider keeps what it cannot deliver; older ones are with it no more."""
LOOKED_AT = 500
"""Newest messages by which the segments of those that are not worded yet are reckoned."""
_M = t.messages
_PENDING = _M.c.state == sa.literal_column("'pending'")


@dataclass(slots=True, kw_only=True)
class Lane:
    """What is in one lane.

    ``due`` messages wait for a sender, ``later`` ones for their time. ``segments`` are those of
    the due ones, reckoned. ``drains_in`` is how long until the last of them is with a provider and
    sent, those more urgent first; None while nobody knows how fast it goes. ``oldest`` is since
    when the first of them is due.
    """

    name: str
    due: int = 0
    later: int = 0
    with_sender: int = 0
    with_provider: int = 0
    segments: int = 0
    oldest: datetime | None = None
    drains_in: timedelta | None = None


def lane_of(channel: str, priority: int) -> str:
    """The lane that a message of this channel and priority waits in."""
    urgent = f"{channel}-urgent"
    return urgent if urgent in LANES and priority in URGENT else channel


def lanes(conn: Connection, settings: Settings) -> list[Lane]:
    """What waits, most urgent lane first, and how long it will take."""
    found = {name: Lane(name=name) for name in LANES}
    now = business_now(conn)
    for row in _waiting(conn, now):
        lane = found[lane_of(row.channel, row.priority)]
        lane.due += row.due
        lane.later += row.waiting - row.due
        if row.due and (lane.oldest is None or row.oldest < lane.oldest):
            lane.oldest = row.oldest
    each = _segments_each(conn)
    for lane in found.values():
        lane.segments = round(lane.due * (each if lane.name.startswith("sms") else 1))
    _reckon(conn, settings, list(found.values()))
    return list(found.values())


def whole(conn: Connection, settings: Settings) -> list[Lane]:
    """The same, with what is in senders' and providers' hands."""
    found = {lane.name: lane for lane in lanes(conn, settings)}
    recent = business_now(conn) - HELD_FOR
    for name, condition in (
        ("with_sender", _M.c.state == sa.literal_column("'claimed'")),
        ("with_provider", sa.and_(_M.c.state == "accepted", _M.c.accepted_at >= recent)),
    ):
        for row in conn.execute(
            sa.select(_M.c.channel, _M.c.priority, sa.func.count().label("count"))
            .where(condition)
            .group_by(_M.c.channel, _M.c.priority)
        ):
            lane = found[lane_of(row.channel, row.priority)]
            setattr(lane, name, getattr(lane, name) + row.count)
    return list(found.values())


def _waiting(conn: Connection, now: datetime) -> Iterator[sa.Row[Any]]:
    """Pending messages by channel and priority: of those in no batch the index knows it all."""
    due = sa.case((_M.c.send_after <= now, 1), else_=0)
    counts = sa.select(
        _M.c.channel,
        _M.c.priority,
        sa.func.count().label("waiting"),
        sa.func.sum(due).label("due"),
        sa.func.min(_M.c.send_after, type_=_M.c.send_after.type).label("oldest"),
    ).group_by(_M.c.channel, _M.c.priority)
    for channel in CHANNEL_OF:
        for priority in PRIORITIES:
            yield from conn.execute(
                counts.where(
                    _PENDING,
                    _M.c.batch_key.is_(None),
                    _M.c.channel == channel,
                    _M.c.priority == priority,
                )
            )
    yield from conn.execute(
        counts.join_from(t.batches, _M, _M.c.batch_key == t.batches.c.key).where(_PENDING)
    )


def _segments_each(conn: Connection) -> float:
    """Segments of a text, as the newest were."""
    newest = (
        sa.select(_M.c.channel, _M.c.segments)
        .where(_M.c.accepted_at.is_not(None))
        .order_by(_M.c.accepted_at.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    found = (
        conn.execute(
            sa.select(newest.c.segments).where(
                newest.c.channel == "sms", newest.c.segments.is_not(None)
            )
        )
        .scalars()
        .all()
    )
    return sum(found) / len(found) if found else 1.0


def _reckon(conn: Connection, settings: Settings, found: list[Lane]) -> None:
    given = pacing.rates(settings)
    before: dict[str, int] = defaultdict(int)
    for lane in found:
        channel = lane.name.partition("-")[0]
        names = configured(settings).get(CHANNEL_OF[channel], ())
        before[channel] += lane.segments
        speed = pacing.speed(conn, names, given)
        if not lane.due:
            lane.drains_in = timedelta(0)
        elif speed:
            ahead = max((pacing.ahead(conn, name) for name in names), default=timedelta(0))
            lane.drains_in = ahead + timedelta(seconds=before[channel] / speed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """How fast a provider goes: segments a second as given, as measured, and its work ahead."""

    name: str
    given: float | None
    measured: float
    ahead: timedelta


def senders(conn: Connection, settings: Settings) -> list[Sender]:
    """Every provider in use."""
    now, given, p = wall_now(conn), pacing.rates(settings), t.providers
    rows = {row.name: row for row in conn.execute(p.select())}
    return [
        Sender(
            name=name,
            given=given.get(name),
            measured=pacing.flow_now(rows[name].flow, rows[name].flow_at, now)
            if name in rows
            else 0.0,
            ahead=pacing.ahead(conn, name),
        )
        for names in configured(settings).values()
        for name in names
    ]


def facts(conn: Connection, settings: Settings, site: Site) -> dict[str, Any]:
    """Everything about the queue, as a program reads it."""
    return {
        "as_of": business_now(conn).isoformat(),
        "mode": str(settings.send),
        **stopping.facts(stopping.standing(conn)),
        "lanes": [
            {
                "lane": lane.name,
                "due": lane.due,
                "later": lane.later,
                "with_sender": lane.with_sender,
                "with_provider": lane.with_provider,
                "segments": lane.segments,
                "oldest": None if lane.oldest is None else lane.oldest.isoformat(),
                "drains_in_s": None
                if lane.drains_in is None
                else math.ceil(lane.drains_in.total_seconds()),
            }
            for lane in whole(conn, settings)
        ],
        "senders": [
            {
                "name": sender.name,
                "segments_per_s": sender.given,
                "measured_per_s": round(sender.measured, 2),
                "ahead_s": round(sender.ahead.total_seconds(), 1),
            }
            for sender in senders(conn, settings)
        ],
        "approvals": approvals.open_(conn),
        "spending": spending.facts(
            conn, spending.Prices.of(settings, site.zone), business_now(conn)
        ),
    }
