"""What every channel does: take a batch, yield an outcome for each message."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from notifier import links
from notifier.rendering import Text

TIMEOUT_S = 10.0
"""How long one call to a provider may take. Neither SDK sets one by itself."""


NOT_SENT = "not_sent"
"""Our code for a message that no call was made for."""
NOT_ASKED = "not_asked"
"""Our code for a message that no provider was asked for."""


class Result(StrEnum):
    """What became of one attempt."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    RETRY = "retry"
    """The provider certainly did not take it: sending again cannot double it."""
    AMBIGUOUS = "ambiguous"
    """It may have been taken: a time-out, a 5xx, a connection lost while waiting."""


class Outgoing(NamedTuple):
    """One message on its way; a tuple, for a storm has a million of them.

    ``valid_for_s`` is how long the provider may still try; None is as long as it likes. ``link``
    is the person's own, which the text may have room for.
    """

    message_key: int
    address: str
    text: Text
    valid_for_s: int | None = None
    link: str = ""

    @property
    def body(self) -> str:
        """The words, with the person's own link."""
        return links.filled(self.text.body, self.link)

    @property
    def html(self) -> str:
        """The same of the mail's HTML."""
        return links.filled(self.text.html, self.link)

    @property
    def mail_headers(self) -> dict[str, str]:
        """By which a mail program offers to unsubscribe with one click (RFC 2369, RFC 8058)."""
        if not self.link:
            return {}
        return {
            "List-Unsubscribe": f"<{self.link}/unsubscribe>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }


class Outcome(NamedTuple):
    """What the provider said of one message; a tuple as well. ``code`` is its error code, or ours.

    ``same_call`` says that it was said in the same call as the outcome before.
    """

    message_key: int
    result: Result
    provider_id: str = ""
    code: str = ""
    same_call: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """A message that nobody knows the fate of. ``since`` is when it was last tried (wall time)."""

    message_key: int
    address: str
    text: Text
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One message that a provider has, and how far it is there, in the words of its receipts."""

    provider_id: str
    event: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The provider has what may be the message: of these the first that is no other's."""

    message_key: int
    traces: tuple[Trace, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """The provider surely never took it."""

    message_key: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """The provider did not say; it may be asked again. ``code`` is its error code, or ours."""

    message_key: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknowable:
    """Nobody can be asked: what becomes of the message, its receipts tell, or nothing does."""

    message_key: int


Finding = Found | Absent | Silent | Unknowable


MaySend = Callable[[Outgoing], bool]
"""Whether a message may still go, asked right before its call."""


class Channel(Protocol):
    """A way to reach people."""

    @property
    def provider(self) -> str:
        """The provider's name, as recorded on messages."""

    def send(self, batch: Sequence[Outgoing], may_send: MaySend) -> Iterator[Outcome]:
        """Send a batch and yield each outcome as soon as it is known.

        ``may_send`` is asked before every call of each message in it: where it says no (the
        lease ran out, the provider is stopped, STOP was said), that comes back as `Result.RETRY`.
        """

    def find(self, sought: Sequence[Sought], may_ask: Callable[[], bool]) -> Iterator[Finding]:
        """Ask the provider for messages it may have, and yield a finding for each.

        ``may_ask`` is asked before every call: once it says no, what is left is `Silent`.
        """

    def close(self) -> None:
        """Give connections back."""


def not_sent(outgoing: Outgoing) -> Outcome:
    """The outcome of a message that no call was made for."""
    return Outcome(message_key=outgoing.message_key, result=Result.RETRY, code=NOT_SENT)


def not_asked(sought: Sought) -> Silent:
    """The finding of a message that no call was made for."""
    return Silent(message_key=sought.message_key, code=NOT_ASKED)


def unknowable(sought: Sequence[Sought]) -> Iterator[Finding]:
    """The findings of a channel whose provider keeps no list that can be asked."""
    for one in sought:
        yield Unknowable(message_key=one.message_key)
