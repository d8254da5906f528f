"""What Twilio's forms and SendGrid's mails are read as, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notifier.carrier.errors import MailRefusal, TwilioRefusal
from notifier.carrier.mail_requests import parse_mail
from notifier.carrier.text_requests import parse_listing, parse_text

FORM = {
    "To": "+13035550101",
    "From": "+13035550100",
    "Body": "Power is out.",
    "StatusCallback": "http://127.0.0.1:8002/hooks/twilio/status?m=41-7#rc=5&rp=all",
}


def test_a_form_becomes_an_acceptance_with_our_id() -> None:
    text = parse_text(FORM | {"ValidityPeriod": "600"}, failure=None)
    assert (text.recipient, text.our_id, text.validity_s) == ("+13035550101", "41-7", 600)
    assert text.status == "queued"
    assert len(text.sid) == 34


def test_a_messaging_service_accepts_before_it_picks_a_sender() -> None:
    form = {name: value for name, value in FORM.items() if name != "From"}
    text = parse_text(form | {"MessagingServiceSid": "MG" + "a" * 32}, failure=None)
    assert (text.status, text.sender) == ("accepted", None)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"To": ""}, 21604),
        ({"To": "3035550101"}, 21211),
        ({"To": "+0035550101"}, 21211),
        ({"From": ""}, 21603),
        ({"From": FORM["To"]}, 21266),
        ({"MessagingServiceSid": "MG1"}, 21701),
        ({"Body": ""}, 21602),
        ({"Body": "x" * 1601}, 21617),
        ({"StatusCallback": "hooks"}, 21609),
        ({"StatusCallback": "http://[::1"}, 21609),
        ({"ValidityPeriod": "0"}, 20001),
        ({"ValidityPeriod": "36001"}, 20001),
        ({"MediaUrl": "http://127.0.0.1/a.png"}, 20001),
    ],
)
def test_a_form_twilio_would_not_take_is_refused_by_its_code(
    change: dict[str, str], code: int
) -> None:
    with pytest.raises(TwilioRefusal) as refusal:
        parse_text(FORM | change, failure=None)
    assert refusal.value.code == code


def test_only_codes_of_the_api_refuse_and_the_others_fail_later() -> None:
    with pytest.raises(TwilioRefusal) as refusal:
        parse_text(FORM, failure=21610)
    assert refusal.value.code == 21610
    assert parse_text(FORM, failure=30005).failure == "30005"


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ({"DateSent": "2026-11-22"}, 1795305600000, 1795392000000),
        ({"DateSent": "2026-11-22T00:00:00Z"}, 1795305600000, 1795392000000),
        ({"DateSent>": "2026-11-22"}, 1795305600000, None),
        ({"DateSent<": "2026-11-22"}, None, 1795392000000),
        ({"DateSent>": "2026-11-22T00:00:05Z"}, 1795305605000, None),
        ({"DateSent>": "2026-11-22 00:00:05.000"}, 1795305605000, None),
        ({"DateSent>": "Sun, 22 Nov 2026 00:00:05 -0000"}, 1795305605000, None),
        ({"DateSent>": "11/21/2026 17:00:05 MST"}, 1795305605000, None),
    ],
)
def test_dates_are_read_in_every_form_of_the_contract(
    query: dict[str, str], start: int | None, end: int | None
) -> None:
    listing = parse_listing(query)
    assert (listing.sent_from_ms, listing.sent_before_ms) == (start, end)


@pytest.mark.parametrize(
    "query", [{"DateSent": "soon"}, {"PageSize": "1001"}, {"PageSize": "0"}, {"Page": "-1"}]
)
def test_a_listing_that_cannot_be_read_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(TwilioRefusal):
        parse_listing(query)


def test_a_mail_becomes_one_acceptance_per_recipient() -> None:
    mail = _mail() | {"custom_args": {"utility": "x"}}
    mail["personalizations"] = [
        {
            "to": [{"email": f"ann{n}@example.org"}],
            "substitutions": {"-name-": f"Ann {n}"},
            "custom_args": {"m": f"9-{n}"},
        }
        for n in range(2)
    ]
    message_id, accepted = parse_mail(mail)
    assert [text.our_id for text in accepted] == ["9-0", "9-1"]
    assert [text.subject for text in accepted] == ["Power out, Ann 0", "Power out, Ann 1"]
    assert accepted[1].body == "Dear Ann 1"
    assert all(text.sid.startswith(message_id) for text in accepted)
    assert json.loads(accepted[0].details)["custom_args"] == {"utility": "x", "m": "9-0"}


def test_a_second_recipient_of_one_personalization_is_no_second_acceptance() -> None:
    mail = _mail()
    mail["personalizations"][0]["cc"] = [{"email": "bea@example.org"}]
    _, accepted = parse_mail(mail)
    assert [text.first for text in accepted] == [True, False]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": [{}] * 1001}, "personalizations"),
        ({"personalizations": [{"to": []}]}, "personalizations.0.to"),
        ({"personalizations": [{"to": [{"email": "ann"}]}]}, "personalizations.0.to.0.email"),
        ({"personalizations": [7]}, "personalizations.0"),
        ({"from": {"email": ""}}, "from.email"),
        ({"from": None}, "from.email"),
        ({"subject": ""}, "subject"),
        ({"content": []}, "content"),
        ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value"),
        ({"custom_args": {"m": 7}}, "custom_args"),
        ({"custom_args": {"m": "x" * 10_000}}, "custom_args"),
        ({"template_id": "d-1"}, "template_id"),
    ],
)
def test_a_mail_sendgrid_would_not_take_names_the_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(MailRefusal) as refusal:
        parse_mail(_mail() | change)
    assert refusal.value.field == field


@pytest.mark.parametrize("mail", [None, [], "mail", 7])
def test_a_body_that_is_no_mail_is_a_bad_request(mail: object) -> None:
    with pytest.raises(MailRefusal, match="Bad Request"):
        parse_mail(mail)


def _mail() -> dict[str, Any]:
    return {
        "personalizations": [{"to": [{"email": "ann@example.org"}], "custom_args": {"m": "9-1"}}],
        "from": {"email": "outages@example.org"},
        "subject": "Power out, -name-",
        "content": [{"type": "text/plain", "value": "Dear -name-"}],
    }
