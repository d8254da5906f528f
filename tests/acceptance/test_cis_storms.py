"""Storms over a CIS that fails in every way: it ends with the records that the journal implies."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from outage import clock, desk, journal
from outage import commands as c
from outage.cis.connector import Connector
from outage.cis.queueing import ConnectorReader
from outage.cis.reader import CisReader
from outage.database import Database
from outage.errors import OutageError
from outage.model import CrewStatus, Kind, Reason
from outage.settings import Settings, load
from tests.acceptance.cis_implied import differences, implied
from tests.acceptance.village import HOUSES, Street, Village, people
from tests.cis_receiver import FAULTS, SECRET, Receiver, at_random, serving

COMMANDS = 45
UTC = ZoneInfo("UTC")


def settings_of(receiver: Receiver, home: Path, **more: str) -> Settings:
    told = {
        "OUTAGE_HOME": str(home),
        "OUTAGE_CIS_URL": receiver.url,
        "OUTAGE_CIS_SECRET": SECRET,
        "OUTAGE_CIS_ALLOW": "127.0.0.0/8",
        "OUTAGE_CIS_PER_S": "0",
        "OUTAGE_CIS_BATCH": "3",
        "OUTAGE_CIS_TIMEOUT_S": "0.2",
    }
    return load(told | more)


class Storm:
    """Commands at random over the village; the desk refuses what makes no sense."""

    def __init__(self, village: Village, seed: int) -> None:
        self._village, self._dice = village, random.Random(seed)

    def command(self) -> None:
        choices: list[Callable[[], object]] = [
            lambda: self._village.declare(self._street(), etr=self._etr()),
            lambda: self._village.declare(self._street(), predicted=True),
            lambda: self._village.declare(self._street(), kind=Kind.ADVISORY),
            lambda: self._village.revise(self._one(), self._street()),
            self._note,
            self._note,
            lambda: self._village.report(self._one(), etr=self._etr()),
            lambda: self._village.report(self._one(), withdraw_etr=True),
            lambda: self._village.restore(self._one(), self._street()),
            lambda: self._village.restore(self._one()),
            lambda: self._village.merge(self._one(), self._one()),
            lambda: self._village.split(self._one(), self._street()),
            lambda: self._village.unlist(self._one(), tell=self._dice.choice([None, True, False])),
            *(
                lambda command=command: self._village.do(command, self._one())
                for command in (desk.reopen, desk.cancel, desk.confirm, desk.close, desk.relist)
            ),
        ]
        try:
            self._dice.choice(choices)()
        except OutageError:
            return

    def _note(self) -> None:
        command = c.Report(
            observed_at=self._village.now,
            crew_status=self._dice.choice(list(CrewStatus)),
            crew_reason=self._dice.choice([None, Reason.PARTS]),
        )
        note = f"Note {self._dice.randrange(1_000_000)}"
        self._village.do(desk.report_progress, self._one(), command, note=note)

    def _one(self) -> str:
        if not self._village.ids:
            self._village.declare(self._street())
        return self._dice.choice(self._village.ids[-6:])

    def _street(self) -> Street:
        first = self._dice.randint(1, HOUSES)
        return first, min(HOUSES, first + self._dice.randint(0, 5))

    def _etr(self) -> c.GivenEtr:
        return c.GivenEtr(latest=self._village.now + timedelta(hours=self._dice.randint(1, 9)))


def records(db: Database) -> None:
    """Keep the embedded CIS and the queue up with the journal."""
    reader, connector = CisReader(), ConnectorReader()
    while journal.turn(db, reader) or connector.turn(db):
        pass


def pass_time(village: Village, span: timedelta) -> None:
    """Nobody is told anything here: nothing falls due."""
    with village.db.write() as conn:
        clock.move_to(conn, clock.business_now(conn) + span)


def drained(connector: Connector, turns: int = 2_000) -> bool:
    """Send until nothing is left; False where that does not come to an end."""
    return any(not connector.turn() for _ in range(turns))


def test_after_a_storm_a_failing_cis_has_the_records_that_the_journal_implies(
    database: Database, tmp_path: Path
) -> None:
    with database.write() as conn:
        people(conn)
    village = Village(database, load({"OUTAGE_HOME": str(tmp_path), "OUTAGE_SEND": "shadow"}))
    storm, dice = Storm(village, seed=1), random.Random(2)
    began, strange = village.now, at_random(3, 0.4)

    def fault() -> str:
        hours = (village.now - began) / timedelta(hours=1)
        return "down" if 0.5 <= hours < 1.5 else strange()

    with serving(Receiver(fault=fault)) as receiver:
        connector = Connector(database, settings_of(receiver, tmp_path), UTC, patience=0.0)
        for _ in range(COMMANDS):
            storm.command()
            if dice.random() < 0.7:
                village.gis_alone()
            if dice.random() < 0.5:
                records(database)
            for _ in range(dice.randint(0, 3)):
                connector.turn()
            if dice.random() < 0.1:
                # Killed: it gives nothing back, and its lease has run out before the next begins.
                connector.close()
                connector = Connector(database, settings_of(receiver, tmp_path), UTC, patience=0.0)
            if dice.random() < 0.2:
                receiver.take_held()
            pass_time(village, timedelta(minutes=dice.choice([0, 1, 5])))
        pass_time(village, timedelta(hours=2))  # past the hour in which it is down
        village.gis_alone()
        records(database)
        assert drained(connector)
        connector.close()
        receiver.take_held()
        assert differences(database, receiver.records) == []
        # Time-outs, errors, answers lost, doubled and out of order, and the hour of silence.
        assert {"down", *FAULTS[:7]} <= set(receiver.saw)
        assert receiver.stale > 0
    states = {one["state"] for one in receiver.records.values()}
    assert {"out", "restored", "left"} <= states
    assert len(implied(database)) > 20


def test_what_a_cis_lacks_or_has_otherwise_is_found(database: Database, tmp_path: Path) -> None:
    with database.write() as conn:
        people(conn)
    village = Village(database, load({"OUTAGE_HOME": str(tmp_path), "OUTAGE_SEND": "shadow"}))
    name = village.declare((1, 4))
    village.gis_alone()
    records(database)
    with serving(Receiver()) as receiver:
        connector = Connector(database, settings_of(receiver, tmp_path), UTC)
        while connector.turn():
            pass
        connector.close()
    assert differences(database, receiver.records) == []
    receiver.records[name, "A3"]["status"] = "restored"
    receiver.records[name, "A3"]["premises"] = []
    receiver.records[name, "A9"] = receiver.records.pop((name, "A4"))
    found = differences(database, receiver.records)
    assert [line.partition(":")[0] for line in found] == [
        f"('{name}', 'A3') status",
        f"('{name}', 'A3') premises",
        f"('{name}', 'A4')",
        f"('{name}', 'A9')",
    ]
