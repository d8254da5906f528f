"""The checker of storms is able to fail: each kind of fault, planted in a storm without any.

The storm is played once, with the simulator for a provider; every fault goes into a copy of its
record and of the simulator's log, by plain SQL.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from outage import commands as c
from outage import desk, schema
from outage.database import open_database
from outage.model import CrewStatus, Kind, Service
from outage.settings import SendMode, load
from tests.acceptance.planted import ETR, LOG, PLANTED
from tests.acceptance.told_true import Finding, check, read
from tests.acceptance.told_true.record import CARRIER_FILE
from tests.acceptance.told_true.rules import RULES
from tests.acceptance.village import NOON, Village, people
from tests.integration.carrier.conftest import ACCOUNT_SID, API_KEY, AUTH_TOKEN, Carrier

pytestmark = pytest.mark.processes

UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """The folder of a storm that was played."""

    home: Path

    def copy(self, to: Path) -> Played:
        shutil.copytree(self.home, to)
        return Played(home=to)

    def check(self) -> Finding:
        return check(read(f"sqlite:///{self.home / 'outage.db'}", self.home / "carrier"), UTC_ZONE)

    def plant(self, *statements: str) -> None:
        """Change the record, and the log of the simulator."""
        with (
            closing(sqlite3.connect(self.home / "outage.db")) as record,
            closing(sqlite3.connect(self.home / "carrier" / CARRIER_FILE)) as log,
        ):
            for statement in statements:
                place = log if statement.startswith(LOG) else record
                changed = place.execute(statement.removeprefix(LOG))
                assert changed.rowcount != 0, f"nothing was planted by {statement}"
            record.commit()
            log.commit()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Outage 1 ends in two parts, 2 is cancelled, 3 is planned work, 4 an advisory.

    Of the last two, 6 keeps one of the houses of planned work 5 without service for a while.
    """
    home = tmp_path_factory.mktemp("storm")
    db = open_database(f"sqlite:///{home / 'outage.db'}")
    schema.upgrade(db)
    with db.write() as conn:
        people(conn)
    carrier = Carrier(folder=home / "carrier")
    try:
        carrier.start()
        settings = replace(
            load({"OUTAGE_HOME": str(home), "OUTAGE_QUIET_HOURS": "none"}),
            send=SendMode.LIVE,
            twilio_account_sid=ACCOUNT_SID,
            twilio_auth_token=AUTH_TOKEN,
            twilio_from="+12005550100",
            twilio_base_url=carrier.base,
            sendgrid_api_key=API_KEY,
            sendgrid_from="outages@example.org",
            sendgrid_base_url=carrier.base,
        )
        village = Village(db, settings)
        _storm(village)
        village.outbox.close()
    finally:
        carrier.kill()
        db.close()
    return Played(home=home)


def _storm(village: Village) -> None:
    def then(minutes: int) -> None:
        village.settle()
        village.pass_time(timedelta(minutes=minutes))

    broken = village.declare((1, 6))
    then(5)
    village.report(broken, etr=c.GivenEtr(latest=NOON + timedelta(hours=3)))
    then(5)
    village.report(broken, crew_status=CrewStatus.ARRIVED)
    then(5)
    village.restore(broken, (1, 3))
    then(30)
    village.report(broken, etr=c.GivenEtr(latest=NOON + timedelta(hours=7)))
    then(5)
    village.restore(broken)
    then(10)
    mistaken = village.declare((7, 10))
    then(5)
    village.do(desk.cancel, mistaken)
    then(5)
    work = village.declare(
        (9, 11), kind=Kind.PLANNED, planned_start=village.now + timedelta(hours=5)
    )
    then(5)
    village.do(desk.start, work)
    then(5)
    village.restore(work)
    then(10)
    warned = village.declare((5, 7), kind=Kind.ADVISORY, service=Service.WATER)
    then(5)
    village.do(desk.lift, warned, reference="Laboratory 4711")
    then(60)
    work = village.declare(
        (9, 11), kind=Kind.PLANNED, planned_start=village.now + timedelta(hours=5)
    )
    then(5)
    village.do(desk.start, work)
    then(5)
    broken = village.declare((11, 11))
    then(5)
    village.report(broken, etr=c.GivenEtr(latest=village.now + timedelta(hours=2)))
    then(5)
    village.restore(broken)
    then(5)
    village.report(work, crew_status=CrewStatus.ARRIVED)
    then(60)
    village.restore(work)
    then(60)


def test_a_storm_without_faults_has_none(played: Played) -> None:
    finding = played.check()
    assert finding.faults == ()
    assert finding.figures["acceptances"] == finding.figures["claimed"] > 40


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_named(fault: str, played: Played, tmp_path: Path) -> None:
    planted = PLANTED[fault]
    storm = played.copy(tmp_path / "storm")
    storm.plant(*planted.statements)
    found = [one.sentence for one in storm.check().faults if one.rule == planted.rule]
    assert any(planted.says in one for one in found), found


def test_every_rule_has_a_fault_that_it_names() -> None:
    written = {planted.rule for planted in PLANTED.values()}
    assert written == {rule.__name__ for rule in RULES}


def test_the_command_says_what_is_wrong_and_exits_1(played: Played, tmp_path: Path) -> None:
    storm = played.copy(tmp_path / "storm")
    storm.plant(f"UPDATE messages SET state = 'pending' WHERE key = {ETR}")
    outcomes = {
        home: subprocess.run(
            [sys.executable, "-m", "tests.acceptance.told_true", str(home)],
            capture_output=True,
            text=True,
            check=False,
        )
        for home in (played.home, storm.home)
    }
    assert [one.returncode for one in outcomes.values()] == [0, 1]
    assert "is pending at the end of the storm" in outcomes[storm.home].stderr
