"""Batches: what is due, put together by lane, up to a thousand messages at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import approvals
from notifier.locking import lock
from notifier.patience import Patience
from notifier.situation import CHANNEL_OF
from outage import tables as t
from outage.among import among
from outage.clock import business_now
from outage.columns import Key, to_ms
from outage.database import Database, wall_now
from outage.in_order import InOrder
from outage.model import GIS_ACTS_ON, MAY_TELL, OPEN

LANES = ("sms-urgent", "sms", "email")
"""Queues, most urgent first. Urgent texts take something back, or go to medical customers."""
URGENT = (0, 1, 2, 4)
"""Priorities of urgent texts: twice a kind's urgency, one more for who is not medical."""
PRIORITIES = range(8)
"""All there are: of the kinds table's urgencies the largest is 3."""
FEW = 200
MOST_OPEN = 20
"""Batches of a lane that wait at a time: what is not in one can still be overtaken."""
AT_ONCE = 4_000
"""Messages of a lane that are put into batches in one step, which would take too long with more."""
REQUEUE = timedelta(seconds=5)
"""A batch that was queued longer ago and not claimed is queued again."""
_STEADY = 0x4F55 << 44
"""Sets our advisory locks apart: what comes above it is an outage's key."""
_OF_AREAS = 0x4F56 << 44
# In order, so that no two wait for each other.
_KEYS = "FROM (SELECT unnest(CAST(:keys AS bigint[])) AS key ORDER BY 1) AS in_order"
_ALONE = sa.text("SELECT pg_advisory_xact_lock(key) " + _KEYS)
_SHARED = sa.text("SELECT pg_advisory_xact_lock_shared(key) " + _KEYS)
_TELLS = {"gis": GIS_ACTS_ON, "notifier": MAY_TELL}
# In words that the indexes over such messages are made with.
_PENDING = t.messages.c.state == sa.literal_column("'pending'")
_CLAIMED = t.messages.c.state == sa.literal_column("'claimed'")
_HELD: sa.BindParameter[int] = sa.bindparam("held", expanding=True, type_=t.messages.c.number.type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A batch that nobody has claimed."""

    key: int
    lane: str


def unsettled(conn: Connection) -> set[int]:
    """Outages that gis or notifier still has work on: what is true of them is not known yet.

    One statement, so one snapshot on PostgreSQL too: an entry that becomes a work item between
    two of them would be seen by neither.
    """
    return set(conn.execute(_UNSETTLED).scalars())


def _unsettled() -> sa.CompoundSelect[int]:
    w, j, c = t.work_items, t.journal, t.cursors
    parts = [sa.select(w.c.outage_key).where(w.c.reader.in_(list(_TELLS)))]
    for reader, kinds in _TELLS.items():
        passed = sa.select(c.c.number).where(c.c.reader == reader).scalar_subquery()
        parts.append(
            sa.select(j.c.outage_key).where(
                j.c.number > sa.func.coalesce(passed, 0),
                j.c.kind.in_([str(kind) for kind in kinds]),
                j.c.outage_key.is_not(None),
            )
        )
    return sa.union_all(*parts)


# Statements are put together once: it takes longer than to carry them out.
_UNSETTLED = _unsettled()


def steady(conn: Connection, outage_keys: Iterable[int], *, alone: bool = False) -> None:
    """Keep what is planned for these outages and what is claimed of them apart until commit.

    A planner is ``alone`` with its outage; whoever claims or gives back shares it. SQLite has one
    writer anyway. On PostgreSQL a planner would otherwise decide by a message that is still
    pending while a sender freezes its text, and one of the two would never be told.
    """
    if conn.dialect.name != "postgresql":
        return
    # What was told of an outage that this one goes on from, or shares losses with, is decided by
    # as well; of what is over and has nothing to say any more that does not change.
    wanted, o, h, m = set(outage_keys), t.origins.c, t.handovers.c, t.messages.c
    waits = sa.exists().where(
        m.outage_key == h.other_key, m.state == sa.literal_column("'pending'")
    )
    is_open = sa.exists().where(
        t.outages.c.key == h.other_key, t.outages.c.status.in_([str(each) for each in OPEN])
    )
    others = sa.union(
        sa.select(o.origin_key).where(o.outage_key.in_(wanted)),
        sa.select(h.other_key).where(h.outage_key.in_(wanted), sa.or_(is_open, waits)),
    )
    wanted |= set(conn.execute(others).scalars())
    keys = sorted(_STEADY + key for key in wanted)
    conn.execute(_ALONE if alone else _SHARED, {"keys": keys})


def one_by_one(conn: Connection) -> None:
    """Let nobody else claim what tells of areas until commit.

    What they were told today is counted over all outages, and two senders that hold some each for
    one number would not see each other's. SQLite has one writer anyway.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_OF_AREAS)))


def in_flight(pairs: sa.FromClause) -> sa.CompoundSelect[tuple[int, int]]:
    """Of these pairs (outage, endpoint) those for which a sender holds a message just now.

    Whatever comes next for them waits: two senders could swap "out" and "restored". So it does
    while one is held of an outage that this one goes on from, or shares losses with.
    """
    m, o, h = t.messages, t.origins, t.handovers
    held = sa.and_(
        m.c.endpoint_key == pairs.c.endpoint_key, m.c.state == sa.literal_column("'claimed'")
    )
    own = sa.and_(m.c.outage_key == pairs.c.outage_key, held)
    goes_on = InOrder(pairs, o, o.c.outage_key == pairs.c.outage_key)
    of_origin = sa.and_(m.c.outage_key == o.c.origin_key, held)
    # Few are held of one person, and some outages share losses with thousands.
    shared = sa.and_(h.c.outage_key == pairs.c.outage_key, h.c.other_key == m.c.outage_key)
    pair = sa.select(pairs.c.outage_key, pairs.c.endpoint_key)
    return sa.union(
        pair.select_from(InOrder(pairs, m, own)),
        pair.select_from(InOrder(goes_on, m, of_origin)),
        pair.select_from(InOrder(InOrder(pairs, m, held), h, shared)),
    )


def next_due(conn: Connection, after: datetime | None = None) -> datetime | None:
    """When the next pending message may go: a timer for whoever moves business time.

    With ``after`` only those that are not due by then.
    """
    now = business_now(conn)
    facts: dict[str, Any] = {"held": approvals.held(conn, now)}
    if after is not None:
        facts["after"] = after
    times = [*conn.execute(_next_due(beyond=after is not None), facts).one()]
    times.append(approvals.next_by_itself(conn, after or now))
    return min((time for time in times if time is not None), default=None)


@cache
def _next_due(*, beyond: bool) -> sa.Select[Any]:
    """One row: when the first message of each channel and priority may go, and of batches."""
    m = t.messages.c
    goes = [_PENDING, approvals.free(_HELD)]
    if beyond:
        goes.append(m.send_after > sa.bindparam("after", type_=m.send_after.type))
    first = sa.select(sa.func.min(m.send_after, type_=m.send_after.type)).where(*goes)
    # The index has the first of each channel and priority; of what is in batches there is little.
    parts = [
        first.where(m.batch_key.is_(None), m.channel == channel, m.priority == priority)
        for channel in CHANNEL_OF
        for priority in PRIORITIES
    ]
    parts.append(first.where(m.batch_key.is_not(None)))
    return sa.select(*(part.scalar_subquery() for part in parts))


def left(conn: Connection) -> int:
    """How many messages something is still to become of now.

    Due, with a sender, or unknown and not yet found out about.
    """
    now = business_now(conn)
    facts = {"now": now, "held": approvals.held(conn, now)}
    return sum(conn.execute(_left(), facts).one()) + open_unknown(conn)


@cache
def _left() -> sa.Select[Any]:
    """One row: how many are due of each channel and priority, in batches, and with a sender."""
    m = t.messages.c
    is_due = m.send_after <= sa.bindparam("now", type_=m.send_after.type)
    due = (_PENDING, is_due, approvals.free(_HELD))
    number = sa.select(sa.func.count()).select_from(t.messages)
    parts = [
        number.where(*due, m.batch_key.is_(None), m.channel == channel, m.priority == each)
        for channel in CHANNEL_OF
        for each in PRIORITIES
    ]
    parts += [number.where(*due, m.batch_key.is_not(None)), number.where(_CLAIMED)]
    return sa.select(*(part.scalar_subquery() for part in parts))


def open_unknown(conn: Connection) -> int:
    """How many messages nobody knows the fate of, and their providers may still tell."""
    m = t.messages.c
    is_open = (m.state == sa.literal_column("'unknown'"), m.ended_at.is_(None))
    return int(conn.execute(sa.select(sa.func.count()).where(*is_open)).scalar_one())


def assign(
    db: Database,
    most: int,
    sizes: Mapping[str, int] | None = None,
    lanes: Sequence[str] = LANES,
) -> None:
    """Put what is due into batches, up to `MOST_OPEN` of them waiting in each lane.

    A batch holds ``most`` messages, or as many as ``sizes`` says for its channel.
    """
    for lane in lanes:
        size = (sizes or {}).get(lane.partition("-")[0], most)
        # Looking through all that is due takes its time: not under the write lock.
        with db.read() as conn:
            b = t.batches
            waiting = conn.execute(
                sa.select(sa.func.count()).where(b.c.lane == lane, b.c.state == "open")
            ).scalar_one()
            room = max(0, min(MOST_OPEN - waiting, max(1, AT_ONCE // size)))
            found = _due(conn, lane, room * size) if room else []
        if found:
            with db.bulk(redone=True) as conn:
                # A planner that changes the same rows in another order would end in a deadlock.
                if not db.is_sqlite:
                    of_them = sa.select(t.messages.c.outage_key).where(
                        among(conn, t.messages.c.key, found)
                    )
                    steady(conn, conn.execute(of_them.distinct()).scalars())
                for start in range(0, len(found), size):
                    _batch(conn, lane, found[start : start + size])


def _overtaking() -> sa.CompoundSelect[tuple[int]]:
    """Keys of pending messages that come after one which a sender holds just now.

    Of the same outage, of one that goes on from it or shares losses with it: as in `in_flight`.
    """
    held, after = t.messages.alias("held"), t.messages.alias("after")
    o, h = t.origins, t.handovers
    next_ = sa.and_(
        after.c.endpoint_key == held.c.endpoint_key,
        after.c.state == sa.literal_column("'pending'"),
    )
    same = sa.and_(after.c.outage_key == held.c.outage_key, next_)
    goes_on = InOrder(held, o, o.c.origin_key == held.c.outage_key)
    of_heir = sa.and_(after.c.outage_key == o.c.outage_key, next_)
    shared = sa.and_(h.c.outage_key == after.c.outage_key, h.c.other_key == held.c.outage_key)
    ways = (
        InOrder(held, after, same),
        InOrder(goes_on, after, of_heir),
        InOrder(InOrder(held, after, next_), h, shared),
    )
    return sa.union_all(
        *(
            sa.select(after.c.key)
            .select_from(joined)
            .where(held.c.state == sa.literal_column("'claimed'"))
            for joined in ways
        )
    )


_OVERTAKING = _overtaking()
_FEW_OVERTAKING = _OVERTAKING.limit(FEW + 1)


def _due(conn: Connection, lane: str, most: int) -> list[int]:
    """Messages to send now, most urgent first: pending, or unknown and owed another try.

    Nothing unknown is due before its provider has been asked for it.
    """
    channel, _, urgent = lane.partition("-")
    priorities = [
        each for each in PRIORITIES if channel != "sms" or (each in URGENT) == bool(urgent)
    ]
    now = business_now(conn)
    now_ms = to_ms(now)
    # Mostly there are none or a few, and looked for once they need not be for each priority.
    overtaking = conn.execute(_FEW_OVERTAKING).scalars().all()
    many = len(overtaking) > FEW
    values: dict[str, Any] = {
        "channel": channel,
        "blocked": sorted(unsettled(conn)),
        "waiting": approvals.held(conn, now),
        **({} if many else {"overtaking": overtaking}),
    }
    found: dict[int, list[int]] = {priority: [] for priority in priorities}
    tries = values | {"priorities": priorities, "wall": wall_now(conn), "most": most}
    for row in conn.execute(_again(many=many), tries):
        found[row.priority].append(row.key)
    left = most - sum(map(len, found.values()))
    # One look for each priority, not asking for the time: the index has them in its order, so that
    # nobody goes through all that is due, nor through all that is not.
    for priority in priorities:
        if left > 0:
            next_ = values | {"priority": priority, "most": left}
            rows = conn.execute(_first(many=many), next_).all()
            keys = [key for key, send_after in rows if send_after <= now_ms]
            found[priority] += keys
            left -= len(keys)
    return [key for keys in found.values() for key in keys]


def _may_go(*, many: bool) -> sa.Select[int]:
    """Messages of a channel that nothing keeps back; ``many``: senders hold many just now."""
    m = t.messages.c
    overtaking = _OVERTAKING if many else _several("overtaking")
    return sa.select(m.key).where(
        m.batch_key.is_(None),
        m.channel == sa.bindparam("channel"),
        m.outage_key.not_in(_several("blocked")),
        m.key.not_in(overtaking),
        approvals.free(_several("waiting")),
    )


def _several(name: str) -> sa.BindParameter[int]:
    return sa.bindparam(name, expanding=True, type_=Key)


_MOST = sa.bindparam("most", type_=sa.Integer)


@cache
def _again(*, many: bool) -> sa.Select[Any]:
    m = t.messages.c
    statement = _may_go(many=many).add_columns(m.priority)
    return (
        statement.where(
            m.state == sa.literal_column("'unknown'"),
            m.ended_at.is_(None),
            m.ask_after.is_(None),
            m.lease_until <= sa.bindparam("wall"),
            m.priority.in_(_several("priorities")),
        )
        .order_by(m.priority, m.key)
        .limit(_MOST)
    )


@cache
def _first(*, many: bool) -> sa.Select[Any]:
    m = t.messages.c
    pending = m.state == sa.literal_column("'pending'")
    after = sa.type_coerce(m.send_after, sa.BigInteger)
    statement = _may_go(many=many).add_columns(after)
    first = statement.where(pending, m.priority == sa.bindparam("priority"))
    return first.order_by(m.send_after, m.key).limit(_MOST)


def _batch(conn: Connection, lane: str, keys: Sequence[int]) -> None:
    b, m = t.batches, t.messages
    key = conn.execute(
        b.insert().values(lane=lane, state="open", created_at=wall_now(conn)).returning(b.c.key)
    ).scalar_one()
    these = among(conn, m.c.key, keys)
    lock(conn, m, these)
    conn.execute(
        m.update()
        .where(these, m.c.batch_key.is_(None), m.c.state.in_(["pending", "unknown"]))
        .values(batch_key=key)
    )


def waiting(conn: Connection, *, queued_too: bool) -> list[Waiting]:
    """Batches nobody has claimed, most urgent lane first, oldest first."""
    b = t.batches
    statement = sa.select(b.c.key, b.c.lane).where(b.c.state == "open").order_by(b.c.key)
    if not queued_too:
        lately = wall_now(conn) - REQUEUE
        statement = statement.where(sa.or_(b.c.enqueued_at.is_(None), b.c.enqueued_at < lately))
    found = [Waiting(key=row.key, lane=row.lane) for row in conn.execute(statement)]
    return sorted(found, key=lambda batch: LANES.index(batch.lane))


def lane(conn: Connection, key: int) -> str | None:
    """The lane of a batch that nobody has claimed."""
    b = t.batches
    found: str | None = conn.execute(
        sa.select(b.c.lane).where(b.c.key == key, b.c.state == "open")
    ).scalar()
    return found


def pass_on(conn: Connection, key: int) -> None:
    """Leave a batch to whoever comes next, to be queued anew."""
    b = t.batches
    conn.execute(
        b.update().where(b.c.key == key).values(state="open", lease_until=None, enqueued_at=None)
    )


def queued(db: Database, keys: Iterable[int]) -> None:
    """Note that these batches were queued now."""
    with db.write() as conn:
        conn.execute(
            t.batches.update()
            .where(t.batches.c.key.in_(list(keys)))
            .values(enqueued_at=wall_now(conn))
        )


def expire(db: Database, patience: Patience) -> int:
    """Take back what senders held when they died; return how many messages became unknown.

    Nobody knows whether the provider has them: they are never pending again.
    """
    b, m = t.batches, t.messages
    with db.read() as conn:
        now = wall_now(conn)
        lost = sa.and_(b.c.state == "claimed", b.c.lease_until < now)
        stale = sa.and_(_CLAIMED, m.c.lease_until < now)
        if not (
            conn.execute(sa.select(b.c.key).where(lost).limit(1)).first()
            or conn.execute(sa.select(m.c.key).where(stale).limit(1)).first()
        ):
            return 0
    with db.write() as conn:
        lock(conn, m, stale)
        done = sum(
            conn.execute(
                m.update()
                .where(stale, m.c.provider.is_not_distinct_from(provider))
                .values(
                    provider_code="lease_expired",
                    **unknown(now, patience.with_(provider or "")),
                )
            ).rowcount
            for provider in conn.execute(sa.select(m.c.provider).where(stale).distinct()).scalars()
        )
        keys = list(conn.execute(sa.select(b.c.key).where(lost)).scalars())
        steady(
            conn,
            conn.execute(
                sa.select(m.c.outage_key).where(m.c.state == "pending", m.c.batch_key.in_(keys))
            ).scalars(),
        )
        conn.execute(
            m.update().where(m.c.state == "pending", m.c.batch_key.in_(keys)).values(batch_key=None)
        )
        conn.execute(b.delete().where(b.c.key.in_(keys)))
        return done


def unknown(now: datetime, wait: timedelta) -> dict[str, object]:
    """What a message keeps that was tried and that nobody knows the fate of; wall time."""
    return {
        "state": "unknown",
        "batch_key": None,
        "unknown_since": now,
        "ask_after": now + wait,
        "asked": 0,
    }
