"""Under which terms messages are claimed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from notifier.kinds import Channel
from notifier.links import Links
from notifier.manners import Manners
from notifier.patience import Patience
from notifier.rendering import Voice
from notifier.spending import Prices
from outage.settings import SendMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which terms messages are claimed: settings and site, as far as they matter here.

    ``providers`` are the channels there is a provider for; ``languages`` those
    the utility speaks, its own first.
    """

    mode: SendMode
    allowlist: frozenset[str]
    providers: Mapping[Channel, str]
    voice: Voice
    languages: tuple[str, ...]
    manners: Manners
    lease: timedelta
    patience: Patience
    rates: Mapping[str, float] = field(default_factory=dict)
    """Segments a second of the providers that have been given a speed."""
    prices: Prices | None = None
    links: Links | None = None

    def rate(self, provider: str | None) -> float:
        """Segments a second that a provider is paced to, 0 for as many as it takes."""
        return self.rates.get(provider or "", 0.0)

    @property
    def count_shadowed(self) -> bool:
        """Whether what was only shadowed counts as told (DECISIONS 23)."""
        return self.mode in {SendMode.SHADOW, SendMode.ALLOWLIST}

    def calls(self, address: str) -> bool:
        """Whether this address is really called in this mode."""
        return self.mode is SendMode.LIVE or (
            self.mode is SendMode.ALLOWLIST and address in self.allowlist
        )

    def language(self, asked: str) -> str:
        """The language an endpoint is spoken to in."""
        return asked if asked in self.languages else self.languages[0]
