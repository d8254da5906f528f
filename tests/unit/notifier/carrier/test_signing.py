"""Signatures are those the official SDKs verify."""

from __future__ import annotations

import os
from pathlib import Path

from sendgrid.helpers.eventwebhook import EventWebhook
from twilio.request_validator import RequestValidator

from notifier.carrier.signing import (
    KEY_FILE,
    event_signature,
    private_key,
    public_key,
    twilio_signature,
)

URL = "http://127.0.0.1:8002/hooks/twilio/status?m=41-7"
FORM = {"MessageSid": "SM1", "MessageStatus": "sent", "To": "+13035550101"}


def test_twilios_validator_accepts_the_signature_and_no_altered_one() -> None:
    validator = RequestValidator("hush")
    signature = twilio_signature("hush", URL, FORM)
    assert validator.validate(URL, FORM, signature)
    assert not validator.validate(URL, FORM | {"MessageStatus": "delivered"}, signature)
    assert not validator.validate(URL + "1", FORM, signature)
    assert not RequestValidator("other").validate(URL, FORM, signature)


def test_sendgrids_verifier_accepts_the_signature_and_no_altered_one(tmp_path: Path) -> None:
    signature = event_signature(private_key(tmp_path), "1795305600", b'[{"event":"delivered"}]')
    webhook = EventWebhook(public_key(tmp_path))
    assert webhook.verify_signature('[{"event":"delivered"}]', signature, "1795305600")
    assert not webhook.verify_signature('[{"event":"bounce"}]', signature, "1795305600")
    assert not webhook.verify_signature('[{"event":"delivered"}]', signature, "1795305601")


def test_the_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "carrier"
    first = public_key(folder)
    assert public_key(folder) == first
    assert (folder / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert os.listdir(folder) == [KEY_FILE]  # noqa: PTH208 - names are what is compared
