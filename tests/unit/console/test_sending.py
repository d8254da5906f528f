"""The queue by the API: who may look, stop, and approve."""

from outage import audit
from outage import tables as t
from outage.columns import EPOCH
from outage.database import Database
from outage.rights import Role
from tests.unit.console.conftest import Client


def send(db: Database, by: str = "dispatcher:a-dispatcher") -> None:
    with db.write() as conn:
        conn.execute(
            t.approvals.insert().values(
                number=7,
                outage_key=1,
                messages=50_000,
                asked_by=by,
                asked_at=EPOCH,
                state="waiting",
            )
        )


def test_a_dispatcher_stops_sending_and_everybody_may_know(town: Database, client: Client) -> None:
    dispatcher, viewer = client(Role.DISPATCHER), client(Role.VIEWER)
    assert viewer.get("/api/v1/sending").json() == {"stopped": False}
    assert viewer.post("/api/v1/sending/stop", json={"why": "x"}).status_code == 403
    assert dispatcher.post("/api/v1/sending/stop", json={}).status_code == 422
    stopped = dispatcher.post("/api/v1/sending/stop", json={"why": "wrong words"}).json()
    assert (stopped["stopped"], stopped["by"]) == (True, "dispatcher:a-dispatcher")
    again = dispatcher.post("/api/v1/sending/stop", json={"why": "me too"})
    assert (again.status_code, again.json()["detail"]) == (
        409,
        "Sending was stopped already by dispatcher:a-dispatcher: wrong words",
    )
    assert viewer.get("/api/v1/queue").json()["why"] == "wrong words"
    assert dispatcher.post("/api/v1/sending/resume").json() == {"stopped": False}
    assert dispatcher.post("/api/v1/sending/resume").status_code == 409


def test_the_queue_lists_its_lanes_and_what_waits_for_somebody(
    town: Database, client: Client
) -> None:
    send(town)
    found = client(Role.VIEWER).get("/api/v1/queue").json()
    assert [lane["lane"] for lane in found["lanes"]] == ["sms-urgent", "sms", "email"]
    assert {lane["drains_in_s"] for lane in found["lanes"]} == {0}
    assert [one["number"] for one in found["approvals"]] == [7]
    assert (found["spending"], found["mode"]) == (None, "shadow")
    assert client(Role.CREW).get("/api/v1/queue").status_code == 403


def test_a_large_send_is_approved_by_another_token(town: Database, client: Client) -> None:
    send(town)
    dispatcher = client(Role.DISPATCHER)
    own = dispatcher.post("/api/v1/approvals/7/approve")
    assert own.status_code == 403
    assert "somebody else has to approve it" in own.json()["detail"]
    assert (
        dispatcher.post("/api/v1/approvals/7/approve", json={"break_glass": True}).status_code
        == 422
    )
    alone = {"break_glass": True, "why": "nobody else on shift"}
    done = dispatcher.post("/api/v1/approvals/7/approve", json=alone).json()
    assert (done["state"], done["why"]) == ("broken_glass", "nobody else on shift")
    with town.read() as conn:
        (entry,) = audit.newest(conn)
    assert (entry.action, entry.about) == ("approve", "send:7")
    assert dispatcher.post("/api/v1/approvals/7/hold").status_code == 409
    for unknown in ("8", "x", "9" * 40):
        found = dispatcher.post(f"/api/v1/approvals/{unknown}/withdraw", json={"why": "x"})
        assert found.status_code == 404


def test_one_that_another_commanded_is_approved_or_withdrawn(
    town: Database, client: Client
) -> None:
    send(town, by="cli:anna")
    done = client(Role.DISPATCHER).post("/api/v1/approvals/7/approve").json()
    assert (done["state"], done["decided_by"]) == ("approved", "dispatcher:a-dispatcher")
