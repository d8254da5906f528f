"""What a provider's code asks for: the table in ``codes.toml``."""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from http import HTTPStatus
from importlib.resources import files

from notifier.channels.base import Result

_NOT_PROCESSED = frozenset({HTTPStatus.TOO_MANY_REQUESTS})


class Action(StrEnum):
    """What is to be done about a code beside recording it."""

    NONE = ""
    INVALID = "invalid"
    OPTED_OUT = "opted_out"
    RETRY = "retry"
    STOP_SENDER = "stop_sender"
    STOP_PROVIDER = "stop_provider"


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(files("notifier.channels").joinpath("codes.toml").read_text("utf-8"))


def action(provider: str, code: str) -> Action:
    """What a code asks for; nothing when it is not in the table."""
    return Action(_table().get(provider, {}).get(code, ""))


def judge(provider: str, code: str, status: int) -> Result:
    """What an answer that is no acceptance means for the message.

    A 429 was never processed, nor what met a full queue; an account or sender
    that is stopped sends nothing, and the message waits for somebody to mend it.
    A 5xx may have been processed. Any other refusal is for good.
    """
    if status in _NOT_PROCESSED or action(provider, code) in {
        Action.RETRY,
        Action.STOP_PROVIDER,
        Action.STOP_SENDER,
    }:
        return Result.RETRY
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Result.AMBIGUOUS
    return Result.FAILED
