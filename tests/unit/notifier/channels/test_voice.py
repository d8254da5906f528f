import json
from contextlib import closing
from urllib.parse import parse_qs
from xml.etree import ElementTree as ET

import pytest

from notifier.channels.base import Outgoing, Result
from notifier.channels.twilio import TwilioAccount
from notifier.channels.voice import VOICES, VoiceChannel, spoken
from notifier.kinds import Channel
from notifier.rendering import Text
from tests.unit.notifier.channels.provider import Answer, serving

SID = "CA0123456789abcdef0123456789abcdef"


def test_a_call_asks_twilio_for_what_it_should() -> None:
    text = Text(channel=Channel.SMS, language="es", template="etr/1", body="Corte <de> luz & agua")
    with serving(lambda _call: Answer(201, json.dumps({"sid": SID}).encode())) as provider:
        account = TwilioAccount(
            account_sid="AC" + "0" * 32,
            auth_token="made-up-token",
            sender="+12005550100",
            base_url=provider.url,
            hooks_url="https://hooks.example.org",
        )
        with closing(VoiceChannel(account)) as channel:
            (outcome,) = channel.send(
                [Outgoing(message_key=5, address="+16045550101", text=text)], lambda _one: True
            )
    assert (outcome.result, outcome.provider_id) == (Result.ACCEPTED, SID)
    (call,) = provider.calls
    assert call.path == f"/2010-04-01/Accounts/AC{'0' * 32}/Calls.json"
    form = parse_qs(call.body.decode())
    assert form["To"] == ["+16045550101"]
    assert form["From"] == ["+12005550100"]
    assert form["StatusCallback"] == [
        "https://hooks.example.org/hooks/twilio/voice?m=5#rc=5&rp=all"
    ]
    says = list(ET.fromstring(form["Twiml"][0]).iter("Say"))  # noqa: S314  # our own
    assert [say.text for say in says] == ["Corte <de> luz & agua"] * 2
    assert {say.get("language") for say in says} == {"es-US"}


@pytest.mark.parametrize("language", VOICES)
def test_a_language_is_read_by_a_voice_of_its_own(language: str) -> None:
    (say, _) = ET.fromstring(spoken("words", language)).iter("Say")  # noqa: S314  # our own
    locale, voice = VOICES[language]
    assert (say.get("language"), say.get("voice")) == (locale, voice)
    assert locale in voice


def test_a_language_without_a_voice_is_read_as_english_is() -> None:
    assert 'language="en-US"' in spoken("words", "tlh")
