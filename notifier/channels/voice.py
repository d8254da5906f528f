"""Calls through Twilio: a text read out, in the person's language, twice."""

from twilio.twiml.voice_response import VoiceResponse

from notifier.channels.base import Finding, Outcome, Outgoing, Sought
from notifier.channels.twilio import (
    TwilioAccount,
    TwilioChannel,
    listed_by_twilio,
    said_by_twilio,
)

VOICES = {
    "en": ("en-US", "Google.en-US-Standard-C"),
    "es": ("es-US", "Google.es-US-Standard-A"),
    "fr": ("fr-CA", "Google.fr-CA-Standard-A"),
    "zh": ("cmn-CN", "Google.cmn-CN-Standard-A"),
    "pa": ("pa-IN", "Google.pa-IN-Standard-A"),
}
"""Who reads a language out (twilio.com/docs/voice/twiml/say/text-speech). Another is read as
English is: the words are then at least those that its own speakers would know."""
RING_S = 30
"""How long a telephone rings; a longer ring ends at an answering machine anyway."""


class VoiceChannel(TwilioChannel):
    """Calls, one request each, as many at a time as the provider takes."""

    def __init__(self, account: TwilioAccount, provider: str = "twilio-voice") -> None:
        super().__init__(account, provider)

    async def call(self, outgoing: Outgoing) -> Outcome:
        request = self.client.calls.create_async(
            to=outgoing.address,
            from_=self.account.sender,
            twiml=spoken(outgoing.text.body, outgoing.text.language),
            timeout=RING_S,
            status_callback=self.callback("voice", outgoing.message_key),
        )
        return await said_by_twilio(self.provider, outgoing, request)

    async def ask(self, sought: Sought) -> Finding:
        """Look in the list of calls, which does not show what was read out, for one of then."""
        page = self.client.calls.page_async(to=sought.address, from_=self.account.sender)
        return await listed_by_twilio(
            sought, page, lambda listed: str(listed.direction).startswith("outbound")
        )


def spoken(text: str, language: str) -> str:
    """TwiML that reads a text out twice, with a pause between."""
    locale, voice = VOICES.get(language.partition("-")[0], VOICES["en"])
    answer = VoiceResponse()
    answer.pause(length=1)
    answer.say(text, language=locale, voice=voice)
    answer.pause(length=1)
    answer.say(text, language=locale, voice=voice)
    return str(answer)
