"""Bad numbers, segments, journeys, faults and retries: the pure rules of the simulator."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifier.carrier.bad_numbers import ERROR_CODES, error_code, mailbox_failure
from notifier.carrier.callbacks import Answer, RetryPolicy
from notifier.carrier.conditions import Conditions
from notifier.carrier.errors import ControlRefusal
from notifier.carrier.faults import parse_fault
from notifier.carrier.journey import Move, next_mail_state, next_text_state
from notifier.carrier.progress import is_loopback
from notifier.carrier.segments import segment_count
from notifier.carrier.settings import CarrierSettings

ACCOUNT = "AC" + "0" * 32


def test_demo_numbers_are_good_until_somebody_configures_them() -> None:
    assert error_code("+13035550137", {}) is None
    assert error_code("+13035550137", {"*0137": 30003}) == 30003
    assert error_code("+13035550138", {"*0137": 30003}) is None
    assert error_code("+13035550138", {"+13035550138": 30006}) == 30006


def test_magic_numbers_fail_by_the_code_they_are_documented_with() -> None:
    assert error_code("+15005550001", {}) == 21211
    assert error_code("+15005550009", {}) == 21614
    assert error_code("+15005550006", {}) is None
    for code in ERROR_CODES:
        assert error_code(f"+99900{code}", {}) == code
    assert error_code("+9990012345", {}) is None


def test_mailboxes_fail_by_the_first_word_of_their_name() -> None:
    assert mailbox_failure("bounce+7@example.org") == "bounce"
    assert mailbox_failure("dropped@example.org") == "dropped"
    assert mailbox_failure("bouncer@example.org") is None


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ñ" * 160, 1),
        ("’" + "a" * 69, 1),
        ("’" + "a" * 70, 2),
        ("a" * 307, 3),
    ],
)
def test_segments_are_counted_as_the_standard_counts_them(body: str, segments: int) -> None:
    assert segment_count(body) == segments


def test_a_text_travels_to_its_end_and_no_further() -> None:
    assert next_text_state("accepted", None, expired=False) == Move(status="queued")
    assert next_text_state("queued", None, expired=False) == Move(status="sent")
    assert next_text_state("sent", None, expired=False) == Move(status="delivered", last=True)
    assert next_text_state("queued", 30003, expired=False) == Move(status="sent")
    assert next_text_state("sent", 30003, expired=False) == Move(
        status="undelivered", error_code=30003, last=True
    )


def test_a_text_that_waited_past_its_validity_fails_unsent() -> None:
    end = Move(status="failed", error_code=30036, last=True)
    assert next_text_state("queued", None, expired=True) == end
    assert next_text_state("sent", None, expired=True).status == "delivered"


def test_a_mail_is_processed_then_ends_and_a_dropped_one_ends_at_once() -> None:
    assert next_mail_state("accepted", None) == Move(status="processed")
    assert next_mail_state("processed", None) == Move(status="delivered", last=True)
    assert next_mail_state("processed", "bounce") == Move(status="bounce", last=True)
    assert next_mail_state("accepted", "dropped") == Move(status="dropped", last=True)


def test_a_rate_hits_that_share_exactly_and_a_count_runs_out() -> None:
    tenth = parse_fault({"kind": "too_many_requests", "rate": 0.1})
    assert sum(tenth.hits("sms") for _ in range(1000)) == 100
    twice = parse_fault({"kind": "timeout", "api": "email", "count": 2})
    assert not twice.hits("sms")
    assert [twice.hits("email") for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "flood"},
        {"kind": "timeout", "api": "fax"},
        {"kind": "server_error", "status": 404},
        {"kind": "timeout", "rate": 0},
        {"kind": "timeout", "rate": "often"},
        {"kind": "timeout", "count": 0},
        {"kind": "timeout", "sometimes": True},
        {},
    ],
)
def test_a_wrong_fault_is_refused_and_changes_nothing(
    wrong: dict[str, object], tmp_path: Path
) -> None:
    conditions = Conditions(_settings(tmp_path))
    before = conditions.view()
    with pytest.raises(ControlRefusal):
        conditions.change({"latency_ms": 5, "faults": [wrong]})
    assert conditions.view() == before


@pytest.mark.parametrize(
    "wrong",
    [{"speed": 1}, {"latency_ms": -1}, {"latency_ms": True}, {"bad_numbers": {"0137": 30003}}],
)
def test_a_wrong_condition_is_refused(wrong: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ControlRefusal):
        Conditions(_settings(tmp_path)).change(wrong)


def test_settings_refuse_what_they_do_not_know(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="account_sid"):
        CarrierSettings(account_sid="me", auth_token="t", sendgrid_api_key="k", folder=tmp_path)
    with pytest.raises(ValueError, match="bad_numbers"):
        _settings(tmp_path, bad_numbers={"*0137": 99999})


def test_settings_keep_their_secrets_out_of_sight(tmp_path: Path) -> None:
    assert "hush" not in repr(_settings(tmp_path))


def test_retries_follow_the_overrides_in_the_fragment() -> None:
    url = "http://127.0.0.1/hooks?m=1"
    five = RetryPolicy.of_url(f"{url}#rc=5&rp=all")
    assert five.tries_again(Answer(status=404), 5)
    assert not five.tries_again(Answer(status=404), 6)
    plain = RetryPolicy.of_url(url)
    assert plain.tries_again(Answer(status=0), 1)
    assert not plain.tries_again(Answer(status=0), 2)
    assert not plain.tries_again(Answer(status=503), 1)
    assert RetryPolicy.of_url(f"{url}#rc=2&rp=5xx,rt").tries_again(
        Answer(status=0, timed_out=True), 2
    )


def test_callbacks_stay_on_this_machine(caplog: pytest.LogCaptureFixture) -> None:
    assert is_loopback("http://127.0.0.1:8002/hooks")
    assert is_loopback("http://[::1]:8002/hooks")
    assert is_loopback("http://localhost/hooks")
    assert not is_loopback("https://outages.example.org/hooks?m=secret")
    assert not is_loopback("http://127.0.0.1.example.org/")
    assert not is_loopback("http://192.0.2.1/")
    assert "outages.example.org" in caplog.text
    assert "secret" not in caplog.text


def _settings(folder: Path, *, bad_numbers: dict[str, int] | None = None) -> CarrierSettings:
    return CarrierSettings(
        account_sid=ACCOUNT,
        auth_token="hush",
        sendgrid_api_key="hush too",
        folder=folder,
        bad_numbers=bad_numbers or {},
    )
