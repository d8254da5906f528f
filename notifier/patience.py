"""How long word is waited for of a message that nobody knows the fate of."""

from dataclasses import dataclass
from datetime import timedelta

from notifier.channels.codes import kind_of
from outage.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long word of a message is waited for before its provider is asked.

    ``events`` is for providers whose events are all the word there is.
    """

    lists: timedelta
    events: timedelta

    @classmethod
    def of(cls, settings: Settings) -> "Patience":
        """The patience that the settings ask for."""
        return cls(
            lists=timedelta(seconds=settings.ask_after_s),
            events=timedelta(seconds=settings.mail_events_s),
        )

    def with_(self, provider: str) -> timedelta:
        """How long this provider may take to tell by itself."""
        return self.events if kind_of(provider) == "sendgrid" else self.lists
