"""Declaring an outage on the pages: say where, review, declare once, take back."""

import html
import io
import json
import re
import zipfile
from http import HTTPStatus
from typing import Any

import pytest
import shapely
import sqlalchemy as sa
from starlette.testclient import TestClient

from console.app import create_app
from notifier import outbox
from notifier.reader import NotifierReader
from outage import journal, register, settings
from outage import tables as t
from outage.columns import EPOCH
from outage.database import Database
from outage.model import Status
from outage.rights import Role
from outage.site import Site
from tests.unit.console.conftest import POLYGON
from tests.unit.console.staffed import Desk, csrf
from tests.unit.workers.desk import drain

SHAPE = json.dumps(POLYGON)
OUT = {"way": "shape", "shape": SHAPE, "service": "electric", "cause": "tree"}
SPOKEN = {"languages": ("en", "es")}
SETTINGS = {"OUTAGE_SEGMENT_PRICE": "0.01", "OUTAGE_APPROVE_ABOVE": "2"}
ROUND = "-97.9 29,-97.9 29.1,-98 29.1,-98 29"
TWICE = f"POLYGON((-98 29,{ROUND},{ROUND}))"
"""Around the square two times: by its rings nobody is inside, and repaired everybody is."""


@pytest.fixture
def desk(town: Database) -> Desk:
    """Five homes in the square; four of their accounts can be reached, in two languages."""
    contacts = (
        ("+12025550101", "sms", "en"),
        ("+12025550102", "sms", "es"),
        ("a@example.org", "email", "en"),
        ("+12025550104", "sms", "en"),
    )
    with town.write() as conn:
        for key, (address, channel, language) in enumerate(contacts, start=1):
            conn.execute(
                t.endpoints.insert().values(
                    key=key,
                    kind="email" if channel == "email" else "phone",
                    address=address,
                    language=language,
                )
            )
            conn.execute(
                t.contacts.insert().values(
                    account_key=key,
                    endpoint_key=key,
                    channel=channel,
                    topics=1,
                    consent_at=EPOCH,
                )
            )
    given, site = settings.load(SETTINGS), Site.neutral().model_copy(update=SPOKEN)
    return Desk(db=town, app=create_app(town, given, site))


@pytest.fixture
def browser(desk: Desk) -> TestClient:
    member, _ = desk.member("dana", Role.DISPATCHER)
    return desk.browser(desk.session(member))


def post(browser: TestClient, path: str, fields: dict[str, str], **more: Any) -> Any:  # noqa: ANN401  # httpx2's answer
    return browser.post(path, data=csrf(browser) | fields, **more)


def text(answer: Any) -> str:  # noqa: ANN401  # httpx2's answer
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def hidden(answer: Any) -> dict[str, str]:  # noqa: ANN401  # httpx2's answer
    """What the review's form carries."""
    form = answer.text[answer.text.index('id="declare"') :]
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    return {name: html.unescape(value) for name, value in found}


def review(browser: TestClient, fields: dict[str, str], **more: Any) -> dict[str, str]:  # noqa: ANN401  # a file
    answer = post(browser, "/declare/review", fields, **more)
    assert answer.status_code == HTTPStatus.OK, text(answer)
    return hidden(answer)


def untimed(said: str) -> str:
    """Words without the minute that they were said in, which goes on while they are compared."""
    return re.sub(r"\d+:\d\d", "", " ".join(said.split()))


def outages(db: Database) -> int:
    with db.read() as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(t.outages)).scalar_one())


def test_a_review_says_whom_it_reaches_and_leaves_nothing(desk: Desk, browser: TestClient) -> None:
    answer = post(browser, "/declare/review", OUT | {"etr": "2099-01-02T22:30"})
    said = text(answer)
    assert answer.status_code == HTTPStatus.OK, said
    for expected in (
        "Premises 5 Accounts 5 Medical 0 Critical 0 Cannot be reached 1",
        "A5 Customer 5",
        "Messages 4 ",
        "Text in en: 2 contacts, ",
        "Text in es: 1 contact, ",
        "E-mail in en: 1 contact ",
        "E-mail in es: 0 contacts ",
        "Texts cost 0.03 USD",
        "where more than 2 messages go to others",
        "Cause Tree on the lines",
        "that service is out, 60 seconds after it is declared",
    ):
        assert expected in said
    assert outages(desk.db) == 0
    with desk.db.read() as conn:
        for table in (t.journal, t.notes, t.shapes):
            assert conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() == 0
        assert not [row for row in conn.execute(t.audit.select()) if row.action == "declare"]


def test_what_is_reviewed_is_what_is_declared_once_and_taken_back(
    desk: Desk, browser: TestClient
) -> None:
    form = review(browser, OUT | {"public_message": "Crews are on their way."})
    first, second = (post(browser, "/declare", form) for _ in range(2))
    assert first.status_code == second.status_code == HTTPStatus.SEE_OTHER, text(first)
    assert first.headers["location"] == second.headers["location"]
    assert outages(desk.db) == 1
    drain(desk.db)
    shown = browser.get(first.headers["location"])
    name = first.headers["location"].rpartition("/")[2]
    assert f"{name} is declared" in text(shown)
    assert "5 premises are inside" in text(shown)
    with desk.db.read() as conn:
        outage = register.load(conn, name)
        notes = [row.text for row in conn.execute(t.notes.select())]
        deeds = [row.about for row in conn.execute(t.audit.select()) if row.action == "declare"]
    assert outage.status is Status.CONFIRMED
    assert notes == ["Crews are on their way."]
    assert deeds == [name]
    stale = post(browser, f"/declare/{name}/take-back", {"version": "1"})
    assert stale.status_code == HTTPStatus.CONFLICT
    assert "has changed since you saw version 1" in text(stale)
    back = post(browser, f"/declare/{name}/take-back", {"version": str(outage.version)})
    assert back.headers["location"] == f"/declare/{name}"
    assert f"{name} is cancelled" in text(browser.get(f"/declare/{name}"))


def test_others_inside_than_were_reviewed_are_not_declared_but_reviewed(
    desk: Desk, browser: TestClient
) -> None:
    form = review(browser, OUT | {"way": "all"})
    with desk.db.write() as conn:
        conn.execute(t.premises.update().where(t.premises.c.id == "P7").values(closed_at=EPOCH))
        conn.execute(
            t.premises_versions.insert().values(
                version=2, at=EPOCH, premises=7, unplaced=0, digest="y"
            )
        )
    answer = post(browser, "/declare", form)
    assert answer.status_code == HTTPStatus.CONFLICT, text(answer)
    assert "Who is inside has changed since the review" in text(answer)
    assert "Declare for 7 premises" in text(answer)
    assert outages(desk.db) == 0
    assert post(browser, "/declare", hidden(answer)).status_code == HTTPStatus.SEE_OTHER


def test_other_words_under_the_same_key_are_refused_and_nothing_typed_is_lost(
    desk: Desk, browser: TestClient
) -> None:
    form = review(browser, OUT)
    post(browser, "/declare", form)
    answer = post(browser, "/declare", form | {"place": "Oak Street"})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "declared already, in other words" in text(answer)
    assert 'value="Oak Street"' in answer.text
    assert outages(desk.db) == 1
    assert post(browser, "/declare", OUT).status_code == HTTPStatus.UNPROCESSABLE_ENTITY


UNUSABLE: list[tuple[dict[str, str], str]] = [
    ({"way": "shape", "shape": ""}, "Say where it is"),
    ({"shape": "POLYGON((0 0"}, "The shape cannot be read"),
    ({"shape": TWICE}, "tick that the repair is accepted"),
    ({"shape": "POLYGON((1 1,2 1,2 2,1 1))"}, "No premise is inside this place"),
    ({"way": "premises", "premises": "P1, nobody's"}, "tick to go on without them"),
    ({"way": "street", "street": "Elm", "from": "twelve"}, "First house number: must be"),
    ({"way": "area", "area": "Atlantis"}, "No premise is in an area called 'Atlantis'"),
    ({"way": "devices", "devices": "circuit:F99"}, "No premise is fed through"),
    ({"service": "steam"}, "Service: must be"),
    ({"etr": "tonight"}, "Estimated time of restoration: write it as"),
    ({"etr": "2001-01-01T10:00"}, "Estimated time of restoration: lies in the past."),
    ({"place": "call 202-555-0101"}, "words for the public: holds a phone number"),
    ({"public_message": "call 202-555-0101"}, "Message for the public: holds a phone"),
    ({"public_message": "a\x00b"}, "Message for the public: holds control"),
]
"""What is typed otherwise, and what is said of it."""


def test_what_cannot_be_declared_gets_a_sentence_and_keeps_what_was_typed(
    desk: Desk, browser: TestClient
) -> None:
    for fields, said in UNUSABLE:
        typed = OUT | {"city": "Springfield"} | fields
        answer = post(browser, "/declare/review", typed)
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, text(answer)
        assert 'role="alert"' in answer.text
        assert said in text(answer)
        assert 'value="Springfield"' in answer.text
        assert " ".join(typed["shape"].split()) in text(answer)
    assert outages(desk.db) == 0


def test_every_way_to_say_where_is_reviewed_and_declared(desk: Desk, browser: TestClient) -> None:
    for number, (fields, inside) in enumerate(
        (
            (OUT, 5),
            (OUT | {"shape": shapely.from_geojson(SHAPE).wkt}, 5),
            (OUT | {"shape": TWICE, "accept_repair": "yes", "allow_empty": "yes"}, 5),
            (OUT | {"way": "premises", "premises": "premise\nP1\nP7\nP1\n"}, 2),
            (OUT | {"way": "premises", "premises": "P1 X", "skip_unknown": "yes"}, 1),
            (OUT | {"way": "all"}, 8),
            (OUT | {"way": "shape", "shape": "", "allow_empty": "yes"}, 0),
        ),
        start=1,
    ):
        form = review(browser, fields)
        made = post(browser, "/declare", form)
        assert made.status_code == HTTPStatus.SEE_OTHER, text(made)
        assert f"{inside} premises are inside" in text(browser.get(made.headers["location"]))
        assert outages(desk.db) == number


def test_a_file_goes_with_the_form_from_page_to_page(desk: Desk, browser: TestClient) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(
            "doc.kml",
            '<kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><Polygon><outerBoundaryIs>'
            "<LinearRing><coordinates>-98,29 -97.9,29 -97.9,29.1 -98,29.1 -98,29</coordinates>"
            "</LinearRing></outerBoundaryIs></Polygon></Placemark></kml>",
        )
    upload = {"upload": ('<b>area".kmz', packed.getvalue())}
    typed = OUT | {"shape": "", "place": "no. 12 202-555-0101"}
    refused = post(browser, "/declare/review", typed, files=upload)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "<b>area" not in refused.text
    assert "area" in text(refused)
    (kept,) = re.findall(r'name="file" value="([^"]+)"', refused.text)
    form = review(browser, typed | {"place": "Elm Street", "file": kept, "file_name": "area.kmz"})
    again = post(browser, "/declare/change", form)
    assert f'name="file" value="{kept}"' in again.text
    left_out = post(browser, "/declare/review", form | {"drop_file": "yes"})
    assert "Say where it is" in text(left_out)
    assert f'value="{kept}"' not in left_out.text
    assert post(browser, "/declare", form).status_code == HTTPStatus.SEE_OTHER
    broken = post(browser, "/declare/review", form | {"file": "no base64!"})
    assert broken.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert outages(desk.db) == 1


def test_messages_read_as_they_will_be_sent(desk: Desk, browser: TestClient) -> None:
    fields = OUT | {"etr": "2099-01-02T22:30", "place": "Elm Street"}
    answer = post(browser, "/declare/review", fields)
    made = post(browser, "/declare", hidden(answer))
    drain(desk.db)
    given, name = settings.load(SETTINGS), made.headers["location"].rpartition("/")[2]
    site = Site.neutral().model_copy(update=SPOKEN)
    while journal.turn(desk.db, NotifierReader(given, site)):
        pass
    with desk.db.write() as conn:
        conn.execute(t.messages.update().values(send_after=EPOCH))
        conn.execute(t.approvals.update().values(state="approved"))
    outbox.Outbox(desk.db, given, site).drain()
    with desk.db.read() as conn:
        sent = {
            (row.channel, row.language): row.body
            for row in conn.execute(
                sa.select(t.texts).join(t.messages, t.messages.c.text_key == t.texts.c.key)
            )
        }
        assert register.load(conn, name).is_open
    assert sent.keys() == {("sms", "en"), ("sms", "es"), ("email", "en")}
    for body in sent.values():
        assert untimed(body) in untimed(text(answer))


def test_planned_work_and_an_unconfirmed_outage_say_what_is_told(browser: TestClient) -> None:
    work = OUT | {
        "kind": "planned",
        "planned_start": "2099-01-02T08:00",
        "planned_end": "2099-01-02T12:00",
    }
    assert "that work is planned" in text(post(browser, "/declare/review", work))
    guess = text(post(browser, "/declare/review", OUT | {"predicted": "yes"}))
    assert "Nobody is told anything: the outage is only predicted." in guess


def test_an_upload_that_is_too_large_or_no_form_is_refused(browser: TestClient) -> None:
    limit = settings.load({}).shape_max_bytes
    large = post(browser, "/declare/review", OUT | {"shape": "x" * (3 * limit + 20_000)})
    assert large.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    for body in (b"--x", b'--x\r\ncontent-disposition: form-data; name="a\r\n\r\n', b""):
        answer = browser.post(
            "/declare/review",
            content=body,
            headers={"content-type": "multipart/form-data; boundary=x"},
        )
        assert HTTPStatus.BAD_REQUEST <= answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    answer = browser.post("/declare/review", headers={"content-type": "multipart/form-data"})
    assert HTTPStatus.BAD_REQUEST <= answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR


def test_no_tag_that_somebody_typed_is_one_on_a_page(browser: TestClient) -> None:
    tag = '"><script>alert(1)</script>'
    typed = {**dict.fromkeys(OUT, tag), "place": tag, "public_message": tag, "file_name": tag}
    for path in ("/declare/review", "/declare/change"):
        answer = post(browser, path, typed | {"way": "shape"})
        assert "<script>alert" not in answer.text
    answer = post(browser, "/declare/review", OUT | {"public_message": tag})
    assert "<script>alert" not in answer.text
