"""`outage sending`, `queue`, `approve`, `hold`, `withdraw` and `import suppressions`."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from outage import tables as t
from outage.columns import EPOCH
from outage.database import Database
from tests.unit.workers.desk import Refuse, Run, declared, typed_by
from workers import checkup


@pytest.fixture(autouse=True)
def _anna(monkeypatch: pytest.MonkeyPatch) -> None:
    typed_by(monkeypatch, "anna")


def send(db: Database, **facts: object) -> None:
    values: dict[str, object] = {
        "number": 7,
        "outage_key": 1,
        "messages": 50_000,
        "asked_by": "cli:anna",
        "asked_at": EPOCH,
        "state": "waiting",
    }
    with db.write() as conn:
        conn.execute(t.approvals.insert().values(**values | facts))


def findings(home: Path) -> dict[str, str]:
    return {
        check.name: f"{check.state}: {check.says}"
        for check in checkup.doctor({"OUTAGE_HOME": str(home)})
    }


def test_sending_is_stopped_and_goes_on(
    town: Database, home: Path, run: Run, refuse: Refuse
) -> None:
    assert run("sending") == "Messages are sent: OUTAGE_SEND is shadow.\n"
    assert "nothing to resume" in refuse("sending", "resume")
    assert "STOPPED" in run("sending", "stop", "--why", "wrong words")
    assert "by cli:anna: wrong words" in run("sending")
    assert json.loads(run("sending", "--json"))["why"] == "wrong words"
    assert "STOPPED" in run("queue")
    assert "stopped already by cli:anna" in refuse("sending", "stop", "--why", "again")
    assert findings(home)["sending"].startswith("failed: stopped since")
    assert run("sending", "resume").startswith("Sending goes on")
    assert "sending" not in findings(home)


def test_the_queue_is_told_to_people_and_programs(town: Database, home: Path, run: Run) -> None:
    assert [lane["due"] for lane in json.loads(run("queue", "--json"))["lanes"]] == [0, 0, 0]
    send(town)
    said = run("queue")
    assert "sms-urgent" in said
    assert "Send 7: 50,000 messages" in said
    assert "note: send 7" in findings(home)["approval"]


def test_a_send_needs_somebody_else(
    town: Database, home: Path, run: Run, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(town)
    assert "--break-glass" in refuse("approve", "7")
    assert "Say why" in refuse("approve", "7", "--break-glass")
    typed_by(monkeypatch, "ben")
    assert run("approve", "7").startswith("Send 7 goes now: 50,000 messages")
    assert "does not wait any more: it is approved (by cli:ben)" in refuse("hold", "7")
    assert "There is no large send 8" in refuse("withdraw", "8", "--why", "x")


def test_who_breaks_the_glass_is_named_for_a_day(town: Database, home: Path, run: Run) -> None:
    send(town)
    run("approve", "7", "--break-glass", "--why", "nobody else")
    assert "cli:anna let send 7" in findings(home)["approval"]


def test_a_send_is_held_and_withdrawn(town: Database, run: Run) -> None:
    send(town, asked_by="feed:oms", goes_at=EPOCH.replace(year=2099))
    assert "wait for `outage approve`" in run("hold", "7", "--why", "looks wrong")
    done = json.loads(run("withdraw", "7", "--why", "it is", "--json"))
    assert (done["state"], done["goes_at"]) == ("withdrawn", None)


def test_the_journal_names_who_typed(town: Database, run: Run, tmp_path: Path) -> None:
    declared(run, tmp_path)
    with town.read() as conn:
        (actor,) = conn.execute(sa.select(t.journal.c.actor)).scalars()
    assert actor.startswith("cli:")


def test_opt_outs_are_imported_and_bad_rows_named(
    town: Database, run: Run, refuse: Refuse, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    good = "".join(f"303-555-01{number:02},STOP\n" for number in range(99))
    path.write_text(f"Mobile Number,Reason\n{good}303-555-0100 and 303-555-0199,x\nnobody,x\n")
    tried = json.loads(run("import", "suppressions", str(path), "--dry-run", "--json"))
    assert (tried["endpoints_to_load"], tried["created"]) == (100, 100)
    said = run("import", "suppressions", str(path))
    assert "100 endpoints loaded" in said
    assert "line 102: no phone number or e-mail address" in said
    assert "555" not in said
    again = json.loads(run("import", "suppressions", str(path), "--json"))
    assert (again["opted_out"], again["unchanged"]) == (0, 100)
