"""What a provider's code asks for: the table in ``codes.toml``."""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files

from notifier.channels.base import Result


class Action(StrEnum):
    """What is to be done about a code beside recording it."""

    NONE = ""
    INVALID = "invalid"
    OPTED_OUT = "opted_out"
    REFUSE = "refuse"
    RETRY = "retry"
    AMBIGUOUS = "ambiguous"
    STOP_SENDER = "stop_sender"
    STOP_PROVIDER = "stop_provider"


STOPS = frozenset({Action.STOP_SENDER, Action.STOP_PROVIDER})
"""Nothing goes this way until somebody has mended it; messages wait, or take the other way."""
_RESULTS = {
    Action.INVALID: Result.FAILED,
    Action.OPTED_OUT: Result.FAILED,
    Action.REFUSE: Result.FAILED,
    Action.RETRY: Result.RETRY,
    Action.AMBIGUOUS: Result.AMBIGUOUS,
    Action.STOP_SENDER: Result.RETRY,
    Action.STOP_PROVIDER: Result.RETRY,
}


def kind_of(provider: str) -> str:
    """The table and the receipts a provider goes by: ``twilio-2`` is another ``twilio``."""
    return provider.partition("-")[0]


def action(provider: str, code: str) -> Action:
    """What a code asks for; nothing when it is not in the table."""
    return Action(_entry(kind_of(provider), code))


def judge(provider: str, code: str, status: int) -> Result:
    """What an answer that is no acceptance means for the message.

    A code that is not in its provider's table is judged by the HTTP status.
    """
    asked = action(provider, code) or _entry("unknown", str(status)) or Action.AMBIGUOUS
    return _RESULTS[Action(asked)]


def _entry(table: str, code: str) -> str:
    """A code's own entry, or that of all which begin with its digit."""
    entries = _table().get(table, {})
    return entries.get(code) or entries.get(f"{code[:1]}xx", "")


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(files("notifier.channels").joinpath("codes.toml").read_text("utf-8"))
