"""What we send, held against the providers' published contracts by a program that is not ours."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from notifier.channels.base import Absent, Found, Outgoing, Result, Sought
from notifier.channels.email import MOST_PEOPLE, EmailChannel, SendGridAccount
from notifier.channels.sms import SmsChannel
from notifier.channels.twilio import TwilioAccount
from notifier.channels.voice import VoiceChannel
from notifier.kinds import Channel
from notifier.outbox import Outbox
from notifier.rendering import Text
from outage.settings import SendMode
from outage.site import NEUTRAL
from tests.integration.carrier.conftest import ACCOUNT_SID, API_KEY, AUTH_TOKEN, Carrier
from tests.integration.notifier.world import World, etr, phone
from tests.prism import between, installed, with_paths
from tests.unit.notifier.channels.provider import Answer, serving

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

HOOKS = "https://hooks.example.org"


@dataclass(frozen=True, slots=True)
class Checked:
    """Addresses of both providers, each with Prism in front of the simulator."""

    carrier: Carrier
    twilio: str
    sendgrid: str


@pytest.fixture(scope="module")
def prism(pytestconfig: pytest.Config) -> Path:
    return installed(pytestconfig.cache.mkdir("prism"))


@pytest.fixture
def checked(
    prism: Path, shared: Path, tmp_path: Path, free_port: Callable[[], int]
) -> Iterator[Checked]:
    carrier = Carrier(folder=tmp_path / "carrier")
    contracts = shared / "contracts"
    with ExitStack() as stack:
        stack.callback(carrier.kill)
        carrier.start()
        twilio = between(
            prism,
            with_paths(contracts / "twilio_api_v2010.json", tmp_path),
            carrier.base,
            free_port(),
        )
        sendgrid = between(prism, contracts / "tsg_mail_v3.json", carrier.base, free_port())
        yield Checked(carrier, stack.enter_context(twilio), stack.enter_context(sendgrid))


def account(url: str, *, service: str = "") -> TwilioAccount:
    return TwilioAccount(
        account_sid=ACCOUNT_SID,
        auth_token=AUTH_TOKEN,
        sender="" if service else "+12005550100",
        messaging_service_sid=service,
        base_url=url,
        hooks_url=HOOKS,
        timeout_s=60,
        concurrency=4,
    )


def text(body: str, channel: Channel = Channel.SMS) -> Text:
    return Text(
        channel=channel, language="es", template="etr/1", subject="Corte", body=body, html=body
    )


def test_every_request_of_a_storm_keeps_to_the_contracts(world: World, checked: Checked) -> None:
    settings = replace(
        world.settings,
        send=SendMode.LIVE,
        twilio_account_sid=ACCOUNT_SID,
        twilio_auth_token=AUTH_TOKEN,
        twilio_messaging_service_sid="MG" + "0" * 32,
        twilio_base_url=checked.twilio,
        twilio_concurrency=4,
        sendgrid_api_key=API_KEY,
        sendgrid_from="outages@example.org",
        sendgrid_base_url=checked.sendgrid,
    )
    for number in range(5):
        language = "es" if number % 2 else "en"
        mail = f"person{number}@example.org"
        world.account(f"A{number}", [f"P{number}"], phone(number), mail, language=language)
    with closing(Outbox(world.db, settings, NEUTRAL)) as box:
        outage = world.declare(*(f"P{number}" for number in range(5)))
        changes: list[Callable[[], None]] = [
            lambda: None,
            lambda: world.report(outage, etr=etr(5)),
            lambda: world.report(outage, etr=etr(9)),
            lambda: world.restore(outage),
            lambda: world.reopen(outage),
        ]
        for change in changes:
            change()
            world.plan()
            world.pass_time(minutes=10)
            box.drain()
    assert {state for _, _, state in world.messages()} == {"accepted"}
    counts = checked.carrier.json("/json/counts")
    assert counts["sms"] + counts["email"] == len(world.messages())
    assert counts["sms"] >= 5
    assert counts["email"] >= 5


def test_texts_of_every_shape_keep_to_the_contract(checked: Checked) -> None:
    bodies = ["Power out", "Año nuevo & <luz>", "停电", "x" * 1600]
    shapes = itertools.product(bodies, [None, 0, 60, 10**6])
    batch = [
        Outgoing(
            message_key=key,
            address=f"+1604555{100 + key:04}",
            text=text(body),
            valid_for_s=valid_for_s,
        )
        for key, (body, valid_for_s) in enumerate(shapes)
    ]
    for service in ("", "MG" + "0" * 32):
        with closing(SmsChannel(account(checked.twilio, service=service))) as channel:
            outcomes = list(channel.send(batch, lambda _one: True))
        assert {(outcome.result, outcome.code) for outcome in outcomes} == {(Result.ACCEPTED, "")}


def test_mails_to_the_most_people_a_call_takes_keep_to_the_contract(checked: Checked) -> None:
    sendgrid = SendGridAccount(
        api_key=API_KEY,
        sender="outages@example.org",
        sender_name="Harbor Light & Power",
        base_url=checked.sendgrid,
        timeout_s=60,
    )
    batch = [
        Outgoing(
            message_key=key,
            address=f"person{key}@example.org",
            text=text("No hay luz", Channel.EMAIL),
        )
        for key in range(MOST_PEOPLE + 1)
    ]
    outcomes = list(EmailChannel(sendgrid).send(batch, lambda _one: True))
    assert {(outcome.result, outcome.code) for outcome in outcomes} == {(Result.ACCEPTED, "")}
    assert checked.carrier.json("/json/counts")["email"] == MOST_PEOPLE + 1


def test_what_texts_are_asked_back_by_keeps_to_the_contract(checked: Checked) -> None:
    with closing(SmsChannel(account(checked.twilio))) as channel:
        (outcome,) = channel.send(
            [Outgoing(message_key=1, address="+16045550101", text=text("Power out"))],
            lambda _one: True,
        )
    through = Carrier(folder=checked.carrier.folder, port=int(checked.twilio.rpartition(":")[2]))
    with through.twilio() as client:
        assert client.messages(outcome.provider_id).fetch().sid == outcome.provider_id
        found = client.messages.list(
            to="+16045550101", date_sent_after=datetime(2026, 1, 1, tzinfo=UTC)
        )
    assert [message.sid for message in found] == [outcome.provider_id]


def test_asking_for_a_text_that_may_have_been_taken_keeps_to_the_contract(
    checked: Checked,
) -> None:
    with closing(SmsChannel(account(checked.twilio))) as channel:
        sent = Outgoing(message_key=1, address="+16045550101", text=text("Power out"))
        (outcome,) = channel.send([sent], lambda _one: True)
        since = datetime.now(UTC)
        sought = [
            Sought(message_key=key, address="+16045550101", text=text(words), since=since)
            for key, words in enumerate(["Power out", "Power is back"])
        ]
        findings = {one.message_key: one for one in channel.find(sought, lambda: True)}
    found = findings[0]
    assert isinstance(found, Found)
    assert [trace.provider_id for trace in found.traces] == [outcome.provider_id]
    assert findings[1] == Absent(message_key=1)


def test_calls_keep_to_the_contract(
    prism: Path, shared: Path, free_port: Callable[[], int]
) -> None:
    """The simulator makes no calls: an answer of the contract's form stands in for it."""
    sid = "CA" + "1" * 32
    answer = {"sid": sid, "account_sid": ACCOUNT_SID, "status": "queued", "to": "+16045550101"}

    def made(_call: object) -> Answer:
        return Answer(201, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    contract = shared / "contracts" / "twilio_api_v2010.json"
    with serving(made) as provider:
        with (
            between(prism, contract, provider.url, free_port()) as url,
            closing(VoiceChannel(account(url))) as channel,
        ):
            call = Outgoing(message_key=1, address="+16045550101", text=text("No hay luz"))
            (outcome,) = channel.send([call], lambda _one: True)
        assert (outcome.result, outcome.provider_id) == (Result.ACCEPTED, sid)
        assert len(provider.calls) == 1


def test_prism_would_have_refused_what_is_not_in_the_contract(checked: Checked) -> None:
    """Or all the tests above could not fail."""

    class Spoilt(SmsChannel):
        def _parameters(self, outgoing: Outgoing) -> dict[str, object]:
            return {**super()._parameters(outgoing), "validity_period": "soon"}

    with closing(Spoilt(account(checked.twilio))) as channel:
        outgoing = Outgoing(message_key=1, address="+16045550101", text=text("Power out"))
        (outcome,) = channel.send([outgoing], lambda _one: True)
    assert (outcome.result, outcome.code) == (Result.FAILED, "422")
    assert checked.carrier.json("/json/counts")["sms"] == 0
