"""What every channel owes whoever calls it, each against a real server of its own protocol."""

import gc
import ipaddress
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from notifier.channels.base import (
    NOT_ASKED,
    Absent,
    Channel,
    Finding,
    Found,
    Outcome,
    Outgoing,
    Result,
    Silent,
    Sought,
    Unknowable,
)
from notifier.channels.email import EmailChannel, SendGridAccount
from notifier.channels.marks import Marks
from notifier.channels.sms import SmsChannel
from notifier.channels.smtp import MailServer, SmtpChannel
from notifier.channels.twilio import TwilioAccount
from notifier.channels.voice import VoiceChannel
from notifier.channels.webhook import WebhookChannel, WebhookSender
from notifier.kinds import Channel as Name
from notifier.rendering import Text
from tests.unit.notifier.channels.mail_server import MailServerScript, receiving
from tests.unit.notifier.channels.provider import Answer, Call, serving

TIMEOUT_S = 1.0
SECRET = "made-up-secret-0123456789"
WHSEC = "whsec_bWFkZS11cC1zZWNyZXQtMDEyMzQ1Njc4OQ=="
"""The same in base64."""
TEXT = Text(
    channel=Name.EMAIL,
    language="en",
    template="detected/1",
    subject="Power is out",
    body="Power is out",
    html="<p>Power is out</p>",
)


@dataclass(slots=True)
class Server:
    """Whatever a channel talks to, told what to do by a word: see `BEHAVIOURS`."""

    behaviour: str = "accepts"
    bad: str = ""
    channel: Channel = field(init=False)
    taken: Callable[[], int] = field(init=False)


def slow(server: Server) -> None:
    if server.behaviour == "silent":
        time.sleep(TIMEOUT_S * 2)


def as_listed(asked: Call, taken: list[Call]) -> Answer:
    """What Twilio's lists show of what it took for the number that is asked for."""
    to = parse_qs(urlsplit(asked.path).query)["To"]
    forms = [parse_qs(call.body.decode()) for call in taken]
    shown = [
        {
            "sid": f"SM{number}",
            "to": to[0],
            "body": form.get("Body", [None])[0],
            "direction": "outbound-api",
            "status": "queued",
            "date_created": format_datetime(datetime.now(UTC)),
        }
        for number, form in enumerate(forms)
        if form["To"] == to
    ]
    name = "calls" if "/Calls" in asked.path else "messages"
    return Answer(200, json.dumps({name: shown, "next_page_uri": None}).encode())


@contextmanager
def over_http(
    server: Server,
    make: Callable[[str], Channel],
    acceptance: Answer,
    refusal: Answer,
) -> Iterator[None]:
    taken: list[Call] = []

    def answer(call: Call) -> Answer:
        if call.method == "GET" and server.behaviour == "accepts":
            return as_listed(call, taken)
        refused = bool(server.bad) and server.bad in call.path + call.body.decode()
        replies = {
            "refuses": refusal,
            "is busy": Answer(429),
            "is broken": Answer(500, b"oops"),
            "talks nonsense": Answer(200, b"<html>hello</html>"),
            "is gone": Answer(502, b""),
        }
        reply = refusal if refused else replies.get(server.behaviour, acceptance)
        if reply is acceptance:
            taken.append(call)
        return Answer(reply.status, reply.body, reply.headers, lambda: slow(server))

    with serving(answer) as provider:
        server.channel = make(provider.url)
        server.taken = lambda: len(taken)
        yield


def account(url: str) -> TwilioAccount:
    return TwilioAccount(
        account_sid="AC" + "0" * 32,
        auth_token=SECRET,
        sender="+12005550100",
        base_url=url,
        hooks_url="https://hooks.example.org",
        timeout_s=TIMEOUT_S,
        concurrency=8,
    )


def refused_by_twilio(code: int) -> Answer:
    return Answer(400, json.dumps({"code": code, "message": "no", "status": 400}).encode())


@contextmanager
def sms(server: Server) -> Iterator[None]:
    taken = Answer(201, json.dumps({"sid": "SM" + "1" * 32}).encode())
    with over_http(server, lambda url: SmsChannel(account(url)), taken, refused_by_twilio(21211)):
        yield


@contextmanager
def voice(server: Server) -> Iterator[None]:
    taken = Answer(201, json.dumps({"sid": "CA" + "1" * 32}).encode())
    with over_http(server, lambda url: VoiceChannel(account(url)), taken, refused_by_twilio(21217)):
        yield


@contextmanager
def email(server: Server) -> Iterator[None]:
    def make(url: str) -> Channel:
        return EmailChannel(
            SendGridAccount(
                api_key=SECRET, sender="outages@example.org", base_url=url, timeout_s=TIMEOUT_S
            )
        )

    with over_http(server, make, Answer(202, b"", {"X-Message-Id": "abc"}), Answer(400)):
        yield


@contextmanager
def webhook(server: Server) -> Iterator[None]:
    def make(url: str) -> Channel:
        sender = WebhookSender(
            secret=WHSEC,
            allowed=[ipaddress.ip_network("127.0.0.0/8")],
            timeout_s=TIMEOUT_S,
            concurrency=8,
        )
        channel = WebhookChannel(sender)
        channel.base = url  # type: ignore[attr-defined]  # for `batch`, below
        return channel

    with over_http(server, make, Answer(204, b""), Answer(410)):
        yield


@contextmanager
def smtp(server: Server) -> Iterator[None]:
    def rcpt(address: str) -> str:
        refused = (server.bad and server.bad in address) or server.behaviour == "refuses"
        return "550 5.1.1 No such user" if refused else "250 2.1.5 fine"

    answers = {
        "is busy": "451 4.7.1 Try again later",
        "is broken": "oops",
        "talks nonsense": "oops",
        "is gone": "421 4.3.2 Going down",
    }
    script = MailServerScript(
        rcpt=rcpt,
        data=lambda _address: answers.get(server.behaviour, "250 2.0.0 taken"),
        delay_s=lambda _address: TIMEOUT_S * 2 if server.behaviour == "silent" else 0.0,
    )
    with receiving(script):
        server.channel = SmtpChannel(
            MailServer(
                host="127.0.0.1",
                port=script.port,
                security="none",
                sender="outages@example.org",
                bounces="bounces@example.org",
                marks=Marks(key=SECRET),
                timeout_s=TIMEOUT_S,
            )
        )
        server.taken = lambda: len(script.mails)
        yield


CHANNELS = {"sms": sms, "voice": voice, "email": email, "smtp": smtp, "webhook": webhook}


@pytest.fixture(params=CHANNELS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(name: str) -> Iterator[Server]:
    found = Server()
    with CHANNELS[name](found):
        yield found
        found.channel.close()


def batch(name: str, channel: Channel, count: int) -> list[Outgoing]:
    def address(key: int) -> str:
        if name == "webhook":
            return f"{channel.base}/person{key}"  # type: ignore[attr-defined]  # see `webhook`
        if name in {"sms", "voice"}:
            return f"+1604555{100 + key:04}"
        return f"person{key}@example.org"

    return [
        Outgoing(message_key=key, address=address(key), text=TEXT, valid_for_s=600)
        for key in range(count)
    ]


def send(name: str, server: Server, behaviour: str, count: int = 5) -> list[Outcome]:
    server.behaviour = behaviour
    return list(server.channel.send(batch(name, server.channel, count), lambda _one: True))


def test_what_is_taken_is_accepted_once_each(name: str, server: Server) -> None:
    outcomes = send(name, server, "accepts", 30)
    assert sorted(outcome.message_key for outcome in outcomes) == list(range(30))
    assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}
    assert server.taken() == (1 if name == "email" else 30)


BEHAVIOURS = {
    "refuses": {Result.FAILED},
    "is busy": {Result.RETRY},
    "is broken": {Result.AMBIGUOUS},
    "talks nonsense": {Result.AMBIGUOUS, Result.ACCEPTED},
    "is gone": {Result.AMBIGUOUS, Result.RETRY},
    "silent": {Result.AMBIGUOUS},
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_whatever_the_provider_does_every_message_gets_one_outcome_and_nothing_is_raised(
    name: str, server: Server, behaviour: str
) -> None:
    outcomes = send(name, server, behaviour)
    assert sorted(outcome.message_key for outcome in outcomes) == list(range(5))
    results = {outcome.result for outcome in outcomes}
    assert len(results) == 1
    assert results <= BEHAVIOURS[behaviour]
    # Only a webhook's answer has no form: any 2xx is one.
    assert Result.ACCEPTED not in results or name == "webhook"


def test_a_silent_provider_is_given_up_on_in_time(name: str, server: Server) -> None:
    # It would answer in the end, and well.
    (outcome,) = send(name, server, "silent", 1)
    assert outcome.result is Result.AMBIGUOUS


def test_after_a_bad_time_the_same_channel_goes_on(name: str, server: Server) -> None:
    for behaviour in BEHAVIOURS:
        send(name, server, behaviour, 2)
    assert {outcome.result for outcome in send(name, server, "accepts")} == {Result.ACCEPTED}


def test_one_bad_address_costs_nobody_else_the_message(name: str, server: Server) -> None:
    server.bad = "5550103" if name in {"sms", "voice"} else "person3"
    results = {outcome.message_key: outcome.result for outcome in send(name, server, "accepts")}
    assert results.pop(3) is Result.FAILED
    assert set(results.values()) == {Result.ACCEPTED}


def test_nothing_is_sent_once_it_may_not_be(name: str, server: Server) -> None:
    outcomes = list(server.channel.send(batch(name, server.channel, 4), lambda _one: False))
    assert [(o.result, o.code) for o in outcomes] == [(Result.RETRY, "not_sent")] * 4
    assert server.taken() == 0


ASKS = {"sms", "voice"}
"""Channels whose provider keeps a list that can be asked."""


def find(
    name: str, server: Server, behaviour: str = "accepts", *, may_ask: bool = True
) -> list[Finding]:
    server.behaviour = behaviour
    sought = [
        Sought(
            message_key=one.message_key, address=one.address, text=one.text, since=datetime.now(UTC)
        )
        for one in batch(name, server.channel, 4)
    ]
    return sorted(
        server.channel.find(sought, lambda: may_ask), key=lambda finding: finding.message_key
    )


def test_what_was_taken_is_found_and_what_was_not_is_not(name: str, server: Server) -> None:
    list(server.channel.send(batch(name, server.channel, 2), lambda _one: True))
    found = find(name, server)
    assert [finding.message_key for finding in found] == [0, 1, 2, 3]
    kinds = [Found, Found, Absent, Absent] if name in ASKS else [Unknowable] * 4
    assert [type(finding) for finding in found] == kinds


@pytest.mark.parametrize("behaviour", ["refuses", "is busy", "is broken", "is gone", "silent"])
def test_a_provider_that_does_not_answer_has_not_said_that_it_has_nothing(
    name: str, server: Server, behaviour: str
) -> None:
    found = find(name, server, behaviour)
    assert len(found) == 4
    assert {type(one) for one in found} == ({Silent} if name in ASKS else {Unknowable})


def test_nobody_is_asked_once_that_may_not_be(name: str, server: Server) -> None:
    found = find(name, server, may_ask=False)
    if name in ASKS:
        assert [one.code for one in found if isinstance(one, Silent)] == [NOT_ASKED] * 4
    else:
        assert {type(one) for one in found} == {Unknowable}


def test_no_finding_and_no_log_of_one_names_an_address_or_a_secret(
    name: str, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        said = repr([find(name, server), find(name, server, "is broken")])
    said += "".join(record.getMessage() for record in caplog.records if record.name != "mail.log")
    for word in ("person1", "5550101", SECRET, WHSEC):
        assert word not in said


def test_a_batch_of_none_is_no_call(name: str, server: Server) -> None:
    assert list(server.channel.send([], lambda _one: True)) == []
    assert server.taken() == 0


@pytest.mark.parametrize("behaviour", ["accepts", *BEHAVIOURS])
def test_no_outcome_and_no_log_names_an_address_or_a_secret(
    name: str, server: Server, behaviour: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        said = repr(send(name, server, behaviour)) + repr(server.channel.__dict__)
    # The mail server of the test logs what it is given.
    said += "".join(record.getMessage() for record in caplog.records if record.name != "mail.log")
    for word in ("person1", "5550101", SECRET, WHSEC):
        assert word not in said


def test_where_nobody_listens_nothing_was_sent(name: str) -> None:
    with ExitStack() as stack:
        server = Server()
        with CHANNELS[name](server):
            stack.callback(server.channel.close)
        outcomes = list(server.channel.send(batch(name, server.channel, 3), lambda _one: True))
    assert [(o.result, o.code) for o in outcomes] == [(Result.RETRY, "no_connection")] * 3


def test_a_batch_left_half_way_leaves_nothing_running(name: str, server: Server) -> None:
    outcomes = iter(server.channel.send(batch(name, server.channel, 20), lambda _one: True))
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]  # a generator, as every channel's is
    assert len(send(name, server, "accepts", 4)) == 4


def test_a_channel_that_nobody_closes_closes_itself(name: str) -> None:
    server = Server()
    with CHANNELS[name](server):
        send(name, server, "accepts", 2)
        del server.channel
        gc.collect()


def test_a_listener_that_says_nothing_at_all_is_given_up_on(name: str) -> None:
    """The connection stands, but not one byte comes back."""
    mute = socket.create_server(("127.0.0.1", 0))
    port = mute.getsockname()[1]
    server = Server()
    with CHANNELS[name](server):
        channel = _aimed_at(name, server.channel, port)
        began = time.monotonic()
        (outcome,) = channel.send(batch(name, channel, 1), lambda _one: True)
        took = time.monotonic() - began
        channel.close()
    mute.close()
    # Before the mail server greets, nothing can have been handed over.
    assert outcome.result is (Result.RETRY if name == "smtp" else Result.AMBIGUOUS)
    assert took < TIMEOUT_S * 3


def _aimed_at(name: str, channel: Channel, port: int) -> Channel:
    channel.close()
    url = f"http://127.0.0.1:{port}"
    if name == "smtp":
        return SmtpChannel(
            MailServer(
                host="127.0.0.1",
                port=port,
                security="none",
                sender="outages@example.org",
                marks=Marks(key=SECRET),
                timeout_s=TIMEOUT_S,
            )
        )
    if name == "email":
        return EmailChannel(
            SendGridAccount(
                api_key=SECRET, sender="a@example.org", base_url=url, timeout_s=TIMEOUT_S
            )
        )
    if name == "webhook":
        found = WebhookChannel(
            WebhookSender(
                secret=WHSEC,
                allowed=[ipaddress.ip_network("127.0.0.0/8")],
                timeout_s=TIMEOUT_S,
            )
        )
        found.base = url  # type: ignore[attr-defined]  # for `batch`
        return found
    return (SmsChannel if name == "sms" else VoiceChannel)(account(url))
