"""The pages, who is let in, and what a request outside the APIs gets."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from notifier.carrier.app import create_app
from notifier.carrier.sendgrid_api import LARGEST_MAIL_BYTES
from notifier.carrier.settings import CarrierSettings
from notifier.carrier.store import Acceptance, CarrierStore, now_ms

ACCOUNT = "AC" + "0" * 32
HERE = ("127.0.0.1", 50_000)
BASE = "http://127.0.0.1:8003"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(_app(tmp_path), base_url=BASE, client=HERE) as found:
        yield found


def _app(folder: Path) -> Starlette:
    settings = CarrierSettings(
        account_sid=ACCOUNT, auth_token="hush", sendgrid_api_key="hush too", folder=folder
    )
    return create_app(CarrierStore(folder), settings)


def _fill(folder: Path, bodies: list[str]) -> None:
    async def fill() -> None:
        store = CarrierStore(folder)
        store.open()
        texts = [
            Acceptance(
                sid=f"SM{number:032x}",
                channel="sms",
                recipient=f"+1303555{100 + number % 2:04}",
                sender="+15005550006",
                body=body,
                status="queued",
            )
            for number, body in enumerate(bodies)
        ]
        await store.accept(texts, due_ms=now_ms() + 600_000)
        store.close()

    asyncio.run(fill())


def test_the_page_shows_what_arrived_and_leads_to_older_messages(
    tmp_path: Path, client: TestClient
) -> None:
    _fill(tmp_path, [f"message number {number}" for number in range(60)])
    page = client.get("/").text
    assert "message number 59" in page
    assert "message number 10" in page
    assert "message number 9<" not in page
    assert 'href="http://127.0.0.1:8003/?before=11"' in page
    older = client.get("/?before=11").text
    assert "message number 9<" in older
    assert "Older messages" not in older


def test_the_page_escapes_what_it_shows_and_allows_no_inline_script(
    tmp_path: Path, client: TestClient
) -> None:
    _fill(tmp_path, ["<script>alert(1)</script>"])
    answer = client.get("/")
    assert "<script>alert" not in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_an_empty_simulator_says_that_nothing_was_sent(client: TestClient) -> None:
    assert "Nothing has been sent yet" in client.get("/").text


@pytest.mark.parametrize("number", ["%2B13035550101", "+13035550101"])
def test_a_phone_is_found_with_its_plus_sign_written_either_way(
    tmp_path: Path, client: TestClient, number: str
) -> None:
    _fill(tmp_path, ["to 0100", "to 0101"])
    [message] = client.get(f"/json?to={number}").json()["messages"]
    assert message["body"] == "to 0101"
    assert "to 0101" in client.get(f"/?q={number}").text


def test_json_pages_by_before(tmp_path: Path, client: TestClient) -> None:
    _fill(tmp_path, ["a", "b", "c"])
    first = client.get("/json?limit=2").json()
    assert [message["body"] for message in first["messages"]] == ["c", "b"]
    second = client.get(f"/json?limit=2&before={first['before']}").json()
    assert [message["body"] for message in second["messages"]] == ["a"]
    assert second["before"] is None
    assert not second["idle"]


def test_a_limit_that_is_no_number_is_a_clear_sentence(client: TestClient) -> None:
    answer = client.get("/json?limit=many")
    assert answer.status_code == 400
    assert answer.text == "limit is a whole number of at most 1000.\n"


def test_health_and_metrics_answer(client: TestClient) -> None:
    assert client.get("/healthz").text == "ok\n"
    assert "outage_carrier_doubled 0" in client.get("/metrics").text


def test_only_this_machine_is_let_in_and_only_by_its_name(tmp_path: Path) -> None:
    app = _app(tmp_path)
    with TestClient(app, base_url=BASE, client=("192.0.2.1", 1)) as elsewhere:
        assert elsewhere.get("/json").status_code == 403
        assert elsewhere.get("/control").status_code == 403
    app = _app(tmp_path)
    with TestClient(app, base_url="http://evil.example.org", client=HERE) as renamed:
        assert renamed.get("/control").status_code == 403


def test_control_takes_json_only(client: TestClient) -> None:
    assert client.post("/control", content="{}").status_code == 400
    answer = client.post("/control", json=[])
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_unknown_paths_are_answered_in_the_providers_words(client: TestClient) -> None:
    assert client.get(f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json").json()["code"] == 20404
    assert client.get("/v3/mail/send").json()["errors"][0]["message"] == "method not allowed"


def test_a_body_that_is_too_large_is_refused(client: TestClient) -> None:
    huge = b" " * (LARGEST_MAIL_BYTES + 1)
    answer = client.post(
        "/v3/mail/send", content=huge, headers={"Authorization": "Bearer hush too"}
    )
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["message"] == "content too large"
    url = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    answer = client.post(url, content=huge, auth=(ACCOUNT, "hush"))
    assert (answer.status_code, answer.json()["code"]) == (413, 20413)


def test_a_zipped_mail_is_unzipped_and_a_bomb_is_not(client: TestClient) -> None:
    headers = {"Authorization": "Bearer hush too", "Content-Encoding": "gzip"}
    answer = client.post("/v3/mail/send", content=gzip.compress(b"{}"), headers=headers)
    assert answer.json()["errors"][0]["field"] == "personalizations"
    bomb = gzip.compress(b" " * (LARGEST_MAIL_BYTES + 1))
    assert client.post("/v3/mail/send", content=bomb, headers=headers).status_code == 413
    assert client.post("/v3/mail/send", content=b"torn", headers=headers).status_code == 400
