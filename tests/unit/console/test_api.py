import sqlalchemy as sa
from starlette.testclient import TestClient

from gis.matching import Matcher
from gis.reader import GisReader
from outage import audit, journal
from outage import tables as t
from outage.cis.reader import CisReader
from outage.database import Database
from outage.rights import Role
from tests.unit.console.conftest import NEW, POLYGON, Client


def drain(db: Database) -> None:
    """What the relay does."""
    readers = (GisReader(Matcher(db)), CisReader())
    while any([journal.turn(db, reader) for reader in readers]):  # noqa: C419 each has its turn
        pass


def declare(dispatcher: TestClient) -> str:
    answer = dispatcher.post("/api/v1/outages", json=NEW)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/v1/outages/{answer.json()['id']}"
    return str(answer.json()["id"])


def test_a_declared_outage_can_be_read_back(town: Database, client: Client) -> None:
    name = declare(client(Role.DISPATCHER))
    viewer = client(Role.VIEWER)
    one = viewer.get(f"/api/v1/outages/{name}").json()
    assert (one["status"], one["place"], one["premise_count"]) == ("confirmed", "Elm Street", 5)
    assert [each["id"] for each in viewer.get("/api/v1/outages").json()["outages"]] == [name]
    with town.read() as conn:
        (entry,) = audit.newest(conn)
    assert (entry.action, entry.about) == ("declare", name)


def test_a_crews_update_reaches_every_account_inside_and_not_the_public(
    town: Database, client: Client
) -> None:
    name = declare(client(Role.DISPATCHER))
    drain(town)
    answer = client(Role.CREW).post(
        f"/api/v1/outages/{name}/updates",
        json={
            "crew_status": "arrived",
            "etr": {"latest": "2036-11-22T22:30:00-06:00", "reason": "parts"},
            "note": "Pole 12 is broken",
            "public_message": "A pole is broken.",
        },
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["crew_status"] == "arrived"
    assert answer.json()["etr"]["latest"] == "2036-11-23T04:30:00+00:00"
    assert answer.json()["etr"]["source"] == "crew"
    drain(town)
    viewer = client(Role.VIEWER)
    version = viewer.get("/api/v1/accounts/A3").json()["outages"][0]["versions"][-1]
    assert version["note"] == "Pole 12 is broken"
    assert version["public_message_approved"] is False
    assert viewer.get("/api/v1/accounts/A7").json()["outages"] == []
    with town.read() as conn:
        assert conn.execute(sa.select(t.outages.c.public_message_key)).scalar() is None


def test_an_update_that_comes_late_is_answered_with_what_was_not_applied(
    town: Database, client: Client
) -> None:
    at = f"/api/v1/outages/{declare(client(Role.DISPATCHER))}"
    crew = client(Role.CREW)
    newer = crew.post(f"{at}/updates", json={"crew_status": "arrived"}).json()
    assert newer["recorded"] == {}
    late = crew.post(
        f"{at}/updates",
        json={
            "observed_at": "2026-01-01T00:00:00Z",
            "crew_status": "enroute",
            "crew_eta": "2036-01-01T10:00:00Z",
        },
    ).json()
    assert (late["crew_status"], late["recorded"]) == ("arrived", {"crew_status": "enroute"})
    assert late["crew_eta"] == "2036-01-01T10:00:00+00:00"
    (shown,) = crew.get(at).json()["recorded"]
    assert (shown["said"], shown["actor"]) == ({"crew_status": "enroute"}, "crew:a-crew")
    assert shown["observed_at"] == "2026-01-01T00:00:00+00:00"


def test_a_dispatcher_approves_what_a_crew_proposed(town: Database, client: Client) -> None:
    dispatcher = client(Role.DISPATCHER)
    name = declare(dispatcher)
    client(Role.CREW).post(
        f"/api/v1/outages/{name}/updates", json={"public_message": "A pole is broken."}
    )
    (note,) = dispatcher.get(f"/api/v1/outages/{name}").json()["notes"]
    approve = f"/api/v1/outages/{name}/messages/{note['key']}/approve"
    assert client(Role.CREW).post(approve).status_code == 403
    assert dispatcher.post(approve).status_code == 200
    with town.read() as conn:
        assert conn.execute(sa.select(t.outages.c.public_message_key)).scalar() == note["key"]


def test_an_outage_goes_through_its_life(town: Database, client: Client) -> None:
    dispatcher = client(Role.DISPATCHER)
    at = f"/api/v1/outages/{declare(dispatcher)}"
    revised = dispatcher.patch(at, json={"place": "Oak Street", "version": 1})
    assert (revised.status_code, revised.json()["place"]) == (200, "Oak Street")
    assert dispatcher.patch(at, json={"place": "Ash Street", "version": 1}).status_code == 409
    assert dispatcher.post(f"{at}/restorations").status_code == 200
    drain(town)
    assert dispatcher.get(at).json()["status"] == "restored"
    reopened = dispatcher.post(f"{at}/reopen", json={"reason": "stillOut"})
    assert reopened.json()["status"] == "confirmed"
    drain(town)
    assert dispatcher.post(f"{at}/restorations", json={"shape": POLYGON}).status_code == 200
    drain(town)
    assert dispatcher.post(f"{at}/close").json()["status"] == "closed"
    kinds = [entry["kind"] for entry in dispatcher.get(f"{at}/journal").json()["journal"]]
    assert kinds[0] == "declared"
    assert "closed" in kinds


def test_predicted_and_planned_outages_have_their_own_commands(
    town: Database, client: Client
) -> None:
    dispatcher = client(Role.DISPATCHER)
    made = [
        dispatcher.post("/api/v1/outages", json=NEW | {"predicted": True}).json()["id"]
        for _ in range(2)
    ]
    planned = NEW | {"kind": "planned", "planned_start": "2036-11-22T08:00:00Z"}
    made.append(dispatcher.post("/api/v1/outages", json=planned).json()["id"])
    for name, command, status in zip(
        made,
        ("confirm", "reject", "start"),
        ("confirmed", "cancelled", "confirmed"),
        strict=True,
    ):
        answer = dispatcher.post(f"/api/v1/outages/{name}/{command}")
        assert (answer.status_code, answer.json()["status"]) == (200, status)
    cancelled = dispatcher.post(f"/api/v1/outages/{made[0]}/cancel", json={"reason": "wrongArea"})
    assert cancelled.json()["close_reason"] == "wrongArea"


def test_members_come_in_pages(town: Database, client: Client) -> None:
    name = declare(client(Role.DISPATCHER))
    drain(town)
    viewer, at, found = client(Role.VIEWER), f"/api/v1/outages/{name}/memberships", []
    after = 0
    while after is not None:
        page = viewer.get(at, params={"limit": 2, "after": after}).json()
        found += [row["premise"] for row in page["memberships"]]
        after = page["next"]
    assert found == ["P1", "P2", "P3", "P4", "P5"]
    assert viewer.get(f"/api/v1/outages/{name}/messages").json()["messages"] == []


def test_an_account_is_found_by_any_of_its_ids(town: Database, client: Client) -> None:
    with town.write() as conn:
        for entity, kind, value in (("account", "cis", "C-77"), ("premise", "meter", "M-5")):
            conn.execute(t.aliases.insert().values(entity=entity, kind=kind, value=value, key=2))
    viewer = client(Role.VIEWER)
    for name in ("A2", "C-77", "P2", "M-5"):
        assert viewer.get(f"/api/v1/accounts/{name}").json()["id"] == "A2"


def test_the_same_request_with_its_key_is_done_once(town: Database, client: Client) -> None:
    dispatcher, key = client(Role.DISPATCHER), {"Idempotency-Key": "tap-1"}
    answers = [dispatcher.post("/api/v1/outages", json=NEW, headers=key) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert answers[1].headers["location"] == answers[0].headers["location"]
    other = dispatcher.post("/api/v1/outages", json=NEW | {"cause": "wind"}, headers=key)
    assert other.status_code == 422
    assert "already used" in other.json()["detail"]
    with town.read() as conn:
        assert len(conn.execute(t.outages.select()).all()) == 1


def test_a_process_says_that_it_runs_and_that_it_can_work(town: Database, client: Client) -> None:
    viewer = client(Role.VIEWER)
    assert viewer.get("/healthz").status_code == 200
    assert viewer.get("/readyz").json()["status"] == "ready"


def test_an_outage_is_split_and_merged_again_and_its_records_say_where_it_went(
    town: Database, client: Client
) -> None:
    dispatcher, viewer = client(Role.DISPATCHER), client(Role.VIEWER)
    name = declare(dispatcher)
    drain(town)
    answer = dispatcher.post(f"/api/v1/outages/{name}/split", json={"premises": ["P1", "P2"]})
    assert answer.status_code == 201, answer.text
    part = answer.json()
    assert answer.headers["location"] == f"/api/v1/outages/{part['id']}"
    assert (part["split_from"], part["premise_count"]) == (name, 2)
    assert (part["left"]["id"], part["left"]["premise_count"]) == (name, 3)
    drain(town)
    found = viewer.get("/api/v1/accounts/A1").json()["outages"]
    assert [(one["id"], one["outcome"]) for one in found] == [(part["id"], None), (name, "split")]
    assert found[0]["split_from"] == name
    answer = dispatcher.post(f"/api/v1/outages/{part['id']}/merge", json={"into": name})
    assert answer.status_code == 200, answer.text
    assert answer.json()["merged_into"] == name
    assert (answer.json()["status"], answer.json()["close_reason"]) == ("closed", "merged")
    drain(town)
    assert viewer.get(f"/api/v1/outages/{name}").json()["premises_out"] == 5
    found = viewer.get("/api/v1/accounts/A1").json()["outages"]
    assert {one["id"]: one["outcome"] for one in found} == {part["id"]: "merged", name: None}
    gone = dispatcher.post(f"/api/v1/outages/{part['id']}/reopen")
    assert (gone.status_code, f"goes on under {name}" in gone.json()["detail"]) == (409, True)


def test_a_split_that_moves_nobody_or_everybody_is_refused(town: Database, client: Client) -> None:
    dispatcher = client(Role.DISPATCHER)
    at = f"/api/v1/outages/{declare(dispatcher)}/split"
    for body, word in (
        ({}, "which part"),
        ({"premises": ["P8"]}, "Nobody"),
        ({"all": True}, "Every"),
    ):
        answer = dispatcher.post(at, json=body)
        assert answer.status_code == 422, answer.text
        assert word in answer.json()["detail"]
    with town.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(t.outages)).scalar() == 1
