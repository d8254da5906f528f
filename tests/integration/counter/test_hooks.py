import base64
import itertools
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.testclient import TestClient
from twilio.request_validator import RequestValidator

import notifier.receipts
from counter.app import create_app
from outage import tables as t
from outage.database import Database
from outage.settings import Settings, load
from tests.integration.notifier.world import START, World, phone

TOKEN = "made-up-auth-token"
SECOND_TOKEN = "made-up-second-token"
KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(
    KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
).decode()
HOOKS = "https://hooks.example.org/utility"


@pytest.fixture
def settings(tmp_path: object) -> Settings:
    return replace(
        load({"OUTAGE_HOME": str(tmp_path)}),
        hooks_url=HOOKS,
        twilio_auth_token=TOKEN,
        sendgrid_webhook_public_key=PUBLIC,
        twilio_2_auth_token=SECOND_TOKEN,
    )


@pytest.fixture
def world(database: Database, settings: Settings) -> World:
    """Message 1 is a text that was claimed, message 2 an e-mail that was accepted."""
    world = World(database, settings)
    world.account("one", ["P1"], phone(1), "one@example.org")
    world.declare("P1")
    world.plan()
    with database.write() as conn:
        m = t.messages
        # PostgreSQL plans several in whatever order it likes.
        conn.execute(m.update().values(key=m.c.key + 10))
        text, mail = m.c.channel == "sms", m.c.channel == "email"
        conn.execute(m.update().where(text).values(key=1, state="claimed", provider="twilio"))
        conn.execute(
            m.update()
            .where(mail)
            .values(key=2, state="accepted", provider="sendgrid", provider_id="abc")
        )
    return world


@pytest.fixture
def counter(world: World, settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings, world.db), raise_server_exceptions=False) as client:
        yield client


def twilio(
    counter: TestClient, status: str, *, key: int = 1, token: str = TOKEN, code: str = ""
) -> int:
    form = {"MessageSid": "SM1", "MessageStatus": status}
    if code:
        form["ErrorCode"] = code
    path = f"/hooks/twilio/status?m={key}"
    signature = RequestValidator(token).compute_signature(f"{HOOKS}{path}", form)
    answer = counter.post(
        path,
        content=urlencode(form),
        headers={
            "X-Twilio-Signature": signature,
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    return int(answer.status_code)


def event(name: str, *, key: int = 2, at: int = 1_767_600_000, **more: object) -> dict[str, object]:
    return {
        "m": str(key),
        "event": name,
        "timestamp": at,
        "sg_message_id": "abc.filter-1",
        "sg_event_id": random.randbytes(8).hex(),
        **more,
    }


def sendgrid(counter: TestClient, body: bytes, *, age_s: int = 0, signed: bytes = b"") -> int:
    timestamp = str(int(datetime.now(UTC).timestamp()) - age_s)
    signature = KEY.sign(timestamp.encode() + (signed or body), ec.ECDSA(hashes.SHA256()))
    answer = counter.post(
        "/hooks/sendgrid/events",
        content=body,
        headers={
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        },
    )
    return int(answer.status_code)


def states(world: World) -> list[str]:
    return [state for _, _, state in world.messages()]


def receipts(world: World) -> list[tuple[int, str]]:
    with world.db.read() as conn:
        rows = conn.execute(t.receipts.select().order_by(t.receipts.c.key))
        return [(row.message_key, row.event) for row in rows]


def test_a_text_goes_from_accepted_to_delivered(world: World, counter: TestClient) -> None:
    assert twilio(counter, "sent") == 204
    assert states(world) == ["accepted", "accepted"]
    assert twilio(counter, "delivered") == 204
    assert states(world) == ["delivered", "accepted"]
    assert receipts(world) == [(1, "sent"), (1, "delivered")]


def test_an_email_event_is_recorded(world: World, counter: TestClient) -> None:
    body = json.dumps([event("processed"), event("delivered"), event("open")]).encode()
    assert sendgrid(counter, body) == 204
    assert states(world) == ["claimed", "delivered"]
    assert receipts(world) == [(2, "processed"), (2, "delivered"), (2, "open")]


def test_what_is_not_signed_by_the_provider_changes_nothing(
    world: World, counter: TestClient
) -> None:
    body = json.dumps([event("delivered")]).encode()
    assert twilio(counter, "delivered", token="another-token") == 403
    assert counter.post("/hooks/twilio/status?m=1").status_code == 403
    assert sendgrid(counter, body, signed=body + b" ") == 403
    assert sendgrid(counter, body, age_s=700) == 403
    assert sendgrid(counter, body, age_s=-700) == 403
    assert counter.post("/hooks/sendgrid/events", content=body).status_code == 403
    assert sendgrid(counter, b"\xff\xfe") == 403
    assert states(world) == ["claimed", "accepted"]
    assert receipts(world) == []


@pytest.mark.parametrize("order", list(itertools.permutations(["queued", "sent", "delivered"])))
def test_doubled_and_shuffled_receipts_end_the_same(
    world: World, counter: TestClient, order: tuple[str, ...]
) -> None:
    for status in order * 3:
        assert twilio(counter, status) == 204
    assert states(world)[0] == "delivered"
    assert sorted(receipts(world)) == [(1, "delivered"), (1, "queued"), (1, "sent")]


def test_a_doubled_email_event_is_one_receipt_though_its_id_differs(
    world: World, counter: TestClient
) -> None:
    for _ in range(5):
        assert sendgrid(counter, json.dumps([event("delivered")] * 2).encode()) == 204
    assert receipts(world) == [(2, "delivered")]


def test_an_opt_out_that_comes_again_does_not_undo_a_newer_consent(
    world: World, counter: TestClient
) -> None:
    body = json.dumps([event("unsubscribe")]).encode()
    e = t.endpoints
    assert sendgrid(counter, body) == 204
    with world.db.write() as conn:
        done = conn.execute(
            e.update().where(e.c.opted_out_at.is_not(None)).values(opted_out_at=None)
        )
        assert done.rowcount == 1
    assert sendgrid(counter, body) == 204
    with world.db.read() as conn:
        assert conn.execute(e.select().where(e.c.opted_out_at.is_not(None))).all() == []


def test_more_receipts_than_one_transaction_takes_are_all_recorded(
    world: World, counter: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier.receipts, "MOST_AT_ONCE", 2)
    body = json.dumps([event("deferred", at=at) for at in range(4)] + [event("delivered")])
    assert sendgrid(counter, body.encode()) == 204
    assert len(receipts(world)) == 5
    assert states(world) == ["claimed", "delivered"]


def test_a_dead_number_is_remembered_at_the_endpoint(world: World, counter: TestClient) -> None:
    assert twilio(counter, "undelivered", code="30005") == 204
    with world.db.read() as conn:
        row = conn.execute(t.endpoints.select().where(t.endpoints.c.kind == "phone")).one()
        message = conn.execute(t.messages.select().where(t.messages.c.key == 1)).one()
    assert row.invalid_code == "30005"
    assert (message.state, message.provider_code) == ("undelivered", "30005")
    assert message.ended_at is not None


def test_a_bounce_makes_an_address_bad_and_a_block_does_not(
    world: World, counter: TestClient
) -> None:
    blocked = json.dumps([event("bounce", type="blocked")]).encode()
    assert sendgrid(counter, blocked) == 204
    with world.db.read() as conn:
        row = conn.execute(t.endpoints.select().where(t.endpoints.c.kind == "email")).one()
    assert row.invalid_at is None
    assert states(world)[1] == "undelivered"
    assert sendgrid(counter, json.dumps([event("bounce", at=1_767_600_001)]).encode()) == 204
    with world.db.read() as conn:
        row = conn.execute(t.endpoints.select().where(t.endpoints.c.kind == "email")).one()
    assert row.invalid_code == "bounce"


@pytest.mark.parametrize("before", [None, "link"])
def test_what_sendgrid_drops_for_its_own_list_of_who_stopped_is_an_opt_out(
    world: World, counter: TestClient, before: str | None
) -> None:
    with world.db.write() as conn:
        at = None if before is None else START
        conn.execute(t.endpoints.update().values(opted_out_at=at, opt_out_source=before))
    body = json.dumps([event("dropped", reason="Unsubscribed Address")]).encode()
    assert sendgrid(counter, body) == 204
    assert states(world)[1] == "failed"
    with world.db.read() as conn:
        row = conn.execute(t.endpoints.select().where(t.endpoints.c.kind == "email")).one()
    assert (row.opt_out_source, row.invalid_at) == ("sendgrid", None)


def test_a_receipt_for_a_message_of_another_life_gets_a_quiet_answer(
    world: World, counter: TestClient
) -> None:
    assert twilio(counter, "delivered", key=4711) == 204
    assert twilio(counter, "delivered", key=2) == 204
    other = event("delivered", sg_message_id="xyz.filter-1")
    assert sendgrid(counter, json.dumps([other, "nonsense", {"event": "x"}]).encode()) == 204
    assert receipts(world) == []


def test_a_body_that_is_no_list_or_much_too_large_gets_a_sentence(counter: TestClient) -> None:
    assert sendgrid(counter, b"{}") == 400
    assert sendgrid(counter, b"not json") == 400
    answer = counter.post("/hooks/twilio/status?m=1", content=b"x" * 100_000)
    assert answer.status_code == 413


def test_a_receipt_that_cannot_be_recorded_asks_to_be_sent_again(
    world: World, counter: TestClient
) -> None:
    with world.db.write() as conn:
        conn.exec_driver_sql("ALTER TABLE receipts RENAME TO receipts_away")
    assert twilio(counter, "delivered") == 503
    assert states(world) == ["claimed", "accepted"]
    with world.db.write() as conn:
        conn.exec_driver_sql("ALTER TABLE receipts_away RENAME TO receipts")
    assert twilio(counter, "delivered") == 204


def test_a_callback_of_the_second_account_counts_for_its_messages_and_no_others(
    world: World, counter: TestClient
) -> None:
    assert twilio(counter, "delivered", token=SECOND_TOKEN) == 204
    assert states(world)[0] == "claimed"
    with world.db.write() as conn:
        conn.execute(t.messages.update().where(t.messages.c.key == 1).values(provider="twilio-2"))
    assert twilio(counter, "delivered") == 204
    assert states(world)[0] == "claimed"
    assert twilio(counter, "delivered", token=SECOND_TOKEN) == 204
    assert states(world)[0] == "delivered"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("ringing", "accepted"),
        ("completed", "delivered"),
        ("no-answer", "undelivered"),
        ("failed", "failed"),
    ],
)
def test_a_call_tells_how_it_went(
    world: World, counter: TestClient, status: str, state: str
) -> None:
    with world.db.write() as conn:
        conn.execute(
            t.messages.update().where(t.messages.c.key == 1).values(provider="twilio-voice")
        )
    form = {"CallSid": "CA1", "CallStatus": status}
    path = "/hooks/twilio/voice?m=1"
    signature = RequestValidator(TOKEN).compute_signature(f"{HOOKS}{path}", form)
    answer = counter.post(path, content=urlencode(form), headers={"X-Twilio-Signature": signature})
    assert answer.status_code == 204
    assert states(world)[0] == state
    altered = urlencode(form | {"CallSid": "CA2"})
    answer = counter.post(path, content=altered, headers={"X-Twilio-Signature": signature})
    assert answer.status_code == 403


def test_a_storm_of_forged_stale_and_doubled_callbacks_changes_nothing_it_should_not(
    world: World, counter: TestClient
) -> None:
    """What is true is in it once among a hundred copies of everything, in any order."""
    random.seed(4)
    true_events = [event("processed"), event("delivered")]
    body = json.dumps(true_events).encode()
    forged = json.dumps([event("bounce"), event("unsubscribe")]).encode()
    calls: list[tuple[str, Callable[[], int]]] = []
    for status in ("queued", "sent", "delivered"):
        calls += [("true", partial(twilio, counter, status))] * 100
    calls += [("true", partial(sendgrid, counter, body))] * 100
    for code in ("21610", "30005", "20003"):
        lie = partial(twilio, counter, "failed", token="another-token", code=code)
        calls += [("forged", lie)] * 20
    calls += [("forged", partial(sendgrid, counter, forged, signed=body))] * 20
    calls += [("stale", partial(sendgrid, counter, forged, age_s=3600))] * 20
    calls += [("unknown", partial(twilio, counter, "delivered", key=4711))] * 20
    random.shuffle(calls)
    for kind, call in calls:
        assert call() == (403 if kind in {"forged", "stale"} else 204), kind
    assert states(world) == ["delivered", "delivered"]
    found = receipts(world)
    assert sorted(found) == [
        (1, "delivered"),
        (1, "queued"),
        (1, "sent"),
        (2, "delivered"),
        (2, "processed"),
    ]
    with world.db.read() as conn:
        e = t.endpoints
        harmed = e.select().where(e.c.opted_out_at.is_not(None) | e.c.invalid_at.is_not(None))
        assert conn.execute(harmed).all() == []


def test_it_says_whether_it_is_well(counter: TestClient) -> None:
    assert counter.get("/healthz").text == "ok\n"
    assert counter.get("/readyz").text == "ok\n"
    assert counter.get("/").status_code == 404
    assert counter.get("/hooks/twilio/status").status_code == 405


def test_every_hook_that_an_operator_is_told_to_name_exists(
    database: Database, settings: Settings
) -> None:
    page = Path(__file__).parents[3] / "docs" / "operate.md"
    told = set(re.findall(r"/hooks/[a-z/]+", page.read_text(encoding="utf-8")))
    served = {getattr(route, "path", "") for route in create_app(settings, database).routes}
    assert told
    assert told <= served


def inbound(
    counter: TestClient,
    text: str,
    *,
    sid: str = "SMin1",
    token: str = TOKEN,
    altered: str | None = None,
) -> int:
    form = {"MessageSid": sid, "From": "+13035550101", "Body": text, "NumMedia": "0"}
    signature = RequestValidator(token).compute_signature(f"{HOOKS}/hooks/twilio/inbound", form)
    answer = counter.post(
        "/hooks/twilio/inbound",
        content=urlencode(form | ({} if altered is None else {"Body": altered})),
        headers={
            "X-Twilio-Signature": signature,
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    if answer.status_code == 200:
        assert answer.text == "<Response/>"
    return int(answer.status_code)


def written(world: World) -> list[tuple[str, str]]:
    with world.db.read() as conn:
        rows = conn.execute(t.replies.select().order_by(t.replies.c.key))
        return [(row.provider_id, row.body) for row in rows]


def test_a_text_is_on_record_before_the_provider_is_answered(
    world: World, counter: TestClient
) -> None:
    assert inbound(counter, "¿cuándo vuelve la luz? 😀") == 200
    assert written(world) == [("SMin1", "¿cuándo vuelve la luz? 😀")]
    with world.db.read() as conn:
        assert conn.execute(t.replies.select()).one().applied_at is None


def test_a_text_that_comes_again_is_on_record_once(world: World, counter: TestClient) -> None:
    for _ in range(100):
        assert inbound(counter, "STOP") == 200
    assert inbound(counter, "OUT", sid="SMin2") == 200
    assert inbound(counter, "STOP") == 200
    assert written(world) == [("SMin1", "STOP"), ("SMin2", "OUT")]


def test_a_text_that_is_not_signed_by_the_provider_is_not_believed(
    world: World, counter: TestClient
) -> None:
    assert inbound(counter, "STOP", token="another-token") == 403
    assert inbound(counter, "OUT", altered="STOP") == 403
    assert counter.post("/hooks/twilio/inbound", content=b"Body=STOP&From=%2B1").status_code == 403
    assert counter.post("/hooks/twilio/inbound", content=b"Body=%ff").status_code == 403
    assert counter.post("/hooks/twilio/inbound", content=b"\xff").status_code == 403
    assert written(world) == []


def test_a_text_that_cannot_be_recorded_asks_to_be_sent_again_and_is_in_no_log(
    world: World, counter: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with world.db.write() as conn:
        conn.exec_driver_sql("ALTER TABLE replies RENAME TO replies_away")
    assert inbound(counter, "my secret") == 503
    assert "3035550101" not in caplog.text
    assert "secret" not in caplog.text
    with world.db.write() as conn:
        conn.exec_driver_sql("ALTER TABLE replies_away RENAME TO replies")
    assert inbound(counter, "my secret") == 200
