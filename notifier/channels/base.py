"""What every channel does: take a batch, yield an outcome for each message."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from notifier.rendering import Text

TIMEOUT_S = 10.0
"""How long one call to a provider may take. Neither SDK sets one by itself."""


class Result(StrEnum):
    """What became of one attempt."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    RETRY = "retry"
    """The provider certainly did not take it: sending again cannot double it."""
    AMBIGUOUS = "ambiguous"
    """It may have been taken: a time-out, a 5xx, a connection lost while waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message on its way.

    ``valid_for_s`` is how long the provider may still try; None is as long as it likes.
    """

    message_key: int
    address: str
    text: Text
    valid_for_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the provider said of one message. ``code`` is its error code, or ours.

    ``same_call`` says that it was said in the same call as the outcome before.
    """

    message_key: int
    result: Result
    provider_id: str = ""
    code: str = ""
    same_call: bool = False


class Channel(Protocol):
    """A way to reach people."""

    @property
    def provider(self) -> str:
        """The provider's name, as recorded on messages."""

    def send(self, batch: Sequence[Outgoing], may_send: Callable[[], bool]) -> Iterator[Outcome]:
        """Send a batch and yield each outcome as soon as it is known.

        ``may_send`` is asked before every call: once it says no (the lease ran
        out, the provider is stopped), what is left comes back as `Result.RETRY`.
        """

    def close(self) -> None:
        """Give connections back."""


def not_sent(outgoing: Outgoing) -> Outcome:
    """The outcome of a message that no call was made for."""
    return Outcome(message_key=outgoing.message_key, result=Result.RETRY, code="not_sent")
