"""SMS through Twilio's SDK: one call for each text."""

from notifier.channels.base import Outcome, Outgoing
from notifier.channels.fan_out import FanOut
from notifier.channels.twilio import CALLBACK_OPTIONS, Twilio, TwilioAccount, said_by_twilio

LONGEST_VALIDITY_S = 36_000
"""Twilio drops what it has queued for ten hours, and takes no longer ValidityPeriod."""


class SmsChannel(FanOut):
    """Texts, sent one call each over kept connections, as many at a time as the provider takes."""

    def __init__(self, account: TwilioAccount, provider: str = "twilio") -> None:
        super().__init__(provider)
        self.account = account
        self._twilio: Twilio | None = None

    @property
    def calls(self) -> int:
        return self._twilio.pace.calls if self._twilio else self.account.concurrency

    async def call(self, outgoing: Outgoing) -> Outcome:
        if self._twilio is None:
            self._twilio = Twilio(self.account)
            self._closers.append(self._twilio.session.close)
        messages = self._twilio.client.messages
        return await said_by_twilio(
            self.provider, outgoing, messages.create_async(**self._parameters(outgoing))
        )

    def _parameters(self, outgoing: Outgoing) -> dict[str, object]:
        account = self.account
        parameters: dict[str, object] = {
            "to": outgoing.address,
            "body": outgoing.text.body,
            "status_callback": (
                f"{account.hooks_url}/hooks/twilio/status"
                f"?m={outgoing.message_key}{CALLBACK_OPTIONS}"
            ),
        }
        if account.messaging_service_sid:
            parameters["messaging_service_sid"] = account.messaging_service_sid
        else:
            parameters["from_"] = account.sender
        if outgoing.valid_for_s is not None:
            parameters["validity_period"] = max(1, min(outgoing.valid_for_s, LONGEST_VALIDITY_S))
        return parameters
