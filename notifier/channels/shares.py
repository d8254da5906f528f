"""How much of a channel each of its two providers carries: a pure, damped rule.

Ten points at a time, at most once a minute, and back by itself when both are well; GOV.UK Notify
balances its carriers so. When both are slow, the cause lies elsewhere and nothing is moved.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

STEP = 10
LEAST = 10
"""Even a slow provider keeps this much, or nobody would see that it is well again."""
AWAY_AFTER = timedelta(minutes=1)
BACK_AFTER = timedelta(minutes=10)
ENOUGH = 20
"""Messages fewer than these say nothing of a provider."""
SLOW_SHARE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a provider did lately: messages looked at, and those not delivered in good time."""

    tried: int = 0
    late: int = 0

    @property
    def is_slow(self) -> bool:
        return self.tried >= ENOUGH and self.late > SLOW_SHARE * self.tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The part of a hundred that the first provider carries, since when, and why."""

    first: int
    since: datetime
    reason: str = ""

    def after(self, first: Health, second: Health, now: datetime, *, at_rest: int) -> "Share":
        """The share from now on. ``at_rest`` is the first one's share when both are well."""
        if first.is_slow and second.is_slow:
            return self
        if first.is_slow or second.is_slow:
            step, reason = (-STEP, "first_slow") if first.is_slow else (STEP, "second_slow")
            return self._moved(self.first + step, AWAY_AFTER, reason, now)
        if self.first == at_rest:
            return self
        step = max(-STEP, min(STEP, at_rest - self.first))
        return self._moved(self.first + step, BACK_AFTER, "back", now, (at_rest,))

    def _moved(
        self, to: int, wait: timedelta, reason: str, now: datetime, allowed: tuple[int, ...] = ()
    ) -> "Share":
        if to not in allowed:
            to = max(LEAST, min(100 - LEAST, to))
        if to == self.first or now - self.since < wait:
            return self
        return Share(first=to, since=now, reason=reason)
