"""How many calls may be under way at a provider: a pure rule over what it answers.

It is that of TCP (RFC 5681): one more for each round that went well, half when the provider says
"too many". Twilio limits how many requests an account has under way, counted over all its clients,
and says in ``Twilio-Concurrent-Requests`` how many there were (twilio.com/docs/api/errors/20429).
"""

from dataclasses import dataclass, replace

REST_S = 1.0
"""Refusals within this time are one refusal: they were under way together."""
MEMORY_S = 60.0
"""How long the load at which the provider refused is kept away from."""
NEAR = 0.9
"""The share of that load above which nothing is added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The present limit, never above ``most`` nor below one.

    It begins at the top: what a provider refuses with 429 it has not processed, so that beginning
    too high costs nobody a message. ``refused_load`` is what the whole account had under way when
    the provider last refused, ``refused_at`` the moment of that (monotonic seconds).
    """

    most: int
    limit: float
    refused_load: int | None = None
    refused_at: float = float("-inf")

    @classmethod
    def of(cls, most: int) -> "Pace":
        """The pace to begin with."""
        return cls(most=most, limit=float(most))

    @property
    def calls(self) -> int:
        """How many calls may be under way now."""
        return int(self.limit)

    def answered(self, *, load: int | None, now: float) -> "Pace":
        """After an answer that was no refusal. ``load``: what the provider says is under way."""
        if self.limit >= self.most or self._is_near(load, now):
            return self
        return replace(self, limit=min(float(self.most), self.limit + 1 / self.limit))

    def refused(self, *, load: int | None, now: float) -> "Pace":
        """After "too many requests"."""
        if now - self.refused_at < REST_S:
            return self
        return replace(
            self,
            limit=max(1.0, self.limit / 2),
            refused_load=load if load is not None else self.refused_load,
            refused_at=now,
        )

    def _is_near(self, load: int | None, now: float) -> bool:
        if load is None or self.refused_load is None or now - self.refused_at > MEMORY_S:
            return False
        return load >= NEAR * self.refused_load
