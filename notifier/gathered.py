"""What becomes of the rows of one batch: gathered row by row, and written set by set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import wording
from notifier.channels.base import Outgoing
from notifier.kinds import Channel, Kind
from notifier.rendering import Text
from notifier.spending import Purse
from notifier.terms import Terms
from outage import tables as t
from outage.among import among, among_each, listed

Look = tuple[object, ...]
"""Everything by which what a row states is decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Rows of one look end in this state, for this reason."""

    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Rows of one look wait on: until then, as this kind."""

    kind: Kind
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Rows of one look stay as they are, for a batch to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Rows of one look state this. ``values`` are frozen on each; ``goes``: it is really sent."""

    kind: Kind
    text: Text
    segments: int
    medical: bool
    goes: bool
    valid_for_s: int | None
    values: Mapping[str, Any]
    keys: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What somebody is told of who watches an area: the wish, and what it says there."""

    key: int
    asked_at: datetime
    area: str
    people: int


Fate = Ending | Later | Waiting | Statement
"""What becomes of rows."""


@dataclass(slots=True, kw_only=True)
class Gathered:
    """What becomes of the rows of one batch, gathered before anything is written."""

    terms: Terms
    now: datetime
    purse: Purse | None = None
    costs: dict[int, int] = field(default_factory=dict)
    endings: list[dict[str, Any]] = field(default_factory=list)
    looks: dict[Look, Fate] = field(default_factory=dict)
    repeated: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    later: list[dict[str, Any]] = field(default_factory=list)
    goes: list[tuple[sa.Row[Any], Text, int | None]] = field(default_factory=list)
    """What is really sent: the row, its text, and for how many seconds that may still be tried."""
    texts: dict[tuple[object, ...], Text] = field(default_factory=dict)
    watched: dict[int, Watched] = field(default_factory=dict)
    """By message, of those to who watches an area."""

    def links(self, row: sa.Row[Any]) -> bool:
        """Whether there is a link to go with a message: its account still has a place."""
        has_one = row.key in self.watched or bool(row.linked)
        return self.terms.links is not None and has_one

    def outgoing(self) -> list[Outgoing]:
        """What goes, each with the person's own link.

        Made once the claim is committed: others wait for that, and links take their time.
        """
        own = self._links()
        return [
            Outgoing(row.key, row.address, text, valid_for_s, own.get(row.key, ""))
            for row, text, valid_for_s in self.goes
        ]

    def _links(self) -> dict[int, str]:
        """By message the person's own link, where there is one."""
        links, watched = self.terms.links, self.watched
        if links is None:
            return {}
        rows = [row for row, *_ in self.goes]
        found = {
            row.key: links.to_areas(
                watched[row.key].key, row.endpoint_key, watched[row.key].asked_at
            )
            for row in rows
            if row.key in watched
        }
        mine = [row for row in rows if row.linked and row.key not in found]
        made = links.to_all((row.contact_key, row.here) for row in mine)
        return found | {row.key: link for row, link in zip(mine, made, strict=True)}

    def can_pay(self, kind: Kind, channel: Channel, segments: int, *, medical: bool) -> bool:
        """Whether a message may go as far as money is concerned."""
        if self.purse is None or channel is not Channel.SMS or kind.rule.beyond_cap or medical:
            return True
        return self.purse.has(segments)

    def send(self, row: sa.Row[Any], text: Text, valid_for_s: int | None) -> None:
        self.goes.append((row, text, valid_for_s))
        if self.purse is not None and text.channel is Channel.SMS:
            self.costs[row.key] = self.purse.take(text.segments)

    def end(self, key: int, state: str, reason: str) -> None:
        self.endings.append({"b_key": key, "state": state, "reason": reason, "ended_at": self.now})


def write(conn: Connection, work: Gathered, wall: datetime) -> None:
    """Write what becomes of the rows; those that are told are claimed at this wall time."""
    m = t.messages
    one = m.c.key == sa.bindparam("b_key")
    if work.endings:
        conn.execute(m.update().where(one).values(batch_key=None), work.endings)
    if work.later:
        conn.execute(m.update().where(one).values(batch_key=None), work.later)
    if work.waiting:
        conn.execute(m.update().where(among(conn, m.c.key, work.waiting)).values(batch_key=None))
    claimed = {
        "fence": m.c.fence + 1,
        "sends": m.c.sends + 1,
        "claimed_at": work.now,
        "tried_at": wall,
        "lease_until": wall + work.terms.lease,
    }
    stated = [look for look in work.looks.values() if isinstance(look, Statement) and look.keys]
    if stated:
        keys = wording.store(conn, [look.text for look in stated])
        these = among_each(conn, m.c.key, "b_keys")
        conn.execute(
            m.update().where(these).values(**claimed),
            [
                {**look.values, "text_key": keys[look.text], "b_keys": listed(conn, look.keys)}
                for look in stated
            ],
        )
    if work.repeated:
        conn.execute(
            m.update()
            .where(among(conn, m.c.key, work.repeated))
            .values(
                **claimed
                | {
                    "state": "claimed",
                    # All of a batch go by one channel.
                    "provider": next(iter(work.terms.providers.values()), None),
                }
            )
        )
