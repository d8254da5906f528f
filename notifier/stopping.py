"""The kill switch: while it is on, no message is claimed and none that was is handed over.

Who says STOP stops their own in the same way.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier.errors import AlreadyStopped, NoReasonGiven, NotStopped
from outage import journal
from outage import tables as t
from outage.database import Database, wall_now
from outage.model import Actor, JournalKind

ASK_S = 0.020
"""A call begins at most this long after what stops it was last looked for."""
LATE = timedelta(seconds=5)
"""A STOP may commit this long after the time that it is given."""
LONGEST_WHY = 500
BY_ITSELF = Actor(kind="clock", name="senders")
"""Who stops sending where senders do not go on where they left off (`notifier.looking`)."""
_LOCK = 0x4F55_5354
_S = t.sending_stops
# Asked again and again between calls: to put them together takes as long as to carry them out.
_STANDING = _S.select().where(_S.c.resumed_at.is_(None)).limit(1)
_STOPPED = sa.union_all(
    sa.select(sa.null().label("address")).where(_S.c.resumed_at.is_(None)),
    sa.select(t.endpoints.c.address).where(t.endpoints.c.opted_out_at >= sa.bindparam("since")),
)
"""Who said STOP lately; NULL among them while sending is stopped for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Who stopped sending, since when, and why."""

    key: int
    at: datetime
    by: str
    why: str

    @property
    def held(self) -> bool:
        """Whether what is on record may be a copy: not even what was to be answered goes."""
        return self.by == str(BY_ITSELF)


def standing(conn: Connection) -> Stop | None:
    """The stop that is in force, if one is."""
    row = conn.execute(_STANDING).first()
    if row is None:
        return None
    return Stop(key=row.key, at=row.stopped_at, by=row.stopped_by, why=row.why)


def facts(stop: Stop | None) -> dict[str, object]:
    """Whether sending is stopped, as a program reads it."""
    if stop is None:
        return {"stopped": False}
    return {"stopped": True, "at": stop.at.isoformat(), "by": stop.by, "why": stop.why}


def for_claiming(conn: Connection) -> Stop | None:
    """The same, for whoever claims: none can be stopped while it claims, nor claim after it."""
    apart(conn, alone=False)
    return standing(conn)


def stop(conn: Connection, *, actor: Actor, why: str) -> Stop:
    """Stop sending. Raises `AlreadyStopped` and `NoReasonGiven`."""
    why = reason(why)
    apart(conn, alone=True)
    before = standing(conn)
    if before is not None:
        raise AlreadyStopped(by=before.by, why=before.why)
    at = wall_now(conn)
    key = conn.execute(
        _S.insert().values(stopped_at=at, stopped_by=str(actor), why=why).returning(_S.c.key)
    ).scalar_one()
    # The reason stays beside the journal, which holds no free text (DECISIONS 34).
    journal.append(conn, kind=JournalKind.SENDING_STOPPED, actor=str(actor), data={"stop": key})
    return Stop(key=key, at=at, by=str(actor), why=why)


def hold(conn: Connection, *, why: str) -> None:
    """Stop sending by itself, answers too; a stop that stands becomes one of these."""
    apart(conn, alone=True)
    before = standing(conn)
    if before is None:
        stop(conn, actor=BY_ITSELF, why=why)
    elif not before.held:
        more = f"{why}; before that {before.by}: {before.why}"[:LONGEST_WHY]
        mine = _S.c.key == before.key
        # Only what has come up since this is answered, not what the stop before let by.
        held = {"stopped_at": wall_now(conn), "stopped_by": str(BY_ITSELF), "why": more}
        conn.execute(_S.update().where(mine).values(**held))


def resume(conn: Connection, *, actor: Actor) -> Stop:
    """Let sending go on; return the stop that was in force. Raises `NotStopped`."""
    apart(conn, alone=True)
    before = standing(conn)
    if before is None:
        raise NotStopped
    conn.execute(
        _S.update()
        .where(_S.c.key == before.key)
        .values(resumed_at=wall_now(conn), resumed_by=str(actor))
    )
    journal.append(
        conn, kind=JournalKind.SENDING_RESUMED, actor=str(actor), data={"stop": before.key}
    )
    return before


def reason(why: str) -> str:
    """Why somebody does something, fit to be kept. Raises `NoReasonGiven`."""
    why = " ".join(why.split())
    if not 0 < len(why) <= LONGEST_WHY:
        raise NoReasonGiven(limit=LONGEST_WHY)
    return why


def apart(conn: Connection, *, alone: bool) -> None:
    """Keep who decides what may be sent (``alone``) and who claims apart until commit.

    SQLite has one writer anyway; on PostgreSQL a claim could begin before and end after.
    """
    if conn.dialect.name == "postgresql":
        lock = sa.func.pg_advisory_xact_lock if alone else sa.func.pg_advisory_xact_lock_shared
        conn.execute(sa.select(lock(_LOCK)))


class Switch:
    """What stops a sender between two calls: the kill switch, and each person's STOP."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._asked = float("-inf")
        self._on = False
        self._since: datetime | None = None
        self._stopped: frozenset[str | None] = frozenset()

    def watch(self, since: datetime) -> None:
        """Look for those who say STOP after this business time, at which a batch was claimed."""
        self._since, self._asked = since - LATE, float("-inf")

    def is_on(self) -> bool:
        """Whether sending is stopped: as of `ASK_S` ago at most."""
        self._look()
        return self._on

    def stops(self, address: str) -> bool:
        """Whether nothing may go to an address: sending is stopped, or somebody has said STOP."""
        self._look()
        return self._on or address in self._stopped

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._asked < ASK_S:
            return
        with self._db.read() as conn:
            found = frozenset(conn.execute(_STOPPED, {"since": self._since}).scalars())
        self._on, self._stopped = None in found, found
        self._asked = now
