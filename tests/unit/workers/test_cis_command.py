"""`outage cis`: what the utility's own CIS refuses, shown and sent again."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from outage import audit, journal
from outage import tables as t
from outage.cis.queueing import ConnectorReader
from outage.cis.reader import CisReader
from outage.database import Database, wall_now
from tests.cis_receiver import SECRET, validator
from tests.unit.workers.desk import Refuse, Run, declared, drain
from workers.checkup import doctor
from workers.cli import run as command
from workers.findings import State


def queued(db: Database, run: Run, folder: Path) -> str:
    """An outage of six accounts, one of them refused."""
    name = declared(run, folder)["id"]
    drain(db)
    reader, connector = CisReader(), ConnectorReader()
    while journal.turn(db, reader) or connector.turn(db):
        pass
    with db.write() as conn:
        u = t.cis_upserts.c
        which = t.cis_upserts.update().where(u.account_key == 3)
        conn.execute(which.values(settled_at=wall_now(conn), code="unknown_account"))
    return str(name)


def test_what_was_refused_is_listed_shown_and_sent_again(
    town: Database, run: Run, refuse: Refuse, tmp_path: Path
) -> None:
    assert "0 wait, 0 accepted, 0 refused" in run("cis", "list")
    name = queued(town, run, tmp_path)
    said = run("cis", "list")
    assert "5 wait, 0 accepted, 1 refused" in said
    assert "unknown_account" in said
    listed = json.loads(run("cis", "list", "--json"))
    (dead,) = listed["records"]
    assert (dead["account"], dead["outage"], dead["state"]) == ("A3", name, "refused")
    assert [
        each["account"] for each in json.loads(run("cis", "list", "--waiting", "--json"))["records"]
    ] == ["A6", "A5", "A4", "A2", "A1"]
    shown = json.loads(run("cis", "show", "A3", name, "--json"))
    assert shown["code"] == "unknown_account"
    assert list(validator("Call").iter_errors(shown["call"])) == []
    assert "refused (unknown_account); the CIS has none" in run("cis", "show", "A3", name)
    assert "is not on its record" in refuse("cis", "show", "A9", name)
    assert "There is no outage" in refuse("cis", "resend", "A3", "O-NONE")
    assert run("cis", "resend", "A3", name) == "1 records go again.\n"
    assert json.loads(run("cis", "list", "--json"))["refused"] == 0
    assert json.loads(run("cis", "resend", "--refused", "--json")) == {"resent": 0}
    assert json.loads(run("cis", "resend", "--outage", name, "--json")) == {"resent": 6}
    with town.read() as conn:
        assert audit.verify(conn).broken is None
    assert "cis resend" in run("audit", "list")


@pytest.mark.parametrize(
    "words", [[], ["A3"], ["A3", "O-1", "--refused"], ["--refused", "--outage", "O-1"]]
)
def test_what_to_send_again_is_said_in_one_way(town: Database, words: list[str]) -> None:
    assert command(["cis", "resend", *words]) == 2


def test_the_doctor_says_what_the_cis_refuses_and_that_it_takes_nothing(
    town: Database, run: Run, home: Path, tmp_path: Path
) -> None:
    def found() -> list[tuple[State, str]]:
        told = {
            "OUTAGE_HOME": str(home),
            "OUTAGE_CIS_URL": "https://cis.example.org",
            "OUTAGE_CIS_SECRET": SECRET,
        }
        return [(check.state, check.says) for check in doctor(told) if check.name == "cis"]

    assert found() == [(State.OK, "0 records wait, 0 are with the CIS")]
    queued(town, run, tmp_path)
    refused, waits = found()
    assert refused[0] is State.FAILED
    assert "1 records were refused (1 for unknown_account)" in refused[1]
    assert waits == (State.OK, "5 records wait, 0 are with the CIS")
    with town.write() as conn:
        long_ago = wall_now(conn) - timedelta(minutes=61)
        conn.execute(t.journal.update().values(wall_at=long_ago))
        conn.execute(t.cis_line.insert().values(id=1, accepted_at=long_ago, code="503"))
    _, silent = found()
    assert silent[0] is State.FAILED
    assert "which has taken nothing since" in silent[1]
    assert "its last answer was 503" in silent[1]
    with town.write() as conn:
        conn.execute(t.cis_line.update().values(accepted_at=wall_now(conn)))
    assert found()[1][0] is State.NOTE
