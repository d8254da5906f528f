"""The commands of the desk, run as `outage …` on an embedded database of the test's own."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from outage import commands as c
from outage import desk
from outage import tables as t
from outage.clock import business_now
from outage.database import Database
from tests.unit.outage.town import CREW
from tests.unit.workers.desk import SQUARE, Refuse, Run, declared, drain, drawn, square
from workers import cli


def test_declaring_says_who_is_inside_and_what_becomes_of_it(
    town: Database, run: Run, tmp_path: Path
) -> None:
    said = run("declare", "--shape", square(tmp_path), "--cause", "tree", "--etr", "2h")
    assert "unplanned electric outage is confirmed" in said
    assert "6 premises with electric are inside" in said
    assert "Messages: shadow" in said


def test_an_update_a_restoration_and_a_reopening_reach_the_account(
    town: Database, run: Run, tmp_path: Path
) -> None:
    name = declared(run, tmp_path, "--place", "Elm Street")["id"]
    drain(town)
    run("update", name, "--crew-status", "arrived", "--etr", "3h", "--note", "Pole 12 broken")
    drain(town)
    shown = run("show", "A3")
    assert "Account A3" in shown
    assert "crew arrived" in shown
    assert "note: Pole 12 broken" in shown
    facts = json.loads(run("show", "P3", "--json"))
    assert facts["outages"][0]["versions"][-1]["note"] == "Pole 12 broken"
    assert json.loads(run("show", "A7", "--json"))["outages"] == []
    run("restore", name)
    drain(town)
    outage = json.loads(run("show", name, "--json"))
    assert (outage["status"], outage["premises_restored"]) == ("restored", 6)
    run("reopen", name)
    drain(town)
    assert "electric outage, confirmed" in run("show", name)
    assert name in run("list")


def test_a_partial_restoration_restores_a_part(town: Database, run: Run, tmp_path: Path) -> None:
    with town.write() as conn:
        conn.execute(t.premises.update().where(t.premises.c.key == 1).values(longitude=-97.99))
    name = declared(run, tmp_path)["id"]
    drain(town)
    west = [[x if x == -98.0 else -97.98, y] for x, y in SQUARE]
    part = drawn(tmp_path, {"type": "Polygon", "coordinates": [west]}, "west.json")
    run("restore", name, "--shape", part)
    drain(town)
    facts = json.loads(run("show", name, "--json"))
    assert (facts["status"], facts["premises_out"]) == ("partiallyRestored", 5)


def test_a_life_from_predicted_to_closed(town: Database, run: Run, tmp_path: Path) -> None:
    name = declared(run, tmp_path, "--predicted")["id"]
    assert json.loads(run("confirm", name, "--json"))["status"] == "confirmed"
    run("restore", name)
    drain(town)
    assert json.loads(run("close", name, "--json"))["status"] == "closed"
    assert "There are no open outages." in run("list")
    assert json.loads(run("list", "--all", "--json"))[0]["id"] == name
    other = declared(run, tmp_path, "--predicted")["id"]
    assert json.loads(run("reject", other, "--json"))["status"] == "cancelled"
    planned = declared(run, tmp_path, "--kind", "planned", "--planned-start", "1d")["id"]
    assert json.loads(run("start", planned, "--json"))["status"] == "confirmed"
    assert json.loads(run("cancel", planned, "--json"))["status"] == "cancelled"


def test_what_a_crew_proposes_is_shown_until_it_is_approved(
    town: Database, run: Run, tmp_path: Path
) -> None:
    name = declared(run, tmp_path)["id"]
    with town.write() as conn:
        report = c.Report(observed_at=business_now(conn))
        desk.report_progress(conn, name, report, actor=CREW, public_message="Poles are down.")
    assert "[waits: --approve 1]" in run("show", name)
    run("update", name, "--approve", "1")
    assert "waits" not in run("show", name)


def test_the_same_update_again_says_so(town: Database, run: Run, tmp_path: Path) -> None:
    name = declared(run, tmp_path)["id"]
    run("update", name, "--crew-status", "enroute")
    assert "nothing has changed" in run("update", name, "--crew-status", "enroute")


def test_what_comes_too_late_is_said_to_be_recorded_and_shown(
    town: Database, run: Run, tmp_path: Path
) -> None:
    name = declared(run, tmp_path)["id"]
    run("restore", name)
    drain(town)
    said = run("update", name, "--crew-status", "enroute")
    assert "Recorded, not applied, since the outage is over: crew status enroute." in said
    assert "updated" not in said
    facts = json.loads(run("update", name, "--crew-status", "assigned", "--json"))
    assert (facts["crew_status"], facts["recorded"]) == (None, {"crew_status": "assigned"})
    shown = run("show", name)
    assert re.search(r"recorded, not applied, cli:[^:]+: crew status enroute \(observed", shown)
    said_late = [late["said"] for late in json.loads(run("show", name, "--json"))["recorded"]]
    assert said_late == [{"crew_status": "enroute"}, {"crew_status": "assigned"}]


def test_an_account_does_not_show_as_public_what_nobody_has_approved(
    town: Database, run: Run, tmp_path: Path
) -> None:
    name = declared(run, tmp_path)["id"]
    drain(town)
    with town.write() as conn:
        report = c.Report(observed_at=business_now(conn))
        desk.report_progress(conn, name, report, actor=CREW, public_message="Poles are down.")
    drain(town)
    assert "proposed for the public: Poles are down." in run("show", "A3")
    run("update", name, "--approve", "1")
    drain(town)
    assert "proposed" not in run("show", "A3")
    assert "public: Poles are down." in run("show", "A3")


def test_a_premise_that_nobody_holds_is_said_to_be_known(town: Database, run: Run) -> None:
    with town.write() as conn:
        conn.execute(t.occupancies.update().where(t.occupancies.c.premise_key == 3).values(until=0))
    assert run("show", "P3") == "Premise P3 is known; no account holds it now.\n"
    assert json.loads(run("show", "P3", "--json")) == []


@pytest.mark.parametrize("name", ["", " ", "n" * 81])
def test_a_token_has_a_name_that_fits_a_list(home: Path, name: str) -> None:
    assert cli.run(["token", "add", "--role", "crew", "--name", name]) == 2
    assert not home.exists()


def test_a_token_is_shown_once_and_can_be_revoked(town: Database, run: Run) -> None:
    made = json.loads(run("token", "add", "--role", "crew", "--name", "truck-7", "--json"))
    assert made["token"].startswith("outage_")
    listed = run("token", "list")
    assert "truck-7" in listed
    assert made["token"] not in listed
    assert "holds no longer" in run("token", "revoke", str(made["key"]))
    assert "revoked" in run("token", "list")


def tell(db: Database, outage_id: str) -> None:
    """What the notifier and the provider would leave behind of one text to account 3."""
    with db.write() as conn:
        now = business_now(conn)
        conn.execute(
            t.endpoints.insert().values(key=1, kind="phone", address="+15555550142", language="en")
        )
        conn.execute(
            t.contacts.insert().values(account_key=3, endpoint_key=1, channel="sms", consent_at=now)
        )
        conn.execute(
            t.texts.insert().values(
                key=1,
                digest="d",
                channel="sms",
                language="en",
                template="detected 1",
                body="Power is out at your place.",
            )
        )
        key = conn.execute(sa.select(t.outages.c.key).where(t.outages.c.id == outage_id)).scalar()
        conn.execute(
            t.messages.insert().values(
                key=1,
                number=1,
                outage_key=key,
                endpoint_key=1,
                account_key=3,
                channel="sms",
                kind="detected",
                state="delivered",
                priority=5,
                planned_at=now,
                send_after=now,
                accepted_at=now,
                ended_at=now,
                text_key=1,
                told_state="out",
            )
        )
        conn.execute(
            t.receipts.insert().values(message_key=1, event="delivered", at=now, received_at=now)
        )


def test_an_account_shows_what_it_was_told_with_its_receipt(
    town: Database, run: Run, tmp_path: Path
) -> None:
    name = declared(run, tmp_path)["id"]
    drain(town)
    tell(town, name)
    shown = run("show", "A3")
    assert "sms to …0142, detected: delivered" in shown
    assert "“Power is out at your place.”" in shown
    assert "receipt: delivered" in shown
    assert "5550142" not in shown
    (message,) = json.loads(run("show", "A3", "--json"))["outages"][0]["messages"]
    assert message["receipts"][0]["event"] == "delivered"
    assert "1 × detected: delivered" in run("show", name)


def test_explaining_says_what_was_told_and_how_things_stand(
    town: Database, run: Run, refuse: Refuse, tmp_path: Path
) -> None:
    name = declared(run, tmp_path)["id"]
    drain(town)
    tell(town, name)
    said = run("explain", "A3", name)
    assert "0142" in said
    assert "5550142" not in said
    assert "delivered" in said
    assert json.loads(run("explain", "A3", name, "--json"))["sentences"]
    assert "A99" in refuse("explain", "A99", name)
    assert "O-NONE" in refuse("explain", "A3", "O-NONE")


def test_an_outage_is_split_and_merged_by_command(
    town: Database, run: Run, refuse: Refuse, tmp_path: Path
) -> None:
    name = declared(run, tmp_path)["id"]
    drain(town)
    listed = tmp_path / "ids.txt"
    listed.write_text("P1\nP2\n")
    part = json.loads(run("split", name, "--premises", str(listed), "--json"))
    assert (part["split_from"], part["left"]["id"]) == (name, name)
    drain(town)
    assert f"Part of:  {name}" in run("show", part["id"])
    assert run("merge", part["id"], "--into", name).startswith(f"{part['id']} goes on under {name}")
    drain(town)
    assert f"Goes on:  under {name}" in run("show", part["id"])
    assert f"went on under {name}" in run("show", "A1")
    assert f"goes on under {name}" in run("explain", "A1", part["id"])
    assert f"goes on under {name}" in refuse("reopen", part["id"])


def test_a_storm_watch_is_an_advisory_that_is_not_confirmed(
    town: Database, run: Run, tmp_path: Path
) -> None:
    where = ("--shape", square(tmp_path))
    said = run("broadcast", "storm-watch", *where, "--cause", "wind", "--begins", "6h")
    assert "a storm watch for 6 premises" in said
    with town.read() as conn:
        row = conn.execute(t.outages.select()).one()
    assert (row.kind, row.status, row.cause) == ("advisory", "predicted", "wind")
    assert row.planned_start is not None
    run("reject", row.id)


@pytest.mark.parametrize(
    ("words", "why"), [(("--area", "1", "--cause", "vehicle"), "vehicle"), ((), "Say where it is")]
)
def test_a_storm_watch_names_a_storm_and_a_place(
    home: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], why: str
) -> None:
    assert cli.run(("broadcast", "storm-watch", *words)) == 2
    said = capsys.readouterr()
    assert (said.out, why in said.err) == ("", True)
    assert not home.exists()


def test_an_advisory_is_lifted_with_a_reference(
    town: Database, run: Run, refuse: Refuse, tmp_path: Path
) -> None:
    with town.write() as conn:
        conn.execute(t.premises.update().values(services=1 | 2))
    unsafe = declared(run, tmp_path, "--kind", "advisory", "--service", "water")
    said = run("lift", unsafe["id"], "--reference", "Laboratory 4711")
    assert said == f"{unsafe['id']} is lifted.\n"
    assert "over already" in refuse("lift", unsafe["id"], "--reference", "Laboratory 4711")


def test_an_update_says_when_there_will_be_more_and_when_work_begins_instead(
    town: Database, run: Run, tmp_path: Path
) -> None:
    planned = declared(run, tmp_path, "--kind", "planned", "--planned-start", "2d")
    run("update", planned["id"], "--planned-start", "3d", "--next-update", "1h")
    with town.read() as conn:
        row = conn.execute(t.outages.select()).one()
        now = business_now(conn)
    assert row.planned_start > now + timedelta(days=2)
    assert row.next_update_by > now
