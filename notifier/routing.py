"""Which of its providers a channel's next batch goes to, and what became known of them."""

import logging
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from notifier import blocked
from notifier.channels.base import Outcome
from notifier.channels.breaker import PATIENCE, Breaker
from notifier.channels.codes import kind_of
from notifier.channels.shares import Health, Share
from notifier.kinds import Channel
from outage import tables as t
from outage.clock import business_now
from outage.database import Database, wall_now

log = logging.getLogger(__name__)

LOOKED_AT = 5000
"""Messages by which a provider's health is judged: the newest."""
LOOKED_THROUGH = 200_000
"""Keys among which they are looked for; it is done each minute."""
LATELY = timedelta(minutes=15)
IN_GOOD_TIME = timedelta(minutes=4)
CONFIRMS = frozenset({"twilio", "sendgrid"})
"""Kinds of providers that say when a message was delivered; of others no slowness can be told."""


class Routing:
    """The providers of each channel, as one process knows them.

    A rest that one process begins holds for all of them; each finds out by itself that it is over.
    """

    def __init__(
        self,
        db: Database,
        providers: Mapping[Channel, tuple[str, ...]],
        *,
        second_share: int,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._db = db
        self.providers = providers
        self._at_rest = 100 - second_share
        self._chance = chance
        self._breakers: dict[str, Breaker] = {}

    def pick(self, channel: Channel) -> str | None:
        """The provider of the next batch; None when all of them rest."""
        with self._db.read() as conn:
            now, rows = wall_now(conn), _rows(conn)
        awake = [name for name in self.providers.get(channel, ()) if self._awake(rows, name, now)]
        if len(awake) <= 1:
            return next(iter(awake), None)
        share = rows[awake[0]]["share"] if awake[0] in rows else None
        first = self._at_rest if share is None else share
        return awake[0] if self._chance() * 100 < first else awake[1]

    def awake(self, name: str) -> bool:
        """Whether a provider may be called now, as far as anybody knows."""
        with self._db.read() as conn:
            return self._awake(_rows(conn), name, wall_now(conn))

    def may_call(self, name: str) -> bool:
        """Whether a provider may be called now, as far as this process knows."""
        breaker = self._breakers.get(name)
        return breaker is None or breaker.until is None or breaker.may_call(_now())

    def on_trial(self, name: str) -> bool:
        """Whether one call is to find out first whether a provider is well again."""
        return self._breaker(name).on_trial(_now())

    def on_probation(self, name: str) -> bool:
        """Whether one message, and no more, is to find out if a blocked provider is well again."""
        with self._db.read() as conn:
            row = _rows(conn).get(name)
        return row is not None and row["blocked"] >= PATIENCE

    def probed(self, name: str) -> None:
        """Leave a provider alone until the receipt of that message can have come."""
        with self._db.write() as conn:
            blocked.probed(conn, name)

    def watched(self, name: str, outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
        """The same outcomes, heeded."""
        for outcome in outcomes:
            if not outcome.same_call:
                self._breakers[name] = self._breaker(name).after(name, outcome, _now())
            yield outcome

    def note(self, name: str) -> None:
        """Tell the other processes, where there is news of a provider."""
        breaker = self._breaker(name)
        with self._db.read() as conn:
            now, row = wall_now(conn), _rows(conn).get(name)
        if breaker.rests == (row["rests"] if row else 0):
            return
        if not breaker.rests and row and row["rests_until"] and now < row["rests_until"]:
            return  # another began that rest while calls of ours were under way
        if breaker.until is not None:
            log.error(
                "%s answers %s; it is left alone until %s",
                name,
                breaker.code or "nothing",
                breaker.until.isoformat(timespec="seconds"),
            )
        with self._db.write() as conn:
            # By the database's clock, as all processes read it.
            until = None if breaker.until is None else wall_now(conn) + (breaker.until - _now())
            _put(
                conn,
                name,
                {"rests": breaker.rests, "rests_until": until, "rests_code": breaker.code or None},
            )

    def weigh(self) -> None:
        """Move shares, where a channel has two providers and one of them is slow, or well again."""
        for channel, names in self.providers.items():
            if len(names) > 1:
                self._weigh(channel, names[0], names[1])

    def _weigh(self, channel: Channel, first: str, second: str) -> None:
        with self._db.read() as conn:
            now, row = wall_now(conn), _rows(conn).get(first)
            health = _health(conn, (first, second))
        known = row is not None and row["share"] is not None
        share = (
            Share(first=row["share"], since=row["share_since"])
            if row is not None and known
            else Share(first=self._at_rest, since=now - LATELY)
        )
        moved = share.after(health[first], health[second], now, at_rest=self._at_rest)
        if moved == share:
            return
        log.warning(
            "%s now carries %d of a hundred of %s (%s)",
            first,
            moved.first,
            channel.name.lower(),
            moved.reason,
        )
        with self._db.write() as conn:
            _put(
                conn,
                first,
                {"share": moved.first, "share_since": now, "share_reason": moved.reason},
            )

    def _awake(self, rows: Mapping[str, sa.RowMapping], name: str, now: datetime) -> bool:
        until = rows[name]["rests_until"] if name in rows else None
        return self.may_call(name) and (until is None or now >= until)

    def _breaker(self, name: str) -> Breaker:
        return self._breakers.get(name, Breaker())


def _now() -> datetime:
    return datetime.now(UTC)


def _rows(conn: Connection) -> dict[str, sa.RowMapping]:
    return {row["name"]: row for row in conn.execute(t.providers.select()).mappings()}


def _put(conn: Connection, name: str, values: Mapping[str, Any]) -> None:
    p, dialect = t.providers, sqlite if conn.dialect.name == "sqlite" else postgresql
    row = dialect.insert(p).values(name=name, **values)
    conn.execute(row.on_conflict_do_update(index_elements=[p.c.name], set_=dict(values)))


def _health(conn: Connection, names: tuple[str, str]) -> dict[str, Health]:
    """How each provider did lately: its newest messages, and those that took too long."""
    m, now = t.messages, business_now(conn)
    counts = {name: [0, 0] for name in names}
    newest = sa.select(sa.func.max(m.c.key)).scalar_subquery()
    for row in conn.execute(
        sa.select(m.c.provider, m.c.state, m.c.accepted_at, m.c.ended_at)
        .where(
            m.c.key > newest - LOOKED_THROUGH,
            m.c.provider.in_(names),
            m.c.accepted_at >= now - LATELY,
        )
        .order_by(m.c.key.desc())
        .limit(LOOKED_AT)
    ):
        late = (row.ended_at or now) - row.accepted_at > IN_GOOD_TIME
        if kind_of(row.provider) in CONFIRMS and (late or row.state == "delivered"):
            counts[row.provider][0] += 1
            counts[row.provider][1] += late
    return {name: Health(tried=tried, late=late) for name, (tried, late) in counts.items()}
