"""SendGrid's own SDK sends a thousand at once; its own verifier checks the events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from python_http_client.exceptions import BadRequestsError, UnauthorizedError
from sendgrid.helpers.eventwebhook import EventWebhook
from sendgrid.helpers.mail import Mail

from notifier.carrier.signing import public_key
from tests.integration.carrier.conftest import Carrier, Receiver

pytestmark = pytest.mark.processes
SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"


def test_the_sdks_own_mail_object_is_taken(carrier: Carrier) -> None:
    mail = Mail(
        from_email="outages@example.org",
        to_emails="ann@example.org",
        subject="Power is out",
        plain_text_content="We know.",
        html_content="<p>We know.</p>",
    )
    answer = carrier.sendgrid().send(mail)
    assert answer.status_code == 202
    assert answer.headers["X-Message-Id"]
    [message] = carrier.json("/json?to=ann@example.org")["messages"]
    assert (message["subject"], message["body"]) == ("Power is out", "We know.")


def test_a_thousand_personalizations_are_a_thousand_mails(
    carrier: Carrier, receiver: Receiver
) -> None:
    answer = carrier.sendgrid().client.mail.send.post(request_body=_mail(1000))
    assert answer.status_code == 202
    found = carrier.wait_idle()
    assert (found["email"], found["our_ids"], found["doubled"]) == (1000, 1000, 0)
    events = receiver.events()
    assert len(events) == found["callbacks_sent"] == 2000
    delivered = {event["m"] for event in events if event["event"] == "delivered"}
    assert delivered == {f"9-{number}" for number in range(1000)}
    assert events[0].keys() >= {"email", "timestamp", "event", "sg_event_id", "sg_message_id"}
    assert len({event["sg_event_id"] for event in events}) == 2000
    stem = answer.headers["X-Message-Id"]
    assert all(event["sg_message_id"].startswith(f"{stem}.") for event in events)
    [message] = carrier.json("/json?to=ann77@example.org")["messages"]
    assert message["body"] == "Dear Ann 77, the power is out."


def test_more_than_a_thousand_are_refused_whole(carrier: Carrier) -> None:
    with pytest.raises(BadRequestsError) as refusal:
        carrier.sendgrid().client.mail.send.post(request_body=_mail(1001))
    error = json.loads(refusal.value.body)["errors"][0]
    assert error["field"] == "personalizations"
    assert carrier.json("/json/counts")["email"] == 0


def test_one_bad_address_fails_the_whole_call(carrier: Carrier) -> None:
    mail = _mail(3)
    mail["personalizations"][1]["to"] = [{"email": "nobody"}]
    with pytest.raises(BadRequestsError) as refusal:
        carrier.sendgrid().client.mail.send.post(request_body=mail)
    assert json.loads(refusal.value.body)["errors"][0]["field"] == "personalizations.1.to.0.email"
    assert carrier.json("/json/counts")["email"] == 0


def test_event_batches_verify_and_altered_ones_do_not(carrier: Carrier, receiver: Receiver) -> None:
    carrier.sendgrid().client.mail.send.post(request_body=_mail(3))
    carrier.wait_idle()
    webhook = EventWebhook(public_key(carrier.folder))
    for delivery in receiver.deliveries:
        body, signature = delivery.body.decode(), delivery.headers[SIGNATURE]
        timestamp = delivery.headers[TIMESTAMP]
        assert webhook.verify_signature(body, signature, timestamp)
        assert not webhook.verify_signature(body.replace("9-0", "9-1"), signature, timestamp)
        assert not webhook.verify_signature(body, signature, str(int(timestamp) - 1))


def test_mailboxes_that_fail_say_how(carrier: Carrier, receiver: Receiver) -> None:
    mail = _mail(2)
    mail["personalizations"][0]["to"] = [{"email": "bounce+1@example.org"}]
    mail["personalizations"][1]["to"] = [{"email": "dropped@example.org"}]
    carrier.sendgrid().client.mail.send.post(request_body=mail)
    carrier.wait_idle()
    ends = sorted((event["m"], event["event"]) for event in receiver.events())
    assert ends == [("9-0", "bounce"), ("9-0", "processed"), ("9-1", "dropped")]


def test_a_wrong_key_is_not_let_in(carrier: Carrier) -> None:
    with pytest.raises(UnauthorizedError):
        carrier.sendgrid("SG.other").client.mail.send.post(request_body=_mail(1))


def test_a_sandboxed_mail_is_checked_and_not_taken(carrier: Carrier) -> None:
    mail = _mail(1) | {"mail_settings": {"sandbox_mode": {"enable": True}}}
    assert carrier.sendgrid().client.mail.send.post(request_body=mail).status_code == 200
    assert carrier.json("/json/counts")["email"] == 0


def _mail(people: int) -> dict[str, Any]:
    return {
        "personalizations": [
            {
                "to": [{"email": f"ann{number}@example.org"}],
                "substitutions": {"-name-": f"Ann {number}"},
                "custom_args": {"m": f"9-{number}"},
            }
            for number in range(people)
        ],
        "from": {"email": "outages@example.org"},
        "subject": "Power is out",
        "content": [{"type": "text/plain", "value": "Dear -name-, the power is out."}],
    }
