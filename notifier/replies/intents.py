"""What a text may be taken for, and why."""

from dataclasses import dataclass
from enum import StrEnum


class Intent(StrEnum):
    """What somebody wants, as far as it can be told."""

    DANGER = "danger"
    STOP = "stop"
    STOP_ASKED = "stop_asked"
    """Perhaps STOP: asked back, not obeyed (DECISIONS 25)."""
    START = "start"
    HELP = "help"
    OUT = "out"
    OUT_CANCEL = "out_cancel"
    STATUS = "status"
    OFF = "off"
    ON = "on"
    CHOICE = "choice"
    PLACE = "place"
    """Says which place is meant: a house number and postal code, or an account."""
    JOIN = "join"
    """Yes to what was asked because of a form: to be told of a place."""
    LANGUAGE = "language"
    WRONG = "wrong"
    NO = "no"
    THANKS = "thanks"
    REACTION = "reaction"
    """A phone's "Liked …", which quotes us."""
    OTHER = "other"


class Danger(StrEnum):
    """What is dangerous (DECISIONS 27)."""

    GAS = "gas"
    WIRE = "wire"
    FIRE = "fire"
    MEDICAL = "medical"
    EMERGENCY = "emergency"


class Reason(StrEnum):
    """Why a text was taken for what it was."""

    DANGER_WORDS = "danger_words"
    COMMAND = "command"
    SENTENCE = "sentence"
    STOP_WORD_IN_SENTENCE = "stop_word_in_sentence"
    ANSWER = "answer"
    """It answers what was asked."""
    NOTHING_ASKED = "nothing_asked"
    PROVIDER_SAYS = "provider_says"
    QUOTES_US = "quotes_us"
    NO_WORDS = "no_words"
    NOT_UNDERSTOOD = "not_understood"
    FAILED = "failed"


class Asked(StrEnum):
    """What an endpoint was asked last."""

    WHICH = "which"
    """Which of its places; by number."""
    WHO = "who"
    """Which place it is, by house number and postal code or account."""
    STOP = "stop"
    """Whether STOP was meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is known of who writes.

    Attributes:
        language: what the endpoint is spoken to in.
        opted_out: whether it has stopped our texts.
        stopped_lately: whether it did so just now: its YES may confirm that.
        asked: what it was asked lately and has not answered.
        options: how many places it may choose from.
        numbers: the house numbers of those places, in their order.
        opt_out_type: what the provider took the text for and has answered itself.
        name: how each of our texts begins.
        joining: whether it was asked for a YES to be told of a place, and has not said it.
    """

    language: str = "en"
    opted_out: bool = False
    stopped_lately: bool = False
    asked: Asked | None = None
    options: int = 0
    numbers: tuple[int | None, ...] = ()
    opt_out_type: str | None = None
    name: str = ""
    joining: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPlace:
    """A place as somebody names it: a house number, a postal code, an account, or two of them.

    ``words`` are all the words of the text: a street is among them or is not.
    """

    house_number: int | None = None
    postal_code: str | None = None
    account: str | None = None
    words: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What a text was taken for.

    ``language`` is what it was written in, as far as that can be told. ``choice`` counts from one.
    ``also`` is STOP, START, OUT or STATUS where a text that speaks of danger says that too.
    """

    intent: Intent
    reason: Reason
    language: str
    danger: Danger | None = None
    also: Intent | None = None
    service: str | None = None
    choice: int | None = None
    wish: str | None = None
    """The language asked for."""
    place: NamedPlace | None = None
