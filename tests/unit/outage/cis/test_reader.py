import contextlib
import random

import pytest
import sqlalchemy as sa

from outage import commands as c
from outage import desk, journal
from outage import tables as t
from outage.aliases import account
from outage.cis import reader as cis_reader
from outage.cis import record
from outage.cis.contents import AccountOutage, AccountRecord
from outage.cis.reader import CisReader
from outage.clock import business_now
from outage.columns import EPOCH
from outage.database import Database
from outage.journal import WorkItem
from outage.model import CrewStatus, Outage
from tests.unit.outage import town


class KilledError(BaseException):
    """The process is gone."""


def drain(db: Database) -> None:
    reader = CisReader()
    while journal.turn(db, reader):
        pass
    with db.read() as conn:
        assert journal.is_idle(conn, reader.name)


def record_of(db: Database, name: str) -> AccountRecord:
    with db.read() as conn:
        return record.read(conn, account(conn, name))


def only(db: Database, name: str) -> AccountOutage:
    (outage,) = record_of(db, name).outages
    return outage


def report(db: Database, outage: Outage, note: str, crew: CrewStatus | None = None) -> None:
    with db.write() as conn:
        now = business_now(conn)
        command = c.Report(observed_at=now, crew_status=crew)
        desk.report_progress(conn, outage.id, command, actor=town.CREW, note=note)


def test_a_crew_update_is_on_the_record_of_every_account_inside(database: Database) -> None:
    town.settle(database, 6)
    outage = town.declare(database)
    town.match(database, outage, 1, come=[1, 2, 3])
    report(database, outage, "Tree on the line", CrewStatus.ARRIVED)
    drain(database)
    for name in ("A1", "A2", "A3"):
        matched, update = only(database, name).versions
        assert (matched.kind, matched.actor) == ("declared", "dispatcher:dana")
        assert (update.crew_status, update.note) == ("arrived", "Tree on the line")
        assert update.actor == "crew:truck-7"
    assert record_of(database, "A4").outages == ()
    with database.read() as conn:
        assert record.count(conn) == 6


def test_an_update_writes_one_row_however_many_accounts_there_are(database: Database) -> None:
    town.settle(database, 40)
    outage = town.declare(database)
    town.match(database, outage, 1, come=range(1, 41))
    drain(database)
    with database.read() as conn:
        before = conn.execute(sa.select(sa.func.count()).select_from(t.cis_versions)).scalar_one()
    report(database, outage, "Waiting for parts")
    drain(database)
    with database.read() as conn:
        after = conn.execute(sa.select(sa.func.count()).select_from(t.cis_versions)).scalar_one()
        assert record.count(conn) == 80
    assert after == before + 1


def test_what_a_crew_says_before_the_first_count_is_on_the_record_too(database: Database) -> None:
    town.settle(database, 1)
    outage = town.declare(database)
    with database.read() as conn:
        of = journal.last_number(conn)
    report(database, outage, "On our way")
    town.match(database, outage, 1, come=[1], of=of)
    drain(database)
    assert [version.note for version in only(database, "A1").versions] == ["On our way", None]


def test_who_falls_out_keeps_what_was_written_and_gets_no_more(database: Database) -> None:
    town.settle(database, 3)
    outage = town.declare(database)
    town.match(database, outage, 1, come=[1, 2])
    report(database, outage, "First")
    with database.write() as conn:
        desk.revise(conn, outage.id, c.Revise(place="Elsewhere"), actor=town.DISPATCHER)
    town.match(database, outage, 2, come=[3], go=[2])
    report(database, outage, "Second")
    drain(database)
    notes = {
        name: [version.note for version in only(database, name).versions if version.note]
        for name in ("A1", "A2", "A3")
    }
    assert notes == {"A1": ["First", "Second"], "A2": ["First"], "A3": ["Second"]}
    assert only(database, "A2").outcome == "voided"
    assert only(database, "A1").outcome is None


def test_a_reader_that_comes_late_writes_what_held_at_the_time(database: Database) -> None:
    town.settle(database, 3)
    outage = town.declare(database)
    town.match(database, outage, 1, come=[1, 2])
    report(database, outage, "", CrewStatus.ENROUTE)
    report(database, outage, "", CrewStatus.ARRIVED)
    town.match(database, outage, 2, go=[2])
    drain(database)
    assert [version.crew_status for version in only(database, "A2").versions] == [
        None,
        "enroute",
        "arrived",
        "arrived",
    ]


def test_an_account_with_several_premises_has_one_record_until_the_last_falls_out(
    database: Database,
) -> None:
    town.settle(database, 4, per_account=2)
    outage = town.declare(database)
    town.match(database, outage, 1, come=[1])
    town.match(database, outage, 2, come=[2])
    drain(database)
    assert only(database, "A1").premises == 2
    town.match(database, outage, 3, go=[1])
    drain(database)
    assert only(database, "A1").outcome is None
    town.match(database, outage, 4, go=[2])
    drain(database)
    assert only(database, "A1").outcome == "voided"


def test_who_comes_back_is_on_the_record_wherever_a_step_ends(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cis_reader, "STEP_PREMISES", 1)
    town.settle(database, 3)
    outage = town.declare(database)
    town.match(database, outage, 1, come=[1, 2, 3])
    town.match(database, outage, 2, go=[1, 2, 3])
    drain(database)
    assert [only(database, name).outcome for name in ("A1", "A2", "A3")] == ["voided"] * 3
    town.match(database, outage, 3, come=[1, 2, 3])
    drain(database)
    assert [only(database, name).outcome for name in ("A1", "A2", "A3")] == [None] * 3


def test_the_record_goes_to_who_held_the_premise_then(database: Database) -> None:
    town.settle(database, 2)
    outage = town.declare(database)
    town.match(database, outage, 1, come=[1])
    drain(database)
    with database.write() as conn:
        now = business_now(conn)
        held = t.occupancies.c
        conn.execute(t.occupancies.update().where(held.premise_key == 1).values(until=now))
        conn.execute(t.occupancies.insert().values(account_key=2, premise_key=1, since=now))
    report(database, outage, "For who was there")
    drain(database)
    assert only(database, "A1").versions[-1].note == "For who was there"
    assert record_of(database, "A2").outages == ()


def test_killed_at_every_step_the_records_come_out_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.settle(database, 25, per_account=5)
    outage = town.declare(database)
    town.match(database, outage, 1, come=range(1, 26))
    town.match(database, outage, 2, go=range(6, 16))
    monkeypatch.setattr(cis_reader, "STEP_PREMISES", 4)
    whole, chance, kills = cis_reader._step, random.Random(7), []  # noqa: SLF001 killed after it

    def step(db: Database, item: WorkItem, after: int) -> int | None:
        done = whole(db, item, after)
        if chance.random() < 0.4:
            kills.append(done)
            raise KilledError
        return done

    monkeypatch.setattr(cis_reader, "_step", step)
    reader = CisReader()
    journal.expand(database, reader)
    while (item := journal.claim(database, reader.name)) is not None:
        with contextlib.suppress(KilledError):
            reader.work(database, item)
        with database.write() as conn:
            # Its lease runs out, and another one takes it up.
            conn.execute(t.work_items.update().values(lease_until=EPOCH))
    assert len(kills) > 3
    outcomes = {name: only(database, name).outcome for name in ("A1", "A2", "A3", "A4")}
    assert outcomes == {"A1": None, "A2": "voided", "A3": "voided", "A4": None}
    with database.read() as conn:
        assert record.count(conn) == 5 + 5
