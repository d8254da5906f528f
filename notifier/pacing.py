"""How far each sender's work reaches ahead, so that little of it sits where nobody can reorder it.

A provider takes more than it sends: what it holds goes out in the order in which it came. So each
claim moves `paced_until` of its provider on by what it will take to send, in its own transaction,
and nothing is claimed while that lies too far ahead. Whoever is killed afterwards leaves it too
far on rather than too near.
"""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.database import wall_now
from outage.settings import Settings

URGENT_AHEAD = timedelta(seconds=25)
"""What is urgent may be claimed up to here; with its last batch it stays within 30 s."""
AHEAD = timedelta(seconds=5)
"""And all else up to here, or what is urgent would stand behind it at the provider."""
BATCH_S = 1.0
"""How long a batch of one-segment texts may take to send: a larger one could not be overtaken."""
MEMORY_S = 60.0
"""Over how long the flow is averaged."""
_P = t.providers


def rates(settings: Settings) -> dict[str, float]:
    """Segments a second of each sender that has been given a speed."""
    given = {
        "twilio": settings.twilio_segments_per_s,
        "twilio-2": settings.twilio_2_segments_per_s,
    }
    return {name: rate for name, rate in given.items() if rate}


def batch_size(rate: float, most: int) -> int:
    """How many messages make a batch at this speed; at none given as many as may be."""
    return most if not rate else max(1, min(most, int(rate * BATCH_S)))


def limit(lane: str) -> timedelta:
    """How far ahead the work of a lane may reach."""
    return URGENT_AHEAD if lane.endswith("-urgent") else AHEAD


def ahead(conn: Connection, name: str) -> timedelta:
    """How long a provider is busy with what it has been handed, by its given speed."""
    until = conn.execute(sa.select(_P.c.paced_until).where(_P.c.name == name)).scalar()
    return _ahead(until, wall_now(conn))


def has_room(conn: Connection, name: str, lane: str) -> bool:
    """Whether a batch of this lane may be claimed now; nobody else can claim until commit."""
    return _ahead(locked(conn, name).paced_until, wall_now(conn)) < limit(lane)


def claimed(conn: Connection, name: str, segments: int, rate: float) -> None:
    """Take note of what was claimed for a provider."""
    row, now = locked(conn, name), wall_now(conn)
    values: dict[str, Any] = {
        "flow": flow_now(row.flow, row.flow_at, now) + segments / MEMORY_S,
        "flow_at": now,
    }
    if rate:
        begins = now if row.paced_until is None else max(now, row.paced_until)
        values["paced_until"] = begins + timedelta(seconds=segments / rate)
    conn.execute(_P.update().where(_P.c.name == name).values(**values))


def flow_now(flow: float | None, at: datetime | None, now: datetime) -> float:
    """Segments a second as averaged until now: it fades while nothing is claimed."""
    if flow is None or at is None:
        return 0.0
    return flow * math.exp(-max(0.0, (now - at).total_seconds()) / MEMORY_S)


def speed(conn: Connection, names: tuple[str, ...], given: Mapping[str, float]) -> float | None:
    """Segments a second that these providers take together; None while nobody knows.

    As they were given; as it was measured lately where one of them was given none.
    """
    if names and all(name in given for name in names):
        return sum(given[name] for name in names)
    now = wall_now(conn)
    rows = conn.execute(sa.select(_P.c.flow, _P.c.flow_at).where(_P.c.name.in_(names)))
    measured = sum(flow_now(row.flow, row.flow_at, now) for row in rows)
    return measured if measured * MEMORY_S >= 1 else None


def _ahead(until: datetime | None, now: datetime) -> timedelta:
    return timedelta(0) if until is None else max(timedelta(0), until - now)


def locked(conn: Connection, name: str) -> sa.Row[Any]:
    """The row of a provider, which nobody else changes until commit."""
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    row = dialect.insert(_P).values(name=name)
    # The row is made first, then locked: no two claims reckon from the same moment.
    conn.execute(row.on_conflict_do_nothing(index_elements=[_P.c.name]))
    return conn.execute(_P.select().where(_P.c.name == name).with_for_update()).one()
