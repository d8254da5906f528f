"""`outage send-test`: one message, past the queue, and what became of it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qs

import pytest

from notifier import trying
from outage import tables as t
from outage.columns import EPOCH
from outage.database import Database
from tests.unit.notifier.channels.provider import Answer, Call, Provider, serving
from tests.unit.workers.desk import Refuse, Run

SID = "SM" + "0" * 32
NUMBER = "+12025550101"


class Script:
    """A provider that takes a text and lets it come as far as ``events`` say."""

    def __init__(self) -> None:
        self.events = ["queued", "sent", "delivered"]
        self.code: int | None = None
        self.refuses: Answer | None = None
        self.body = ""

    def __call__(self, call: Call) -> Answer:
        if call.method == "GET":
            event = self.events.pop(0) if len(self.events) > 1 else self.events[0]
            shown = {
                "sid": SID,
                "status": event,
                "direction": "outbound-api",
                "body": self.body,
                "to": NUMBER,
                "error_code": self.code,
                "date_created": format_datetime(datetime.now(UTC)),
            }
            return Answer(200, json.dumps({"messages": [shown], "next_page_uri": None}).encode())
        if self.refuses is not None:
            return self.refuses
        if "/mail/send" in call.path:
            return Answer(202, b"", {"X-Message-Id": "mail-1"})
        self.body = parse_qs(call.body.decode())["Body"][0]
        return Answer(201, json.dumps({"sid": SID}).encode())


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def provider(script: Script, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setattr(trying, "LOOK_S", 0.01)
    with serving(script) as found:
        for name, value in {
            "OUTAGE_TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "OUTAGE_TWILIO_AUTH_TOKEN": "made-up-token",
            "OUTAGE_TWILIO_MESSAGING_SERVICE_SID": "MG" + "0" * 32,
            "OUTAGE_TWILIO_BASE_URL": found.url,
            "OUTAGE_SENDGRID_API_KEY": "SG.made-up",
            "OUTAGE_SENDGRID_FROM": "outages@example.org",
            "OUTAGE_SENDGRID_BASE_URL": found.url,
        }.items():
            monkeypatch.setenv(name, value)
        yield found


def test_a_text_goes_at_once_in_shadow_too_and_how_far_it_gets_is_told(
    town: Database, provider: Provider, run: Run, script: Script
) -> None:
    said = run("send-test", "--phone", "202-555-0101")
    assert said.splitlines() == [
        "twilio: queued",
        "twilio: sent",
        "twilio: delivered",
        f"twilio took it ({SID}): delivered.",
    ]
    post = next(call for call in provider.calls if call.method == "POST")
    form = parse_qs(post.body.decode())
    assert form["To"] == [NUMBER]
    assert form["Body"][0].startswith("Outage info: this is a test, sent at ")
    assert "There is nothing you have to do." in form["Body"][0]
    with town.read() as conn:
        assert conn.execute(t.messages.select()).first() is None
        entry = conn.execute(t.audit.select()).one()
        assert NUMBER not in str(tuple(entry))
    assert (entry.action, entry.about) == ("send-test", "provider:twilio")


def test_an_email_is_taken_and_no_list_is_asked(
    town: Database, provider: Provider, run: Run
) -> None:
    facts = json.loads(run("send-test", "--email", "ops@example.org", "--json"))
    assert facts == {
        "provider": "sendgrid",
        "result": "accepted",
        "id": "mail-1",
        "event": "",
        "code": "",
    }
    assert [call.method for call in provider.calls] == ["POST"]


def test_what_is_not_delivered_is_said_with_what_to_do(
    town: Database, provider: Provider, refuse: Refuse, script: Script
) -> None:
    body = json.dumps({"code": 20003, "message": "Authenticate"}).encode()
    script.refuses = Answer(401, body)
    said = refuse("send-test", "--phone", NUMBER)
    assert "code 20003" in said
    assert "check its keys" in said


def test_whom_nothing_may_be_sent_and_what_is_no_address_is_refused(
    town: Database,
    provider: Provider,
    refuse: Refuse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with town.write() as conn:
        conn.execute(t.endpoints.insert().values(kind="phone", address=NUMBER, opted_out_at=EPOCH))
    assert "has opted out" in refuse("send-test", "--phone", NUMBER)
    assert "that number is none" in refuse("send-test", "--phone", "12")
    assert "that mailbox is none" in refuse("send-test", "--email", "nobody")
    assert "the settings name sendgrid" in refuse(
        "send-test", "--email", "ops@example.org", "--provider", "smtp"
    )
    monkeypatch.setenv("OUTAGE_SEND", "off")
    assert "OUTAGE_SEND is off" in refuse("send-test", "--email", "ops@example.org")
    assert provider.calls == []
