"""When situations are looked at, and what the statement that finds them depends on."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import func
from sqlalchemy.engine import Connection

from notifier.as_numbers import MINUTE_MS
from notifier.manners import Manners
from notifier.situation import QUIET_STEP_MIN
from outage import tables as t
from outage.clock import business_now
from outage.columns import to_ms

TOLD_STATES = ("claimed", "unknown", "accepted", "delivered")
"""States of a message whose content its endpoint has to be taken to know."""
SHADOWED = "shadowed"
DAY_MIN = 24 * 60
MOST_ZONES = 60
"""More than any territory has: who names more has given something else for a zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When situations are looked at, and what counts as told.

    ``clocks`` are the minutes after midnight by zone, where premises name one of their own.
    ``reports``: whether customers have reported anything at all. ``goes_on``: whether an outage
    that is looked at may go on from another, by merge or split. ``shares``: whether interruptions
    ever went over between one of them and another.
    """

    now: datetime
    manners: Manners
    count_shadowed: bool
    clocks: Mapping[str, int]
    reports: bool = True
    goes_on: bool = True
    shares: bool = True

    @classmethod
    def of(
        cls,
        conn: Connection,
        manners: Manners,
        *,
        count_shadowed: bool,
        outage_keys: Iterable[int],
        now: datetime | None = None,
    ) -> "Moment":
        """This moment; whoever decides by a situation does so by the ``now`` it was seen at.

        Only situations in these outages may be looked at.
        """
        now = now or business_now(conn)
        clocks = _clocks(_zones(conn), now)
        keys = sorted(set(outage_keys))
        reports = conn.execute(_REPORTS).first() is not None
        return cls(
            now=now,
            manners=manners,
            count_shadowed=count_shadowed,
            clocks=clocks,
            reports=reports,
            goes_on=_any_goes_on(conn, keys),
            shares=_any_shares(conn, keys),
        )

    @property
    def form(self) -> "Form":
        """What the statement itself depends on."""
        return Form(
            count_shadowed=self.count_shadowed,
            zones=tuple(self.clocks),
            reports=self.reports,
            goes_on=self.goes_on,
            shares=self.shares,
        )

    @property
    def values(self) -> dict[str, int]:
        """What the statement's parameters are at this moment."""
        now_ms, (usual_from, usual_until) = to_ms(self.now), self.manners.quiet or (0, 0)
        clock = _minutes(self.now, self.manners.zone)
        return {
            NOW_MS.key: now_ms,
            MINUTE.key: now_ms // MINUTE_MS,
            TODAY_MS.key: to_ms(self.manners.day(self.now)),
            DAY_AGO_MS.key: now_ms - DAY_MIN * MINUTE_MS,
            CLOCK.key: clock,
            USUAL_LEFT.key: quiet_left(clock, usual_from, usual_until),
            USUAL_FROM.key: usual_from,
            USUAL_UNTIL.key: usual_until,
            **{clock_of(place).key: minutes for place, minutes in enumerate(self.clocks.values())},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What makes one statement differ from another; all else are its parameters.

    Putting it together takes longer than asking it of a hundred people, and is done once a form.
    """

    count_shadowed: bool
    zones: tuple[str, ...]
    reports: bool
    goes_on: bool
    shares: bool

    @property
    def told_states(self) -> tuple[str, ...]:
        """States of messages that count as told."""
        return (*TOLD_STATES, SHADOWED) if self.count_shadowed else TOLD_STATES


def _any_goes_on(conn: Connection, keys: Sequence[int]) -> bool:
    """Whether one of these outages was split off another, or has had another merged into it."""
    return conn.execute(_GOES_ON, {"keys": keys}).first() is not None


def _any_shares(conn: Connection, keys: Sequence[int]) -> bool:
    return conn.execute(_SHARES, {"keys": keys}).first() is not None


_KEYS = sa.bindparam("keys", type_=t.outages.c.key.type, expanding=True)
_GOES_ON = sa.union_all(
    sa.select(t.origins.c.outage_key).where(t.origins.c.outage_key.in_(_KEYS)),
    sa.select(t.outages.c.merged_into).where(t.outages.c.merged_into.in_(_KEYS)),
).limit(1)
_SHARES = sa.select(t.handovers.c.outage_key).where(t.handovers.c.outage_key.in_(_KEYS)).limit(1)
_REPORTS = sa.select(t.reports.c.key).limit(1)


def _parameter(name: str) -> sa.BindParameter[int]:
    return sa.bindparam(name, type_=sa.BigInteger)


NOW_MS, MINUTE, CLOCK = _parameter("at_ms"), _parameter("at_minute"), _parameter("at_clock")
TODAY_MS, DAY_AGO_MS = _parameter("at_midnight_ms"), _parameter("at_day_before_ms")
USUAL_FROM, USUAL_UNTIL = _parameter("usual_from"), _parameter("usual_until")
USUAL_LEFT = _parameter("usual_left")


def clock_of(place: int) -> sa.BindParameter[int]:
    """Minutes after midnight in one of the form's zones."""
    return _parameter(f"at_clock_{place}")


def quiet_left(clock: int, begins: int, ends: int) -> int:
    """How much is left of quiet hours in whole steps; all in minutes after midnight."""
    left, length = (ends - clock) % DAY_MIN, (ends - begins) % DAY_MIN
    return -(-left // QUIET_STEP_MIN) if left <= length else 0


def _minutes(now: datetime, zone: ZoneInfo) -> int:
    there = now.astimezone(zone)
    return there.hour * 60 + there.minute


def _clocks(zones: Iterable[str], now: datetime) -> dict[str, int]:
    """By zone; what a file calls a zone and is none is read as the utility's own."""
    known = {name: zone_named(name) for name in zones}
    return {name: _minutes(now, zone) for name, zone in known.items() if zone is not None}


@cache
def zone_named(name: str) -> ZoneInfo | None:
    """The zone of that name, if there is one."""
    with suppress(KeyError, ValueError, OSError):
        return ZoneInfo(name)
    return None


def _zones(conn: Connection) -> list[str]:
    """The zones that premises name: one look into the index for each, however many premises."""
    found = [""]
    while len(found) <= MOST_ZONES:
        more = conn.execute(_NEXT_ZONE, {"last": found[-1]}).scalar()
        if more is None:
            break
        found.append(more)
    return found[1:]


_ZONE = t.premises.c.time_zone
_NEXT_ZONE = sa.select(func.min(_ZONE)).where(sa.bindparam("last", type_=_ZONE.type) < _ZONE)
