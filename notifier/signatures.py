"""By whom a callback was signed: the SDKs' own verifiers, held to the clock."""

import binascii
from collections.abc import Mapping
from datetime import datetime, timedelta

from sendgrid.helpers.eventwebhook import EventWebhook
from twilio.request_validator import RequestValidator

STALE = timedelta(minutes=10)
"""An event signed longer ago, or further ahead, is a replay or comes from a wrong clock."""


class Signatures:
    """The providers' signatures. Without its key nothing of an account is believed."""

    def __init__(
        self,
        twilio_auth_token: str,
        sendgrid_public_key: str,
        *,
        twilio_2_auth_token: str = "",
        sendgrid_2_public_key: str = "",
    ) -> None:
        tokens = {"twilio": twilio_auth_token, "twilio-2": twilio_2_auth_token}
        keys = {"sendgrid": sendgrid_public_key, "sendgrid-2": sendgrid_2_public_key}
        self._twilio = {name: RequestValidator(token) for name, token in tokens.items() if token}
        self._sendgrid = {name: EventWebhook(key) for name, key in keys.items() if key}

    def whose_twilio(self, url: str, form: Mapping[str, str], signature: str) -> str:
        """The account that signed this form for this URL, as it was given out; none: empty."""
        for name, validator in self._twilio.items():
            if validator.validate(url, dict(form), signature):
                return name
        return ""

    def is_twilio(self, url: str, form: Mapping[str, str], signature: str) -> bool:
        """Whether Twilio signed this form for this URL, as it was given out."""
        return bool(self.whose_twilio(url, form, signature))

    def whose_sendgrid(self, body: bytes, signature: str, timestamp: str, now: datetime) -> str:
        """The account that signed these very bytes within the last minutes; none: empty."""
        if not (timestamp.isascii() and timestamp.isdigit()):
            return ""
        if abs(now.timestamp() - int(timestamp[:18])) > STALE.total_seconds():
            return ""
        for name, verifier in self._sendgrid.items():
            try:
                if verifier.verify_signature(body.decode(), signature, timestamp):
                    return name
            except (UnicodeDecodeError, binascii.Error, ValueError):
                return ""
        return ""
