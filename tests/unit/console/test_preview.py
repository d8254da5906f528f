"""`POST /api/v1/match`, and every way to say where in the bodies that change something."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from typing import Any

import pytest
import shapely
import sqlalchemy as sa
from starlette.testclient import TestClient

from console import preview
from console.app import create_app
from gis import matching
from gis.matching import Match, Matcher
from outage import settings, tokens
from outage import tables as t
from outage.database import Database
from outage.rights import Role
from outage.site import Site
from tests.unit.console.test_bad_input import assert_problem
from tests.unit.gis.neighbourhood import House, Neighbourhood, make, settle

BOX = dict(shapely.geometry.mapping(shapely.box(0.0005, 9.9, 0.0305, 10.1)))
WAYS: dict[str, tuple[dict[str, Any], Callable[[House], bool]]] = {
    "shape": (
        {"shape": BOX},
        lambda h: h.longitude is not None and 0.0005 <= h.longitude <= 0.0305,
    ),
    "devices": ({"devices": ["circuit:F1", "SUB0/F2"]}, lambda h: h.key % 4 in {1, 2}),
    "street": (
        {"street": {"name": "Main St", "from": 104, "to": 150, "side": "even"}},
        lambda h: h.street == "Main Street" and h.number % 2 == 0 and 104 <= h.number <= 150,
    ),
    "area": ({"area": {"name": "dry lake"}}, lambda h: h.city == "Dry Lake"),
    "kind of area": (
        {"area": {"kind": "postal_code", "name": "V5K"}},
        lambda h: h.postal_code == "V5K",
    ),
    "premises": ({"premises": ["P1", "M2", "P1"]}, lambda h: h.key in {1, 2}),
    "all": ({"all": True}, lambda _: True),
}


@pytest.fixture
def there(database: Database) -> Neighbourhood:
    made = make(random.Random(5))
    settle(database, made)
    return made


def signed_in(db: Database, role: Role, matcher: Matcher | None = None) -> TestClient:
    with db.write() as conn:
        words, _ = tokens.make(conn, role=role, name=f"a-{role}")
    app = create_app(db, settings.load({}), Site.neutral(), matcher=matcher)
    headers = {"Authorization": f"Bearer {words}"}
    return TestClient(app, headers=headers, raise_server_exceptions=False)


@pytest.fixture
def dispatcher(database: Database, there: Neighbourhood) -> TestClient:
    return signed_in(database, Role.DISPATCHER)


def test_every_way_previews_and_declares_the_same_premises(
    dispatcher: TestClient, there: Neighbourhood
) -> None:
    for way, (where, rule) in WAYS.items():
        inside = [h for h in there.houses if rule(h) and h.services & 1]
        body = where | {"service": "electric"}
        answer = dispatcher.post("/api/v1/match", json=body | {"ids": True})
        assert answer.status_code == 200, answer.text
        facts = answer.json()
        assert set(facts["ids"]) == {f"P{h.key}" for h in inside}, way
        expected = there.behind(inside)
        assert {name: facts[name] for name in expected} == expected
        declared = dispatcher.post("/api/v1/outages", json=body)
        assert declared.status_code == 201, declared.text
        assert declared.json()["premise_count"] == len(inside) == facts["premises"]


def test_an_outage_is_moved_and_restored_by_words(
    database: Database, dispatcher: TestClient, there: Neighbourhood
) -> None:
    everything = {"all": True, "service": "electric"}
    name = dispatcher.post("/api/v1/outages", json=everything).json()["id"]
    moved = dispatcher.patch(f"/api/v1/outages/{name}", json={"street": {"name": "main street"}})
    main = [h for h in there.houses if h.street == "Main Street" and h.services & 1]
    assert moved.json()["premise_count"] == len(main)
    facts = dispatcher.post("/api/v1/match", json={"all": True, "difference_from": name}).json()
    electric = sum(h.services & 1 for h in there.houses)
    assert facts["difference"] == {
        "from": name,
        "service": "electric",
        "added": electric - len(main),
        "removed": 0,
        "kept": len(main),
    }
    back = dispatcher.post(f"/api/v1/outages/{name}/restorations", json={"premises": ["P1"]})
    assert back.status_code == 200
    with database.read() as conn:
        specs = conn.execute(sa.select(t.shapes.c.spec)).scalars().all()
    assert '{"premises":[1]}' in specs


BAD: list[tuple[Any, int, str]] = [
    ({}, 422, "does not say where; give shape, devices, street, area, premises, all"),
    ({"shape": BOX, "all": True}, 422, "in several ways (shape, all)"),
    ({"all": False}, 422, "all: must be true"),
    ([1], 422, "body: must be an object"),
    ({"street": "Main St"}, 422, "street: must be an object"),
    ({"street": {}}, 422, "street.name: is missing"),
    ({"street": {"name": "Main St", "from": 1.5}}, 422, "street.from: must be a whole number"),
    ({"all": True, "skip_unknown": "so"}, 422, "skip_unknown: must be true or false"),
    ({"shape": {"type": "Point", "coordinates": [0, 0]}}, 422, "is a Point, not an area"),
    ({"devices": []}, 422, "at least one device"),
    ({"devices": ["circuit:F11"]}, 422, "did you mean circuit:F1"),
    ({"devices": [f"circuit:F{n}" for n in range(501)]}, 422, "501 devices are more than"),
    ({"devices": "circuit:F1"}, 422, "devices: must be a list"),
    ({"street": {"name": "Mian St"}}, 422, "did you mean main st?"),
    ({"street": {"name": "Main St", "side": "left"}}, 422, "street.side: must be 'odd' or 'even'"),
    ({"street": {"name": "Main St", "from": 9, "to": 3}}, 422, "from 9 to 3"),
    ({"street": {"name": "x\x00"}}, 422, "street.name: holds control characters"),
    ({"area": {"kind": "zip", "name": "V5K"}}, 422, "area.kind: "),
    ({"area": {"name": "Atlantis"}}, 422, "called 'Atlantis'"),
    ({"premises": [" "]}, 422, "at least one id"),
    ({"premises": [1]}, 422, "premises.0: must be text"),
    ({"all": True, "difference_from": "O\x00"}, 422, "difference_from: holds control"),
    ({"street": {"name": "\ud800"}}, 422, "street.name: "),
    ({"shape": {"type": "\ud800", "coordinates": []}}, 422, "shape"),
    ({"all": True, "difference_from": "O-NONE"}, 404, "O-NONE"),
    ({"all": True, "nonsense": 1}, 422, "nonsense: is no field of this request"),
]


def test_bad_input_is_a_problem_document_and_changes_nothing(
    database: Database, dispatcher: TestClient
) -> None:
    for body, status, sentence in BAD:
        # Written here: a client's own writer refuses half a sign.
        previewed = dispatcher.post("/api/v1/match", content=json.dumps(body))
        assert_problem(previewed, status, sentence)
        assert "nput should" not in previewed.text
        if status == 422 and isinstance(body, dict) and body:
            electric = json.dumps({"service": "electric"} | body)
            declared = dispatcher.post("/api/v1/outages", content=electric)
            assert declared.status_code == 422
    for table in (t.outages, t.journal, t.shapes):
        with database.read() as conn:
            count = sa.select(sa.func.count()).select_from(table)
            assert conn.execute(count).scalar_one() == 0


def test_unknown_ids_refuse_a_declaration_with_all_of_them(dispatcher: TestClient) -> None:
    ids = ["P1", *(f"nobody{n}" for n in range(9))]
    body = {"service": "electric", "premises": ids}
    refused = dispatcher.post("/api/v1/outages", json=body)
    assert_problem(refused, 422, "9 of 10 ids name no premise for certain")
    assert refused.json()["ids"] == ids[1:]
    assert dispatcher.post("/api/v1/match", json=body).json()["list"]["unknown"] == ids[1:]
    assert dispatcher.post("/api/v1/outages", json=body | {"skip_unknown": True}).status_code == 201


def test_a_sentence_does_not_repeat_megabytes(dispatcher: TestClient) -> None:
    body = {"service": "electric", "premises": ["x" * 1_000_000]}
    refused = dispatcher.post("/api/v1/outages", json=body)
    assert_problem(refused, 422, "1 of 1 ids name no premise for certain: 'xxx")
    assert len(refused.json()["detail"]) < 300


def test_who_may_read_accounts_may_preview(database: Database, there: Neighbourhood) -> None:
    for role, status in ((Role.VIEWER, 200), (Role.DISPATCHER, 200), (Role.CREW, 403)):
        answer = signed_in(database, role).post("/api/v1/match", json={"all": True})
        assert answer.status_code == status
        if status == 200:
            # Asked for one premise after another, it would say who depends on power.
            assert (answer.json()["medical"] is None) is (role is Role.VIEWER)


class Building(Matcher):
    """A thread of it is building the index until it is let go."""

    def begin(self) -> None:
        self._lock.acquire()

    def end(self) -> None:
        self._lock.release()


def test_who_asks_while_the_index_is_being_built_is_told_so(
    database: Database, there: Neighbourhood, monkeypatch: pytest.MonkeyPatch
) -> None:
    del there
    monkeypatch.setattr(matching, "PATIENCE_S", 0.05)
    matcher = Building(database)
    client = signed_in(database, Role.DISPATCHER, matcher)
    body = {"service": "electric", "all": True}
    matcher.begin()
    for path in ("/api/v1/match", "/api/v1/outages"):
        assert_problem(client.post(path, json=body), 503, "are being read; try again")
    assert client.get("/readyz").status_code == 200
    matcher.end()
    assert client.post("/api/v1/match", json=body).status_code == 200


class Slow(Matcher):
    """Answers when it is let, and remembers how many it worked on at once."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.let = threading.Event()
        self.working = 0
        self.most = 0

    def look(self, *given: Any, **more: Any) -> Match:  # noqa: ANN401 as it comes
        self.working += 1
        self.most = max(self.most, self.working)
        self.let.wait(20)
        self.working -= 1
        return super().look(*given, **more)


def test_previews_take_turns_and_only_so_many_may_wait(
    database: Database, there: Neighbourhood
) -> None:
    slow = Slow(database)
    many = preview.AT_ONCE + preview.WAITING + 5
    with signed_in(database, Role.VIEWER, slow) as client, ThreadPoolExecutor(many) as pool:
        answers = [
            pool.submit(client.post, "/api/v1/match", json={"all": True}) for _ in range(many)
        ]
        refused = next(as_completed(answers, timeout=20))
        wait(answers, timeout=0.2)
        assert slow.working == preview.AT_ONCE
        slow.let.set()
        statuses = sorted(one.result().status_code for one in answers)
    assert_problem(refused.result(), 503, "30 previews are waiting already")
    assert statuses == [200] * (many - 5) + [503] * 5
    assert slow.most == preview.AT_ONCE
