"""Issue 2, "It must show" 5, through the API: one clear sentence, and nothing changed."""

import asyncio
import json
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from console.app import create_app
from outage import schema, settings, tokens
from outage import tables as t
from outage.database import Database, open_database
from outage.rights import Role
from outage.site import Site
from tests.unit.console.conftest import NEW, POLYGON, SQUARE, Client

MEGABYTE = 1_000_000


def counts(db: Database) -> list[int]:
    tables = (t.outages, t.journal, t.shapes, t.notes, t.etrs, t.restorations, t.idempotency)
    with db.read() as conn:
        return [
            conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in tables
        ]


def declare(dispatcher: TestClient) -> str:
    return str(dispatcher.post("/api/v1/outages", json=NEW).json()["id"])


def assert_problem(answer: Any, status: int, sentence: str) -> None:  # noqa: ANN401 httpx's answer
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    facts = answer.json()
    assert facts["status"] == status
    assert facts["title"]
    assert sentence in facts["detail"]
    assert "\n" not in facts["detail"]
    assert "Traceback" not in answer.text


BAD_SHAPES = {
    "empty": ({"type": "Polygon", "coordinates": []}, "empty"),
    "a line": ({"type": "LineString", "coordinates": SQUARE}, "not an area"),
    "two corners": ({"type": "Polygon", "coordinates": [SQUARE[:2]]}, "encloses no area"),
    "a bad vertex": ({"type": "Polygon", "coordinates": [[["x", 1], *SQUARE]]}, "vertex"),
    "projected": (
        {"type": "Polygon", "coordinates": [[[x * 1e4, y * 1e4] for x, y in SQUARE]]},
        "no longitude and latitude",
    ),
    "swapped": ({"type": "Polygon", "coordinates": [[[y, x] for x, y in SQUARE]]}, "swapped"),
    "nobody inside": (
        {"type": "Polygon", "coordinates": [[[x + 1, y] for x, y in SQUARE]]},
        "No premise is inside",
    ),
    "huge": (
        {
            "type": "Polygon",
            "coordinates": [[[x * 200 + 19_500, y * 200 - 5_800] for x, y in SQUARE]],
        },
        "limit",
    ),
    "too many vertices": (
        {"type": "Polygon", "coordinates": [[*[[-98 + n / 1e6, 29.0] for n in range(100_001)]]]},
        "vertices",
    ),
}


def test_no_refusal_of_the_api_speaks_of_options_or_of_pydantic(
    town: Database, client: Client
) -> None:
    dispatcher = client(Role.DISPATCHER)
    west = [[x - 1, y] for x, y in SQUARE]
    utm = {"crs": {"type": "name", "properties": {"name": "EPSG:26914"}}}
    twice = [*SQUARE[:-1], *SQUARE]
    asked: list[tuple[dict[str, Any], str]] = [
        ({"shape": {"type": "Polygon", "coordinates": [west]}}, "send allow_empty"),
        ({"shape": BAD_SHAPES["projected"][0]}, "by a crs member"),
        ({"shape": POLYGON | utm}, "leave the crs member out"),
        (
            {"shape": {"type": "Polygon", "coordinates": [[[-1e12, 1e12], [1, 2], [3, 5]]]} | utm},
            "check the crs member",
        ),
        ({"shape": {"type": "Polygon"}}, "Give GeoJSON."),
        ({"shape": {"type": "Polygon", "coordinates": [twice]}}, "with accept_repair"),
        ({"premises": ["nobody"]}, "with skip_unknown"),
        ({"shape": [1]}, "shape: must be an object"),
        ({"service": "steam"}, "service: must be 'electric', 'water' or 'gas'"),
        ({"started_at": "2036-02-31T10:00:00Z"}, "started_at: there is no such time"),
        ({"place": "x" * 201}, "place: is longer than 200 characters"),
    ]
    for body, sentence in asked:
        answer = dispatcher.post("/api/v1/outages", json={"service": "electric"} | body)
        assert_problem(answer, 422, sentence)
        assert "--" not in answer.text
        assert "nput" not in answer.text
    assert counts(town) == [0] * 7


@pytest.mark.parametrize("name", list(BAD_SHAPES))
def test_a_bad_shape_is_refused_with_the_gates_sentence(
    town: Database, client: Client, name: str
) -> None:
    dispatcher = client(Role.DISPATCHER)
    outage = declare(dispatcher)
    before = counts(town)
    shape, sentence = BAD_SHAPES[name]
    at = f"/api/v1/outages/{outage}"
    keyed = {"Idempotency-Key": "k"}
    assert_problem(
        dispatcher.post("/api/v1/outages", json=NEW | {"shape": shape}, headers=keyed),
        422,
        sentence,
    )
    assert_problem(dispatcher.patch(at, json={"shape": shape}), 422, sentence)
    assert_problem(dispatcher.post(f"{at}/restorations", json={"shape": shape}), 422, sentence)
    assert counts(town) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("GET", "/memberships"),
        ("GET", "/messages"),
        ("GET", "/journal"),
        ("POST", "/updates"),
        ("POST", "/restorations"),
        ("POST", "/messages/1/approve"),
        ("POST", "/confirm"),
        ("POST", "/reject"),
        ("POST", "/start"),
        ("POST", "/reopen"),
        ("POST", "/cancel"),
        ("POST", "/close"),
    ],
)
def test_an_unknown_outage_is_404_everywhere(client: Client, method: str, path: str) -> None:
    said = {"/updates": '{"note": "x"}', "": '{"place": "x"}'}
    answer = client(Role.DISPATCHER).request(
        method, f"/api/v1/outages/O-NONE{path}", content=said.get(path, "")
    )
    assert_problem(answer, 404, "O-NONE")


def test_an_unknown_account_and_an_unknown_address_are_404(client: Client) -> None:
    viewer = client(Role.VIEWER)
    assert_problem(viewer.get("/api/v1/accounts/A99"), 404, "A99")
    assert_problem(viewer.get("/api/v2/nothing"), 404, "nothing at /api/v2/nothing")
    assert_problem(viewer.delete("/api/v1/outages"), 405, "DELETE is not for")


@pytest.mark.parametrize("words", [None, "Bearer wrong", "Bearer ", "Basic abc", "Bearer ünkn"])
def test_a_wrong_token_is_401_and_changes_nothing(
    town: Database, client: Client, words: str | None
) -> None:
    stranger = client(Role.VIEWER)
    del stranger.headers["authorization"]
    headers = {} if words is None else {b"Authorization": words.encode()}
    for answer in (
        stranger.get("/api/v1/outages", headers=headers),
        stranger.get("/api/v1/accounts/A1", headers=headers),
        stranger.post("/api/v1/outages", json=NEW, headers=headers),
        stranger.post("/api/v1/outages/O-NONE/updates", json={"note": "x"}, headers=headers),
    ):
        assert_problem(answer, 401, "valid token")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert counts(town) == [0] * 7


def test_a_role_that_may_not_is_403(town: Database, client: Client) -> None:
    crew, viewer = client(Role.CREW), client(Role.VIEWER)
    assert crew.get("/api/v1/outages").status_code == 200
    assert_problem(crew.get("/api/v1/accounts/A1"), 403, "crew")
    assert_problem(crew.get("/api/v1/outages/O-NONE/messages"), 403, "crew")
    assert_problem(crew.post("/api/v1/outages", json=NEW), 403, "crew")
    assert_problem(crew.post("/api/v1/outages/O-NONE/restorations"), 403, "crew")
    assert_problem(viewer.post("/api/v1/outages/O-NONE/updates", json={}), 403, "viewer")
    assert counts(town) == [0] * 7


BAD_BODIES: dict[str, tuple[dict[str, object], str]] = {
    "an unknown field": ({"crew": "arrived"}, "crew"),
    "a word that is none": ({"crew_status": "lost"}, "crew_status"),
    "a time without offset": ({"etr": {"latest": "2036-01-01T10:00:00"}}, "offset"),
    "a time as a number": ({"etr": {"latest": 1_700_000_000}}, "offset"),
    "a time in the past": ({"etr": {"latest": "2020-01-01T10:00:00Z"}}, "past"),
    "a window the wrong way round": (
        {"etr": {"latest": "2036-01-01T10:00:00Z", "earliest": "2036-01-01T11:00:00Z"}},
        "earliest",
    ),
    "a report from the future": (
        {"note": "x", "observed_at": "2036-01-01T10:00:00Z"},
        "observed_at",
    ),
    "a time in no year of ours": (
        {"crew_status": "arrived", "observed_at": "0001-01-01T00:00:00+14:00"},
        "observed_at: must lie between 1990 and 2100",
    ),
    "a time that no zone can show": ({"etr": {"latest": "9999-12-31T23:59:59Z"}}, "etr.latest"),
    "a time and none": (
        {"etr": {"latest": "2036-01-01T10:00:00Z"}, "withdraw_etr": True},
        "withdraw_etr",
    ),
    "a reason for nothing": ({"crew_reason": "parts"}, "crew_reason"),
    "the version that was seen": ({"note": "x", "seen_version": 1}, "seen_version"),
    "control characters": ({"note": "a\0b"}, "note: holds control characters"),
    "nothing": ({}, "nothing new"),
    "too many words": ({"note": "x" * 4_001}, "note"),
    "a phone number for the public": ({"public_message": "Call 555-555-0142"}, "phone number"),
    "a house for the public": ({"public_message": "Tree at 12 Elm St"}, "house number"),
}


@pytest.mark.parametrize("name", list(BAD_BODIES))
def test_a_body_that_cannot_be_used_names_its_field(
    town: Database, client: Client, name: str
) -> None:
    outage = declare(client(Role.DISPATCHER))
    before = counts(town)
    body, sentence = BAD_BODIES[name]
    answer = client(Role.CREW).post(f"/api/v1/outages/{outage}/updates", json=body)
    assert_problem(answer, 422, sentence)
    assert counts(town) == before


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 50_000, b"NaN,", b'"text"', b"[1]"])
def test_what_is_no_json_object_is_refused(town: Database, client: Client, body: bytes) -> None:
    outage = declare(client(Role.DISPATCHER))
    before = counts(town)
    answer = client(Role.CREW).post(f"/api/v1/outages/{outage}/updates", content=body)
    assert answer.status_code in {400, 422}
    assert_problem(answer, answer.status_code, "body")
    assert counts(town) == before


def test_an_address_that_no_database_takes_is_refused_and_not_an_accident(
    town: Database, client: Client
) -> None:
    outage = declare(client(Role.DISPATCHER))
    before = counts(town)
    for path in ("accounts/%00", "outages/%00"):
        answer = client(Role.VIEWER).get(f"/api/v1/{path}")
        assert answer.status_code == (404 if town.is_sqlite else 400)
    far = f"/api/v1/outages/{outage}/messages/{10**30}/approve"
    assert_problem(client(Role.DISPATCHER).post(far), 400, "cannot be used")
    assert counts(town) == before


def test_a_token_revoked_while_its_request_arrives_does_nothing(
    town: Database, client: Client
) -> None:
    dispatcher = client(Role.DISPATCHER)
    outage = declare(dispatcher)
    before = counts(town)

    def slowly() -> Iterator[bytes]:
        yield b'{"place": '
        with town.write() as conn:
            for token in tokens.every(conn):
                tokens.revoke(conn, token.key)
        yield b'"Oak Street"}'

    answer = dispatcher.patch(f"/api/v1/outages/{outage}", content=slowly())
    assert_problem(answer, 401, "valid token")
    assert counts(town) == before


def test_a_declaration_needs_a_shape(town: Database, client: Client) -> None:
    dispatcher = client(Role.DISPATCHER)
    assert_problem(dispatcher.post("/api/v1/outages", json={"service": "electric"}), 422, "shape")
    assert_problem(dispatcher.post("/api/v1/outages", json={"shape": POLYGON}), 422, "service")
    assert counts(town) == [0] * 7


@pytest.mark.parametrize("query", ["status=gone", "limit=ten", "after=-1", "after=9" + "9" * 40])
def test_an_address_that_cannot_be_read_says_which_part(client: Client, query: str) -> None:
    answer = client(Role.VIEWER).get(f"/api/v1/outages?{query}")
    assert_problem(answer, 400, query.partition("=")[0])


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("path", ["/api/v1/outages", "/api/v1/outages/O-NONE/updates"])
def test_a_body_of_50_megabytes_is_refused_before_it_has_been_read(
    client: Client, town: Database, path: str, *, announced: bool
) -> None:
    dispatcher = client(Role.DISPATCHER)
    read, answer = asyncio.run(send_megabytes(dispatcher, path, 50, announced=announced))
    assert answer["status"] == answer["answered"] == 413
    assert answer["detail"].startswith("The body is larger than the limit")
    # The rest of a stream that said nothing of its size is not read either.
    assert read == 0 if announced else read < 7
    assert counts(town) == [0] * 7


async def send_megabytes(
    client: TestClient, path: str, megabytes: int, *, announced: bool
) -> tuple[int, dict[str, Any]]:
    """Speak ASGI to the app as a server does; give the megabytes it took and what it answered."""
    read, status, body = 0, 0, b""

    async def receive() -> MutableMapping[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b" " * MEGABYTE, "more_body": read < megabytes}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal status, body
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            body += message["body"]

    headers = [(b"authorization", client.headers["authorization"].encode())]
    if announced:
        headers.append((b"content-length", str(megabytes * MEGABYTE).encode()))
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "app": client.app,
        "http_version": "1.1",
        "scheme": "http",
    }
    await client.app(scope, receive, send)
    return read, json.loads(body) | {"answered": status}


def test_without_a_database_it_says_so_and_lives(tmp_path: Path) -> None:
    path = tmp_path / "outage.db"
    db = open_database(f"sqlite:///{path}")
    schema.upgrade(db)
    app = create_app(db, settings.load({}), Site.neutral())
    client = TestClient(app, raise_server_exceptions=False)
    db.close()
    for name in tmp_path.iterdir():
        name.unlink()
    path.mkdir()  # what cannot be opened as a file
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert_problem(answer, 503, "database")
