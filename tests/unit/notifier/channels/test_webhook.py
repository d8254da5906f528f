import json
import socket
import time
from collections.abc import Sequence
from contextlib import closing
from ipaddress import ip_network

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from notifier.channels.base import Outcome, Outgoing, Result
from notifier.channels.webhook import WebhookChannel, WebhookSender
from notifier.kinds import Channel
from notifier.rendering import Text
from outage.outward import may_call
from tests.unit.notifier.channels.provider import Answer, Call, serving

SECRET = "whsec_bWFkZS11cC1zZWNyZXQtMDEyMzQ1Njc4OQ=="
TEXT = Text(channel=Channel.EMAIL, language="en", template="etr/1", subject="Soon", body="At 5")
HERE = [ip_network("127.0.0.0/8")]


class Names(AbstractResolver):
    """A name server that gives the next of its answers each time it is asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0
            )
            for address in answer.split()
        ]

    async def close(self) -> None:
        pass


def taken(_call: Call) -> Answer:
    return Answer(204, b"")


def send(
    *urls: str, allowed: Sequence[object] = HERE, resolver: AbstractResolver | None = None
) -> list[Outcome]:
    sender = WebhookSender(
        secret=SECRET,
        allowed=allowed,  # type: ignore[arg-type]  # networks, as the tests write them
        timeout_s=2,
        resolver=resolver,
    )
    with closing(WebhookChannel(sender)) as channel:
        batch = [Outgoing(message_key=key, address=url, text=TEXT) for key, url in enumerate(urls)]
        return list(channel.send(batch, lambda _one: True))


def test_another_library_verifies_what_we_sign_and_refuses_what_was_altered() -> None:
    with serving(taken) as provider:
        (outcome,) = send(f"{provider.url}/hook")
    assert outcome.result is Result.ACCEPTED
    (call,) = provider.calls
    headers = {name.lower(): value for name, value in call.headers.items()}
    found = Webhook(SECRET).verify(call.body, headers)
    assert found == json.loads(call.body)
    assert found["data"]["text"] == "At 5"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(call.body.replace(b"At 5", b"At 6"), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(call.body, headers | {"webhook-id": "msg_9"})


def test_a_message_sent_again_has_the_same_id() -> None:
    with serving(taken) as provider:
        send(provider.url)
        send(provider.url)
    assert {call.headers["webhook-id"] for call in provider.calls} == {"msg_0"}


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104  # an address to refuse
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "ff02::1",
        "no address",
        "",
    ],
)
def test_no_address_inside_may_be_called(address: str) -> None:
    assert not may_call(address, [])


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_a_public_address_may_be_called(address: str) -> None:
    assert may_call(address, [])


def test_a_setting_opens_one_network_and_no_other() -> None:
    assert may_call("10.1.2.3", [ip_network("10.1.0.0/16")])
    assert not may_call("10.2.2.3", [ip_network("10.1.0.0/16")])
    assert may_call("::ffff:10.1.2.3", [ip_network("10.1.0.0/16")])


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "https://127.0.0.1:{port}/",
        "https://[::1]:{port}/",
        "https://[::ffff:127.0.0.1]:{port}/",
        "https://localhost:{port}/",
        "https://127.1:{port}/",
        "https://2130706433:{port}/",
        "https://0x7f.0.0.1:{port}/",
        "https://user:password@127.0.0.1:{port}/",
        "http://example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "example.org",
        "https://",
        "",
    ],
)
def test_a_url_that_leads_inside_or_is_none_is_not_called(url: str) -> None:
    with serving(taken) as provider:
        (outcome,) = send(url.format(port=provider.url.rpartition(":")[2]), allowed=[])
    assert provider.calls == []
    assert (outcome.result, outcome.code) == (Result.FAILED, "forbidden_address")


def test_plain_http_goes_to_networks_that_are_allowed_and_to_no_public_address() -> None:
    with serving(taken) as provider:
        port = provider.url.rpartition(":")[2]
        plain = [f"http://127.0.0.1:{port}/", f"http://inside.example.org:{port}/"]
        inside = send(*plain, resolver=Names("127.0.0.1"))
        public = send(
            f"http://outside.example.org:{port}/",
            f"http://93.184.215.14:{port}/",
            resolver=Names("93.184.215.14"),
        )
    assert {one.result for one in inside} == {Result.ACCEPTED}
    assert len(provider.calls) == 2
    assert {(one.result, one.code) for one in public} == {(Result.FAILED, "forbidden_address")}


def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_checked() -> None:
    """DNS rebinding: the first answer is public, every later one leads here."""
    names = Names("192.0.2.1", "127.0.0.1")
    with serving(taken) as provider:
        port = provider.url.rpartition(":")[2]
        (outcome,) = send(
            f"http://rebinding.example.org:{port}/",
            allowed=[ip_network("192.0.2.0/24")],
            resolver=names,
        )
    assert names.asked == 1
    assert provider.calls == []
    assert outcome.result is Result.RETRY


def test_a_name_with_one_address_inside_is_not_called_at_all() -> None:
    with serving(taken) as provider:
        port = provider.url.rpartition(":")[2]
        (outcome,) = send(
            f"https://both.example.org:{port}/",
            allowed=[],
            resolver=Names("93.184.215.14 127.0.0.1"),
        )
    assert provider.calls == []
    assert outcome.code == "forbidden_address"


def test_a_redirect_is_not_followed() -> None:
    with serving(taken) as inside:
        with serving(lambda _call: Answer(307, b"", {"Location": inside.url})) as provider:
            (outcome,) = send(provider.url)
        assert inside.calls == []
    assert (outcome.result, outcome.code) == (Result.FAILED, "307")


def test_an_endless_answer_is_not_read() -> None:
    def long(call: Call) -> Answer:
        return Answer(200, b"x" * 5_000_000)

    began = time.monotonic()
    with serving(long) as provider:
        (outcome,) = send(provider.url)
    assert outcome.result is Result.ACCEPTED
    assert time.monotonic() - began < 5
