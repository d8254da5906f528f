"""What the simulator refuses, in the provider's words."""

from __future__ import annotations


class CarrierError(Exception):
    """The carrier simulator refused the request; change what the sentence names, send again."""


class TwilioRefusal(CarrierError):
    """Twilio's answer to a request it does not take.

    code: Twilio's error code; status: the HTTP status it comes with.
    """

    def __init__(self, code: int, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class MailRefusal(CarrierError):
    """SendGrid's answer to a mail it does not take.

    field: the dotted path of the field at fault, or None when it is the whole request.
    """

    def __init__(self, message: str, field: str | None = None, *, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.status = status


class ControlRefusal(CarrierError):
    """A control request names an unknown setting or a value out of range; nothing was changed."""
