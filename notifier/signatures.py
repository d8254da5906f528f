"""Whether a callback was signed by the provider: the SDKs' own verifiers, held to the clock."""

import binascii
from collections.abc import Mapping
from datetime import datetime, timedelta

from sendgrid.helpers.eventwebhook import EventWebhook
from twilio.request_validator import RequestValidator

STALE = timedelta(minutes=10)
"""An event signed longer ago, or further ahead, is a replay or comes from a wrong clock."""


class Signatures:
    """Both providers' signatures. Without its key nothing of a provider is believed."""

    def __init__(self, twilio_auth_token: str, sendgrid_public_key: str) -> None:
        self._twilio = RequestValidator(twilio_auth_token) if twilio_auth_token else None
        self._sendgrid = EventWebhook(sendgrid_public_key) if sendgrid_public_key else None

    def is_twilio(self, url: str, form: Mapping[str, str], signature: str) -> bool:
        """Whether Twilio signed this form for this URL, as it was given out."""
        return self._twilio is not None and bool(self._twilio.validate(url, dict(form), signature))

    def is_sendgrid(self, body: bytes, signature: str, timestamp: str, now: datetime) -> bool:
        """Whether SendGrid signed these very bytes within the last minutes."""
        if self._sendgrid is None or not (timestamp.isascii() and timestamp.isdigit()):
            return False
        if abs(now.timestamp() - int(timestamp[:18])) > STALE.total_seconds():
            return False
        try:
            return bool(self._sendgrid.verify_signature(body.decode(), signature, timestamp))
        except (UnicodeDecodeError, binascii.Error, ValueError):
            return False
