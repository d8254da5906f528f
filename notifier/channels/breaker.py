"""When a provider is left alone for a while: a pure rule over what its calls come to."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from notifier.channels.base import NOT_SENT, Outcome, Result
from notifier.channels.codes import STOPS, action

PATIENCE = 5
"""Calls that fail one after the other before it is left alone."""
FIRST_REST = timedelta(seconds=10)
LONGEST_REST = timedelta(minutes=5)
STOPPED_REST = timedelta(seconds=60)
"""How long when our sender or account is stopped there: nothing but a person mends that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """What is known of a provider. ``rests`` counts those since its last good answer.

    After a rest one call is tried; only a good one brings back the others.
    """

    failures: int = 0
    rests: int = 0
    until: datetime | None = None
    code: str = ""

    def may_call(self, now: datetime) -> bool:
        """Whether it may be called at all."""
        return self.until is None or now >= self.until

    def on_trial(self, now: datetime) -> bool:
        """Whether one call, and no more, is to find out if it is well again."""
        return self.rests > 0 and self.may_call(now)

    def after(self, provider: str, outcome: Outcome, now: datetime) -> "Breaker":
        """What is known of it after a call that came to this."""
        if outcome.same_call or outcome.code == NOT_SENT:
            return self
        if action(provider, outcome.code) in STOPS:
            return self._resting(now, STOPPED_REST, outcome.code)
        if outcome.result in {Result.ACCEPTED, Result.FAILED}:
            return Breaker()
        if outcome.result is Result.RETRY and outcome.code != "no_connection":
            return self  # it is busy: the pace of the channel sees to that
        if self.failures + 1 < PATIENCE and not self.rests:
            return replace(self, failures=self.failures + 1)
        wait = min(FIRST_REST * 2 ** min(self.rests, 10), LONGEST_REST)
        return self._resting(now, wait, outcome.code)

    def _resting(self, now: datetime, wait: timedelta, code: str) -> "Breaker":
        """Left alone from now on; what was under way when that began does not lengthen it."""
        if not self.may_call(now):
            return self
        return Breaker(rests=self.rests + 1, until=now + wait, code=code)
