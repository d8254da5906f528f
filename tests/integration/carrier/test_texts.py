"""Twilio's own SDK sends, fetches and lists; its own validator verifies the callbacks."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator

from tests.integration.carrier.conftest import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    Carrier,
    Receiver,
    wait_until,
)

pytestmark = pytest.mark.processes
TO, FROM = "+13035550101", "+13035550100"


def test_a_text_is_created_fetched_and_listed(carrier: Carrier) -> None:
    with carrier.twilio() as client:
        made = client.messages.create(to=TO, from_=FROM, body="Power is out. ETR 9 pm.")
        assert made.sid.startswith("SM")
        assert (made.status, made.num_segments) == ("queued", "1")
        assert made.date_created.tzinfo is not None
        carrier.wait_idle()
        fetched = client.messages(made.sid).fetch()
        assert (fetched.status, fetched.body) == ("delivered", made.body)
        assert [text.sid for text in client.messages.list(to=TO)] == [made.sid]
        assert client.messages.list(to=FROM) == []


def test_a_list_pages_through_everything_newest_first(carrier: Carrier) -> None:
    with carrier.twilio() as client:
        made = [
            client.messages.create(to=TO, from_=FROM, body=f"number {number}").sid
            for number in range(7)
        ]
        listed = client.messages.list(to=TO, from_=FROM, page_size=3)
        assert [text.sid for text in listed] == made[::-1]
        page = client.messages.page(to=TO, page_size=3)
        second = page.next_page()
        assert [text.sid for text in second] == made[3:0:-1]
        assert [text.sid for text in second.previous_page()] == made[:3:-1]


def test_a_list_is_narrowed_by_the_date_sent(carrier: Carrier) -> None:
    now = datetime.now(UTC)
    with carrier.twilio() as client:
        client.messages.create(to=TO, from_=FROM, body="hello")
        assert len(client.messages.list(date_sent_after=now - timedelta(minutes=1))) == 1
        assert client.messages.list(date_sent_after=now + timedelta(minutes=1)) == []
        assert client.messages.list(date_sent_before=now - timedelta(minutes=1)) == []
        assert len(client.messages.list(date_sent=now.date())) == 1


def test_a_list_answers_with_exactly_the_published_fields(carrier: Carrier) -> None:
    with carrier.twilio() as client:
        client.messages.create(to=TO, from_=FROM, body="hello")
        url = f"{carrier.base}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
        payload = json.loads(client.request("GET", url).text)
    assert payload.keys() == {
        "end",
        "first_page_uri",
        "messages",
        "next_page_uri",
        "page",
        "page_size",
        "previous_page_uri",
        "start",
        "uri",
    }
    assert payload["messages"][0].keys() == {
        "account_sid",
        "api_version",
        "body",
        "date_created",
        "date_sent",
        "date_updated",
        "direction",
        "error_code",
        "error_message",
        "from",
        "messaging_service_sid",
        "num_media",
        "num_segments",
        "price",
        "price_unit",
        "sid",
        "status",
        "subresource_uris",
        "to",
        "uri",
    }


def test_status_callbacks_verify_and_altered_ones_do_not(
    carrier: Carrier, receiver: Receiver
) -> None:
    _send(carrier, receiver, "7-1")
    carrier.wait_idle()
    assert sorted(receiver.statuses("7-1")) == ["delivered", "sent"]
    validator = RequestValidator(AUTH_TOKEN)
    for delivery in receiver.deliveries:
        signature = delivery.headers["x-twilio-signature"]
        assert validator.validate(delivery.url, delivery.form, signature)
        altered = delivery.form | {"MessageStatus": "failed"}
        assert not validator.validate(delivery.url, altered, signature)
        assert not validator.validate(f"{delivery.url}8", delivery.form, signature)


def test_a_messaging_service_reports_queued_first(carrier: Carrier, receiver: Receiver) -> None:
    with carrier.twilio() as client:
        made = client.messages.create(
            to=TO,
            messaging_service_sid="MG" + "a" * 32,
            body="Power is out.",
            status_callback=f"{receiver.base}/hooks?m=7-2",
        )
        assert (made.status, made.from_, made.num_segments) == ("accepted", None, "0")
        carrier.wait_idle()
        assert client.messages(made.sid).fetch().from_ == "+15005550006"
    assert sorted(receiver.statuses("7-2")) == ["delivered", "queued", "sent"]


def test_a_bad_number_ends_undelivered_with_its_code(carrier: Carrier, receiver: Receiver) -> None:
    carrier.control(bad_numbers={"*0101": 30005})
    _send(carrier, receiver, "7-3")
    carrier.wait_idle()
    forms = {delivery.form["MessageStatus"]: delivery.form for delivery in receiver.deliveries}
    assert forms["undelivered"]["ErrorCode"] == "30005"
    assert "ErrorCode" not in forms["sent"]


def test_refusals_come_as_the_sdks_exception_with_the_code(carrier: Carrier) -> None:
    with carrier.twilio() as client:
        for to, code in {"+15005550009": 21614, "+9990021610": 21610, "12": 21211}.items():
            with pytest.raises(TwilioRestException) as refusal:
                client.messages.create(to=to, from_=FROM, body="hello")
            assert (refusal.value.status, refusal.value.code) == (400, code)
        with pytest.raises(TwilioRestException) as refusal:
            client.messages("SM" + "0" * 32).fetch()
        assert (refusal.value.status, refusal.value.code) == (404, 20404)
    assert carrier.json("/json/counts")["sms"] == 0


def test_a_wrong_token_is_not_let_in(carrier: Carrier) -> None:
    url = f"{carrier.base}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(url, timeout=5)
    with refusal.value as answer:
        assert answer.status == 401
        assert json.load(answer)["code"] == 20003


def test_callbacks_are_tried_again_until_they_are_taken(
    carrier: Carrier, receiver: Receiver
) -> None:
    receiver.status = 503
    _send(carrier, receiver, "7-4")
    wait_until(lambda: len(receiver.deliveries) >= 3, "callbacks are tried again")
    assert carrier.json("/json")["callbacks_pending"] > 0
    receiver.status = 204
    found = carrier.wait_idle()
    assert (found["callbacks_sent"], found["callbacks_failed"]) == (2, 0)


def test_callbacks_are_given_up_after_their_limit(carrier: Carrier, receiver: Receiver) -> None:
    receiver.status = 500
    _send(carrier, receiver, "7-5", overrides="rc=2&rp=all")
    found = carrier.wait_idle()
    assert (found["callbacks_sent"], found["callbacks_failed"]) == (0, 2)
    assert len(receiver.statuses("7-5")) == 6


def test_callbacks_to_another_machine_are_refused(carrier: Carrier) -> None:
    with carrier.twilio() as client:
        client.messages.create(
            to=TO, from_=FROM, body="hello", status_callback="https://outages.example.org/hooks?m=1"
        )
    found = carrier.wait_idle()
    assert (found["callbacks_refused"], found["callbacks_sent"]) == (2, 0)


def _send(
    carrier: Carrier, receiver: Receiver, our_id: str, *, overrides: str = "rc=5&rp=all"
) -> Any:  # noqa: ANN401 - the SDK's
    with carrier.twilio() as client:
        return client.messages.create(
            to=TO,
            from_=FROM,
            body="Power is out – we know.",
            validity_period=600,
            status_callback=f"{receiver.base}/hooks/twilio/status?m={our_id}#{overrides}",
        )
