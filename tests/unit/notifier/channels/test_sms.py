import base64
import json
import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from urllib.parse import parse_qs

import pytest

from notifier.channels.base import TIMEOUT_S, Outcome, Outgoing, Result
from notifier.channels.sms import SmsChannel
from notifier.channels.twilio import TwilioAccount
from notifier.kinds import Channel
from notifier.rendering import Text
from tests.unit.notifier.channels.provider import Answer, Call, Provider, serving

TEXT = Text(channel=Channel.SMS, language="en", template="detected/1", body="Power out")


def accepted(call: Call) -> Answer:
    del call
    return Answer(201, json.dumps({"sid": "SM0123456789abcdef0123456789abcdef"}).encode())


def refused(status: int, code: int) -> Callable[[Call], Answer]:
    body = json.dumps({"code": code, "message": "no", "status": status}).encode()
    return lambda _call: Answer(status, body)


def account(provider: Provider, **more: float) -> TwilioAccount:
    return TwilioAccount(
        account_sid="AC0123456789abcdef0123456789abcdef",
        auth_token="made-up-token",
        messaging_service_sid="MG0123456789abcdef0123456789abcdef",
        base_url=provider.url,
        hooks_url="https://hooks.example.org",
        timeout_s=float(more.get("timeout_s", 5)),
        concurrency=int(more.get("concurrency", 10)),
    )


def texts(count: int = 1, *, valid_for_s: int | None = None) -> list[Outgoing]:
    return [
        Outgoing(
            message_key=key,
            address=f"+1604555{100 + key:04}",
            text=TEXT,
            valid_for_s=valid_for_s,
        )
        for key in range(count)
    ]


def send(twilio: TwilioAccount, batch: list[Outgoing]) -> list[Outcome]:
    with closing(SmsChannel(twilio)) as channel:
        return list(channel.send(batch, lambda _one: True))


def test_a_text_asks_twilio_for_what_it_should() -> None:
    with serving(accepted) as provider:
        (outcome,) = send(account(provider), texts(valid_for_s=7200))
    assert outcome.result is Result.ACCEPTED
    assert outcome.provider_id == "SM0123456789abcdef0123456789abcdef"
    (call,) = provider.calls
    assert call.path == "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json"
    credentials = base64.b64decode(call.headers["Authorization"].removeprefix("Basic "))
    assert credentials == b"AC0123456789abcdef0123456789abcdef:made-up-token"
    assert parse_qs(call.body.decode()) == {
        "To": ["+16045550100"],
        "MessagingServiceSid": ["MG0123456789abcdef0123456789abcdef"],
        "Body": ["Power out"],
        "StatusCallback": ["https://hooks.example.org/hooks/twilio/status?m=0#rc=5&rp=all"],
        "ValidityPeriod": ["7200"],
    }


@pytest.mark.parametrize(("valid_for_s", "asked"), [(90_000, "36000"), (0, "1")])
def test_a_validity_is_kept_within_what_twilio_takes(valid_for_s: int, asked: str) -> None:
    with serving(accepted) as provider:
        send(account(provider), texts(valid_for_s=valid_for_s))
    assert parse_qs(provider.calls[0].body.decode())["ValidityPeriod"] == [asked]


@pytest.mark.parametrize(
    ("status", "code", "result"),
    [
        (429, 20429, Result.RETRY),
        (401, 20003, Result.RETRY),
        (400, 21211, Result.FAILED),
        (400, 21611, Result.RETRY),
        (400, 21212, Result.RETRY),
        (400, 21701, Result.RETRY),
        (404, 20404, Result.RETRY),
        (400, 21610, Result.FAILED),
        (400, 99999, Result.FAILED),
        (500, 20500, Result.AMBIGUOUS),
        (502, 0, Result.AMBIGUOUS),
    ],
)
def test_a_refusal_is_judged_by_its_code_then_its_status(
    status: int, code: int, result: Result
) -> None:
    with serving(refused(status, code)) as provider:
        (outcome,) = send(account(provider), texts())
    assert outcome.result is result
    assert outcome.code == str(code or status)


def test_no_refusal_is_retried_by_the_sdk() -> None:
    for status in (429, 500, 503):
        with serving(refused(status, 0)) as provider:
            send(account(provider), texts())
        assert len(provider.calls) == 1


def test_a_silent_provider_is_given_up_on_and_the_text_is_ambiguous() -> None:
    with serving(lambda _call: Answer(201, after=lambda: time.sleep(0.6))) as provider:
        start = time.monotonic()
        (outcome,) = send(account(provider, timeout_s=0.2), texts())
        took = time.monotonic() - start
    assert (outcome.result, outcome.code) == (Result.AMBIGUOUS, "no_answer")
    assert took < 0.6


def test_a_provider_that_is_not_there_took_nothing() -> None:
    with serving(accepted) as provider:
        pass
    (outcome,) = send(account(provider), texts())
    assert (outcome.result, outcome.code) == (Result.RETRY, "no_connection")


def test_every_account_has_a_timeout_unless_told_otherwise() -> None:
    assert TwilioAccount(account_sid="", auth_token="", hooks_url="").timeout_s == TIMEOUT_S > 0


def test_no_call_is_made_once_the_lease_is_over() -> None:
    leave = iter([True] * 3 + [False] * 10)
    with (
        serving(accepted) as provider,
        closing(SmsChannel(account(provider, concurrency=1))) as channel,
    ):
        outcomes = list(channel.send(texts(8), lambda _one: next(leave)))
    assert len(provider.calls) == 3
    assert [outcome.result for outcome in outcomes].count(Result.ACCEPTED) == 3
    assert {outcome.code for outcome in outcomes if outcome.result is Result.RETRY} == {"not_sent"}
    assert {outcome.message_key for outcome in outcomes} == set(range(8))


def test_nobodys_number_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), serving(accepted) as provider:
        send(account(provider), texts())
    assert "5550100" not in caplog.text


def test_a_batch_abandoned_half_way_leaves_nothing_running() -> None:
    with serving(accepted) as provider, closing(SmsChannel(account(provider))) as channel:
        outcomes = channel.send(texts(30), lambda _one: True)
        next(outcomes)
        outcomes.close()  # type: ignore[attr-defined]  # a generator, as every channel's is
        assert len(list(channel.send(texts(5), lambda _one: True))) == 5


def test_every_batch_of_a_process_goes_over_the_same_connection() -> None:
    with (
        serving(accepted) as provider,
        closing(SmsChannel(account(provider, concurrency=1))) as channel,
    ):
        for _ in range(3):
            assert len(list(channel.send(texts(4), lambda _one: True))) == 4
    assert len({call.caller for call in provider.calls}) == 1


def test_too_many_requests_halve_what_is_under_way_and_nothing_is_lost() -> None:
    under_way, most = 0, [0]
    lock, all_are_there = threading.Lock(), threading.Barrier(8)

    def busy(call: Call) -> Answer:
        nonlocal under_way
        with lock:
            under_way += 1
            most[-1] = max(most[-1], under_way)
            late = len(most) > 1
        if late:
            time.sleep(0.03)
        else:
            all_are_there.wait(timeout=60)
        with lock:
            under_way -= 1
        return accepted(call) if late else refused(429, 20429)(call)

    with (
        serving(busy) as provider,
        closing(SmsChannel(account(provider, concurrency=8))) as channel,
    ):
        first = list(channel.send(texts(8), lambda _one: True))
        most.append(0)
        second = list(channel.send(texts(12), lambda _one: True))
    assert {outcome.result for outcome in first} == {Result.RETRY}
    assert {outcome.result for outcome in second} == {Result.ACCEPTED}
    assert most[0] == 8
    assert most[1] <= 5


def test_the_load_that_twilio_tells_of_is_heeded() -> None:
    def busy(_call: Call) -> Answer:
        return Answer(429, b"{}", {"Twilio-Concurrent-Requests": "80"})

    with (
        serving(busy) as provider,
        closing(SmsChannel(account(provider, concurrency=8))) as channel,
    ):
        list(channel.send(texts(4), lambda _one: True))
        pace = channel._twilio.pace if channel._twilio else None  # noqa: SLF001  # what it learnt
    assert pace is not None
    assert (pace.calls, pace.refused_load) == (4, 80)


def test_an_acceptance_without_an_id_is_not_believed() -> None:
    for body in (b"{}", b"[]", b'{"sid": null}', b"<html>"):
        with serving(lambda _call, body=body: Answer(201, body)) as provider:  # type: ignore[misc]
            (outcome,) = send(account(provider), texts())
        assert outcome.result is Result.AMBIGUOUS
