from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from notifier.channels.base import TIMEOUT_S, Outcome, Outgoing, Result
from notifier.channels.marks import Marks
from notifier.channels.smtp import MailServer, SmtpChannel
from notifier.kinds import Channel
from notifier.links import LENGTH
from notifier.rendering import Text
from tests.unit.notifier.channels.mail_server import MailServerScript, receiving

MARKS = Marks(key="made-up-key-0123456789")
TEXT = Text(
    channel=Channel.EMAIL,
    language="es",
    template="detected/1",
    subject="Corte de luz en su dirección",
    body="No hay luz.\n.\nAño nuevo\n",
    html="<p>No hay luz. Año nuevo</p>",
)


@contextmanager
def sending(script: MailServerScript, **more: object) -> Iterator[SmtpChannel]:
    with receiving(script):
        server = MailServer(
            host="127.0.0.1",
            port=script.port,
            security="none",
            sender="outages@example.org",
            sender_name="Harbor Light & Power",
            bounces="bounces@example.org",
            marks=MARKS,
            **{"timeout_s": 5, **more},  # type: ignore[arg-type]  # what one test changes
        )
        with closing(SmtpChannel(server)) as channel:
            yield channel


def mails(*keys: int) -> list[Outgoing]:
    return [
        Outgoing(message_key=key, address=f"person{key}@example.org", text=TEXT) for key in keys
    ]


def send(channel: SmtpChannel, *keys: int) -> list[Outcome]:
    return list(channel.send(mails(*keys), lambda _one: True))


def read(body: bytes) -> EmailMessage:
    return message_from_bytes(body, policy=default)


def test_a_mail_carries_both_texts_and_our_mark() -> None:
    script = MailServerScript()
    with sending(script) as channel:
        (outcome,) = send(channel, 7)
    (mail,) = script.mails
    assert mail.to == "person7@example.org"
    assert mail.envelope_from == f"bounces+{MARKS.of(7)}@example.org"
    assert outcome == Outcome(message_key=7, result=Result.ACCEPTED, provider_id=MARKS.of(7))
    found = read(mail.body)
    assert found["Message-ID"] == f"<{MARKS.of(7)}@example.org>"
    assert found["From"] == "Harbor Light & Power <outages@example.org>"
    assert found["Content-Language"] == "es"
    assert mail.body.isascii()
    assert found["Subject"] == TEXT.subject
    assert found["Auto-Submitted"] == "auto-generated"
    body, html = found.get_body(("plain",)), found.get_body(("html",))
    assert body is not None
    assert html is not None
    assert body.get_content().replace("\r\n", "\n") == TEXT.body
    assert html.get_content().strip() == TEXT.html


def test_mails_share_a_few_connections() -> None:
    script = MailServerScript()
    with sending(script, connections=2) as channel:
        send(channel, *range(10))
        send(channel, *range(10, 20))
    assert len(script.mails) == 20
    assert script.connections == 2


@pytest.mark.parametrize(
    ("answer", "result", "code"),
    [
        ("550 5.1.1 No such user", Result.FAILED, "5.1.1"),
        ("550 No such user", Result.FAILED, "550"),
        ("450 4.2.1 Greylisted", Result.RETRY, "4.2.1"),
        ("452 Too many recipients", Result.RETRY, "452"),
        ("530 5.7.0 Sign in first", Result.RETRY, "5.7.0"),
    ],
)
def test_a_refused_recipient_is_judged_by_its_code(answer: str, result: Result, code: str) -> None:
    with sending(MailServerScript(rcpt=lambda _address: answer)) as channel:
        (outcome,) = send(channel, 1)
    assert (outcome.result, outcome.code) == (result, code)


def test_a_server_that_hangs_up_before_it_answers_the_text_may_have_it() -> None:
    with sending(MailServerScript(hang_up=lambda _address: True)) as channel:
        (outcome,) = send(channel, 1)
    assert (outcome.result, outcome.code) == (Result.AMBIGUOUS, "no_answer")


def test_after_a_refusal_the_connection_serves_on() -> None:
    script = MailServerScript(
        rcpt=lambda address: "550 5.1.1 no" if "person1@" in address else "250 fine"
    )
    with sending(script, connections=1) as channel:
        results = [outcome.result for outcome in send(channel, 1, 2, 3)]
    assert results == [Result.FAILED, Result.ACCEPTED, Result.ACCEPTED]
    assert script.connections == 1


def test_an_address_no_server_can_be_told_is_bad() -> None:
    with sending(MailServerScript()) as channel:
        mail = Outgoing(message_key=1, address="persönlich@example.org", text=TEXT)
        (outcome,) = channel.send([mail], lambda _one: True)
    assert (outcome.result, outcome.code) == (Result.FAILED, "bad_address")


def test_every_server_has_a_timeout_unless_told_otherwise() -> None:
    assert MailServer(host="a", sender="b", marks=MARKS).timeout_s == TIMEOUT_S


def test_a_mark_is_read_back_and_a_forged_one_is_not() -> None:
    address = MARKS.envelope("bounces@example.org", 4711)
    assert MARKS.read(address) == 4711
    assert MARKS.read(address.upper()) == 4711
    assert MARKS.read(address.replace("4711", "4712")) is None
    assert Marks(key="another").read(address) is None
    assert MARKS.read("bounces@example.org") is None


def test_a_long_link_of_ones_own_is_in_text_and_headers_as_it_is() -> None:
    link = f"https://outages.{'a-rather-long-name.' * 5}example.org/s/{'a' * LENGTH}"
    text = replace(TEXT, body=f"Vea {link.rpartition('/')[0]}/{'_' * LENGTH}\n")
    script = MailServerScript()
    with sending(script) as channel:
        one = Outgoing(message_key=7, address="person7@example.org", text=text, link=link)
        list(channel.send([one], lambda _one: True))
    raw = script.mails[0].body
    assert f"List-Unsubscribe: <{link}/unsubscribe>".encode() in raw
    found = read(raw)
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    plain = found.get_body(("plain",))
    assert plain is not None
    assert link in plain.get_content()
