from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.channels.base import Outcome, Result
from notifier.channels.breaker import (
    FIRST_REST,
    LONGEST_REST,
    PATIENCE,
    STOPPED_REST,
    Breaker,
)

NOW = datetime(2026, 1, 4, 22, tzinfo=UTC)
GOOD = Outcome(message_key=1, result=Result.ACCEPTED)
LOST = Outcome(message_key=1, result=Result.AMBIGUOUS, code="no_answer")


def after(*outcomes: Outcome, now: datetime = NOW, breaker: Breaker | None = None) -> Breaker:
    found = breaker or Breaker()
    for outcome in outcomes:
        found = found.after("twilio", outcome, now)
    return found


@pytest.mark.parametrize(
    ("result", "code", "rests"),
    [
        (Result.AMBIGUOUS, "no_answer", True),
        (Result.AMBIGUOUS, "503", True),
        (Result.RETRY, "no_connection", True),
        (Result.RETRY, "20429", False),
        (Result.RETRY, "not_sent", False),
        (Result.FAILED, "21211", False),
        (Result.FAILED, "21610", False),
        (Result.ACCEPTED, "", False),
    ],
)
def test_only_failed_calls_make_it_rest(result: Result, code: str, rests: bool) -> None:
    outcome = Outcome(message_key=1, result=result, code=code)
    assert after(*[outcome] * (PATIENCE - 1)).may_call(NOW)
    assert after(*[outcome] * PATIENCE).may_call(NOW) is not rests


@pytest.mark.parametrize("code", ["20003", "30007", "21606", "401"])
def test_a_stopped_account_or_sender_rests_at_once(code: str) -> None:
    breaker = after(Outcome(message_key=1, result=Result.RETRY, code=code))
    assert not breaker.may_call(NOW + STOPPED_REST / 2)
    assert breaker.may_call(NOW + STOPPED_REST)
    assert breaker.code == code


def test_a_good_answer_between_starts_the_count_anew() -> None:
    assert after(*[LOST] * (PATIENCE - 1), GOOD, *[LOST] * (PATIENCE - 1)).may_call(NOW)


def test_one_call_for_a_thousand_people_is_one_failure() -> None:
    others = Outcome(message_key=2, result=Result.AMBIGUOUS, code="503", same_call=True)
    assert after(LOST, *[others] * 999).may_call(NOW)


def test_calls_that_were_under_way_when_the_rest_began_do_not_lengthen_it() -> None:
    breaker = after(*[LOST] * (PATIENCE + 50))
    assert breaker.rests == 1
    assert breaker.may_call(NOW + FIRST_REST)


def test_after_a_rest_one_failure_makes_the_next_twice_as_long_and_a_good_one_ends_it() -> None:
    breaker = after(*[LOST] * PATIENCE)
    later = NOW + FIRST_REST
    assert breaker.on_trial(later)
    again = after(LOST, now=later, breaker=breaker)
    assert not again.may_call(later + FIRST_REST * 1.9)
    assert again.may_call(later + FIRST_REST * 2)
    assert after(GOOD, now=later, breaker=breaker) == Breaker()


@given(st.lists(st.tuples(st.sampled_from([GOOD, LOST]), st.integers(0, 400))))
def test_no_rest_is_longer_than_the_longest(steps: list[tuple[Outcome, int]]) -> None:
    breaker, now = Breaker(), NOW
    for outcome, wait_s in steps:
        now += timedelta(seconds=wait_s)
        breaker = breaker.after("twilio", outcome, now)
        assert breaker.may_call(now + LONGEST_REST)
