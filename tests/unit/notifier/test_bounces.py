"""Reports as mail servers write them (RFC 3464), after those of Postfix and Exchange."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.bounces import read
from notifier.channels.codes import Action, action
from notifier.channels.marks import Marks
from notifier.receipts import Receipt

MARKS = Marks(key="made-up-key-0123456789")
OURS = MARKS.envelope("bounces@example.org", 4711)

REPORT = """\
From: MAILER-DAEMON@mail.example.org (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.
Status: 2.0.0 and Action: delivered are only words here.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.org
Arrival-Date: Fri, 27 Nov 2026 12:00:00 +0000

Final-Recipient: rfc822; person1@example.org
Original-Recipient: rfc822;person1@example.org
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 unknown user

--b1
Content-Type: {returned}

{headers}

--b1--
"""
COMPLAINT = """\
From: complaints@example.org
To: {to}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b1"

--b1
Content-Type: text/plain

This is an abuse report.

--b1
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1

--b1
Content-Type: message/rfc822

Message-ID: <{mark}@example.org>
Subject: Power is out

--b1--
"""


def report(
    to: str = OURS,
    action: str = "failed",
    status: str = "5.1.1",
    returned: str = "text/rfc822-headers",
    headers: str = "Subject: Power is out",
) -> bytes:
    return REPORT.format(
        to=to, action=action, status=status, returned=returned, headers=headers
    ).encode()


def of_4711(event: str, code: str) -> Receipt:
    return Receipt(
        provider="smtp", message_key=4711, event=event, provider_id=MARKS.of(4711), code=code
    )


@pytest.mark.parametrize(
    ("action_", "status", "event", "code", "asked"),
    [
        ("failed", "5.1.1", "bounce", "5.1.1", Action.INVALID),
        ("failed", "5.1.1 (no such user)", "bounce", "5.1.1", Action.INVALID),
        ("FAILED", "5.2.2", "bounce", "5.2.2", Action.REFUSE),
        ("failed", "5.7.1", "bounce", "5.7.1", Action.REFUSE),
        ("failed", "4.4.7", "bounce", "4.4.7", Action.RETRY),
        ("failed", "nonsense", "bounce", "5.0.0", Action.REFUSE),
        ("delayed", "4.4.1", "delayed", "", Action.NONE),
        ("delivered", "2.0.0", "delivered", "", Action.NONE),
    ],
)
def test_a_report_says_what_became_of_the_mail_and_of_the_address(
    *, action_: str, status: str, event: str, code: str, asked: Action
) -> None:
    assert read(report(action=action_, status=status), MARKS) == of_4711(event, code)
    assert action("smtp", code) is asked


def test_without_an_address_of_its_own_the_returned_headers_name_the_mail() -> None:
    headers = f"Message-ID: <{MARKS.of(4711)}@example.org>"
    for returned in ("text/rfc822-headers", "message/rfc822"):
        found = read(report("outages@example.org", returned=returned, headers=headers), MARKS)
        assert found == of_4711("bounce", "5.1.1")


def test_a_complaint_is_an_opt_out() -> None:
    mail = COMPLAINT.format(to="fbl@example.org", kind="abuse", mark=MARKS.of(4711)).encode()
    found = read(mail, MARKS)
    assert found == of_4711("spamreport", "spamreport")
    assert action("smtp", "spamreport") is Action.OPTED_OUT
    other = COMPLAINT.format(to="fbl@example.org", kind="not-spam", mark=MARKS.of(4711))
    assert read(other.encode(), MARKS) is None


@pytest.mark.parametrize(
    "mail",
    [
        report("bounces@example.org"),
        report(OURS.replace("4711", "4712")),
        report(Marks(key="another-key").envelope("bounces@example.org", 4711)),
        report(action="relayed"),
        f"From: a@example.org\nTo: {OURS}\nSubject: On holiday\n\nBack on Monday.\n".encode(),
        f"To: {OURS}\nContent-Type: message/delivery-status\n\n".encode(),
        b"",
        b"\xff\xfe\x00",
    ],
    ids=["no mark", "altered", "forged", "relayed", "holiday", "empty report", "none", "bytes"],
)
def test_what_is_no_report_about_a_mail_of_ours_says_nothing(mail: bytes) -> None:
    assert read(mail, MARKS) is None


@given(st.binary(max_size=2000), st.integers(0, 1500))
def test_whatever_comes_in_nothing_is_raised(noise: bytes, at: int) -> None:
    whole = report()
    read(noise, MARKS)
    read(whole[:at] + noise + whole[at:], MARKS)
