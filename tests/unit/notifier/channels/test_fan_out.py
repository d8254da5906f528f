import asyncio
import time

from notifier.channels.base import Outcome, Outgoing, Result
from notifier.channels.fan_out import FanOut
from notifier.kinds import Channel
from notifier.rendering import Text

TEXT = Text(channel=Channel.SMS, language="en", template="etr/1", subject="", body="At 5")
LONG_S = 0.5


class Slowly(FanOut):
    """Answers each message after its own time: what was said by the key, and how late."""

    def __init__(self, *said: tuple[Result, float], calls: int) -> None:
        super().__init__("slowly")
        self.said = said
        self._calls = calls
        self.asked: list[int] = []

    @property
    def calls(self) -> int:
        return self._calls

    async def call(self, outgoing: Outgoing) -> Outcome:
        self.asked.append(outgoing.message_key)
        result, after_s = self.said[outgoing.message_key]
        await asyncio.sleep(after_s)
        return Outcome(message_key=outgoing.message_key, result=result)


def batch(channel: Slowly) -> list[Outgoing]:
    keys = range(len(channel.said))
    return [Outgoing(message_key=key, address="+12015550100", text=TEXT) for key in keys]


def test_what_was_taken_is_handed_over_while_others_are_under_way() -> None:
    channel = Slowly((Result.ACCEPTED, 0), (Result.ACCEPTED, LONG_S), calls=2)
    began = time.monotonic()
    outcomes = channel.send(batch(channel), lambda _one: True)
    assert next(outcomes).message_key == 0
    assert time.monotonic() - began < LONG_S / 2
    assert [one.message_key for one in outcomes] == [1]
    channel.close()


def test_what_was_not_taken_is_known_before_the_next_call() -> None:
    channel = Slowly((Result.ACCEPTED, LONG_S), *[(Result.RETRY, 0)] * 3, calls=2)
    refused = set[int]()
    for outcome in channel.send(batch(channel), lambda _one: not refused):
        if outcome.result is Result.RETRY:
            refused.add(outcome.message_key)
    assert channel.asked == [0, 1]
    assert refused == {1, 2, 3}
    channel.close()


def test_every_message_has_one_outcome_however_they_come() -> None:
    kinds = (Result.ACCEPTED, Result.ACCEPTED, Result.ACCEPTED, Result.FAILED)
    said = [(kinds[key % 4], key % 7 * 0.003) for key in range(200)]
    channel = Slowly(*said, calls=9)
    outcomes = list(channel.send(batch(channel), lambda one: one.message_key % 11 > 0))
    assert sorted(one.message_key for one in outcomes) == list(range(200))
    assert {key for key in range(200) if key % 11} == set(channel.asked)
    channel.close()
