"""What goes wrong on demand, and what a kill leaves behind."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request

import pytest
import requests
from python_http_client.exceptions import HTTPError, TooManyRequestsError
from twilio.base.exceptions import TwilioRestException

from tests.integration.carrier.conftest import ACCOUNT_SID, AUTH_TOKEN, Carrier, Receiver

pytestmark = pytest.mark.processes
TO, FROM = "+13035550101", "+13035550100"
MAIL = {
    "personalizations": [{"to": [{"email": "ann@example.org"}], "custom_args": {"m": "9-1"}}],
    "from": {"email": "outages@example.org"},
    "subject": "Power is out",
    "content": [{"type": "text/plain", "value": "We know."}],
}


def test_too_many_requests_are_refused_and_nothing_is_taken(carrier: Carrier) -> None:
    carrier.control(faults=[{"kind": "too_many_requests", "count": 2}])
    with carrier.twilio() as client:
        with pytest.raises(TwilioRestException) as refusal:
            client.messages.create(to=TO, from_=FROM, body="hello")
        assert (refusal.value.status, refusal.value.code) == (429, 20429)
        with pytest.raises(TooManyRequestsError):
            carrier.sendgrid().client.mail.send.post(request_body=MAIL)
        assert carrier.json("/json/counts")["our_ids"] == 0
        client.messages.create(to=TO, from_=FROM, body="hello")
    assert carrier.json("/json/counts")["sms"] == 1


@pytest.mark.parametrize("accepted", [False, True])
def test_a_server_error_before_or_after_acceptance(carrier: Carrier, accepted: bool) -> None:
    carrier.control(faults=[{"kind": "server_error", "status": 502, "accepted": accepted}])
    with carrier.twilio() as client, pytest.raises(TwilioRestException) as refusal:
        client.messages.create(to=TO, from_=FROM, body="hello")
    assert refusal.value.status == 502
    with pytest.raises(HTTPError):
        carrier.sendgrid().client.mail.send.post(request_body=MAIL)
    found = carrier.json("/json/counts")
    assert (found["sms"], found["email"]) == ((1, 1) if accepted else (0, 0))


@pytest.mark.parametrize("accepted", [False, True])
def test_a_time_out_before_or_after_acceptance(carrier: Carrier, accepted: bool) -> None:
    carrier.control(faults=[{"kind": "timeout", "api": "sms", "accepted": accepted}])
    with carrier.twilio() as client, pytest.raises(requests.exceptions.ReadTimeout):
        client.http_client.request(
            "POST",
            f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json",
            data={"To": TO, "From": FROM, "Body": "hello"},
            auth=(ACCOUNT_SID, AUTH_TOKEN),
            timeout=0.5,
        )
    assert carrier.json("/json/counts")["sms"] == int(accepted)


def test_latency_is_added_to_every_answer(carrier: Carrier) -> None:
    carrier.control(latency_ms=300)
    begin = time.monotonic()
    with carrier.twilio() as client:
        client.messages.create(to=TO, from_=FROM, body="hello")
    assert time.monotonic() - begin >= 0.3


def test_control_refuses_what_it_does_not_know_and_goes_back_on_delete(carrier: Carrier) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        carrier.control(speed=7)
    with refusal.value as answer:
        assert answer.status == 400
        assert "speed" in json.load(answer)["detail"]
    carrier.control(latency_ms=5, faults=[{"kind": "timeout"}])
    request = urllib.request.Request(f"{carrier.base}/control", method="DELETE")
    with urllib.request.urlopen(request, timeout=5) as answer:
        shown = json.load(answer)
    assert (shown["latency_ms"], shown["faults"]) == (0, [])


def test_a_kill_in_the_middle_loses_no_acceptance_and_no_callback(
    carrier: Carrier, receiver: Receiver
) -> None:
    receiver.status = 503
    answered: list[str] = []

    def send(lane: int) -> None:
        with requests.Session() as session:
            session.auth = (ACCOUNT_SID, AUTH_TOKEN)
            for number in range(10_000):
                our_id = f"{lane}-{number}"
                form = {
                    "To": TO,
                    "From": FROM,
                    "Body": "hello",
                    "StatusCallback": f"{receiver.base}/hooks?m={our_id}#rc=5&rp=all",
                }
                try:
                    answer = session.post(
                        f"{carrier.base}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json",
                        form,
                        timeout=20,
                    )
                except requests.exceptions.RequestException:
                    return
                assert answer.status_code == 201
                answered.append(our_id)

    lanes = [threading.Thread(target=send, args=(lane,)) for lane in range(8)]
    for lane in lanes:
        lane.start()
    time.sleep(1)
    carrier.kill()
    for lane in lanes:
        lane.join()
    assert len(answered) > 20
    receiver.status = 204
    # Patience for the retries that were already used up against the 503.
    carrier.settings["retry_base_ms"] = 20
    carrier.start()
    kept = carrier.json("/json/our-ids")["our_ids"]
    assert set(answered) <= kept.keys()
    # At most one request a lane was taken and never answered.
    assert len(kept) <= len(answered) + len(lanes)
    found = carrier.wait_idle()
    assert found["doubled"] == 0
    ended = found["callbacks_sent"] + found["callbacks_failed"]
    assert ended == 2 * len(kept)


def test_an_our_id_sent_again_is_counted_and_can_be_looked_at(carrier: Carrier) -> None:
    for _ in range(2):
        carrier.sendgrid().client.mail.send.post(request_body=MAIL)
    assert carrier.json("/json/counts")["doubled"] == 1
    found = carrier.json("/json/counts?m=9-1")
    assert found["accepted"] == 2
    assert [message["again"] for message in found["messages"]] == [False, True]
