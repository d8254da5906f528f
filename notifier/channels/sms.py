"""SMS through Twilio's SDK: one call for each text."""

import re
from typing import Any

from notifier import links
from notifier.channels.base import Finding, Outcome, Outgoing, Sought
from notifier.channels.twilio import (
    TwilioAccount,
    TwilioChannel,
    listed_by_twilio,
    said_by_twilio,
)

LONGEST_VALIDITY_S = 36_000
"""Twilio drops what it has queued for ten hours, and takes no longer ValidityPeriod."""


class SmsChannel(TwilioChannel):
    """Texts over kept connections, as many calls at a time as the provider takes."""

    def __init__(self, account: TwilioAccount, provider: str = "twilio") -> None:
        super().__init__(account, provider)

    async def call(self, outgoing: Outgoing) -> Outcome:
        messages = self.client.messages
        return await said_by_twilio(
            self.provider, outgoing, messages.create_async(**self._parameters(outgoing))
        )

    async def ask(self, sought: Sought) -> Finding:
        """Look in the list of texts, which does not show our id, for these words to this number."""
        # Whichever link was in it: that of then need not be that of now.
        any_link = re.escape(links.BLANK), f"/s/[A-Za-z0-9]{{{links.LENGTH}}}"
        words = re.compile(re.escape(sought.text.body.strip()).replace(*any_link))

        def is_it(listed: Any) -> bool:  # noqa: ANN401  # the SDK ships no types
            ours = str(listed.direction).startswith("outbound")
            return ours and bool(words.fullmatch(str(listed.body).strip()))

        return await listed_by_twilio(
            sought, self.client.messages.page_async(to=sought.address), is_it
        )

    def _parameters(self, outgoing: Outgoing) -> dict[str, object]:
        account = self.account
        parameters: dict[str, object] = {
            "to": outgoing.address,
            "body": outgoing.body,
            "status_callback": self.callback("status", outgoing.message_key),
        }
        if account.messaging_service_sid:
            parameters["messaging_service_sid"] = account.messaging_service_sid
        else:
            parameters["from_"] = account.sender
        if outgoing.valid_for_s is not None:
            parameters["validity_period"] = max(1, min(outgoing.valid_for_s, LONGEST_VALIDITY_S))
        return parameters
