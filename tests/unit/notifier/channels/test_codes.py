import tomllib
from importlib.resources import files

import pytest

from notifier.carrier.bad_numbers import ERROR_CODES
from notifier.channels.base import Result
from notifier.channels.codes import Action, action, judge

TABLE = tomllib.loads(files("notifier.channels").joinpath("codes.toml").read_text("utf-8"))


@pytest.mark.parametrize(
    ("provider", "code", "asked"),
    [
        ("twilio", "21211", Action.INVALID),
        ("twilio", "21614", Action.INVALID),
        ("twilio", "30005", Action.INVALID),
        ("twilio", "30006", Action.INVALID),
        ("twilio", "21610", Action.OPTED_OUT),
        ("twilio", "21612", Action.REFUSE),
        ("twilio", "30003", Action.RETRY),
        ("twilio", "30008", Action.RETRY),
        ("twilio", "30007", Action.STOP_SENDER),
        ("twilio", "20003", Action.STOP_PROVIDER),
        ("twilio-2", "20003", Action.STOP_PROVIDER),
        ("sendgrid", "bounce", Action.INVALID),
        ("sendgrid", "spamreport", Action.OPTED_OUT),
        ("sendgrid", "dropped_unsubscribed_address", Action.OPTED_OUT),
        ("twilio", "99999", Action.NONE),
        ("nobody", "21211", Action.NONE),
    ],
)
def test_a_code_asks_for_what_the_provider_says_it_means(
    provider: str, code: str, asked: Action
) -> None:
    assert action(provider, code) is asked


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (429, Result.RETRY),
        (408, Result.AMBIGUOUS),
        (400, Result.FAILED),
        (404, Result.FAILED),
        (302, Result.FAILED),
        (200, Result.AMBIGUOUS),
        (500, Result.AMBIGUOUS),
        (503, Result.AMBIGUOUS),
        (0, Result.AMBIGUOUS),
    ],
)
def test_an_unknown_code_is_judged_by_its_status(status: int, result: Result) -> None:
    assert judge("twilio", "99999", status) is result


def test_every_entry_names_an_action() -> None:
    for provider, codes in TABLE.items():
        for code, asked in codes.items():
            assert Action(asked) is not Action.NONE, (provider, code)


def test_every_code_of_the_simulator_is_in_the_table() -> None:
    assert {str(code) for code in ERROR_CODES} <= set(TABLE["twilio"])
