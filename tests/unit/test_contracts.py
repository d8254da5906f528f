"""Requests that a provider's contract does not have are seen, or `serving` would pass anything."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.contracts import problems

TEXT = {
    "To": "+16045550101",
    "Body": "Power out",
    "MessagingServiceSid": "MG" + "0" * 32,
    "StatusCallback": "https://hooks.example.org/hooks/twilio/status?m=1#rc=5&rp=all",
    "ValidityPeriod": "600",
}
MAIL: dict[str, Any] = {
    "personalizations": [{"to": [{"email": "one@example.org"}], "custom_args": {"m": "1"}}],
    "from": {"email": "outages@example.org"},
    "subject": "Power out",
    "content": [{"type": "text/plain", "value": "Power out"}],
}
TEXTS = "/2010-04-01/Accounts/AC1/Messages.json"


@pytest.fixture(autouse=True)
def _contracts(shared: Path) -> None:
    """Skips where they are not."""


def of_text(**changes: str) -> list[str]:
    return problems("POST", TEXTS, urlencode(TEXT | changes).encode())


def of_mail(**changes: object) -> list[str]:
    return problems("POST", "/v3/mail/send", json.dumps(MAIL | changes).encode())


def test_what_we_send_is_in_the_contracts() -> None:
    assert of_text() == []
    assert of_mail() == []
    assert problems("GET", f"{TEXTS}?To=%2B16045550101&PageSize=50", b"") == []


def test_a_text_that_is_not_in_the_contract_is_seen() -> None:
    assert of_text(ValidityPeriod="soon") == ["form.ValidityPeriod is no integer"]
    assert of_text(MessagingServiceSid="MG0") != []
    assert of_text(StatusCallback="hooks") == ["form.StatusCallback is no URL"]
    assert of_text(Text="Power out") == ["form.Text is not in the contract"]
    assert problems("GET", f"{TEXTS}?Number=1", b"") == ["?Number is not in the contract"]


def test_a_mail_that_is_not_in_the_contract_is_seen() -> None:
    assert of_mail(subject=1) == ["body.subject is no string"]
    assert of_mail(topic="x") == ["body.topic is not in the contract"]
    too_many = MAIL["personalizations"] * 1001
    assert of_mail(personalizations=too_many) == ["body.personalizations has 1001 items"]
    nobody: list[dict[str, object]] = [{"custom_args": {}}]
    assert of_mail(personalizations=nobody) == ["body.personalizations.0.to is missing"]
    lacking = {name: value for name, value in MAIL.items() if name != "from"}
    body = json.dumps(lacking).encode()
    assert problems("POST", "/v3/mail/send", body) == ["body.from is missing"]


def test_what_no_contract_is_about_is_passed_over() -> None:
    assert problems("POST", "/hook", b"anything") == []
