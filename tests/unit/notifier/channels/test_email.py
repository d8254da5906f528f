import json
import logging
import socket
import threading
import time
from contextlib import suppress

import pytest

from notifier.channels.base import TIMEOUT_S, Outcome, Outgoing, Result
from notifier.channels.email import EmailChannel, SendGridAccount
from notifier.kinds import Channel
from notifier.rendering import Text
from tests.unit.notifier.channels.provider import Answer, Call, Provider, serving

TEXT = Text(
    channel=Channel.EMAIL,
    language="en",
    template="detected/1",
    subject="Power is out",
    body="Power is out\n",
    html="<p>Power is out</p>",
)
OTHER = Text(
    channel=Channel.EMAIL, language="es", template="detected/1", subject="Corte", body="Corte\n"
)


def accepted(call: Call) -> Answer:
    del call
    return Answer(202, b"", {"X-Message-Id": "abcdefghij"})


def account(provider: Provider, timeout_s: float = 5) -> SendGridAccount:
    return SendGridAccount(
        api_key="SG.made-up",
        sender="outages@example.org",
        sender_name="Harbor Light & Power",
        base_url=provider.url,
        timeout_s=timeout_s,
    )


def mails(count: int, text: Text = TEXT, start: int = 0) -> list[Outgoing]:
    return [
        Outgoing(message_key=key, address=f"person{key}@example.org", text=text)
        for key in range(start, start + count)
    ]


def send(sendgrid: SendGridAccount, batch: list[Outgoing]) -> list[Outcome]:
    return list(EmailChannel(sendgrid).send(batch, lambda _one: True))


def test_a_thousand_people_with_one_text_are_one_call() -> None:
    with serving(accepted) as provider:
        outcomes = send(account(provider), [*mails(1001), *mails(2, OTHER, 5000)])
    assert [len(json.loads(call.body)["personalizations"]) for call in provider.calls] == [
        1000,
        1,
        2,
    ]
    assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}
    assert {outcome.provider_id for outcome in outcomes} == {"abcdefghij"}
    assert len(outcomes) == 1003


def test_a_call_asks_sendgrid_for_what_it_should() -> None:
    with serving(accepted) as provider:
        send(account(provider), mails(1))
    (call,) = provider.calls
    assert call.path == "/v3/mail/send"
    assert call.headers["Authorization"] == "Bearer SG.made-up"
    assert call.headers["Content-Type"].startswith("application/json")
    assert json.loads(call.body) == {
        "personalizations": [{"to": [{"email": "person0@example.org"}], "custom_args": {"m": "0"}}],
        "from": {"email": "outages@example.org", "name": "Harbor Light & Power"},
        "subject": "Power is out",
        "content": [
            {"type": "text/plain", "value": "Power is out\n"},
            {"type": "text/html", "value": "<p>Power is out</p>"},
        ],
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
        },
    }


def test_one_bad_address_is_found_and_costs_nobody_else_the_message() -> None:
    def picky(call: Call) -> Answer:
        return Answer(400) if b"person13@" in call.body else accepted(call)

    with serving(picky) as provider:
        outcomes = send(account(provider), mails(40))
    bad = [outcome for outcome in outcomes if outcome.result is not Result.ACCEPTED]
    assert [(o.message_key, o.result, o.code) for o in bad] == [(13, Result.FAILED, "bad_address")]
    assert len(provider.calls) < 16


def test_a_call_refused_for_what_all_share_is_not_halved() -> None:
    body = json.dumps({"errors": [{"message": "no", "field": "from.email", "help": None}]})
    with serving(lambda _call: Answer(400, body.encode())) as provider:
        outcomes = send(account(provider), mails(40))
    assert {(o.result, o.code) for o in outcomes} == {(Result.FAILED, "400")}
    assert len(provider.calls) == 1


def test_a_call_that_is_too_large_is_halved() -> None:
    def small(call: Call) -> Answer:
        return Answer(413) if len(call.body) > 3000 else accepted(call)

    with serving(small) as provider:
        outcomes = send(account(provider), mails(100))
    assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (401, Result.RETRY),
        (429, Result.RETRY),
        (500, Result.AMBIGUOUS),
        (503, Result.AMBIGUOUS),
        (404, Result.FAILED),
        (200, Result.AMBIGUOUS),
    ],
)
def test_a_refusal_is_judged_and_never_retried_by_the_sdk(status: int, result: Result) -> None:
    with serving(lambda _call: Answer(status)) as provider:
        outcomes = send(account(provider), mails(2))
    assert [outcome.result for outcome in outcomes] == [result, result]
    assert len(provider.calls) == 1


def test_a_silent_provider_is_given_up_on_and_the_mail_is_ambiguous() -> None:
    with serving(lambda _call: Answer(202, after=lambda: time.sleep(0.6))) as provider:
        start = time.monotonic()
        (outcome,) = send(account(provider, timeout_s=0.2), mails(1))
        took = time.monotonic() - start
    assert (outcome.result, outcome.code) == (Result.AMBIGUOUS, "no_answer")
    assert took < 0.6


def test_a_provider_that_is_not_there_took_nothing() -> None:
    with serving(accepted) as provider:
        pass
    (outcome,) = send(account(provider), mails(1))
    assert (outcome.result, outcome.code) == (Result.RETRY, "no_connection")


def test_every_account_has_a_timeout_unless_told_otherwise() -> None:
    assert SendGridAccount(api_key="", sender="").timeout_s == TIMEOUT_S


def test_no_call_is_made_once_the_lease_is_over() -> None:
    with serving(accepted) as provider:
        outcomes = list(EmailChannel(account(provider)).send(mails(3), lambda _one: False))
    assert provider.calls == []
    assert {outcome.code for outcome in outcomes} == {"not_sent"}


def test_nobodys_address_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), serving(accepted) as provider:
        send(account(provider), mails(1))
    assert "person0" not in caplog.text


def test_where_the_providers_name_leads_nowhere_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    lost = SendGridAccount(
        api_key="SG.made-up", sender="a@example.org", base_url="http://mail.example.org"
    )
    one = Outgoing(message_key=1, address="one@example.org", text=TEXT)
    (outcome,) = EmailChannel(lost).send([one], lambda _one: True)
    assert (outcome.result, outcome.code) == (Result.RETRY, "no_connection")


def test_a_provider_that_drips_its_answer_is_given_up_on_in_time() -> None:
    """Each byte comes before a time-out of urllib's would be over."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        given_up = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                for byte in b"HTTP/1.1 202 Accepted\r\n" + b"X-Never: ends\r\n" * 20:
                    connection.sendall(bytes([byte]))
                    if given_up.wait(0.05):
                        break

        thread = threading.Thread(target=drip)
        thread.start()
        slow = SendGridAccount(
            api_key="SG.made-up",
            sender="a@example.org",
            base_url=f"http://127.0.0.1:{server.getsockname()[1]}",
            timeout_s=0.5,
        )
        began = time.monotonic()
        one = Outgoing(message_key=1, address="one@example.org", text=TEXT)
        (outcome,) = EmailChannel(slow).send([one], lambda _one: True)
        took = time.monotonic() - began
        given_up.set()
        thread.join()
    assert (outcome.result, outcome.code) == (Result.AMBIGUOUS, "no_answer")
    assert took < 5
