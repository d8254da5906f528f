"""What texts cost in a calendar month, against the most that an operator wants to spend.

Counted when a message is claimed, in the claim's own transaction, so that no two senders spend the
same money; given back when the provider certainly did not take it, as it said at once or when
it was asked. Whoever is killed in between leaves too much counted rather than too little.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.database import next_value
from outage.settings import Settings

UNIT = 1_000_000
"""Parts of the currency that are counted: a segment may cost 0.0079."""
WARN_PERCENT = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What a segment costs, in units, and the most that a month may; 0: no cap."""

    segment: int
    cap: int
    currency: str
    zone: ZoneInfo

    @classmethod
    def of(cls, settings: Settings, zone: ZoneInfo) -> "Prices":
        """The prices that the settings make."""
        return cls(
            segment=round(settings.segment_price * UNIT),
            cap=round(settings.spending_cap * UNIT),
            currency=settings.currency,
            zone=zone,
        )

    def month(self, now: datetime) -> str:
        """The month that is spent in, where the utility is."""
        return now.astimezone(self.zone).strftime("%Y-%m")

    def in_words(self, units: int) -> str:
        """An amount as people read it."""
        return f"{units / UNIT:,.2f} {self.currency}"


@dataclass(slots=True, kw_only=True)
class Purse:
    """What one claim may spend and has spent. Without a price nothing is counted."""

    prices: Prices
    month: str
    before: int = 0
    taken: int = 0

    @classmethod
    def open(cls, conn: Connection, prices: Prices, now: datetime) -> "Purse":
        """Look what is left; with a cap nobody else can until commit."""
        month = prices.month(now)
        before = next_value(conn, _counter(month), 0) if prices.segment and prices.cap else 0
        return cls(prices=prices, month=month, before=before)

    def has(self, segments: int) -> bool:
        """Whether so many segments are still within the cap."""
        if not (self.prices.cap and self.prices.segment):
            return True
        return self.before + self.taken + segments * self.prices.segment <= self.prices.cap

    def take(self, segments: int) -> int:
        """Spend so many segments, and say what they cost."""
        cost = segments * self.prices.segment
        self.taken += cost
        return cost

    def close(self, conn: Connection) -> str | None:
        """Write down what was spent; say what somebody has to be told now, once a month each."""
        if not self.taken:
            return None
        spent, cap = next_value(conn, _counter(self.month), self.taken), self.prices.cap
        warning = None
        for percent in (WARN_PERCENT, 100):
            if cap and 100 * spent >= percent * cap and _first(conn, self.month, percent):
                warning = (
                    f"{self.prices.in_words(spent)} of {self.prices.in_words(cap)} are spent on "
                    f"texts in {self.month}, more than {percent} per cent; see `outage queue`"
                )
        return warning


def give_back(conn: Connection, month: str, units: int) -> None:
    """Take note that messages were not sent after all."""
    if units:
        next_value(conn, _counter(month), -units)


def spent(conn: Connection, month: str) -> int:
    """Units spent in a month."""
    c = t.counters.c
    return int(conn.execute(sa.select(c.value).where(c.name == _counter(month))).scalar() or 0)


def facts(conn: Connection, prices: Prices, now: datetime) -> dict[str, object] | None:
    """What was spent this month, as a program reads it; None where a segment has no price."""
    if not prices.segment:
        return None
    month = prices.month(now)
    units = spent(conn, month)
    return {
        "month": month,
        "spent": round(units / UNIT, 2),
        "cap": prices.cap / UNIT or None,
        "currency": prices.currency,
        "percent": round(100 * units / prices.cap, 1) if prices.cap else None,
    }


def _counter(month: str) -> str:
    return f"spent {month}"


def _first(conn: Connection, month: str, percent: int) -> bool:
    return next_value(conn, f"spent {month}, {percent} per cent") == 1
